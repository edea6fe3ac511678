# SPDX-License-Identifier: Apache-2.0
"""Objects that say what they are not: each of these once read or wrote beyond its memory."""
from __future__ import annotations

import copy
import ctypes
import pickle
from typing import Any, Callable

import numpy as np
import pytest

import s3rec
from children import run
from fuzz_values import Pairs, Table, Text, Whole
from s3rec import _arrow


def test_texts_and_numbers() -> None:
    names = s3rec.Vocabulary(["x1", "x2"], 1)
    model = s3rec.Model.create(item_size=4, hidden_size=8)
    model.set_names(names)
    liar = Text("x1")
    assert names.find(liar) == 1
    assert s3rec.Vocabulary([liar, Text("x2")], 1).names().tolist() == ["x1", "x2"]
    assert s3rec.Recommender(model).recommend([liar], k=1).unknown_count == 0
    data = s3rec.Dataset.from_events(user=[liar] * 3, item=["x1", Text("x2"), "x1"])
    assert data.user_names is not None and data.user_names.names().tolist() == ["x1"]
    with pytest.raises(s3rec.ArgumentError):
        s3rec.Context(threads=Whole(2**40))
    with pytest.raises(s3rec.IoError, match="none"):
        s3rec.Model.load(Text("none"))


def test_arrays_and_mappings(model: s3rec.Model) -> None:
    few = np.ones(3, np.int8).view(Table)
    for call in (lambda: model.score_all(few), lambda: model.recommend(few),
                 lambda: s3rec.Dataset.from_arrays([few, few])):
        call()
    with pytest.raises(s3rec.Error):
        model.set_parameter("LayerNorm.bias", few)
    with pytest.raises((s3rec.Error, KeyError)):
        s3rec.Batch().set_pretrain(Pairs(), few, 3)


def test_attributes_that_were_set(model: s3rec.Model, dataset: s3rec.Dataset) -> None:
    """The library's sizes count, not those that somebody wrote over them."""
    users, dataset.user_count = dataset.user_count, 1
    try:
        ranks = s3rec.evaluate(model, dataset, ranks=True).ranks
    finally:
        dataset.user_count = users
    assert ranks is not None and len(ranks) == users
    model.hidden_size = 1
    assert model.encode(np.ones((2, 3), np.int32)).shape == (2, 3, 16)


def test_methods_of_other_classes(model: s3rec.Model, dataset: s3rec.Dataset) -> None:
    trainer, run_ = s3rec.Trainer(model), s3rec.Run(model, dataset, "finetune")
    finish: Any = s3rec.Run.finish
    trainer_class: Any = s3rec.Trainer
    model_class: Any = s3rec.Model
    events_class: Any = s3rec.Events
    dataset_class: Any = s3rec.Dataset
    calls: list[Callable[[], Any]] = [
        lambda: finish(trainer), lambda: trainer_class.step_count.fget(run_),
        lambda: model_class.save(dataset, "none"), lambda: events_class.read(run_, "none"),
        lambda: dataset_class.user_items(model, 0)]
    for call in calls:
        with pytest.raises((TypeError, AttributeError, ctypes.ArgumentError)):
            call()

    both: Any = type("Both", (s3rec.Trainer, s3rec.Run), {})(model)
    with pytest.raises(TypeError):
        s3rec.Run.finish(both)


