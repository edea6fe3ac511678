# SPDX-License-Identifier: Apache-2.0
"""Turns arrays, lists and columns of data frames into what the library takes."""
from __future__ import annotations

import datetime
from typing import Any, NoReturn, Optional

import numpy as np
import numpy.typing as npt

from s3rec import _arrow
from s3rec._column import Column
from s3rec._errors import ArgumentError, FormatError

_INT64 = np.iinfo(np.int64)


class IdColumn:
    """Ids, either as integers, or as UTF-8 text with offsets [n + 1]; the other form is None."""

    def __init__(self, integers: Optional[npt.NDArray[np.int64]] = None,
                 text: Optional[npt.NDArray[np.uint8]] = None,
                 offsets: Optional[npt.NDArray[np.int64]] = None, keep: Any = None) -> None:
        self.integers, self.text, self.offsets, self.keep = integers, text, offsets, keep

    def __len__(self) -> int:
        if self.integers is not None:
            return len(self.integers)
        assert self.offsets is not None
        return len(self.offsets) - 1

    def as_text(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        """The UTF-8 text of all ids (integers in decimal) and offsets [n + 1]."""
        if self.integers is not None:
            return pack([str(value) for value in self.integers.tolist()], "ids")
        assert self.text is not None and self.offsets is not None
        return self.text, self.offsets


def pack(texts: list[str], what: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The UTF-8 text of the strings, one after the other, and offsets [n + 1].

    They are of str itself: a subclass may say what it likes about its length.
    """
    joined = "".join(texts)
    try:
        encoded = joined.encode("utf-8")
        lengths = list(map(len, texts)) if joined.isascii() else [
            len(text.encode()) for text in texts]
    except UnicodeEncodeError:
        row = next(i for i, text in enumerate(texts) if not _encodes(text))
        raise FormatError(f"{what}[{row}] is text that UTF-8 cannot hold: {texts[row]!r}") from None
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return np.frombuffer(encoded or b"\0", np.uint8), offsets


def _encodes(text: str) -> bool:
    try:
        text.encode()
        return True
    except UnicodeEncodeError:
        return False


def _is_null(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


def _refuse(what: str, row: int, value: Any, wanted: str) -> NoReturn:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    raise TypeError(f"{what}[{row}] is {type(value).__name__} {shown}; {wanted}")


def column(source: Any, what: str) -> Column:
    """A column from an Arrow object, an array or a sequence."""
    if isinstance(source, Column):
        return source
    if isinstance(source, (str, bytes, bytearray, dict)):
        raise TypeError(f"{what} is {type(source).__name__}; an array, a list or a column of a "
                        f"data frame is needed")
    found = None if isinstance(source, np.ndarray) else _arrow.column_of(source)
    if found is not None:
        return found
    if hasattr(source, "__array__") or hasattr(source, "__array_interface__"):
        array = np.asarray(source)
    elif isinstance(source, memoryview):
        array = np.asarray(source)
    else:
        try:
            return _of_objects(list(source), what)
        except TypeError as error:
            if "not iterable" not in str(error):
                raise
            raise TypeError(f"{what} is {type(source).__name__}; an array, a list or a column of "
                            f"a data frame is needed") from None
    return _of_array(array, what)


def _of_array(array: npt.NDArray[Any], what: str) -> Column:
    if array.ndim != 1:
        raise ArgumentError(f"{what} has {array.ndim} dimensions, must have 1")
    kind = array.dtype.kind
    if kind in "iu":
        return Column("integer", values=array)
    if kind == "f":
        return Column("float", values=array)
    if kind == "M":
        unit, step = np.datetime_data(array.dtype)
        if unit not in ("s", "ms", "us", "ns", "D") or step != 1:
            array, unit = array.astype("datetime64[s]"), "s"
        valid = ~np.isnat(array)
        return Column("time", values=array.view(np.int64), unit=unit,
                      valid=None if bool(valid.all()) else valid)
    if kind in "UOT":
        return _of_objects(array.tolist(), what)
    raise TypeError(f"{what} is an array of {array.dtype}; integers, text, floats or times are "
                    f"needed")


def _of_objects(values: list[Any], what: str) -> Column:
    """A column from a list whose values have one kind: integers, texts, numbers, times or lists.

    None and NaN are null.
    """
    kinds = set(map(type, values))
    if kinds == {str}:
        text, offsets = pack(values, what)
        return Column("text", text=text, offsets=offsets)
    if kinds <= {int} and values:
        return Column("integer", values=_integers(values, what))
    nulls = np.fromiter((_is_null(value) for value in values), bool, len(values))
    valid = ~nulls if bool(nulls.any()) else None
    real = [value for value, null in zip(values, nulls.tolist()) if not null]
    first = real[0] if real else ""
    for group, kind in ((str, "text"), ((int, np.integer), "integer"),
                        ((int, float, np.integer, np.floating), "float"),
                        ((datetime.date, np.datetime64), "time"), ((list, tuple, set), "list")):
        if all(isinstance(value, group) and not isinstance(value, (bool, np.bool_))
               for value in real):
            return _of_kind(kind, values, nulls, valid, what)
    row = next(i for i, value in enumerate(values)
               if not nulls[i] and (type(value) is not type(first) or
                                    not isinstance(value, (str, int)) or isinstance(value, bool)))
    _refuse(what, row, values[row], f"a column has one type: integers, text, floats or times "
                                    f"(the first value here is {type(first).__name__})")


def _of_kind(kind: str, values: list[Any], nulls: npt.NDArray[np.bool_],
             valid: Optional[npt.NDArray[np.bool_]], what: str) -> Column:
    def filled(blank: Any) -> list[Any]:
        return [blank if null else value for value, null in zip(values, nulls.tolist())]

    if kind == "text":
        text, offsets = pack([str.__str__(value) for value in filled("")], what)
        return Column("text", text=text, offsets=offsets, valid=valid)
    if kind == "integer":
        return Column("integer", values=_integers(filled(0), what), valid=valid)
    if kind == "float":
        return Column("float", values=np.array(filled(0.0), np.float64), valid=valid)
    if kind == "list":
        rows = [list(row) for row in filled(())]
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        child = _of_objects([value for row in rows for value in row], what)
        return Column("list", offsets=offsets, child=child, valid=valid)
    utc = [value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
           if isinstance(value, datetime.datetime) and value.tzinfo is not None else value
           for value in filled(datetime.date(1970, 1, 1))]
    times = np.array(utc, "datetime64[us]")
    return Column("time", values=times.view(np.int64), unit="us", valid=valid)


def _integers(values: list[Any], what: str) -> npt.NDArray[np.int64]:
    try:
        return np.array(values, np.int64)
    except OverflowError:
        row = next(i for i, value in enumerate(values)
                   if not _INT64.min <= int(value) <= _INT64.max)
        raise FormatError(f"{what}[{row}] is {values[row]}, beyond 64 bits") from None


def int64_values(values: npt.NDArray[Any], what: str) -> npt.NDArray[np.int64]:
    """Integers as contiguous int64; unsigned ones that do not fit are refused."""
    if values.dtype.kind == "u" and values.dtype.itemsize == 8 and len(values):
        if int(values.max()) > _INT64.max:
            row = int(np.argmax(values > np.uint64(_INT64.max)))
            raise FormatError(f"{what}[{row}] is {values[row]}, beyond 63 bits")
    return np.ascontiguousarray(values, np.int64)


def id_column(source: Any, what: str) -> IdColumn:
    """Ids: integers stay integers, text stays text; everything else is refused."""
    if isinstance(source, IdColumn):
        return source
    found = column(source, what)
    found.refuse_nulls(what)
    if found.kind == "integer":
        return IdColumn(integers=int64_values(found.values, what), keep=found)
    if found.kind == "text":
        text = found.text if len(found.text) else np.zeros(1, np.uint8)
        return IdColumn(text=np.ascontiguousarray(text),
                        offsets=np.ascontiguousarray(found.offsets), keep=found)
    hint = " (whole numbers become floats where a value was missing: drop those rows, then " \
           ".astype('int64'))" if found.kind == "float" else ""
    raise TypeError(f"{what} holds {found.kind} values; ids are integers or text{hint}")
