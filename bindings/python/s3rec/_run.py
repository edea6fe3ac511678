# SPDX-License-Identifier: Apache-2.0
"""Training: whole stages by recipe, step by step or in one call."""
from __future__ import annotations

import ctypes
import dataclasses
import os
from typing import Any, Callable, Iterator, Optional, Sequence, Union

from s3rec import _abi
from s3rec._abi import library
from s3rec._dataset import Dataset
from s3rec._errors import ArgumentError, Error, StateError, check
from s3rec._evaluate import Metrics, metrics_of
from s3rec._handle import Lone, PathLike, Pointer, patiently, path_bytes
from s3rec._model import Model, copy_of
from s3rec._options import (RUN_FIELDS, TrainingOptions, Unpack, check_options,
                            has_sampler_options, has_trainer_options, sampler_options,
                            trainer_options)
from s3rec._progress import bar_for
from s3rec._words import (PROTOCOLS, RECIPES, REFITS, RUN_EVENTS, STAGES, Protocol, Recipe, Refit,
                          Stage, assign, number_of, seed_number, whole, word_of)


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where a run is (s3rec_run_progress).

    event: "step", or "epoch" for the last step of one. refit: in the training anew on more data.
    epoch, step: from 1. loss: mean of the epoch so far. aap, mip, map, sp: pretraining's parts.
    valid_value, best_value, best_epoch: fine-tuning, what the best epoch is chosen by.
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


@dataclasses.dataclass(frozen=True)
class History:
    """What a training run did.

    epochs: the last `Progress` of each, those of the refit behind the others.
    valid: metrics of the valid split after the last epoch measured; None in pretraining.
    """

    epochs: list[Progress]
    valid: Optional[Metrics]

    @property
    def best_epoch(self) -> int:
        """Fine-tuning: the epoch whose weights were best on the valid split; 0 without."""
        return self.epochs[-1].best_epoch if self.epochs else 0


Callback = Callable[[Progress], object]
Callbacks = Union[None, Callback, Sequence[Callback]]


class Run(Lone):
    """One stage of training, a step at a time: iterate over it, then `finish()`.

    A copy of the model is trained; the model itself is never written. `save` and `load` between
    steps. One thread at a time; another one gets StateError.

    recipe: "best" or "paper". epochs: at most so many; None: the recipe's.
    patience: fine-tuning, epochs without improvement before it ends.
    refit: fine-tuning, "none", or train anew on the "valid" items too or on "all".
    protocol: what the best epoch is chosen by: "full" NDCG@20 or "sampled" MRR.
    options: see TrainingOptions.
    """

    def __init__(self, model: Model, dataset: Dataset, stage: Stage, *, recipe: Recipe = "best",
                 epochs: Optional[int] = None, patience: Optional[int] = None,
                 refit: Optional[Refit] = None, protocol: Protocol = "full", seed: int = 42,
                 **options: Unpack[TrainingOptions]) -> None:
        now = Model._of(model, "model")._now()
        now.check_names(dataset)
        self.stage, self._context, self._done = stage, model._context, False
        c_stage, c_recipe = number_of("stage", STAGES, stage), number_of("recipe", RECIPES, recipe)
        wanted = _abi.new(_abi.RunOptions, c_stage)
        wanted.recipe, wanted.seed = c_recipe, seed_number(seed)
        wanted.protocol = number_of("protocol", PROTOCOLS, protocol)
        for name, count in (("epochs", epochs), ("patience", patience)):
            if count is not None:
                setattr(wanted, name, whole(name, count, 1, 2**31 - 1))
        for name in RUN_FIELDS:
            share: Any = options.get(name)
            if share is not None:
                if not 0 <= share <= 0.99:  # below 0 would be the recipe's
                    raise ArgumentError(f"{name} is {share}, must be 0..0.99")
                assign(wanted, name, share)
        if refit is not None:
            wanted.held_out_count = number_of("refit", REFITS, refit)
        check_options(options)
        sampler = (sampler_options(stage, recipe, options) if has_sampler_options(options)
                   else None)
        trainer = (trainer_options(stage, recipe, options) if has_trainer_options(options)
                   else None)
        wanted.own_schedule = int(options.get("warmup_steps") is not None
                                  or options.get("decay_steps") is not None)
        wanted.sampler = None if sampler is None else ctypes.addressof(sampler)
        wanted.trainer = None if trainer is None else ctypes.addressof(trainer)
        self._trained = copy_of(now.pointer)
        pointer = Pointer(library.s3rec_run_destroy, threads=self._context.threads > 1)
        check(library.s3rec_run_create(self._trained, dataset._live(), ctypes.byref(wanted),
                                       ctypes.byref(pointer)))
        self._own(pointer)

    def __iter__(self) -> Iterator[Progress]:
        return self

    def __next__(self) -> Progress:
        """Does one step."""
        at = _abi.new(_abi.RunProgress)
        check(self._alone(library.s3rec_run_step, ctypes.byref(at)))
        if at.event == RUN_EVENTS["done"]:
            self._done = True
            raise StopIteration
        return Progress(
            self.stage, word_of(RUN_EVENTS, at.event), bool(at.refit), at.epoch, at.epochs,
            at.step, at.steps, at.loss, at.aap, at.mip, at.map, at.sp, at.sequence_count,
            at.target_count, at.valid_value, at.best_value, at.best_epoch)

    def finish(self) -> Model:
        """The trained model, once the iteration has ended."""
        self._live()
        if not self._done:
            raise StateError("the run has not ended: iterate over it first")
        return Model._made(copy_of(self._trained), self._context)

    def valid_metrics(self) -> Metrics:
        """Metrics of the valid split after the last epoch measured; NotFoundError before."""
        found = _abi.new(_abi.Metrics)
        check(self._alone(library.s3rec_run_valid_metrics, ctypes.byref(found)))
        return metrics_of(found, None)

    def save(self, path: PathLike) -> None:
        """Saves all that the run needs to go on bit by bit as if it had not stopped."""
        encoded = path_bytes(path)
        patiently(lambda: check(self._alone(library.s3rec_run_save, encoded)))

    def load(self, path: PathLike) -> None:
        """Puts a saved run into this one, made with the same model, data and options."""
        encoded = path_bytes(path)
        patiently(lambda: check(self._alone(library.s3rec_run_load, encoded)))


