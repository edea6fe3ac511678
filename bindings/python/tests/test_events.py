# SPDX-License-Identifier: Apache-2.0
"""Events with ids of any kind, from arrays, frames and files."""
from __future__ import annotations

import datetime
import gzip
from typing import Any, Callable

import numpy as np
import pytest

import s3rec

USERS = ["ann", "bob", "ann", "cem", "bob", "ann", "cem", "cem", "bob"]
ITEMS = ["x", "y", "é", "x", "é", "y", "a name of more than twelve bytes", "é", "x"]
TIMES = [10, 20, 30, 40, 50, 60, 70, 80, 90]
ANN, CEM = ["x", "é", "y"], ["x", "a name of more than twelve bytes", "é"]


def frames() -> dict[str, Callable[[], Any]]:
    """The same events by every kind of data frame."""
    table = {"user": USERS, "item": ITEMS, "timestamp": TIMES}

    def pandas(**types: str) -> Any:
        frame = pytest.importorskip("pandas").DataFrame(table)
        return frame.astype(types)

    def polars(kind: str = "String") -> Any:
        pl = pytest.importorskip("polars")
        return pl.DataFrame(table).with_columns(pl.col("item").cast(getattr(pl, kind)))

    def pyarrow(kind: str) -> Any:
        pa = pytest.importorskip("pyarrow")
        text = pa.dictionary(pa.int8(), pa.string()) if kind == "dictionary" else getattr(
            pa, kind)()
        half = [pa.table({"user": pa.array(USERS[a:b], text), "item": pa.array(ITEMS[a:b], text),
                          "timestamp": pa.array(TIMES[a:b], pa.timestamp("s"))})
                for a, b in ((0, 4), (4, 9))]
        return pa.concat_tables(half)

    def views() -> Any:
        kinds = [("user", "U8"), ("item", "U40"), ("timestamp", "i8")]
        return np.array(list(zip(USERS, ITEMS, TIMES)), dtype=kinds)

    return {
        "mapping": lambda: table,
        "arrays": lambda: {name: np.array(values) for name, values in table.items()},
        "objects": lambda: {name: np.array(values, object) for name, values in table.items()},
        "structured array": views,
        "pandas": pandas,
        "pandas objects": lambda: pandas(user="object", item="object"),
        "pandas category": lambda: pandas(user="category", item="category"),
        "pandas datetime": lambda: pandas(timestamp="datetime64[ns]"),
        "polars": polars,
        "polars categorical": lambda: polars("Categorical"),
        "pyarrow string": lambda: pyarrow("string"),
        "pyarrow large string": lambda: pyarrow("large_string"),
        "pyarrow string view": lambda: pyarrow("string_view"),
        "pyarrow dictionary": lambda: pyarrow("dictionary"),
    }


@pytest.mark.parametrize("kind", sorted(frames()))
def test_frames(kind: str) -> None:
    data = s3rec.Dataset.from_events(frames()[kind]())
    assert (data.user_count, data.interaction_count) == (3, 9)
    assert data.history("ann").tolist() == ANN and data.history("cem").tolist() == CEM
    assert data.report is not None and data.report.kept_count == 9


def test_a_stream_without_columns_by_name() -> None:
    pa = pytest.importorskip("pyarrow")

    class Stream:
        columns = ["who", "what"]

        def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
            return pa.table({"who": USERS, "what": ITEMS}).__arrow_c_stream__()

    assert s3rec.Dataset.from_events(Stream(), user="who", item="what").user_count == 3


def test_sliced_arrow_arrays() -> None:
    pa = pytest.importorskip("pyarrow")
    for kind in (pa.string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())):
        users = pa.array(["zzz", None, *USERS, "zzz"], kind).slice(2, 9)
        items = pa.array([7, *range(9)], pa.uint16()).slice(1, 9)
        data = s3rec.Dataset.from_events(user=users, item=items)
        assert data.history("ann").tolist() == [0, 2, 5]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint32", "int64", "uint64"])
def test_integer_ids_come_back(dtype: str) -> None:
    items = np.array([3, 1, 2, 1], dtype)
    data = s3rec.Dataset.from_events(user=np.array([9, 9, 4, 9], dtype), item=items)
    assert data.history(9).tolist() == [3, 1, 1] and data.history(9).dtype == np.int64
    assert data.user_names is not None and data.user_names.names().tolist() == [9, 4]


def test_large_and_negative_integers() -> None:
    ids = [-2**63, 2**63 - 1, 0, -1]
    data = s3rec.Dataset.from_events(user=[1] * 4, item=ids)
    assert data.history(1).tolist() == ids
    with pytest.raises(s3rec.FormatError, match=r"item\[1\]"):
        s3rec.Dataset.from_events(user=[1, 1], item=np.array([1, 2**64 - 1], np.uint64))
    with pytest.raises(s3rec.FormatError, match=r"item\[0\]"):
        s3rec.Dataset.from_events(user=[1, 1], item=[2**70, 1])