def test_handles_are_neither_copied_nor_pickled(model: s3rec.Model, dataset: s3rec.Dataset
                                                ) -> None:
    things: list[Any] = [dataset, s3rec.Events(), s3rec.Batch(), s3rec.Trainer(model),
                         s3rec.Vocabulary(["a"], 1), s3rec.Context(), s3rec.Recommender(model),
                         s3rec.Run(model, dataset, "finetune")]
    for thing in things:
        for copied in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match="neither pickled nor copied"):
                copied(thing)
    for again in (copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert again.fingerprint == model.fingerprint


def test_memory_of_an_arrow_producer_is_kept() -> None:
    """Times of a column that its producer frees as soon as nobody holds it."""
    pa = pytest.importorskip("pyarrow")

    class Fresh:
        def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
            made = pa.array(np.arange(200000)[::-1].copy())
            return pa.chunked_array([made]).__arrow_c_stream__()

    for _ in range(5):
        data = s3rec.Dataset.from_events(user=["u"] * 200000, item=np.arange(200000) % 1000,
                                         timestamp=Fresh())
        assert data.history("u")[:3].tolist() == [999, 998, 997]


def view_column(words: Any, length: int = 1) -> Any:
    """A column of string views over an array of 32-bit words."""
    buffers = (ctypes.c_void_p * 3)()
    buffers[1] = words.ctypes.data
    schema, array = _arrow._Schema(), _arrow._Array()
    schema.format = b"vu"
    array.length, array.n_buffers = length, 3
    array.buffers = ctypes.cast(buffers, ctypes.POINTER(ctypes.c_void_p))
    return _arrow._Reader(schema, array, (buffers, words)).column()


@pytest.mark.parametrize("words, length", [
    ([-5, 0, 0, 0, 9, 0, 0, 0], 2), ([13, 0, 5, 0], 1), ([13, 0, -1, 0], 1), ([2**31 - 1] * 4, 1)])
def test_string_views_that_point_elsewhere(words: Any, length: int) -> None:
    with pytest.raises(TypeError, match="string view"):
        view_column(np.array(words, np.int32), length)


@pytest.mark.parametrize("field, value", [
    ("length", 2**62), ("offset", 2**62), ("length", -1), ("offset", -1), ("n_buffers", 0),
    ("n_buffers", 1), ("buffers", None)])
def test_arrow_arrays_that_lie(field: str, value: Any) -> None:
    buffers = (ctypes.c_void_p * 2)()
    schema, array = _arrow._Schema(), _arrow._Array()
    schema.format = b"l"
    array.length, array.n_buffers = 1, 2
    array.buffers = ctypes.cast(buffers, ctypes.POINTER(ctypes.c_void_p))
    setattr(array, field, value)
    with pytest.raises((TypeError, ValueError)):
        _arrow._Reader(schema, array, None).column()
    with pytest.raises((TypeError, ValueError)):  # NULL for values and for children
        _arrow._Reader(schema, array, None).pick("a")


def test_one_stream_for_many_readers() -> None:
    pa = pytest.importorskip("pyarrow")

    class Again:
        capsule = pa.table({"a": ["x"] * 1000}).__arrow_c_stream__()

        def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
            return self.capsule

    source = Again()
    assert len(_arrow.column_of(source, "a") or []) == 1000
    assert len(_arrow.column_of(source, "a") or []) == 0  # read to its end, not freed twice


def test_arrays_that_are_written_into() -> None:
    """Another thread writes into every array that a call gets."""
    run("""
rng = np.random.default_rng(0)
items = rng.integers(1, 60, 4000).astype(np.int32)
offsets = np.arange(0, 4001, 8, dtype=np.int64)
users, wide = rng.integers(0, 50, 4000), rng.integers(1, 60, 4000)
times, values = rng.integers(0, 1000, 4000), rng.random(4000)
table = rng.integers(1, 60, (8, 50)).astype(np.int32)
negatives = rng.integers(1, 60, (500, 9)).astype(np.int32)
parameter = np.zeros(16, np.float32)
counts = np.ones(model.item_size, np.int32)
arrays = [items, offsets, users, wide, times, values, table, negatives, parameter, counts]
good = [array.copy() for array in arrays]
stop = []
def spoil():
    draw = np.random.default_rng(1)
    while not stop:
        at = draw.integers(len(arrays))
        arrays[at].reshape(-1)[:] = draw.choice([2**31 - 1, 0, 1, -1, 2**20])
        arrays[at].reshape(-1)[1:] = good[at].reshape(-1)[1:]
thread = threading.Thread(target=spoil)
thread.start()
batch, recommender = s3rec.Batch(), s3rec.Recommender(model)
calls = (
    lambda: model.recommend(items, raw_ids=True),
    lambda: model.recommend(items, exclude=wide[:9], candidates=items[:50], raw_ids=True),
    lambda: model.recommend_batch((items, offsets), raw_ids=True),
    lambda: model.user_vectors((items[:80], offsets[:11]), raw_ids=True),
    lambda: recommender.recommend_many((items, offsets), raw_ids=True),
    lambda: recommender.filter(allow=items, deny=wide, raw_ids=True),
    lambda: s3rec.Dataset.from_arrays((items, offsets), negatives=negatives),
    lambda: s3rec.Dataset.from_events(user=users, item=wide, timestamp=times, value=values),
    lambda: s3rec.Vocabulary(users, 0), lambda: data.item_names.find_many(users),
    lambda: batch.set_finetune(table, table), lambda: model.encode(table),
    lambda: model.set_parameter("LayerNorm.bias", parameter),
    lambda: model.set_popularity(counts), lambda: model.item_vectors(items, raw_ids=True))
ended = 0
for number in range(600):
    try:
        calls[number % len(calls)]()
        ended += 1
    except (s3rec.Error, TypeError, ValueError, IndexError):
        pass
stop.append(1)
thread.join()
assert ended > 50, ended
model.recommend(["x1"], k=3)
""")