def _drive(run: Run, callbacks: Callbacks, progress: Optional[bool], state: Optional[PathLike],
           resume: bool) -> Model:
    called = [] if callbacks is None else (
        [callbacks] if callable(callbacks) else list(callbacks))
    epochs: list[Progress] = []
    if resume:
        if state is None:
            raise ArgumentError("resume needs state=, the file to go on from")
        if os.path.exists(state):
            run.load(state)
    bar = bar_for(run.stage, progress)
    try:
        for at in run:
            if at.event == "epoch":
                epochs.append(at)
                if state is not None:
                    run.save(state)
            bar.show(at)
            for callback in called:
                callback(at)
    except BaseException as error:  # KeyboardInterrupt above all
        if state is not None:
            try:
                run.save(state)
            except Error as reason:
                raise error from reason
        raise
    finally:
        bar.close()
    model = run.finish()
    model.history = History(epochs, run.valid_metrics() if run.stage == "finetune" else None)
    return model


def pretrain(model: Model, dataset: Dataset, *, recipe: Recipe = "best",
             epochs: Optional[int] = None, seed: int = 42, callbacks: Callbacks = None,
             progress: Optional[bool] = None, state: Optional[PathLike] = None,
             resume: bool = False, **options: Unpack[TrainingOptions]) -> Model:
    """A pretrained copy of the model: four self-supervised objectives on items and attributes.

    Its `history` says what was done; the model given stays as it is.
    callbacks: called with a `Progress` after every step; what one raises ends the run.
    progress: a bar (tqdm where it is installed); None: in terminals and notebooks.
    state: a file where the run is saved after every epoch and when it is interrupted;
    resume: go on from there if it exists, with the same model, data and options.

    Ctrl-C raises KeyboardInterrupt after the step under way.
    """
    with Run(model, dataset, "pretrain", recipe=recipe, epochs=epochs, seed=seed,
             **options) as run:
        return _drive(run, callbacks, progress, state, resume)


def finetune(model: Model, dataset: Dataset, *, recipe: Recipe = "best",
             epochs: Optional[int] = None, patience: Optional[int] = None,
             refit: Optional[Refit] = None, protocol: Protocol = "full", seed: int = 42,
             callbacks: Callbacks = None, progress: Optional[bool] = None,
             state: Optional[PathLike] = None, resume: bool = False,
             **options: Unpack[TrainingOptions]) -> Model:
    """A copy of the model that is fine-tuned for next items, with the best epoch's weights.

    patience, refit, protocol: as of `Run`; the others as of `pretrain`.
    """
    with Run(model, dataset, "finetune", recipe=recipe, epochs=epochs, patience=patience,
             refit=refit, protocol=protocol, seed=seed, **options) as run:
        return _drive(run, callbacks, progress, state, resume)
