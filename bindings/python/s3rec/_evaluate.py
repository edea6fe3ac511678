# SPDX-License-Identifier: Apache-2.0
"""Leave-one-out evaluation."""
from __future__ import annotations

import ctypes
import dataclasses
from typing import Optional

import numpy as np
import numpy.typing as npt

from s3rec import _abi
from s3rec._abi import library
from s3rec._dataset import Dataset
from s3rec._errors import check
from s3rec._handle import patiently
from s3rec._model import Model
from s3rec._words import (PROTOCOLS, SEEN, SPLITS, Protocol, Seen, Split, number_of, word_of)


@dataclasses.dataclass(frozen=True)
class Metrics:
    """Means over the evaluated users, with how they were measured.

    hit_rate: by cut-off 1, 5, 10, 20. ndcg: by cut-off 5, 10, 20. mrr: mean reciprocal rank.
    skipped_count: users too short for the split.
    ranks: [users] int64, zero-based rank of each answer, -1 where skipped, 2**63 - 1 where it is
        in the history and left out with it, a miss; None unless asked for.
    """

    split: str
    protocol: str
    seen: str
    user_count: int
    skipped_count: int
    hit_rate: dict[int, float]
    ndcg: dict[int, float]
    mrr: float
    ranks: Optional[npt.NDArray[np.int64]] = dataclasses.field(default=None, compare=False,
                                                               repr=False)


def metrics_of(found: _abi.Metrics, ranks: Optional[npt.NDArray[np.int64]]) -> Metrics:
    """The Python form of the library's metrics."""
    return Metrics(word_of(SPLITS, found.split), word_of(PROTOCOLS, found.protocol),
                   word_of(SEEN, found.seen), found.user_count, found.skipped_count,
                   dict(zip((1, 5, 10, 20), found.hit_rate)), dict(zip((5, 10, 20), found.ndcg)),
                   found.mrr, ranks)


def evaluate(model: Model, dataset: Dataset, *, split: Split = "test",
             protocol: Protocol = "full", seen: Seen = "exclude", ranks: bool = False) -> Metrics:
    """Ranks each user's held-out item, on the context's threads.

    split: "test" (the last item of each user) or "valid" (the one before).
    protocol: among all items ("full") or the dataset's negatives ("sampled").
    seen: items of the history leave the ranking ("exclude"), get score 0 as in the authors' code
        ("zero"), or stay ("include").
    ranks: give the rank of each user's answer, too.

    After Ctrl-C the library finishes the measurement in the background, and nobody gets it.
    """
    now = Model._of(model, "model")._now()
    now.check_names(dataset)
    options, found = _abi.new(_abi.EvaluateOptions), _abi.new(_abi.Metrics)
    options.split = number_of("split", SPLITS, split)
    options.protocol = number_of("protocol", PROTOCOLS, protocol)
    options.seen = number_of("seen", SEEN, seen)
    answer_ranks = np.empty(dataset.user_count, np.int64) if ranks else None
    c_dataset = dataset._live()
    patiently(lambda: check(library.s3rec_evaluate(
        now.pointer, c_dataset, ctypes.byref(options), ctypes.byref(found),
        None if answer_ranks is None else answer_ranks.ctypes.data)))
    return metrics_of(found, answer_ranks)
