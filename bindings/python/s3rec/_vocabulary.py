# SPDX-License-Identifier: Apache-2.0
"""Names of items, users and attributes, beside the numbers that are computed with."""
from __future__ import annotations

import ctypes
from typing import Any, Iterator, Optional, Union

import numpy as np
import numpy.typing as npt

from s3rec import _abi
from s3rec._abi import library
from s3rec._columns import IdColumn, id_column
from s3rec._context import Context, use
from s3rec._errors import ArgumentError, NotFoundError, StateError, check
from s3rec._handle import Handle, Pointer, pointer_for
from s3rec._words import int32, listed, whole

Name = Union[int, str]
_Views = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]
INTEGER = 2
TEXT = 1
_SHORT = 256  # names of a list that are remembered
_REMEMBERED = 1 << 20


class Vocabulary(Handle):
    """Names with consecutive numbers from `first_id` on; immutable, any number of threads.

    names: integers or strings, [count], all different.
    first_id: 1 for items, 0 for users and attributes.
    """

    def __init__(self, names: Any, first_id: int, context: Optional[Context] = None) -> None:
        column = id_column(names, "names")
        text, offsets = column.as_text()
        pointer, owner = pointer_for(library.s3rec_vocabulary_destroy), use(context)
        check(library.s3rec_vocabulary_create(
            owner._live(), TEXT if column.integers is None else INTEGER,
            int32("first_id", first_id), text.ctypes.data, offsets.ctypes.data, len(offsets) - 1,
            ctypes.byref(pointer)))
        self._take(pointer)

    def _take(self, pointer: Pointer) -> None:
        self.first_id: int = library.s3rec_vocabulary_first_id(pointer)
        self.integer: bool = library.s3rec_vocabulary_kind(pointer) == INTEGER
        count: int = library.s3rec_vocabulary_count(pointer)
        self._count = count
        text, offsets = ctypes.c_void_p(), ctypes.c_void_p()
        check(library.s3rec_vocabulary_text(pointer, ctypes.byref(text), ctypes.byref(offsets)))
        places = _view(pointer, ctypes.c_int64, offsets.value, count + 1 if count else 0)
        self._views: Optional[_Views] = (_view(
            pointer, ctypes.c_uint8, text.value, int(places[-1]) if count else 0), places)
        self._pointer = pointer
        self._values: Optional[npt.NDArray[np.int64]] = None  # of integers
        self._order: Optional[npt.NDArray[np.int64]] = None
        self._cache: list[Optional[str]] = []  # of texts, as they are asked for
        self._known: dict[Name, int] = {}  # numbers of names, likewise

    def close(self) -> None:
        self._views = None
        super().close()

    def _texts(self) -> _Views:
        """UTF-8 of all names with NUL behind each, and where each begins; they keep the handle."""
        self._live()
        views = self._views
        if views is None:
            raise StateError("this Vocabulary was closed")
        return views

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Name]:
        for number in range(self.first_id, self.first_id + self._count):
            yield self.name(number)

    def __contains__(self, name: object) -> bool:
        return self._find(name) is not None

    def __repr__(self) -> str:
        kind = "integers" if self.integer else "texts"
        return f"<s3rec.Vocabulary of {self._count} {kind} from {self.first_id}>"

    def _integers(self) -> npt.NDArray[np.int64]:
        """All names as integers, [count]."""
        if self._values is None:
            self._values = np.array(self._texts()[0].tobytes().replace(b"\0", b" ").split(),
                                    dtype=np.int64)
        return self._values

    def _text_at(self, index: int) -> str:
        cache = self._cache
        if not cache:
            cache = self._cache = [None] * self._count
        found = cache[index]
        if found is None:
            text, offsets = self._texts()
            found = text[offsets[index]:offsets[index + 1] - 1].tobytes().decode()
            cache[index] = found
        return found

    def name(self, number: int) -> Name:
        """The name of a number; NotFoundError when there is none."""
        index = whole("number", number, -2**4096, 2**4096) - self.first_id
        if not 0 <= index < self._count:
            last = self.first_id + self._count - 1
            raise NotFoundError(f"no name has the number {number}, they are "
                                f"{self.first_id}..{last}")
        return int(self._integers()[index]) if self.integer else self._text_at(index)

    def names(self, numbers: Optional[npt.ArrayLike] = None) -> npt.NDArray[Any]:
        """Names of an array of numbers, in its shape; of all without `numbers`, [count].

        int64 for integers, else an object array of strings. Numbers that have no name give
        -1 or None.
        """
        if numbers is None:
            index = np.arange(self._count)
        else:
            index = np.asarray(numbers).astype(np.int64) - self.first_id
        if self.integer:
            values = self._integers()
            if not len(values):
                return np.full(index.shape, -1, np.int64)
            known = (index >= 0) & (index < self._count)
            return np.where(known, values[np.where(known, index, 0)], -1)
        out = np.empty(index.shape, dtype=object)
        count, flat = self._count, out.reshape(-1)
        cache, text_at = self._cache, self._text_at
        for position, i in enumerate(index.reshape(-1).tolist()):
            if 0 <= i < count:
                flat[position] = (cache[i] if cache else None) or text_at(i)
        return out

    def _find(self, name: object) -> Optional[int]:
        if isinstance(name, (int, np.integer)) and not isinstance(name, bool):
            if not self.integer:
                return None
            name = str(int(name))
        elif not isinstance(name, str) or self.integer:
            return None
        encoded = str.encode(name, "utf-8", "surrogatepass")
        number = ctypes.c_int32()
        status = library.s3rec_vocabulary_find(self._live(), encoded, len(encoded),
                                               ctypes.byref(number))
        return number.value if status == 0 else None

    def find(self, name: Name) -> int:
        """The number of a name; NotFoundError when there is none."""
        number = self._find(name)
        if number is None:
            raise NotFoundError(f"no name is {name!r}")
        return number

    def find_many(self, names: Any) -> npt.NDArray[np.int32]:
        """Numbers of names, [count]; -1 for names that are not there."""
        if isinstance(names, (str, bytes)):
            raise ArgumentError("names must be a list or array of names, not one text")
        if not hasattr(names, "__len__") or len(names) == 0:
            names = listed("names", names)
            if not names:
                return np.zeros(0, np.int32)
        return self._find_items(names, "names")

    def _find_items(self, names: Any, what: str) -> npt.NDArray[np.int32]:
        """Short lists, as histories are, by a dictionary: the interpreter's own hash is faster
        than the way through arrays."""
        if type(names) is not list or len(names) > _SHORT or (
                set(map(type, names)) != {int if self.integer else str}):
            return self._find_column(id_column(names, what), what)
        known = self._known
        try:
            return np.array([known[name] for name in names], np.int32)
        except KeyError:
            numbers = self._find_column(id_column(names, what), what)
        if len(known) < _REMEMBERED:
            known.update(pair for pair in zip(names, numbers.tolist()) if pair[1] >= 0)
        return numbers

    def _find_column(self, column: IdColumn, what: str) -> npt.NDArray[np.int32]:
        if (column.integers is not None) != self.integer:
            found, known = ("integers", "texts") if column.integers is not None else (
                "texts", "integers")
            raise ArgumentError(f"{what} holds {found}, but the names here are {known}")
        if column.integers is not None:
            return self._find_integers(column.integers)
        text, offsets = column.as_text()
        numbers = np.empty(len(offsets) - 1, np.int32)
        check(library.s3rec_vocabulary_find_many(
            self._live(), text.ctypes.data, offsets.ctypes.data, len(numbers),
            numbers.ctypes.data))
        return numbers

    def _find_integers(self, wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        values, order = self._integers(), self._order
        if not len(values):
            return np.full(len(wanted), -1, np.int32)
        if order is None:
            order = self._order = np.argsort(values, kind="stable")
        places = order[np.minimum(np.searchsorted(values, wanted, sorter=order),
                                  len(values) - 1)]
        found = np.where(values[places] == wanted, places + self.first_id, -1)
        return found.astype(np.int32)

    def same_as(self, other: Vocabulary) -> bool:
        """Whether both give the same numbers to the same names."""
        if self is other:
            return True
        other = Vocabulary._of(other, "other")
        return (self.integer == other.integer and self.first_id == other.first_id and
                bool(np.array_equal(self._texts()[0], other._texts()[0])))


def _view(pointer: Pointer, kind: Any, address: Optional[int], count: int) -> npt.NDArray[Any]:
    """Numbers in the memory of a handle, which the array keeps."""
    if not address or not count:
        return np.zeros(0, kind)
    memory = (kind * count).from_address(address)
    memory.pointer = pointer
    return np.ctypeslib.as_array(memory)


def adopt(function: Any, owner: Pointer) -> Optional[Vocabulary]:
    """What a function such as s3rec_model_item_names gives for a handle; None for none."""
    pointer = pointer_for(library.s3rec_vocabulary_destroy)
    check(function(owner, ctypes.byref(pointer)))
    if not pointer.value:
        return None
    made = Vocabulary.__new__(Vocabulary)
    made._take(pointer)
    return made
