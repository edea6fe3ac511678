# SPDX-License-Identifier: Apache-2.0
"""The front door: serving, filters, similar items, exchange, training in one call."""
from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import s3rec


@pytest.fixture()
def named_popular(named_model: s3rec.Model, named: s3rec.Dataset) -> s3rec.Model:
    named_model.set_popularity(named)
    return named_model


def test_the_same_as_the_model(model: s3rec.Model, sequences: Any, tmp_path: Any) -> None:
    path = tmp_path / "a.model"
    model.save(path)
    for served in (s3rec.Recommender(model), s3rec.Recommender.open(path),
                   s3rec.Recommender.open(path, copy=True, scan="f32")):
        many = served.recommend_many(sequences, 5)
        for row, answer in zip(sequences, many):
            expected = model.recommend(row, 5)
            assert answer.items.tolist() == expected.items.tolist() and answer.source == "model"
            np.testing.assert_array_equal(answer.scores, expected.scores)
            assert served.recommend(row, 5).items.tolist() == answer.items.tolist()
        assert served.model.fingerprint == model.fingerprint
        pair = (np.concatenate(sequences), np.cumsum([0] + [len(row) for row in sequences]))
        assert [one.items.tolist() for one in served.recommend_many(pair, 5)] == [
            one.items.tolist() for one in many]
        assert served.recommend_many([], 3) == []
    with pytest.raises(s3rec.IoError):
        s3rec.Recommender.open(tmp_path / "none")


def test_names_filters_and_popularity(named_popular: s3rec.Model) -> None:
    served = s3rec.Recommender(named_popular)
    answer = served.recommend(["film 1", "film 2", "unheard of", "x\0y", "\ud800"], 4)
    assert answer.items.tolist() == named_popular.recommend(
        ["film 1", "film 2"], 4).items.tolist()
    assert answer.unknown_count == 3 and answer.model_number == 1
    best = answer.items[0]
    deny, only = served.filter(deny=[best]), served.filter(allow=["film 5", best])
    assert best not in served.recommend(["film 1"], 60, filter=deny).items
    assert set(served.recommend(["film 1"], 60, filter=only).items) == {"film 5", best}
    both = served.recommend_many([["film 1"]] * 2, 60, filter=only, filters=[deny, None])
    assert [len(one.items) for one in both] == [1, 2]
    popular = served.recommend([], 3)
    counts = named_popular.popularity
    names = named_popular.item_names
    assert popular.source == "popular" and counts is not None and names is not None
    assert [counts[names.find(item)] for item in popular.items] == sorted(counts)[:-4:-1]
    named_popular.set_popularity(None)
    assert named_popular.popularity is None
    assert s3rec.Recommender(named_popular).recommend([], 3).source == "none"
    for bad in (lambda: served.recommend("film 1"), lambda: served.recommend(["film 1"], 0),
                lambda: served.recommend([1.5]), lambda: served.recommend_many([["film 1"]],
                                                                               filters=[]),
                lambda: served.recommend(["film 1"], filter=served)):  # type: ignore[arg-type]
        with pytest.raises((s3rec.Error, TypeError)):
            bad()


def test_integer_names(model: s3rec.Model) -> None:
    model.set_names(s3rec.Vocabulary(np.arange(1000, 1060), 1))
    answer = s3rec.Recommender(model).recommend([1001, 1002], 3)
    assert answer.items.tolist() == model.recommend([1001, 1002], 3).items.tolist()
    raw = s3rec.Recommender(model).recommend([2, 3], 3, raw_ids=True)
    assert raw.items.tolist() == [item - 999 for item in answer.items.tolist()]


def test_similar_items(model: s3rec.Model) -> None:
    vectors = model.item_vectors()
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    closeness = unit @ unit[6]
    closeness[6] = -2
    answer = s3rec.Recommender(model).similar([7], 3)
    assert answer.items.tolist() == (1 + np.argsort(-closeness)[:3]).tolist()
    np.testing.assert_allclose(answer.scores, np.sort(closeness)[::-1][:3], atol=1e-5)


def test_exchange_under_load(named_popular: s3rec.Model, named: s3rec.Dataset, tmp_path: Any
                             ) -> None:
    served, path = s3rec.Recommender(named_popular), tmp_path / "next.model"
    better = s3rec.finetune(named_popular, named, epochs=1)
    better.save(path)
    numbers: list[int] = []
    stop: list[int] = []

    def ask() -> None:
        while not stop:
            numbers.append(served.recommend(["film 1", "film 2"], 3).model_number)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    served.exchange(path)
    served.exchange(named_popular, dataset=named)
    with pytest.raises(s3rec.MismatchError):
        served.exchange(path, dataset=named, least_ndcg10=1.0)
    stop.append(1)
    for thread in threads:
        thread.join()
    assert set(numbers) <= {1, 2, 3}
    found = served.statistics
    assert found.model_number == 3 and found.refused_exchange_count == 1
    assert found.call_count == len(numbers) == sum(found.latency) == found.user_count
    assert 0 < found.median <= found.p99 and found.memory > 0
    served.close()
    with pytest.raises(s3rec.StateError):
        served.recommend(["film 1"])


def test_training_in_one_call(named: s3rec.Dataset, tmp_path: Any) -> None:
    stages = []
    model, metrics = s3rec.train(named, pretrain_epochs=1, finetune_epochs=2,
                                 callback=lambda at: stages.append((at.stage, at.epoch)))
    assert {stage for stage, _ in stages} == {"pretrain", "finetune"}
    assert metrics.split == "test" and s3rec.evaluate(model, named) == metrics
    assert model.item_names is not None and model.popularity is not None
    early, _ = s3rec.train(named, pretrain_epochs=0, finetune_epochs=50,
                           callback=lambda at: at.epoch == 2)
    assert early.config == model.config

    class Enough(Exception):
        pass

    def stop(at: s3rec.Progress) -> None:
        raise Enough

    with pytest.raises(Enough):
        s3rec.train(named, callback=stop)
    path = tmp_path / "events.csv"
    path.write_text("user,item\n" + "".join(
        f"u{user},i{(user * 7 + step) % 9}\n" for user in range(9) for step in range(6)))
    model, _ = s3rec.train(events=path, finetune_epochs=1, seed=1)
    assert len(model.recommend(["i1", "i2"], 3).items) == 3
    for bad in ({}, {"events": tmp_path / "none"}, {"events": path, "time_budget": -1},
                {"events": path, "finetune_epochs": 2**40}):
        with pytest.raises(s3rec.Error):
            s3rec.train(**bad)
