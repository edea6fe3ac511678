# SPDX-License-Identifier: Apache-2.0
"""Real data and recorded values; skipped where they are not (S3REC_SHARED)."""
from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import s3rec


@pytest.fixture(scope="module")
def lastfm(shared: Any) -> s3rec.Dataset:
    data = shared / "data"
    return s3rec.Dataset.load(data / "LastFM.txt", data / "LastFM_item2attributes.json",
                              data / "LastFM_sample.txt")


@pytest.fixture(scope="module")
def tuned(shared: Any) -> s3rec.Model:
    return s3rec.Model.load(shared / "golden/lastfm_finetuned.safetensors")


def test_recommendations_are_the_recorded_ones(shared: Any, lastfm: s3rec.Dataset,
                                               tuned: s3rec.Model) -> None:
    recorded = read_safetensors(shared / "golden/lastfm_finetuned_top20.safetensors")
    histories = [lastfm.user_items(user)[:-1] for user in range(lastfm.user_count)]
    batch = tuned.recommend_batch(histories, 20)
    np.testing.assert_allclose(batch.scores, recorded["scores"], rtol=2e-5, atol=2e-5)
    assert (batch.items == recorded["ids"]).mean() > 0.999  # equal but for near ties
    np.testing.assert_allclose(tuned.user_vectors(histories), recorded["user_embedding"],
                               rtol=1e-4, atol=2e-5)


def test_metrics_are_the_recorded_ones(shared: Any, lastfm: s3rec.Dataset, tuned: s3rec.Model
                                       ) -> None:
    text = (shared / "golden/lastfm_finetuned_metrics.json").read_text()
    metrics = s3rec.evaluate(tuned, lastfm)
    assert any(abs(value - metrics.ndcg[10]) < 1e-6 for value in numbers_of(json.loads(text)))
    sampled = s3rec.evaluate(tuned, lastfm, protocol="sampled")
    assert any(abs(value - sampled.mrr) < 1e-6 for value in numbers_of(json.loads(text)))


def test_data_as_events_give_the_same_sequences(lastfm: s3rec.Dataset) -> None:
    users = range(lastfm.user_count)
    lengths = [len(lastfm.user_items(user)) for user in users]
    data = s3rec.Dataset.from_events(
        user=np.repeat(np.arange(lastfm.user_count), lengths),
        item=np.concatenate([lastfm.user_items(user) for user in users]))
    for user in users:
        assert data.history(user).tolist() == lastfm.user_items(user).tolist()


def numbers_of(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for inner in value.values() for number in numbers_of(inner)]
    if isinstance(value, list):
        return [number for inner in value for number in numbers_of(inner)]
    return [float(value)] if isinstance(value, (int, float)) else []


def read_safetensors(path: Any) -> dict[str, Any]:
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    types = {"F32": np.float32, "I32": np.int32, "I64": np.int64}
    found = {}
    for name, entry in json.loads(content[8:8 + size]).items():
        if name != "__metadata__":
            start, end = (8 + size + place for place in entry["data_offsets"])
            found[name] = np.frombuffer(content[start:end], types[entry["dtype"]]).reshape(
                entry["shape"])
    return found
