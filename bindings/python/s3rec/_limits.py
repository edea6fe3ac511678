# SPDX-License-Identifier: Apache-2.0
"""How much a file may make the library, and this package, read and allocate."""
from __future__ import annotations

import ctypes
import dataclasses
from typing import Any

from s3rec import _abi, _structs
from s3rec._abi import library
from s3rec._words import assign


@dataclasses.dataclass(frozen=True)
class Limits:
    """What files may make the library read and allocate (s3rec_limits); LimitError beyond.

    The defaults are far above what real data needs. `Limits.strict()` is for files of unknown
    origin. Give them to a Context. Arrays and frames are not limited.

    file_bytes: of one file, after decompression. row_bytes: of one row of a table.
    rows: of one table. items: highest item number, and different items of a table.
    tensors: of one model file. header_bytes: of one model file.
    json_depth: nesting of JSON, 1..512.
    expansion: bytes that one byte of a compressed file may become, after the first MiB.
    id_spread: highest id of a text file for each different id, after the first 100,000.
    """

    file_bytes: int = 2**40
    row_bytes: int = 2**24
    rows: int = 2**40
    items: int = 2**31 - 3
    tensors: int = 2**20
    header_bytes: int = 100_000_000
    json_depth: int = 64
    expansion: int = 1100
    id_spread: int = 1000

    @classmethod
    def strict(cls, **changes: int) -> Limits:
        """Limits for files of unknown origin; `changes` replace some of them."""
        found = _structs.Limits()
        library.s3rec_limits_init_strict(ctypes.byref(found))
        values: dict[str, Any] = {field.name: getattr(found, field.name)
                                  for field in dataclasses.fields(cls)}
        return cls(**{**values, **changes})

    def expanded(self, size: int) -> int:
        """What a file of `size` bytes may become in memory."""
        return min(self.file_bytes, 2**20 + self.expansion * size)


def c_limits(limits: Limits) -> _structs.Limits:
    """The library's struct."""
    if not isinstance(limits, Limits):
        raise TypeError(f"limits is {type(limits).__name__}, must be a Limits")
    made = _abi.new(_structs.Limits)
    for field in dataclasses.fields(Limits):
        assign(made, field.name, getattr(limits, field.name))
    return made
