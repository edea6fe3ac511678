# SPDX-License-Identifier: Apache-2.0
"""Sequences, attributes and negatives: what is learned from."""
from __future__ import annotations

import ctypes
from typing import Any, Mapping, Optional, Sequence, Union

import numpy as np
import numpy.typing as npt

from s3rec import _abi, _structs
from s3rec._abi import library
from s3rec._arrays import int32_array, ragged_int32
from s3rec._context import Context, use
from s3rec._errors import ArgumentError, NotFoundError, check
from s3rec._events import Events, EventsReport
from s3rec._handle import Handle, PathLike, Pointer, path_bytes, patiently, pointer_for
from s3rec._vocabulary import Name, Vocabulary, adopt
from s3rec._words import Format, Header, Repeats, int32

Names = Union[None, Vocabulary, Any]


def _fixed_names(names: Names) -> tuple[Optional[Vocabulary], Optional[Vocabulary]]:
    """Item and attribute names of a vocabulary, or of what has such names (Model, Dataset)."""
    if names is None or isinstance(names, Vocabulary):
        return names, None
    items = getattr(names, "item_names", None)
    if not isinstance(items, Vocabulary):
        raise ArgumentError("item_names must be a Vocabulary, or a Model or Dataset with names")
    return items, names.attribute_names


def info_of(dataset: Pointer) -> _structs.DatasetInfo:
    """Sizes of the library's dataset."""
    info = _abi.new(_structs.DatasetInfo)
    check(library.s3rec_dataset_info_get(dataset, ctypes.byref(info)))
    return info