@pytest.mark.parametrize("times", [
    [3, 2, 1], [3.0, 2.0, 1.0], [0.3, 0.2, 0.1],
    [datetime.datetime(2024, 1, 3), datetime.datetime(2024, 1, 2), datetime.datetime(2024, 1, 1)],
    [datetime.date(2024, 1, 3), datetime.date(2024, 1, 2), datetime.date(2024, 1, 1)],
    [datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.timezone.utc),
     datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
     datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))],
    np.array(["2024-03", "2024-02", "2024-01"], "datetime64[M]"),
    np.array(["2024-03-01", "2024-02-01", "2024-01-01"], "datetime64[ns]")])
def test_timestamps(times: Any) -> None:
    data = s3rec.Dataset.from_events(user=["u"] * 3, item=["c", "b", "a"], timestamp=times)
    assert data.history("u").tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("times, error", [
    ([1, None, 3], s3rec.FormatError), ([1.0, float("inf"), 3.0], s3rec.FormatError),
    (["2024", "2025", "2026"], TypeError), ([1, 2], s3rec.ArgumentError),
    (np.array(["2024", "NaT", "2025"], "datetime64[s]"), s3rec.FormatError),
    (np.array([2**62, 1, 1], "datetime64[s]"), s3rec.FormatError)])
def test_bad_timestamps(times: Any, error: Any) -> None:
    with pytest.raises(error):
        s3rec.Dataset.from_events(user=["u"] * 3, item=["c", "b", "a"], timestamp=times)


