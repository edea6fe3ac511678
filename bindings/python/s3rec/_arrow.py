# SPDX-License-Identifier: Apache-2.0
"""Reads columns of pandas, polars, pyarrow, duckdb, ... by the Arrow C data interface.

https://arrow.apache.org/docs/format/CDataInterface.html: two structs and a stream of them,
handed over in capsules. None of those packages is imported, or needed.
"""
from __future__ import annotations

import ctypes
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

from s3rec._column import Column, concatenate, take

_get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_get_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
_get_pointer.restype = ctypes.c_void_p

_INTEGERS = {"c": np.int8, "C": np.uint8, "s": np.int16, "S": np.uint16, "i": np.int32,
             "I": np.uint32, "l": np.int64, "L": np.uint64}
_FLOATS = {"e": np.float16, "f": np.float32, "g": np.float64}
_TIMES = {"tss": "s", "tsm": "ms", "tsu": "us", "tsn": "ns"}
_MAX_DEPTH = 8
_MOST_BYTES = 2**47  # more than a process can address


class _Schema(ctypes.Structure):
    pass


_Schema._fields_ = [("format", ctypes.c_char_p), ("name", ctypes.c_char_p),
                    ("metadata", ctypes.c_void_p), ("flags", ctypes.c_int64),
                    ("n_children", ctypes.c_int64),
                    ("children", ctypes.POINTER(ctypes.POINTER(_Schema))),
                    ("dictionary", ctypes.POINTER(_Schema)), ("release", ctypes.c_void_p),
                    ("private_data", ctypes.c_void_p)]


class _Array(ctypes.Structure):
    pass


_Array._fields_ = [("length", ctypes.c_int64), ("null_count", ctypes.c_int64),
                   ("offset", ctypes.c_int64), ("n_buffers", ctypes.c_int64),
                   ("n_children", ctypes.c_int64), ("buffers", ctypes.POINTER(ctypes.c_void_p)),
                   ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
                   ("dictionary", ctypes.POINTER(_Array)), ("release", ctypes.c_void_p),
                   ("private_data", ctypes.c_void_p)]


class _Stream(ctypes.Structure):
    _fields_ = [("get_schema", ctypes.c_void_p), ("get_next", ctypes.c_void_p),
                ("get_last_error", ctypes.c_void_p), ("release", ctypes.c_void_p),
                ("private_data", ctypes.c_void_p)]


_RELEASE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_GET = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_LAST_ERROR = ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_void_p)


class _Owned:
    """A struct that the producer filled in for us and that we have to release."""

    def __init__(self, struct: Any) -> None:
        self.struct = struct

    def __del__(self) -> None:
        if self.struct.release:
            _RELEASE(self.struct.release)(ctypes.addressof(self.struct))


def _view(address: Optional[int], dtype: Any, count: int, keep: Any) -> npt.NDArray[Any]:
    """The numbers in a producer's memory, which every view of them keeps."""
    if count <= 0:
        return np.zeros(0, dtype)
    if not address:
        raise TypeError("an Arrow array has no buffer for its values")
    size = count * np.dtype(dtype).itemsize
    if size > _MOST_BYTES:
        raise TypeError(f"an Arrow array claims {size} bytes")
    memory = (ctypes.c_uint8 * size).from_address(address)
    memory.keep = keep
    return np.frombuffer(memory, dtype)


