# SPDX-License-Identifier: Apache-2.0
"""Columns of data frames by name, and attribute tables as pairs of item and attribute."""
from __future__ import annotations

from typing import Any, Mapping, Optional

import numpy as np

from s3rec import _arrow
from s3rec._column import Column, concatenate, ragged_index, take
from s3rec._columns import IdColumn, column, id_column, pack
from s3rec._errors import ArgumentError, NotFoundError

# The same names as in lib/tables/table_file.c; case, "_", "-" and spaces do not matter.
USUAL = {
    "user": ("user", "userid", "uid", "username", "visitorid", "customerid", "reviewerid",
             "sessionid"),
    "item": ("item", "itemid", "iid", "productid", "movieid", "asin", "parentasin", "songid",
             "articleid", "sku"),
    "timestamp": ("timestamp", "time", "ts", "date", "datetime", "unixreviewtime", "createdat"),
    "value": ("value", "rating", "weight", "score", "overall", "stars"),
}


def column_names(data: Any) -> list[str]:
    """Names of the columns of a data frame or mapping."""
    if isinstance(data, Mapping):
        return [str(name) for name in data]
    for attribute in ("column_names", "columns"):  # pyarrow: "columns" holds data, not names
        names = getattr(data, attribute, None)
        if names is not None:
            return [str(name) for name in names]
    dtype_names = getattr(getattr(data, "dtype", None), "names", None)  # a structured array
    if dtype_names:
        return [str(name) for name in dtype_names]
    raise TypeError(f"{type(data).__name__} is no data frame: it has neither columns nor keys")


def named_column(data: Any, name: str) -> Any:
    """The column of a data frame or mapping that is called `name`."""
    if name not in column_names(data):
        raise NotFoundError(f"no column is called {name!r}; there are "
                            f"{', '.join(map(repr, column_names(data)))}")
    if hasattr(data, "__getitem__"):
        return data[name]
    found = _arrow.column_of(data, name)
    if found is None:
        raise TypeError(f"{type(data).__name__} gives no columns: neither by [] nor by Arrow")
    return found


def usual_name(names: list[str], role: str) -> Optional[str]:
    """The name of the column that has one of the usual names of a role, or None."""
    plain = {name.lower().replace("_", "").replace("-", "").replace(" ", ""): name
             for name in reversed(names)}
    for wanted in USUAL[role]:
        if wanted in plain:
            return plain[wanted]
    return None


def event_columns(data: Any, user: Any, item: Any, timestamp: Any, value: Any) -> list[Any]:
    """The columns user, item, timestamp and value of a table of events; None for an absent one.

    An argument is the name of a column, a column itself, or None for the usual names.
    """
    names = column_names(data)
    found = []
    for role, given in (("user", user), ("item", item), ("timestamp", timestamp),
                        ("value", value)):
        if given is not None and not isinstance(given, str):
            found.append(given)  # a column that is not part of `data`, of the same length
            continue
        name = given if given is not None else usual_name(names, role)
        if name is None and role in ("user", "item"):
            raise NotFoundError(f"no column has a usual name of the {role}; name it with "
                                f"{role}=, one of {', '.join(map(repr, names))}")
        found.append(named_column(data, name) if name else None)
    return found


def attribute_pairs(attributes: Any, item: Optional[str], columns: Optional[list[str]],
                    separator: Optional[str]) -> tuple[IdColumn, IdColumn]:
    """The items and the attributes of all pairs, [pairs] each."""
    if isinstance(attributes, Mapping) and item is None and columns is None:
        return _pairs_of_mapping(attributes)
    names = column_names(attributes)
    item = item if item is not None else usual_name(names, "item")
    if item is None:
        raise NotFoundError("no column of the attributes has a usual name of the item")
    items = column(named_column(attributes, item), item)
    items.refuse_nulls(item)
    wanted = [name for name in names if name != item] if columns is None else list(columns)
    all_items, texts = [], []
    for name in wanted:
        rows, values = _cells(column(named_column(attributes, name), name), name, separator)
        if len(rows) and int(rows[-1]) >= len(items):
            raise ArgumentError(f"column {name!r} is longer than {item!r}")
        all_items.append(take(items, rows))
        texts += values
    if not all_items:
        raise ArgumentError("the attributes have no column beside the items'")
    text, offsets = pack(texts, "attribute")
    return id_column(concatenate(all_items), item), IdColumn(text=text, offsets=offsets)


def _pairs_of_mapping(attributes: Mapping[Any, Any]) -> tuple[IdColumn, IdColumn]:
    items: list[Any] = []
    names: list[Any] = []
    for item, values in attributes.items():
        several = values if isinstance(values, (list, tuple, set, frozenset, np.ndarray)) else (
            [values])
        for value in several:
            items.append(item)
            names.append(value)
    return id_column(items, "item"), id_column(names, "attribute")


def _cells(found: Column, name: str, separator: Optional[str]) -> tuple[Any, list[str]]:
    """Row numbers, in rising order, and texts "name=cell" of the cells that are not null or empty.

    A list, or a text that the separator splits, gives several texts with the same row number.
    """
    rows = np.arange(len(found))
    if found.valid is not None:
        rows = rows[found.valid]
    if found.kind == "list":
        assert found.child is not None
        places, offsets = ragged_index(found.offsets, rows)
        inner_rows, texts = _cells(take(found.child, places), name, None)
        return np.repeat(rows, np.diff(offsets))[inner_rows], texts
    found = take(found, rows)
    if found.kind == "text":
        raw, offsets = found.text.tobytes(), found.offsets.tolist()
        cells = [raw[a:b].decode("utf-8") for a, b in zip(offsets, offsets[1:])]
    else:
        cells = [_shown(value) for value in found.values.tolist()]
    if separator:
        parts = [[part for part in cell.split(separator) if part] for cell in cells]
        rows = np.repeat(rows, [len(part) for part in parts])
        cells = [cell for part in parts for cell in part]
    full = [i for i, cell in enumerate(cells) if cell]
    return rows[full] if len(full) < len(cells) else rows, [
        f"{name}={cells[i]}" for i in full]


def _shown(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2.0**53:
        return str(int(value))
    return str(value)
