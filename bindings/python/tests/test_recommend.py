# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import s3rec

HISTORY = [3, 14, 15, 9]


def test_scores_are_products_of_vectors(model: s3rec.Model) -> None:
    items, scores = model.recommend(HISTORY, 5)
    assert items.dtype == np.int32 and scores.dtype == np.float32
    vectors = model.user_vectors([HISTORY])
    assert vectors.shape == (1, 16)
    expected = model.item_vectors() @ vectors[0]
    assert expected.shape == (model.item_size - 2,)
    everything = model.score_all(HISTORY)
    np.testing.assert_allclose(everything[1:-1], expected, rtol=1e-5, atol=1e-6)
    expected[np.array(HISTORY) - 1] = -np.inf
    assert items.tolist() == (np.argsort(-expected, kind="stable")[:5] + 1).tolist()
    np.testing.assert_array_equal(scores, everything[items])
    np.testing.assert_array_equal(model.item_vectors([2, 5]), model.item_vectors()[[1, 4]])
    with pytest.raises(s3rec.NotFoundError, match=r"items\[1\]"):
        model.item_vectors([2, 500])


def test_any_kind_of_history_gives_the_same(model: s3rec.Model, dataset: s3rec.Dataset) -> None:
    expected = model.recommend(np.array(HISTORY, np.int32), 7)
    strided = np.zeros((4, 2), np.int32)
    strided[:, 0] = HISTORY
    for history in (HISTORY, tuple(HISTORY), np.array(HISTORY), np.array(HISTORY, np.uint8),
                    iter(HISTORY), strided[:, 0], [np.int64(item) for item in HISTORY]):
        items, scores = model.recommend(history, 7)
        assert items.tolist() == expected.items.tolist()
        np.testing.assert_array_equal(scores, expected.scores)
    by_user = model.recommend(user=4, dataset=dataset, k=7)
    by_items = model.recommend(dataset.user_items(4), 7)
    assert by_user.items.tolist() == by_items.items.tolist()


def test_filters(model: s3rec.Model) -> None:
    everything = model.recommend(HISTORY, 1000).items.tolist()
    assert len(everything) == model.item_size - 2 - len(HISTORY)
    assert not set(HISTORY) & set(everything)
    best = everything[:3]
    assert model.recommend(HISTORY, 3, exclude=best).items.tolist() == everything[3:6]
    assert model.recommend(HISTORY, 9, candidates=best[::-1]).items.tolist() == best
    assert model.recommend(HISTORY, 9, candidates=np.array([], np.int32)).items.tolist() == []
    assert set(HISTORY) <= set(model.recommend(HISTORY, 1000, include_history=True).items.tolist())
    # The options of one call do not stay for the next.
    assert model.recommend(HISTORY, 3).items.tolist() == best
    assert model.recommend_batch([HISTORY], 3).items.tolist() == [best]


def test_unknown_items_are_passed_over(model: s3rec.Model) -> None:
    expected = model.recommend(HISTORY, 4).items.tolist()
    strange = [-5, *HISTORY, 0, 10**6, 2**40, -2**60]
    assert model.recommend(strange, 4, exclude=[2**50]).items.tolist() == expected
    assert model.recommend([10**6], 4).items.tolist() == []
    assert model.recommend([], 4).items.tolist() == []
    assert model.recommend(np.zeros(0, np.int32), 4).scores.shape == (0,)
    with pytest.raises(s3rec.ArgumentError):
        model.score_all([])


def test_long_histories_and_large_k(model: s3rec.Model) -> None:
    long = np.resize(np.arange(1, 40, dtype=np.int32), 100_000)
    assert len(model.recommend(long, 2**62).items) == model.item_size - 2 - 39
    assert model.recommend(long, 3).items.tolist() == model.recommend(
        np.concatenate([np.arange(1, 40), long[-60:]]), 3).items.tolist()


