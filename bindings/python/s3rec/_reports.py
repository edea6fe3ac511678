# SPDX-License-Identifier: Apache-2.0
"""What training and evaluation report: progress, histories, metrics."""
from __future__ import annotations

import dataclasses
from typing import Optional

import numpy as np
import numpy.typing as npt

from s3rec import _structs
from s3rec._words import PROTOCOLS, RUN_EVENTS, SEEN, SPLITS, word_of


@dataclasses.dataclass(frozen=True)
class Metrics:
    """Means over the evaluated users, with how they were measured.

    hit_rate: by cut-off 1, 5, 10, 20. ndcg: by cut-off 5, 10, 20. mrr: mean reciprocal rank.
    skipped_count: users whose sequence is too short for the split.
    ranks: [users] int64, the rank of each user's answer, from 0. It is -1 for a skipped user, and
        2**63 - 1 (a miss) where the answer is also in the history and left out with it. None unless
        asked for.
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


def metrics_of(found: _structs.Metrics, ranks: Optional[npt.NDArray[np.int64]]) -> Metrics:
    """The Python form of the library's metrics."""
    return Metrics(word_of(SPLITS, found.split), word_of(PROTOCOLS, found.protocol),
                   word_of(SEEN, found.seen), found.user_count, found.skipped_count,
                   dict(zip((1, 5, 10, 20), found.hit_rate)), dict(zip((5, 10, 20), found.ndcg)),
                   found.mrr, ranks)


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where a run is (s3rec_run_progress).

    event: "step", or "epoch" for the last step of an epoch.
    refit: whether this is the refit, the second training on more data; its epochs count from 1.
    epoch, step: from 1. epochs: at most so many. steps: of an epoch.
    loss: mean of the epoch so far. aap, mip, map, sp: the parts of the pretraining loss.
    valid_value: fine-tuning, "epoch": the metric that the best epoch is chosen by.
    best_value, best_epoch: the best one so far; 0 before the first.
    last: the selection, or the refit, ends with this epoch.
    selection_epochs: epochs before the refit that are done.
    sequence_count, target_count, token_count: of the epoch so far.
    """

    stage: str
    event: str
    refit: bool
    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    aap: float
    mip: float
    map: float
    sp: float
    sequence_count: int
    target_count: int
    valid_value: float
    best_value: float
    best_epoch: int
    last: bool
    token_count: int
    selection_epochs: int


@dataclasses.dataclass(frozen=True)
class History:
    """What a training run did.

    epochs: the last `Progress` of each epoch; the epochs of the refit come last.
    valid: metrics of the valid split after the last epoch that was measured; None in pretraining.
    """

    epochs: list[Progress]
    valid: Optional[Metrics]

    @property
    def best_epoch(self) -> int:
        """Fine-tuning: the epoch whose weights were best on the valid split; 0 if there is none."""
        return self.epochs[-1].best_epoch if self.epochs else 0


def progress_of(stage: str, at: _structs.RunProgress) -> Progress:
    """The Python form of the library's progress."""
    return Progress(
        stage, word_of(RUN_EVENTS, at.event), bool(at.refit), at.epoch, at.epochs, at.step,
        at.steps, at.loss, at.aap, at.mip, at.map, at.sp, at.sequence_count, at.target_count,
        at.valid_value, at.best_value, at.best_epoch, bool(at.last), at.token_count,
        at.selection_epochs)
