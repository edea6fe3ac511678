# SPDX-License-Identifier: Apache-2.0
"""Tables of events (user, item, time) and of attributes, from arrays, data frames and files."""
from __future__ import annotations

import ctypes
import dataclasses
import math
from typing import Any, Optional, Union

import numpy as np
import numpy.typing as npt

from s3rec import _abi, _structs
from s3rec._abi import library
from s3rec._columns import IdColumn, column, id_column, int64_values
from s3rec._context import Context, use
from s3rec._errors import ArgumentError, FormatError, check
from s3rec._frames import attribute_pairs, event_columns
from s3rec._handle import Lone, PathLike, Pointer, address_of, path_bytes, patiently, pointer_for
from s3rec._vocabulary import Vocabulary
from s3rec._words import (FORMATS, HEADERS, REPEATS, Format, Header, Repeats, assign, number_of,
                          plain_text, whole)


@dataclasses.dataclass(frozen=True)
class TableReport:
    """What a file held: rows added, rows left out, and the line of the first such row (0: none)."""

    row_count: int
    bad_row_count: int
    first_bad_line: int


@dataclasses.dataclass(frozen=True)
class EventsReport:
    """What became of the events of a table when a dataset was made of them.

    event_count: in the table. kept_count: in the dataset. Left out are: low_value_count by
        min_value, repeat_count by repeats, unknown_count because item_names does not have the item,
        core_count by min_user_events and min_item_events, cut_count by max_length, short_count by
        min_length.
    attributed_item_count: items of the dataset that have attributes.
    """

    event_count: int
    low_value_count: int
    repeat_count: int
    unknown_count: int
    core_count: int
    cut_count: int
    short_count: int
    kept_count: int
    attributed_item_count: int


def timestamp_values(source: Any) -> npt.NDArray[np.int64]:
    """Timestamps [n]: integers as they are; times in microseconds since 1970 (UTC).

    Floats: if all are whole numbers, those integers, else all of them times 10**6, rounded.
    """
    found = column(source, "timestamp")
    found.refuse_nulls("timestamp")
    if found.kind == "integer":
        return int64_values(found.values, "timestamp")
    if found.kind == "time":
        counts = np.ascontiguousarray(found.values, np.int64)
        if found.unit == "ns":
            return counts // 1000
        scale = {"us": 1, "ms": 10**3, "s": 10**6, "D": 86400 * 10**6}[found.unit]
        limit = np.iinfo(np.int64).max // scale
        return _scaled(counts, scale, (counts < -limit) | (counts > limit))
    if found.kind == "float":
        values = found.values.astype(np.float64)
        whole = bool((values == np.floor(values)).all())
        scaled = values if whole else np.rint(values * 1e6)
        with np.errstate(invalid="ignore"):
            bad = ~(np.abs(scaled) < 2.0**63)
        return _scaled(np.where(bad, 0, scaled).astype(np.int64), 1, bad)
    raise TypeError(f"timestamp holds {found.kind} values; integers, floats or times are needed "
                    f"(parse texts first, with pandas.to_datetime for instance)")


def _scaled(counts: npt.NDArray[np.int64], scale: int, bad: npt.NDArray[np.bool_]
            ) -> npt.NDArray[np.int64]:
    if bool(bad.any()):
        raise FormatError(f"timestamp[{int(np.argmax(bad))}] is beyond the range of 64 bits")
    return counts * scale


def number_values(source: Any, what: str) -> npt.NDArray[np.float64]:
    """Values [n] as float64."""
    found = column(source, what)
    found.refuse_nulls(what)
    if found.kind not in ("integer", "float"):
        raise TypeError(f"{what} holds {found.kind} values; numbers are needed")
    return np.ascontiguousarray(found.values, np.float64)


def _c_ids(ids: IdColumn) -> _structs.IdArray:
    """The ids as the library takes them; the memory is that of `ids`."""
    if ids.integers is not None:
        return _structs.IdArray(ids.integers.ctypes.data, None, None)
    text, offsets = ids.as_text()
    return _structs.IdArray(None, text.ctypes.data, offsets.ctypes.data)


