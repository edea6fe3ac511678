# SPDX-License-Identifier: Apache-2.0
"""Arrays of numbers for the library.

What the library checks first and uses then is a copy: other threads may write into the caller's.
"""
from __future__ import annotations

from typing import Any, Optional

import numpy as np
import numpy.typing as npt

from s3rec._columns import column
from s3rec._errors import ArgumentError, FormatError
from s3rec._words import listed

_INT32 = np.iinfo(np.int32)


def int32_array(source: Any, what: str, unknown: Optional[int] = None) -> npt.NDArray[np.int32]:
    """Integers [n] as contiguous int32; a C-contiguous int32 array as it is, the caller's own.

    unknown: what stands for numbers that int32 cannot hold; None: they are refused.
    """
    if isinstance(source, np.ndarray) and source.dtype == np.int32 and source.ndim == 1:
        return np.ascontiguousarray(source, np.int32)
    if not hasattr(source, "__len__"):
        source = listed(what, source)
    if len(source) == 0:
        return np.zeros(0, np.int32)
    if type(source) is list and set(map(type, source)) == {int}:  # most histories
        try:
            return np.array(source, np.int32)
        except OverflowError:
            pass
    found = column(source, what)
    found.refuse_nulls(what)
    if found.kind != "integer":
        raise TypeError(f"{what} holds {found.kind} values, integers are needed")
    values = found.values
    bad = (values > _INT32.max) | (values < _INT32.min)
    if bool(bad.any()):
        if unknown is None:
            row = int(np.argmax(bad))
            raise FormatError(f"{what}[{row}] is {values[row]}, beyond 32 bits")
        values = np.where(bad, unknown, values)
    return np.ascontiguousarray(values, np.int32)


def offsets_array(source: Any, what: str, count: int) -> npt.NDArray[np.int64]:
    """A copy of offsets [rows + 1] that start at 0, never fall and end at `count`."""
    given = np.asarray(source)
    if given.ndim != 1 or len(given) < 1 or given.dtype.kind not in "iu":
        raise ArgumentError(f"offsets of {what} must be integers [rows + 1]")
    offsets = np.array(given, np.int64)
    if offsets[0] != 0 or bool((np.diff(offsets) < 0).any()) or offsets[-1] != count:
        raise ArgumentError(f"offsets of {what} must start at 0, never fall and end at {count}")
    return offsets


def ragged_int32(source: Any, what: str) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Copies of the values [n] and offsets [rows + 1] of a list of rows, a 2-dimensional array, or
    of that pair."""
    if (isinstance(source, tuple) and len(source) == 2 and isinstance(source[0], np.ndarray)
            and isinstance(source[1], np.ndarray) and source[1].dtype.kind in "iu"
            and len(source[1]) and source[1][0] == 0):
        values = np.array(int32_array(source[0], what))
        return values, offsets_array(source[1], what, len(values))
    if isinstance(source, (str, bytes)):
        raise TypeError(f"{what} is {type(source).__name__}, a list of arrays is needed")
    rows = [int32_array(row, f"{what}[{number}]")
            for number, row in enumerate(listed(what, source))]
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    return np.concatenate(rows) if rows else np.zeros(0, np.int32), offsets
