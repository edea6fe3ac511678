# SPDX-License-Identifier: Apache-2.0
"""Nonsense in every place: an exception, never the end of the interpreter."""
from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies

import s3rec
from s3rec import _arrow

ACCEPTED = (s3rec.Error, TypeError, ValueError, OverflowError)

scalars = (strategies.none() | strategies.booleans() | strategies.integers()
           | strategies.floats() | strategies.text(max_size=5) | strategies.binary(max_size=3))
values = strategies.recursive(
    scalars, lambda inner: strategies.lists(inner, max_size=4)
    | strategies.tuples(inner, inner) | strategies.dictionaries(
        strategies.text(max_size=3), inner, max_size=2), max_leaves=6)
arrays = strategies.builds(
    lambda numbers, dtype: np.array(numbers).astype(dtype),
    strategies.lists(strategies.integers(-9, 300), max_size=6),
    strategies.sampled_from(["i1", "u8", "i4", ">i4", "f2", "O", "U3", "S2", "?", "M8[s]"]))
anything = values | arrays | arrays.map(lambda array: array[::-2]) | arrays.map(
    lambda array: array.reshape(1, -1))
quick = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))

PLAIN = s3rec.Model.create(item_size=20, hidden_size=4)
NAMED = PLAIN.clone()
NAMED.set_names(s3rec.Vocabulary([f"n{number}" for number in range(18)], 1))


@quick
@given(anything, anything, anything, strategies.integers(-3, 2**70))
def test_recommend(history: Any, exclude: Any, candidates: Any, k: int) -> None:
    for model in (PLAIN, NAMED):
        for call in (model.recommend, model.recommend_batch):
            try:
                call(history, k, exclude=exclude, candidates=candidates)
            except ACCEPTED:
                pass
    assert len(PLAIN.recommend([1, 2], 3).items) == 3


@quick
@given(anything, anything, anything, anything)
def test_events(user: Any, item: Any, timestamp: Any, value: Any) -> None:
    for arguments in ({"user": user, "item": item, "timestamp": timestamp, "value": value},
                      {"data": user}, {"user": ["a"], "item": ["b"], "attributes": item}):
        try:
            s3rec.Dataset.from_events(**arguments)
        except ACCEPTED:
            pass


@quick
@given(anything, anything, anything)
def test_arrays_and_weights(first: Any, second: Any, third: Any) -> None:
    for call in (lambda: s3rec.Dataset.from_arrays(first, second, third),
                 lambda: s3rec.Dataset.from_arrays((first, second)),
                 lambda: PLAIN.clone().set_parameter("LayerNorm.bias", first),
                 lambda: s3rec.Vocabulary(first, 1), lambda: NAMED.item_vectors(first),
                 lambda: PLAIN.score_all(first), lambda: PLAIN.user_vectors(first)):
        try:
            call()
        except (*ACCEPTED, AttributeError, KeyError):
            pass


@pytest.mark.parametrize("capsule", [None, 5, object(), (1, 2), ("a", "b"), []])
def test_capsules_that_are_none(capsule: Any) -> None:
    class Source:
        def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
            return capsule

    class Pair:
        def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
            return capsule

    for source in (Source(), Pair()):
        with pytest.raises((TypeError, ValueError)):
            s3rec.Dataset.from_events(user=source, item=["a"])


def test_an_arrow_stream_is_read_once() -> None:
    pa = pytest.importorskip("pyarrow")

    class Once:
        capsule = pa.array(["a", "b"]).__arrow_c_array__()

        def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
            return self.capsule

    assert s3rec.Dataset.from_events(user=Once(), item=["a", "b"]).user_count == 2


@pytest.mark.parametrize("offsets", [[0, 5, 3], [-1, 0, 1], [4, 2, 1]])
def test_offsets_that_fall(offsets: list[int]) -> None:
    buffers = (ctypes.c_void_p * 3)()
    numbers = np.array(offsets, np.int32)
    text = np.zeros(16, np.uint8)
    buffers[1], buffers[2] = numbers.ctypes.data, text.ctypes.data
    schema, array = _arrow._Schema(), _arrow._Array()
    schema.format = b"u"
    array.length, array.n_buffers = 2, 3
    array.buffers = ctypes.cast(buffers, ctypes.POINTER(ctypes.c_void_p))
    with pytest.raises(TypeError, match="offsets"):
        _arrow._Reader(schema, array, None).column()


@pytest.mark.parametrize("type_name, values", [
    ("bool_", [True]), ("date32", None), ("decimal128", None), ("binary", [b"a"]),
    ("float64", [1.0]), ("null", [None]), ("duration", None), ("struct", None), ("list_", None)])
def test_arrow_types_that_are_no_ids(type_name: str, values: Any) -> None:
    pa = pytest.importorskip("pyarrow")
    kinds = {"decimal128": pa.decimal128(5, 2), "duration": pa.duration("s"),
             "struct": pa.struct([("a", pa.int64())]), "list_": pa.list_(pa.int64())}
    examples = {"date32": [1], "decimal128": [1], "duration": [1], "struct": [{"a": 1}],
                "list_": [[1]]}
    kind = kinds[type_name] if type_name in kinds else getattr(pa, type_name)()
    column = pa.array(values if values is not None else examples[type_name], kind)
    with pytest.raises((TypeError, s3rec.FormatError)):
        s3rec.Dataset.from_events(user=column, item=["a"])