class _Reader:
    """One array with its schema."""

    def __init__(self, schema: Any, array: Any, keep: Any, depth: int = 0) -> None:
        self.schema, self.array, self.keep, self.depth = schema, array, keep, depth
        self.format = (schema.format or b"").decode("ascii", "replace")
        self.length, self.offset = array.length, array.offset
        if self.length < 0 or self.offset < 0 or depth > _MAX_DEPTH:
            raise TypeError("this is no valid Arrow array")

    def buffer(self, index: int) -> Optional[int]:
        if not 0 <= index < self.array.n_buffers:
            raise TypeError(f"an Arrow array of format '{self.format}' has too few buffers")
        address: Optional[int] = self.array.buffers[index]
        return address

    def values(self, index: int, dtype: Any, extra: int = 0) -> npt.NDArray[Any]:
        whole = _view(self.buffer(index), dtype, self.offset + self.length + extra, self.keep)
        return whole[self.offset:]

    def valid(self) -> Optional[npt.NDArray[np.bool_]]:
        if self.format in ("n", "+s") or self.array.null_count == 0 or self.length == 0:
            return None
        address = self.buffer(0)
        if not address:
            return None
        end = self.offset + self.length
        bits = np.unpackbits(_view(address, np.uint8, (end + 7) // 8, self.keep),
                             bitorder="little")
        mask = bits[self.offset:end].astype(bool)
        return None if bool(mask.all()) else mask

    def column(self) -> Column:
        found = self._content()
        found.keep.append(self.keep)
        valid = self.valid()
        if valid is not None:
            found.valid = valid if found.valid is None else found.valid & valid
        return found

    def _content(self) -> Column:
        kind = self.format
        if self.schema.dictionary:
            return self._dictionary()
        if kind in _INTEGERS:
            return Column("integer", values=self.values(1, _INTEGERS[kind]))
        if kind in _FLOATS:
            return Column("float", values=self.values(1, _FLOATS[kind]))
        if kind in ("u", "U"):
            return self._text(np.int32 if kind == "u" else np.int64)
        if kind == "vu":
            return self._views()
        if kind[:3] in _TIMES:
            return Column("time", values=self.values(1, np.int64), unit=_TIMES[kind[:3]])
        if kind == "tdD":
            return Column("time", values=self.values(1, np.int32), unit="D")
        if kind == "tdm":
            return Column("time", values=self.values(1, np.int64), unit="ms")
        if kind in ("+l", "+L"):
            return self._list(np.int32 if kind == "+l" else np.int64)
        if kind == "n":
            return Column("text", text=np.zeros(0, np.uint8),
                          offsets=np.zeros(self.length + 1, np.int64),
                          valid=np.zeros(self.length, bool))
        raise TypeError(f"a column of the Arrow format '{kind}' is neither integers, floats, text "
                        f"nor times")

    def _dictionary(self) -> Column:
        if self.format not in _INTEGERS or not self.array.dictionary:
            raise TypeError("a dictionary column of Arrow needs integer indices")
        values = _Reader(self.schema.dictionary.contents, self.array.dictionary.contents,
                         self.keep, self.depth + 1).column()
        index = self.values(1, _INTEGERS[self.format]).astype(np.int64)
        valid = self.valid()
        if valid is not None:
            index = np.where(valid, index, 0 if len(values) else -1)
        if len(index) and not len(values):
            return Column("text", text=np.zeros(0, np.uint8),
                          offsets=np.zeros(len(index) + 1, np.int64),
                          valid=np.zeros(len(index), bool))
        if len(index) and not (0 <= int(index.min()) and int(index.max()) < len(values)):
            raise TypeError("an index of an Arrow dictionary is out of range")
        return take(values, index)

    def _offsets(self, dtype: Any) -> npt.NDArray[np.int64]:
        if self.length == 0:
            return np.zeros(1, np.int64)
        offsets = self.values(1, dtype, 1).astype(np.int64)
        if offsets[0] < 0 or bool((np.diff(offsets) < 0).any()):
            raise TypeError("the offsets of an Arrow array fall")
        return offsets

    def _text(self, dtype: Any) -> Column:
        offsets = self._offsets(dtype)
        text = _view(self.buffer(2), np.uint8, int(offsets[-1]), self.keep)
        return Column("text", text=text[offsets[0]:], offsets=offsets - offsets[0])

    def _views(self) -> Column:
        """String views: 16 bytes each, texts up to 12 bytes inside, longer ones elsewhere."""
        raw = self.values(1, np.dtype("V16")).view(np.uint8).reshape(self.length, 16)
        words = np.ascontiguousarray(raw).view(np.int32).reshape(self.length, 4)
        valid = self.valid()
        lengths = words[:, 0].astype(np.int64)
        if valid is not None:
            lengths = np.where(valid, lengths, 0)
        if len(lengths) and int(lengths.min()) < 0:
            raise TypeError("a string view of Arrow has a negative length")
        offsets = np.zeros(self.length + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        text = np.empty(int(offsets[-1]), np.uint8)
        column = np.arange(12)
        inside = (lengths <= 12)[:, None] & (column < lengths[:, None])
        text[(offsets[:-1, None] + column)[inside]] = raw[:, 4:][inside]
        buffers = self.array.n_buffers - 3
        outside = []
        if buffers > 0:
            sizes = _view(self.buffer(buffers + 2), np.int64, buffers, self.keep).tolist()
            outside = [_view(self.buffer(2 + i), np.uint8, sizes[i], self.keep)
                       for i in range(buffers)]
        for row in np.flatnonzero(lengths > 12).tolist():
            where, start, length = int(words[row, 2]), int(words[row, 3]), int(lengths[row])
            if not 0 <= where < len(outside) or not 0 <= start <= len(outside[where]) - length:
                raise TypeError("a string view of Arrow points outside its buffers")
            text[offsets[row]:offsets[row + 1]] = outside[where][start:start + length]
        return Column("text", text=text, offsets=offsets)

    def _list(self, dtype: Any) -> Column:
        offsets = self._offsets(dtype)
        child = self.child(0)
        if int(offsets[-1]) > len(child):
            raise TypeError("an Arrow list reaches beyond its values")
        return Column("list", offsets=offsets, child=child)

    def child(self, index: int) -> Column:
        if not 0 <= index < min(self.schema.n_children, self.array.n_children):
            raise TypeError("an Arrow array lacks a child")
        return _Reader(self.schema.children[index].contents, self.array.children[index].contents,
                       self.keep, self.depth + 1).column()

    def pick(self, name: Optional[str]) -> Column:
        """The column itself, or the one of that name of a table."""
        if name is None:
            return self.column()
        if self.format != "+s":
            raise TypeError("this Arrow object is one column, no table")
        for index in range(self.schema.n_children):
            child = self.schema.children[index].contents
            if (child.name or b"").decode("utf-8", "replace") == name:
                found = self.child(index)
                return take(found, np.arange(self.offset, self.offset + self.length))
        raise KeyError(name)


_reading: dict[int, tuple[Any, Any]] = {}  # streams that are being read: by whom, the capsule


def _from_stream(capsule: Any, name: Optional[str]) -> Column:
    """The column of a stream, which serves one reader: the capsule may be given to several."""
    address, claim = _get_pointer(capsule, b"arrow_array_stream"), object()
    try:
        if _reading.setdefault(address, (claim, capsule))[0] is not claim:
            raise TypeError("another call reads this Arrow stream")
        return _read_stream(address, name)
    finally:
        if _reading.get(address, (None, None))[0] is claim:
            del _reading[address]


def _read_stream(address: int, name: Optional[str]) -> Column:
    stream = _Stream.from_address(address)

    def get(function: int, struct: Any) -> None:
        status = _GET(function)(address, ctypes.addressof(struct))
        if status:
            reason = _LAST_ERROR(stream.get_last_error)(address) or b"no reason given"
            raise OSError(status, f"an Arrow stream failed: {reason.decode('utf-8', 'replace')}")

    if not stream.release:
        raise TypeError("this Arrow stream was read before")
    schema = _Owned(_Schema())
    get(stream.get_schema, schema.struct)
    chunks = []
    while True:
        array = _Owned(_Array())
        get(stream.get_next, array.struct)
        if not array.struct.release:
            break
        chunks.append(_Reader(schema.struct, array.struct, (schema, array)).pick(name))
    if not chunks:
        empty = _Owned(_Array())
        return Column("text" if (schema.struct.format or b"")[:1] in b"uUv" else "integer",
                      values=np.zeros(0, np.int64), text=np.zeros(0, np.uint8),
                      offsets=np.zeros(1, np.int64), keep=[empty])
    return concatenate(chunks)


def column_of(source: Any, name: Optional[str] = None) -> Optional[Column]:
    """The column of an object that speaks Arrow (of a table: the one called `name`).

    None when the object does not, or cannot here (pandas needs pyarrow for it).
    """
    try:
        if hasattr(source, "__arrow_c_stream__"):
            return _from_stream(source.__arrow_c_stream__(), name)
        if hasattr(source, "__arrow_c_array__"):
            schema, array = source.__arrow_c_array__()
            described = _Schema.from_address(_get_pointer(schema, b"arrow_schema"))
            struct = _Array.from_address(_get_pointer(array, b"arrow_array"))
            if not struct.release or not described.release:
                raise TypeError("this Arrow array was released before")
            return _Reader(described, struct, (schema, array)).pick(name)
    except (ImportError, NotImplementedError):
        return None
    return None
