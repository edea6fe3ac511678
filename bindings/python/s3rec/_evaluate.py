# SPDX-License-Identifier: Apache-2.0
"""Leave-one-out evaluation."""
from __future__ import annotations

import ctypes

import numpy as np

from s3rec import _abi, _structs
from s3rec._abi import library
from s3rec._dataset import Dataset, info_of
from s3rec._errors import check
from s3rec._handle import patiently
from s3rec._model import Model
from s3rec._reports import Metrics, metrics_of
from s3rec._words import PROTOCOLS, SEEN, SPLITS, Protocol, Seen, Split, number_of


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
    options, found = _abi.new(_structs.EvaluateOptions), _abi.new(_structs.Metrics)
    options.split = number_of("split", SPLITS, split)
    options.protocol = number_of("protocol", PROTOCOLS, protocol)
    options.seen = number_of("seen", SEEN, seen)
    c_dataset = dataset._live()
    answer_ranks = np.empty(info_of(c_dataset).user_count, np.int64) if ranks else None
    patiently(lambda: check(library.s3rec_evaluate(
        now.pointer, c_dataset, ctypes.byref(options), ctypes.byref(found),
        None if answer_ranks is None else answer_ranks.ctypes.data)))
    return metrics_of(found, answer_ranks)
