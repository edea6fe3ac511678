# SPDX-License-Identifier: Apache-2.0
"""Training: whole stages by recipe, step by step or in one call."""
from __future__ import annotations

import ctypes
import os
from typing import Any, Callable, Iterator, Optional, Sequence, Union

from s3rec import _abi, _structs
from s3rec._abi import library
from s3rec._context import Context
from s3rec._dataset import Dataset
from s3rec._errors import ArgumentError, Error, check
from s3rec._handle import Lone, PathLike, path_bytes, patiently, pointer_for
from s3rec._model import Model
from s3rec._options import (RUN_FIELDS, TrainingOptions, Unpack, check_options,
                            has_sampler_options, has_trainer_options, sampler_options,
                            trainer_options)
from s3rec._progress import bar_for
from s3rec._reports import History, Metrics, Progress, metrics_of, progress_of
from s3rec._words import (METRICS, PROTOCOLS, RECIPES, REFITS, RUN_EVENTS, SCHEDULES, SEEN, STAGES,
                          Metric, Protocol, Recipe, Refit, Schedule, Seen, Stage, assign,
                          listed, number_of, plain_text, real, seed_number, whole)


Callback = Callable[[Progress], object]
Callbacks = Union[None, Callback, Sequence[Callback]]


class Run(Lone):
    """One stage of training, a step at a time: iterate over it, then `finish()`.

    A copy of the model is trained; the model itself is never written. `finish`, `save` and `load`
    between steps. One thread at a time; another one gets StateError.

    recipe: "best" or "paper". epochs: at most so many; None: the recipe's.
    patience: fine-tuning, epochs without improvement before it ends.
    refit: fine-tuning, "none", or train anew on the "valid" items too or on "all".
    protocol: how the valid split is ranked: "full", or "sampled" among the negatives.
    metric: what the best epoch is chosen by; None: "ndcg-20" with "full", "mrr" with "sampled".
    seen: items of the history in that ranking, as of `evaluate`.
    schedule, warmup_epochs: of the learning rate; None: the recipe's.
    time_budget: seconds of work; None: no limit. The result then depends on the machine's speed.
    options: see TrainingOptions.
    """

    def __init__(self, model: Model, dataset: Dataset, stage: Stage, *, recipe: Recipe = "best",
                 epochs: Optional[int] = None, patience: Optional[int] = None,
                 refit: Optional[Refit] = None, protocol: Protocol = "full", seed: int = 42,
                 metric: Optional[Metric] = None, seen: Seen = "exclude",
                 schedule: Optional[Schedule] = None, warmup_epochs: Optional[float] = None,
                 time_budget: Optional[float] = None, **options: Unpack[TrainingOptions]) -> None:
        now = Model._of(model, "model")._now()
        now.check_names(dataset)
        self.stage, self._context = stage, model._context
        c_stage, c_recipe = number_of("stage", STAGES, stage), number_of("recipe", RECIPES, recipe)
        wanted = _abi.new(_structs.RunOptions, c_stage)
        wanted.recipe, wanted.seed = c_recipe, seed_number(seed)
        wanted.protocol = number_of("protocol", PROTOCOLS, protocol)
        for name, count in (("epochs", epochs), ("patience", patience)):
            if count is not None:
                setattr(wanted, name, whole(name, count, 1, 2**31 - 1))
        for name in RUN_FIELDS:
            share: Any = options.get(name)
            if share is not None:
                if not 0 <= real(name, share) <= 0.99:  # below 0 would be the recipe's
                    raise ArgumentError(f"{name} is {share}, must be 0..0.99")
                assign(wanted, name, share)
        wanted.seen = number_of("seen", SEEN, seen)
        if metric is not None:
            wanted.metric = number_of("metric", METRICS, metric)
        if schedule is not None:
            wanted.schedule = number_of("schedule", SCHEDULES, schedule)
        for name, amount in (("warmup_epochs", warmup_epochs), ("time_budget", time_budget)):
            if amount is not None:
                if not 0 <= real(name, amount):
                    raise ArgumentError(f"{name} is {amount}, must be at least 0")
                assign(wanted, name, amount)
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
        pointer = pointer_for(library.s3rec_run_destroy, threads=self._context._many)
        check(library.s3rec_run_create(now.pointer, dataset._live(), ctypes.byref(wanted),
                                       ctypes.byref(pointer)))
        self._own(pointer)

    def __iter__(self) -> Iterator[Progress]:
        return self

    def __next__(self) -> Progress:
        """Does one step."""
        at = _abi.new(_structs.RunProgress)
        check(self._alone(library.s3rec_run_step, ctypes.byref(at)))
        if at.event == RUN_EVENTS["done"]:
            raise StopIteration
        return progress_of(self.stage, at)

    @property
    def progress(self) -> Progress:
        """Where the run is, for instance after it was loaded; before the first step, step 0."""
        at = _abi.new(_structs.RunProgress)
        check(self._alone(library.s3rec_run_progress_get, ctypes.byref(at)))
        return progress_of(self.stage, at)

    def ahead(self) -> tuple[int, int]:
        """Steps and sequences that are ahead at most, the refit's included."""
        found = _abi.new(_structs.RunEstimate)
        check(self._alone(library.s3rec_run_ahead, ctypes.byref(found)))
        return found.step_count, found.sequence_count

    def finish(self) -> Model:
        """The result as a new model: after the last step the final weights; before it the best so
        far (fine-tuning: of the best epoch; pretraining: as they are). The run may go on."""
        pointer = pointer_for(library.s3rec_model_destroy)
        check(self._alone(library.s3rec_run_finish, ctypes.byref(pointer)))
        return Model._made(pointer, self._context)

    @property
    def note(self) -> str:
        """A text of one's own, which is saved with the run."""
        text: bytes = self._alone(library.s3rec_run_note) or b""
        return text.decode()

    @note.setter
    def note(self, note: str) -> None:
        check(self._alone(library.s3rec_run_set_note, plain_text("note", note)))

    def valid_metrics(self) -> Metrics:
        """Metrics of the valid split after the last epoch measured; NotFoundError before."""
        found = _abi.new(_structs.Metrics)
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

    @classmethod
    def resume(cls, model: Model, dataset: Dataset, path: PathLike, *,
               epochs: Optional[int] = None) -> Run:
        """A run out of a saved one, with the options that are in the file; the tool's and other
        languages' states too. epochs: instead of the saved number (s3rec_run_resume)."""
        now = Model._of(model, "model")._now()
        now.check_names(dataset)
        run, c_dataset, encoded = cls.__new__(cls), dataset._live(), path_bytes(path)
        count = 0 if epochs is None else whole("epochs", epochs, 1, 2**31 - 1)
        pointer = pointer_for(library.s3rec_run_destroy, threads=model._context._many)
        patiently(lambda: check(library.s3rec_run_resume(now.pointer, c_dataset, encoded, count,
                                                         ctypes.byref(pointer))))
        run.stage, run._context = saved_stage(path, model._context), model._context
        run._own(pointer)
        return run