def _same_length(**columns: Any) -> int:
    lengths = {name: len(values) for name, values in columns.items() if values is not None}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise ArgumentError(f"columns differ in length: {shown}")
    return next(iter(lengths.values()))


def table_options(*, format: Format, header: Header, delimiter: Optional[str], user: Optional[str],
                  item: Optional[str], timestamp: Optional[str], value: Optional[str],
                  attributes: Union[None, str, list[str], tuple[str, ...]],
                  attribute_separator: Optional[str], bad_row_limit: int) -> _structs.TableOptions:
    """The options of s3rec_events_read; None is the library's default."""
    options = _abi.new(_structs.TableOptions)
    options.format = number_of("format", FORMATS, format)
    options.header = number_of("header", HEADERS, header)
    texts = {"delimiter": delimiter, "user_column": user, "item_column": item,
             "timestamp_column": timestamp, "value_column": value,
             "attribute_separator": attribute_separator,
             "attribute_columns": ",".join(attributes) if isinstance(attributes, (list, tuple))
             else attributes}
    for name, text in texts.items():
        if text is not None:
            if not isinstance(text, str):
                raise TypeError(f"{name} is {type(text).__name__} {text!r}, must be text: a "
                                f"column's name, or its number from 1 as text")
            setattr(options, name, plain_text(name, text))
    options.bad_row_limit = whole("bad_row_limit", bad_row_limit, 0, 2**62)
    return options