@pytest.mark.parametrize("call, error", [
    (lambda model: model.recommend("abc"), TypeError),
    (lambda model: model.recommend(["a"]), TypeError),
    (lambda model: model.recommend([1.5]), TypeError),
    (lambda model: model.recommend([None, 1]), s3rec.FormatError),
    (lambda model: model.recommend([1], 0), s3rec.ArgumentError),
    (lambda model: model.recommend([1], -1), s3rec.ArgumentError),
    (lambda model: model.recommend([1], 2.5), TypeError),
    (lambda model: model.recommend(), s3rec.ArgumentError),
    (lambda model: model.recommend([1], user=1), s3rec.ArgumentError),
    (lambda model: model.recommend(user=1), s3rec.ArgumentError),
    (lambda model: model.recommend(5), TypeError),
    (lambda model: model.recommend(np.zeros((2, 2), np.int32)), s3rec.ArgumentError),
    (lambda model: model.recommend_batch("abc"), TypeError),
    (lambda model: model.recommend_batch(["abc"]), TypeError),
    (lambda model: model.recommend_batch([[1], ["a"]]), TypeError),
    (lambda model: model.recommend_batch((np.array([1, 2]), np.array([0, 3]))),
     s3rec.ArgumentError),
    (lambda model: model.recommend_batch((np.array([1, 2]), np.array([0, 2, 1, 2]))),
     s3rec.ArgumentError),
    (lambda model: model.recommend_batch((np.array([1, 2]), np.array([], np.int64))),
     s3rec.ArgumentError)])
def test_bad_calls(model: s3rec.Model, call: Any, error: Any) -> None:
    with pytest.raises(error):
        call(model)
    assert len(model.recommend(HISTORY, 3).items) == 3


def test_users_of_a_dataset(model: s3rec.Model, dataset: s3rec.Dataset) -> None:
    for user, error in ((10**9, s3rec.NotFoundError), (-1, s3rec.NotFoundError),
                        ("ann", TypeError), (True, TypeError)):
        with pytest.raises(error):
            model.recommend(user=user, dataset=dataset)


def test_batches(model: s3rec.Model, dataset: s3rec.Dataset, sequences: Any) -> None:
    batch = model.recommend_batch(sequences, 6)
    assert batch.items.shape == batch.scores.shape == (len(sequences), 6)
    for row, history in enumerate(sequences[:20]):
        one = model.recommend(history, 6)
        assert batch.items[row].tolist() == one.items.tolist()
        np.testing.assert_array_equal(batch.scores[row], one.scores)
    flat = (np.concatenate(sequences), np.cumsum([0, *map(len, sequences)], dtype=np.int64))
    lists = [row.tolist() for row in sequences]
    for same in (model.recommend_batch(flat, 6), model.recommend_batch(lists, 6),
                 model.recommend_batch(iter(lists), 6),
                 model.recommend_batch(users=range(len(sequences)), dataset=dataset, k=6)):
        np.testing.assert_array_equal(same.items, batch.items)
    empty = model.recommend_batch([[], [1], []], 2)
    assert empty.counts.tolist() == [0, 2, 0] and empty.items[0].tolist() == [0, 0]
    assert model.recommend_batch([], 2).items.shape == (0, 2)
    assert model.user_vectors([]).shape == (0, 16)


def test_batches_of_list_columns(model: s3rec.Model, sequences: Any) -> None:
    expected = model.recommend_batch(sequences, 4).items
    pl = pytest.importorskip("polars")
    pa = pytest.importorskip("pyarrow")
    lists = [row.tolist() for row in sequences]
    for column in (pl.Series(lists), pa.array(lists), pa.chunked_array([lists[:50], lists[50:]]),
                   pa.array([[1], *lists]).slice(1)):
        np.testing.assert_array_equal(model.recommend_batch(column, 4).items, expected)
    with pytest.raises(TypeError, match="lists are needed"):
        model.recommend_batch(pl.Series([1, 2]), 4)


def test_text_ids(named_model: s3rec.Model, named: s3rec.Dataset) -> None:
    history = named.history("user 5")
    items, scores = named_model.recommend(history, 5)
    assert all(isinstance(item, str) and item.startswith("film ") for item in items)
    same = named_model.recommend(user="user 5", dataset=named, k=5)
    assert same.items.tolist() == items.tolist()
    numbers = named_model.recommend(named.user_items("user 5"), 5, raw_ids=True).items
    assert named.item_names is not None
    assert named.item_names.names(numbers).tolist() == items.tolist()
    unknown = named_model.recommend([*history[:1], "no such film", *history[1:]], 5)
    assert unknown.items.tolist() == items.tolist()
    left = named_model.recommend(history, 4, exclude=items[:1]).items.tolist()
    assert left == items[1:].tolist()
    assert named_model.recommend(history, 4, candidates=["film 1", "nothing"],
                                 include_history=True).items.tolist() == ["film 1"]
    batch = named_model.recommend_batch([history, [], ["nothing"]], 5)
    assert batch.items[0].tolist() == items.tolist() and batch.items[1].tolist() == [None] * 5
    with pytest.raises(s3rec.NotFoundError, match="user 5000"):
        named_model.recommend(user="user 5000", dataset=named)
    with pytest.raises(s3rec.ArgumentError, match="integers"):
        named_model.recommend([1, 2])
    np.testing.assert_array_equal(named_model.item_vectors(["film 3"]), named_model.item_vectors(
        [named.item_names.find("film 3")], raw_ids=True))