class Hostile:
    """Calls itself an array and is none."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.zeros((2, 2))


@pytest.mark.parametrize("users, error, text", [
    (["a", None], s3rec.FormatError, r"user\[1\] is null"),
    ([1, float("nan")], s3rec.FormatError, r"user\[1\] is null"),
    ([1.5, 2.0], TypeError, "ids are integers or text"), ([b"a", b"b"], TypeError, "bytes"),
    (["a", 1], TypeError, r"user\[1\] is int"), ([True, False], TypeError, "bool"),
    (np.array([True, False]), TypeError, "bool"), (["a", ""], s3rec.FormatError, "index 1"),
    (["a", "b\0c"], s3rec.FormatError, "index 1"), (["a", "\ud800"], s3rec.FormatError, "UTF-8"),
    (["a", "b" * 5000], s3rec.FormatError, "index 1"), ("ab", TypeError, "str"),
    (7, TypeError, "int"), ({"a": 1, "b": 2}, TypeError, "dict"),
    ([["a"], ["b"]], TypeError, "list"), (np.zeros((2, 1), int), s3rec.ArgumentError, "dimen"),
    (Hostile(), s3rec.ArgumentError, "dimensions"),
    (np.array(["2024", "2025"], "datetime64[s]"), TypeError, "time"),
    (["a"], s3rec.ArgumentError, "differ in length")])
def test_bad_ids(users: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        s3rec.Dataset.from_events(user=users, item=["x", "y"])


def test_nulls_of_frames_have_their_row() -> None:
    pl = pytest.importorskip("polars")
    pd = pytest.importorskip("pandas")
    users = ["a", "b", None, "c"]
    for column in (pl.Series(users), pd.Series(users), pd.Series(users, dtype="object"),
                   pd.Series([1, 2, None, 3], dtype="Int64"), pl.Series([1, 2, None, 3])):
        with pytest.raises(s3rec.FormatError, match=r"user\[2\] is null"):
            s3rec.Dataset.from_events(user=column, item=[1, 2, 3, 4])


def test_usual_and_given_names() -> None:
    table = {"userId": [1, 1], "movie_id": [5, 6], "Rating": [3.0, 4.0], "when": [2, 1]}
    data = s3rec.Dataset.from_events(table, timestamp="when", min_value=0.5)
    assert data.history(1).tolist() == [6, 5]
    with pytest.raises(s3rec.NotFoundError, match="'who'"):
        s3rec.Dataset.from_events(table, user="who")
    with pytest.raises(s3rec.NotFoundError, match="usual name of the item"):
        s3rec.Dataset.from_events({"user": [1], "thing": [2]})
    with pytest.raises(TypeError, match="no data frame"):
        s3rec.Dataset.from_events(42)


def test_what_is_left_out() -> None:
    data = s3rec.Dataset.from_events(
        user=["a"] * 5 + ["b"] * 4 + ["c"], item=["x", "x", "y", "z", "y", "x", "y", "z", "q", "x"],
        value=[5, 5, 5, 5, 5, 5, 5, 5, 1, 5], min_value=2, repeats="drop", min_user_events=2,
        min_item_events=2, max_length=2)
    assert data.report is not None
    report = data.report
    assert (report.event_count, report.low_value_count, report.repeat_count) == (10, 1, 2)
    assert (report.core_count, report.cut_count, report.kept_count) == (1, 2, 4)
    assert data.history("a").tolist() == ["y", "z"]
    with pytest.raises(s3rec.FormatError):
        s3rec.Dataset.from_events(user=[1], item=[1], min_user_events=9)
    with pytest.raises(s3rec.ArgumentError, match="repeats is 'some'"):
        s3rec.Dataset.from_events(user=[1], item=[1],
                                  repeats="some")  # type: ignore[arg-type]


def test_names_of_another_dataset_stay() -> None:
    first = s3rec.Dataset.from_events(user=["u"] * 3, item=["a", "b", "c"])
    for names in (first, first.item_names, s3rec.Model.create(first)):
        later = s3rec.Dataset.from_events(user=["v"] * 3, item=["c", "new", "a"],
                                          item_names=names)
        assert later.history("v").tolist() == ["c", "a"]
        assert later.user_items("v").tolist() == [3, 1]
        assert later.report is not None and later.report.unknown_count == 1
    with pytest.raises(s3rec.ArgumentError):
        s3rec.Dataset.from_events(user=["v"], item=["c"], item_names=["a", "b"])


def attribute_words(data: s3rec.Dataset, item: Any) -> list[str]:
    assert data.item_names is not None and data.attribute_names is not None
    numbers = data.item_attributes(data.item_names.find(item))
    return sorted(data.attribute_names.names(numbers).tolist())


def test_attributes() -> None:
    def made(attributes: Any, **options: Any) -> s3rec.Dataset:
        return s3rec.Dataset.from_events(user=["u"] * 3, item=["a", "b", "c"],
                                         attributes=attributes, **options)

    data = made({"a": ["genre=1", "genre=2"], "b": "genre=1", "other": ["genre=9"]})
    assert attribute_words(data, "a") == ["genre=1", "genre=2"]
    assert attribute_words(data, "c") == []
    table = {"item": ["a", "b", "c"], "genre": ["x|y", "x", None], "price": [1.0, 2.5, None],
             "year": [1999, 2000, 2001]}
    data = made(table, attribute_item="item", attribute_separator="|")
    assert attribute_words(data, "a") == ["genre=x", "genre=y", "price=1", "year=1999"]
    assert attribute_words(data, "c") == ["year=2001"]
    data = made(table, attribute_item="item", attribute_columns=["genre"])
    assert attribute_words(data, "a") == ["genre=x|y"]
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"item": ["a", "b"], "genre": [["x", "y"], None], "brand": ["p", "q"]})
    assert attribute_words(made(frame), "a") == ["brand=p", "genre=x", "genre=y"]
    assert attribute_words(made(frame), "b") == ["brand=q"]
    with pytest.raises(s3rec.NotFoundError):
        made(frame, attribute_item="thing")


def test_files(tmp_path: Any) -> None:
    events, films = tmp_path / "ratings.csv", tmp_path / "films.csv.gz"
    events.write_text('userId,movieId,rating,timestamp\nann,"x, y",5,30\nann,z,4,20\n'
                      'bob,z,1,10\nbroken\nbob,"x, y",5,11\n')
    with gzip.open(films, "wt") as file:
        file.write("movieId,genre\nz,Drama|Crime\n")
    with pytest.raises(s3rec.FormatError, match=r"ratings\.csv:5: "):
        s3rec.Dataset.from_files(events)
    data = s3rec.Dataset.from_files([events], films, bad_row_limit=1)
    assert data.history("ann").tolist() == ["z", "x, y"]
    assert attribute_words(data, "z") == ["genre=Crime", "genre=Drama"]
    with s3rec.Events() as table:
        report = table.read(events, bad_row_limit=3)
        assert (report.row_count, report.bad_row_count, report.first_bad_line) == (4, 1, 5)
        table.read_attributes(films)
        table.append(user=["cem"], item=["z"], timestamp=[5], value=[3.0])
        assert s3rec.Dataset.from_events(table, min_value=3.0).user_count == 3
    lines = tmp_path / "plain.dat"
    lines.write_text("1::10::5::100\n1::11::5::90\n")
    assert s3rec.Dataset.from_files(lines).history("1").tolist() == ["11", "10"]
    odd = tmp_path / "odd.txt"
    odd.write_text("100;u;i\n101;u;j\n")
    data = s3rec.Dataset.from_files(odd, format="csv", header="no", delimiter=";", user="2",
                                    item="3", timestamp="1")
    assert data.history("u").tolist() == ["i", "j"]
    with pytest.raises(TypeError, match="user_column"):
        s3rec.Dataset.from_files(odd, user=2)  # type: ignore[arg-type]
    with pytest.raises(s3rec.IoError):
        s3rec.Dataset.from_files(tmp_path / "none.csv")
    with pytest.raises(s3rec.ArgumentError, match="NUL"):
        s3rec.Dataset.from_files("a\0b")