def saved_stage(path: PathLike, context: Context) -> Stage:
    """The stage of a saved run."""
    state = pointer_for(library.s3rec_run_state_destroy)
    check(library.s3rec_run_state_read(context._live(), path_bytes(path), ctypes.byref(state)))
    assert state.value
    found = _structs.RunState.from_address(state.value)
    options = _structs.RunOptions.from_address(found.options)
    return "pretrain" if options.stage == STAGES["pretrain"] else "finetune"


def _drive(run: Run, callbacks: Callbacks, progress: Optional[bool], state: Optional[PathLike],
           resume: bool) -> Model:
    called = [] if callbacks is None else (
        [callbacks] if callable(callbacks) else listed("callbacks", callbacks))
    if not all(map(callable, called)):
        raise TypeError("callbacks must be functions")
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
             metric: Optional[Metric] = None, seen: Seen = "exclude",
             **options: Unpack[TrainingOptions]) -> Model:
    """A copy of the model that is fine-tuned for next items, with the best epoch's weights.

    patience, refit, protocol, metric, seen: as of `Run`; the others as of `pretrain`.
    """
    with Run(model, dataset, "finetune", recipe=recipe, epochs=epochs, patience=patience,
             refit=refit, protocol=protocol, seed=seed, metric=metric, seen=seen,
             **options) as run:
        return _drive(run, callbacks, progress, state, resume)
