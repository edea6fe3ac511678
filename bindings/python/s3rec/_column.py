# SPDX-License-Identifier: Apache-2.0
"""A column of a table, wherever it came from."""
from __future__ import annotations

import dataclasses
from typing import Any, Optional, Sequence

import numpy as np
import numpy.typing as npt

from s3rec._errors import FormatError


@dataclasses.dataclass
class Column:
    """Values of one kind.

    kind: "integer", "float" and "time" have `values` [n]; "text" has `text` (UTF-8) with
        `offsets` [n + 1]; "list" has `child` with `offsets` [n + 1].
    valid: [n], None when nothing is null.
    unit: of times, numpy's: "s", "ms", "us", "ns", "D".
    keep: who owns the memory that the arrays look at.
    """

    kind: str
    values: npt.NDArray[Any] = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))
    text: npt.NDArray[np.uint8] = dataclasses.field(default_factory=lambda: np.zeros(0, np.uint8))
    offsets: npt.NDArray[np.int64] = dataclasses.field(
        default_factory=lambda: np.zeros(1, np.int64))
    child: Optional[Column] = None
    valid: Optional[npt.NDArray[np.bool_]] = None
    unit: str = ""
    keep: list[Any] = dataclasses.field(default_factory=list)

    def __len__(self) -> int:
        return len(self.offsets) - 1 if self.kind in ("text", "list") else len(self.values)

    def refuse_nulls(self, what: str) -> None:
        if self.valid is not None and not bool(self.valid.all()):
            row = int(np.flatnonzero(~self.valid)[0])
            raise FormatError(f"{what}[{row}] is null (rows count from 0)")


def ragged_index(offsets: npt.NDArray[np.int64], index: npt.NDArray[np.int64]
                 ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where the elements of the rows `index` lie, and the offsets that those rows then have."""
    lengths = np.diff(offsets)[index]
    taken = np.zeros(len(index) + 1, np.int64)
    np.cumsum(lengths, out=taken[1:])
    places = np.repeat(offsets[:-1][index] - taken[:-1], lengths) + np.arange(taken[-1])
    return places, taken


def take(column: Column, index: npt.NDArray[np.int64]) -> Column:
    """The rows `index` of a column."""
    if len(index) == len(column) and bool((index == np.arange(len(index))).all()):
        return column
    valid = None if column.valid is None else column.valid[index]
    if column.kind not in ("text", "list"):
        return dataclasses.replace(column, values=column.values[index], valid=valid)
    places, offsets = ragged_index(column.offsets, index)
    if column.kind == "text":
        return dataclasses.replace(column, text=column.text[places], offsets=offsets, valid=valid)
    assert column.child is not None
    return dataclasses.replace(column, child=take(column.child, places), offsets=offsets,
                               valid=valid)


def concatenate(parts: Sequence[Column]) -> Column:
    """Columns of one kind behind one another."""
    if len(parts) == 1:
        return parts[0]
    joined = Column(parts[0].kind, unit=parts[0].unit)
    if any(part.valid is not None for part in parts):
        joined.valid = np.concatenate([
            np.ones(len(part), bool) if part.valid is None else part.valid for part in parts])
    if joined.kind not in ("text", "list"):
        joined.values = np.concatenate([part.values for part in parts])
        return joined
    sizes = [int(part.offsets[-1]) for part in parts]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    pieces = [part.offsets[:-1] + start for part, start in zip(parts, starts)]
    joined.offsets = np.concatenate([*pieces, starts[-1:]])
    if joined.kind == "text":
        joined.text = np.concatenate([part.text[:size] for part, size in zip(parts, sizes)])
    else:
        children = [take(part.child, np.arange(size)) for part, size in zip(parts, sizes)
                    if part.child is not None]
        joined.child = concatenate(children)
    return joined