def test_names_are_saved(named_model: s3rec.Model, named: s3rec.Dataset, tmp_path: Any) -> None:
    path = tmp_path / "named.safetensors"
    named_model.save(path)
    expected = named_model.recommend(["film 1", "film 2"], 5).items.tolist()
    for model in (s3rec.Model.load(path), s3rec.Model.map(path), named_model.clone()):
        assert model.recommend(["film 1", "film 2"], 5).items.tolist() == expected
        assert model.recommend(user="user 1", dataset=named).items.shape == (10,)
        assert model.attribute_names is not None and "genre=1" in model.attribute_names


def test_integer_names(model: s3rec.Model) -> None:
    expected = model.recommend(HISTORY, 5).items
    names = np.arange(model.item_size - 2) * 1000 - 7
    model.set_names(s3rec.Vocabulary(names, 1))
    items = model.recommend(names[np.array(HISTORY) - 1], 5).items
    assert items.dtype == np.int64 and items.tolist() == names[expected - 1].tolist()
    assert model.recommend_batch([[5]], 2).items.tolist() == [[-1, -1]]
    model.set_names(None)
    assert model.recommend(HISTORY, 5).items.tolist() == expected.tolist()
    with pytest.raises(s3rec.MismatchError):
        model.set_names(s3rec.Vocabulary(["a"], 1))


def test_a_dataset_with_other_names_is_refused(named_model: s3rec.Model) -> None:
    other = s3rec.Dataset.from_events(user=["u"] * 4, item=["film 9", "film 1", "film 2", "x"])
    for use in (lambda: named_model.recommend(user="u", dataset=other),
                lambda: s3rec.evaluate(named_model, other),
                lambda: s3rec.finetune(named_model, other)):
        with pytest.raises(s3rec.MismatchError, match="item_names=model"):
            use()


def test_scans_give_the_same(model: s3rec.Model, sequences: Any) -> None:
    expected = model.recommend_batch(sequences, 3)
    for scan in ("f32", "bf16", "int8", "auto"):
        model.scan = scan
        assert model.scan == scan
        found = model.recommend_batch(sequences, 3)
        np.testing.assert_array_equal(found.items, expected.items)
        np.testing.assert_array_equal(found.scores, expected.scores)
    with pytest.raises(s3rec.ArgumentError):
        model.scan = "fp8"  # type: ignore[assignment]


def in_threads(count: int, work: Any) -> None:
    """Runs work(number) in so many threads; the first exception is raised here."""
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:  # shown by the test
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_sixteen_threads_give_what_one_gives(named_model: s3rec.Model, named: s3rec.Dataset
                                             ) -> None:
    users = [f"user {number}" for number in range(named.user_count)]
    expected = [named_model.recommend(user=user, dataset=named, k=8) for user in users]
    barrier = threading.Barrier(16)

    def work(number: int) -> None:
        barrier.wait()
        for step in range(150):
            row = (number * 7 + step) % len(users)
            found = named_model.recommend(user=users[row], dataset=named, k=8)
            assert found.items.tolist() == expected[row].items.tolist()
            assert np.array_equal(found.scores, expected[row].scores)

    in_threads(16, work)


def test_writing_and_closing_among_threads(dataset: s3rec.Dataset) -> None:
    """The model is written, measured and at last closed while others ask it."""
    model = s3rec.Model.create(dataset, hidden_size=16)
    bias = model.parameter("LayerNorm.bias")
    asked = threading.Semaphore(0)

    def work(number: int) -> None:
        if number == 0:
            for step in range(8):
                asked.acquire(timeout=5)
                model.set_parameter("LayerNorm.bias", bias + step)
                s3rec.evaluate(model, dataset)
            model.close()
            return
        while True:
            try:
                assert len(model.recommend(HISTORY, 5).items) == 5
                model.recommend_batch([HISTORY, [1, 2]], 5)
                asked.release()
            except s3rec.StateError:
                if model.closed:
                    return
                raise

    in_threads(8, work)


def test_there_are_as_many_scorers_as_calls_at_once(model: s3rec.Model) -> None:
    for _ in range(3):
        model.recommend(HISTORY, 3)
    assert len(model._now().idle) == 1
    in_threads(8, lambda _: model.recommend(HISTORY, 3))
    assert 1 <= len(model._now().idle) <= 8
    model.set_dropouts(0.1, 0.1)
    assert not model._now().idle