class Dataset(Handle):
    """Users' item sequences, oldest first, with optional attributes and negatives of items.

    Read-only: any number of threads may share one. Made by `from_events`, `from_files`,
    `load` and `from_arrays`.
    """

    report: Optional[EventsReport] = None

    def _take(self, pointer: Pointer, context: Context) -> None:
        self._context = context
        info = info_of(pointer)
        self.user_count: int = info.user_count
        self.interaction_count: int = info.interaction_count
        self.item_size: int = info.item_size
        self.attribute_size: int = info.attribute_size
        self.negatives_per_user: int = info.negatives_per_user
        self.short_user_count: int = info.short_user_count
        self.fingerprint: int = info.fingerprint
        self.item_names = adopt(library.s3rec_dataset_item_names, pointer)
        self.user_names = adopt(library.s3rec_dataset_user_names, pointer)
        self.attribute_names = adopt(library.s3rec_dataset_attribute_names, pointer)
        self._pointer = pointer

    @classmethod
    def _made(cls, pointer: Pointer, context: Context) -> Dataset:
        made = cls.__new__(cls)
        made._take(pointer, context)
        return made

    @classmethod
    def from_events(cls, data: Any = None, *, user: Any = None, item: Any = None,
                    timestamp: Any = None, value: Any = None, attributes: Any = None,
                    attribute_item: Optional[str] = None,
                    attribute_columns: Optional[list[str]] = None,
                    attribute_separator: Optional[str] = None,
                    min_value: Optional[float] = None, repeats: Repeats = "keep",
                    min_user_events: int = 1, min_item_events: int = 1,
                    max_length: Optional[int] = None, min_length: int = 1,
                    item_names: Names = None, context: Optional[Context] = None) -> Dataset:
        """A dataset of a table of events, with ids of any kind.

        data, user, item, timestamp, value: as of `Events.append`; data may be `Events` too.
        attributes, attribute_...: as of `Events.append_attributes`.
        min_value: events below are left out, and those without a value.
        repeats: of an item that a user took several times "keep" all, of repeats behind one
            another ("runs") or of all ("drop") keep the first.
        min_user_events, min_item_events: the k of the k-core, again and again until nothing
            more goes.
        max_length: keep the newest so many events of a user.
        min_length: users with fewer events at the end go.
        item_names: a model, dataset or vocabulary whose items keep their numbers; events of
            others are left out.

        `report` of the result has the counts of what was left out.
        """
        events = data if isinstance(data, Events) else Events(context)
        try:
            if events is not data:
                events.append(data, user=user, item=item, timestamp=timestamp, value=value)
            if attributes is not None:
                events.append_attributes(attributes, item=attribute_item,
                                         columns=attribute_columns,
                                         separator=attribute_separator)
            items, attribute_names = _fixed_names(item_names)
            pointer, report = events._dataset(
                min_value=min_value, repeats=repeats, min_user_events=min_user_events,
                min_item_events=min_item_events, max_length=max_length, min_length=min_length,
                item_names=items, attribute_names=attribute_names)
        finally:
            if events is not data:
                events.close()
        made = cls._made(pointer, events._context)
        made.report = report
        return made

    @classmethod
    def from_files(cls, events: Union[PathLike, Sequence[PathLike]],
                   attributes: Union[None, PathLike, Sequence[PathLike]] = None, *,
                   format: Format = "auto", header: Header = "auto",
                   delimiter: Optional[str] = None, user: Optional[str] = None,
                   item: Optional[str] = None, timestamp: Optional[str] = None,
                   value: Optional[str] = None,
                   bad_row_limit: int = 0, attribute_format: Format = "auto",
                   attribute_header: Header = "auto", attribute_delimiter: Optional[str] = None,
                   attribute_item: Optional[str] = None,
                   attribute_columns: Union[None, str, list[str], tuple[str, ...]] = None,
                   attribute_separator: Optional[str] = None,
                   min_value: Optional[float] = None, repeats: Repeats = "keep",
                   min_user_events: int = 1, min_item_events: int = 1,
                   max_length: Optional[int] = None, min_length: int = 1,
                   item_names: Names = None, context: Optional[Context] = None) -> Dataset:
        """A dataset of event files and attribute tables: CSV, TSV, JSONL, "::", gzip or not.

        events, attributes: one path or several.
        The others: as of `Events.read`, `Events.read_attributes` and `from_events`.
        """
        with Events(context) as table:
            for path in _paths(events):
                table.read(path, format=format, header=header, delimiter=delimiter, user=user,
                           item=item, timestamp=timestamp, value=value,
                           bad_row_limit=bad_row_limit)
            for path in _paths(attributes):
                table.read_attributes(path, format=attribute_format, header=attribute_header,
                                      delimiter=attribute_delimiter, item=attribute_item,
                                      columns=attribute_columns, separator=attribute_separator,
                                      bad_row_limit=bad_row_limit)
            return cls.from_events(table, min_value=min_value, repeats=repeats,
                                   min_user_events=min_user_events,
                                   min_item_events=min_item_events, max_length=max_length,
                                   min_length=min_length, item_names=item_names)

    @classmethod
    def load(cls, sequences: PathLike, attributes: Optional[PathLike] = None,
             negatives: Optional[PathLike] = None, *, context: Optional[Context] = None
             ) -> Dataset:
        """The authors' text formats (docs/file-format.md): "user item item ..." a line."""
        owner, pointer = use(context), pointer_for(library.s3rec_dataset_destroy)
        paths = [None if path is None else path_bytes(path)
                 for path in (sequences, attributes, negatives)]
        patiently(lambda: check(library.s3rec_dataset_load(owner._live(), *paths,
                                                           ctypes.byref(pointer))))
        return cls._made(pointer, owner)

    @classmethod
    def from_arrays(cls, sequences: Any, attributes: Optional[Mapping[int, Any]] = None,
                    negatives: Optional[npt.ArrayLike] = None, *,
                    context: Optional[Context] = None) -> Dataset:
        """A dataset of numbers.

        sequences: a list with an array of item numbers (1 and up) a user, oldest first; or
            (items [n], offsets [users + 1]).
        attributes: {item: [attribute numbers from 0]}.
        negatives: [users, negatives] item numbers, for the sampled protocol.
        """
        items, offsets = ragged_int32(sequences, "sequences")
        arrays = _abi.new(_structs.DatasetArrays)
        arrays.user_count = len(offsets) - 1
        arrays.item_offsets, arrays.items = offsets.ctypes.data, items.ctypes.data
        keep: list[Any] = [items, offsets]
        if attributes is not None and not isinstance(attributes, Mapping):
            raise TypeError(f"attributes is {type(attributes).__name__}, must be a dictionary")
        if attributes:
            named = int32_array(list(attributes), "items of attributes")
            values, value_offsets = ragged_int32(list(attributes.values()), "attributes")
            arrays.attributed_item_count = len(named)
            arrays.attributed_items = named.ctypes.data
            arrays.attributes = values.ctypes.data
            arrays.attribute_offsets = value_offsets.ctypes.data
            keep += [named, values, value_offsets]
        if negatives is not None:
            table = np.asarray(negatives)
            if table.ndim != 2 or len(table) != arrays.user_count:
                raise ArgumentError(f"negatives have the shape {table.shape}, must be "
                                    f"[{arrays.user_count} users, negatives]")
            flat = np.array(int32_array(table.reshape(-1), "negatives"))
            arrays.negatives_per_user = table.shape[1]
            arrays.negatives = flat.ctypes.data
            keep.append(flat)
        owner, pointer = use(context), pointer_for(library.s3rec_dataset_destroy)

        def work() -> Any:
            check(library.s3rec_dataset_from_arrays(owner._live(), ctypes.byref(arrays),
                                                    ctypes.byref(pointer)))
            return keep

        patiently(work)
        return cls._made(pointer, owner)

    def user_number(self, user: Name) -> int:
        """The number (from 0) of a user: by name when the dataset has names."""
        if self.user_names is not None:
            return self.user_names.find(user)
        if isinstance(user, bool) or not isinstance(user, (int, np.integer)):
            raise TypeError(f"user is {user!r}, must be a number: this dataset has no names")
        if not 0 <= user < self.user_count:
            raise NotFoundError(f"user is {user}, must be 0..{self.user_count - 1}")
        return int(user)

    def _copy(self, function: Any, number: int) -> npt.NDArray[np.int32]:
        place, count, pointer = ctypes.c_void_p(), ctypes.c_size_t(), self._live()
        check(function(pointer, number, ctypes.byref(place), ctypes.byref(count)))
        found = np.empty(count.value, np.int32)
        if count.value:
            ctypes.memmove(found.ctypes.data, place, found.nbytes)
        return found

    def user_items(self, user: Name) -> npt.NDArray[np.int32]:
        """Item numbers of a user, oldest first, [n]."""
        return self._copy(library.s3rec_dataset_user_items, self.user_number(user))

    def item_attributes(self, item: int) -> npt.NDArray[np.int32]:
        """Attribute numbers of the item with this number, [n]."""
        return self._copy(library.s3rec_dataset_item_attributes, int32("item", item))

    def user_negatives(self, user: Name) -> npt.NDArray[np.int32]:
        """Negatives of a user, item numbers [n]."""
        return self._copy(library.s3rec_dataset_user_negatives, self.user_number(user))

    def history(self, user: Name) -> npt.NDArray[Any]:
        """Items of a user, oldest first, [n]: by name when the dataset has names."""
        numbers = self.user_items(user)
        return numbers if self.item_names is None else self.item_names.names(numbers)

    def __len__(self) -> int:
        return self.user_count

    def __repr__(self) -> str:
        return (f"<s3rec.Dataset of {self.user_count} users, {self.item_size - 2} items, "
                f"{self.interaction_count} events>")


def _paths(paths: Union[None, PathLike, Sequence[PathLike]]) -> list[PathLike]:
    if paths is None:
        return []
    if isinstance(paths, (list, tuple)):
        return list(paths)
    return [paths]  # type: ignore[list-item]