class Events(Lone):
    """A growing table of events and item attributes, from files and arrays in any mixture.

    Only one thread may use it at a time: a second one gets StateError. A call that fails adds
    nothing.
    """

    def __init__(self, context: Optional[Context] = None) -> None:
        pointer = pointer_for(library.s3rec_events_destroy)
        self._context = use(context)
        check(library.s3rec_events_create(self._context._live(), ctypes.byref(pointer)))
        self._own(pointer)

    def _work(self, function: Any, *arguments: Any, keep: Any = None) -> None:
        """Calls a function of the library that may take long; `keep` stays alive meanwhile."""
        def work() -> Any:
            check(self._alone(function, *arguments))
            return keep

        patiently(work)

    def append(self, data: Any = None, *, user: Any = None, item: Any = None,
               timestamp: Any = None, value: Any = None) -> int:
        """Adds events, from columns or from a data frame; returns how many.

        data: a data frame of any kind or a mapping of names to arrays; then the other arguments
            are names of columns, None the usual names ("user", "item", "timestamp", ...).
            Without `data` they are the columns themselves, [n] each.
        user, item: integers or text, the same kind in the whole table.
        timestamp: integers, floats or times; None: the order of the rows counts.
        value: numbers (a rating, a weight); None: none.
        """
        if data is not None:
            user, item, timestamp, value = event_columns(data, user, item, timestamp, value)
        if user is None or item is None:
            raise ArgumentError("user and item are needed, as columns or as names in `data`")
        users, items = id_column(user, "user"), id_column(item, "item")
        times = None if timestamp is None else timestamp_values(timestamp)
        values = None if value is None else number_values(value, "value")
        count = _same_length(user=users, item=items, timestamp=times, value=values)
        c_users, c_items = _c_ids(users), _c_ids(items)
        self._work(library.s3rec_events_append, count, ctypes.byref(c_users),
                   ctypes.byref(c_items), None if times is None else times.ctypes.data,
                   None if values is None else values.ctypes.data,
                   keep=(users, items, times, values))
        return count

    def append_attributes(self, attributes: Any, *, item: Optional[str] = None,
                          columns: Optional[list[str]] = None,
                          separator: Optional[str] = None) -> int:
        """Adds attributes of items; returns how many pairs.

        attributes: a mapping {item: attribute or [attribute, ...]}, or a data frame with a
            column of items and columns of attributes. There a cell becomes the attribute
            "column=cell", a list several attributes, and null none.
        item: name of the items' column; None: the usual names.
        columns: which columns hold attributes; None: all but the items' column.
        separator: between several values in one cell of text; None: a cell is one value.
        """
        items, names = attribute_pairs(attributes, item, columns, separator)
        count = _same_length(item=items, attribute=names)
        c_items, c_names = _c_ids(items), _c_ids(names)
        self._work(library.s3rec_events_append_attributes, count, ctypes.byref(c_items),
                   ctypes.byref(c_names), keep=(items, names))
        return count

    def _read(self, function: Any, path: PathLike, options: _structs.TableOptions) -> TableReport:
        report = _abi.new(_structs.TableReport)
        self._work(function, path_bytes(path), ctypes.byref(options), ctypes.byref(report))
        return TableReport(report.row_count, report.bad_row_count, report.first_bad_line)

    def read(self, path: PathLike, *, format: Format = "auto", header: Header = "auto",
             delimiter: Optional[str] = None, user: Optional[str] = None,
             item: Optional[str] = None, timestamp: Optional[str] = None,
             value: Optional[str] = None, bad_row_limit: int = 0) -> TableReport:
        """Adds the events of a CSV, TSV, JSONL or "::" file, gzip or not.

        format: "auto", "csv", "tsv" or "jsonl"; header: "auto", "no" or "yes".
        user, item, timestamp, value: names of columns, or numbers from 1 as text where there
            is no header; None: the usual names. "" for timestamp or value: the file has none.
        bad_row_limit: up to so many rows that cannot be used are left out; with one more the
            file is refused.
        """
        return self._read(library.s3rec_events_read, path, table_options(
            format=format, header=header, delimiter=delimiter, user=user, item=item,
            timestamp=timestamp, value=value, attributes=None, attribute_separator=None,
            bad_row_limit=bad_row_limit))

    def read_attributes(self, path: PathLike, *, format: Format = "auto",
                        header: Header = "auto", delimiter: Optional[str] = None,
                        item: Optional[str] = None,
                        columns: Union[None, str, list[str], tuple[str, ...]] = None,
                        separator: Optional[str] = None, bad_row_limit: int = 0) -> TableReport:
        """Adds item attributes from a file with one or several rows per item.

        columns: which columns hold attributes; None: all but the items' column.
        separator: between several values of one cell; None: "|"; "": a cell is one value.
        """
        return self._read(library.s3rec_events_read_attributes, path, table_options(
            format=format, header=header, delimiter=delimiter, user=None, item=item,
            timestamp=None, value=None, attributes=columns, attribute_separator=separator,
            bad_row_limit=bad_row_limit))

    def _dataset(self, *, min_value: Optional[float], repeats: Repeats, min_user_events: int,
                 min_item_events: int, max_length: Optional[int], min_length: int,
                 item_names: Optional[Vocabulary], attribute_names: Optional[Vocabulary]
                 ) -> tuple[Pointer, EventsReport]:
        options, report = _abi.new(_structs.EventsOptions), _abi.new(_structs.EventsReport)
        assign(options, "min_value", -math.inf if min_value is None else min_value)
        options.repeats = number_of("repeats", REPEATS, repeats)
        for name, count in (("min_user_events", min_user_events), ("max_length", max_length or 0),
                            ("min_item_events", min_item_events), ("min_length", min_length)):
            assign(options, name, count)
        keep = []
        for name, names in (("item_names", item_names), ("attribute_names", attribute_names)):
            if names is not None:
                keep.append(Vocabulary._of(names, name)._live())
                setattr(options, name, address_of(keep[-1], _structs.VOCABULARY))
        pointer = pointer_for(library.s3rec_dataset_destroy)
        self._work(library.s3rec_events_dataset, ctypes.byref(options), ctypes.byref(pointer),
                   ctypes.byref(report), keep=keep)
        return pointer, EventsReport(**{
            field.name: getattr(report, field.name) for field in dataclasses.fields(EventsReport)})
