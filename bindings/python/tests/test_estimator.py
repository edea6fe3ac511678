# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import s3rec

QUICK: dict[str, Any] = {"pretrain_epochs": 1, "finetune_epochs": 1, "hidden_size": 32,
                         "progress": False}


@pytest.fixture(scope="module")
def table() -> dict[str, Any]:
    rng = np.random.default_rng(2)
    return {"user": [f"u{user}" for user in np.repeat(np.arange(40), 12)],
            "item": [f"i{item}" for item in rng.integers(30, size=480)],
            "timestamp": rng.integers(10**6, size=480)}


def test_fit_and_recommend(table: Any) -> None:
    attributes = {f"i{item}": [f"kind={item % 3}"] for item in range(30)}
    estimator = s3rec.S3Rec(**QUICK).fit(table, attributes=attributes)
    batch = estimator.recommend([["i1", "i2"], ["i3"]], 4)
    assert batch.items.shape == (2, 4) and batch.items[0, 0].startswith("i")
    by_user = estimator.recommend(users=["u1", "u2"], k=4)
    histories = [estimator.dataset_.history(user) for user in ("u1", "u2")]
    assert estimator.recommend(histories, 4).items.tolist() == by_user.items.tolist()
    assert 0 < estimator.score() == estimator.evaluate().ndcg[10] <= 1
    assert estimator.pretrain_history_ is not None and estimator.finetune_history_ is not None
    again = pickle.loads(pickle.dumps(estimator))
    assert again.recommend(histories, 4).items.tolist() == by_user.items.tolist()
    with pytest.raises(s3rec.ArgumentError):
        again.score()


def test_kinds_of_input(table: Any) -> None:
    lists = [[3, 1, 2, 5], [1, 2, 5, 3, 1], [9, 2, 3, 1]] * 5
    fitted = s3rec.S3Rec(**QUICK).fit(lists)
    assert fitted.recommend([[1, 2]], 2).items.dtype == np.int64
    assert fitted.recommend(users=[0], k=1).counts.tolist() == [1]
    renamed = {"who": table["user"], "what": table["item"], "when": table["timestamp"]}
    fitted = s3rec.S3Rec(user="who", item="what", timestamp="when", min_item_events=2,
                         **QUICK).fit(renamed)
    data = s3rec.Dataset.from_events(table)
    other = s3rec.S3Rec(**{**QUICK, "pretrain_epochs": 0}).fit(data)
    assert other.dataset_ is data and other.pretrain_history_ is None
    with pytest.raises(s3rec.ArgumentError):
        s3rec.S3Rec(**QUICK).fit(data, attributes={"i1": "a"})


def test_parameters(table: Any) -> None:
    estimator = s3rec.S3Rec(hidden_size=32)
    params = estimator.get_params()
    assert params["hidden_size"] == 32 and params["recipe"] == "best"
    assert estimator.set_params(seed=7) is estimator and estimator.get_params()["seed"] == 7
    assert repr(estimator) == "S3Rec(hidden_size=32, seed=7)"
    with pytest.raises(ValueError, match="no parameter 'size'"):
        estimator.set_params(size=3)
    with pytest.raises(s3rec.StateError, match="fit"):
        estimator.recommend([[1]])


def test_scikit_learn(table: Any) -> None:
    base = pytest.importorskip("sklearn.base")
    pipeline = pytest.importorskip("sklearn.pipeline")
    validation = pytest.importorskip("sklearn.utils.validation")
    estimator = s3rec.S3Rec(**QUICK, seed=5)
    copy = base.clone(estimator)
    assert copy is not estimator and copy.get_params() == estimator.get_params()
    steps = pipeline.Pipeline([("s3rec", estimator)])
    steps.set_params(s3rec__hidden_size=16)
    steps.fit(table)
    assert estimator.model_.hidden_size == 16
    validation.check_is_fitted(estimator)
    assert not hasattr(base.clone(estimator), "model_")


def test_scores_of_other_data(sequences: Any) -> None:
    """Data frames, as scikit-learn's splitters give them; and recommendations after pickling."""
    rows = {"user": np.repeat(np.arange(len(sequences)), [len(row) for row in sequences]),
            "item": np.concatenate(sequences).astype(np.int64)}
    fitted = s3rec.S3Rec(hidden_size=16, pretrain_epochs=0, finetune_epochs=1).fit(rows)
    assert 0 < fitted.score(rows) <= 1
    assert fitted.score(rows) == fitted.score(fitted.dataset_) == fitted.score()
    again = pickle.loads(pickle.dumps(fitted))
    assert again.recommend(users=[3], dataset=fitted.dataset_).items.tolist() == fitted.recommend(
        users=[3]).items.tolist()
