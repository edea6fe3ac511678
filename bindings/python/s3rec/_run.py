# SPDX-License-Identifier: Apache-2.0
"""Training: whole stages by recipe, step by step or in one call."""
from __future__ import annotations

import ctypes
import dataclasses
import os
from typing import TYPE_CHECKING, Any, Callable, Iterator, Mapping, Optional, Sequence, TypedDict
from typing import Union

from s3rec import _abi
from s3rec._abi import library
from s3rec._dataset import Dataset
from s3rec._errors import ArgumentError, Error, StateError, check
from s3rec._evaluate import Metrics, metrics_of
from s3rec._handle import Handle, PathLike, path_bytes
from s3rec._model import Model
from s3rec._progress import bar_for
from s3rec._words import (LOSSES, PROTOCOLS, RECIPES, REFITS, RUN_EVENTS, STAGES, number_of,
                          word_of)

if TYPE_CHECKING:
    from typing_extensions import Unpack


class TrainingOptions(TypedDict, total=False):
    """What else than the recipe says; the fields of s3rec_sampler_options and
    s3rec_trainer_options, `loss` being finetune_loss ("ce", "bce", "sampled-ce"), and the
    dropouts of the run. The learning rate takes the recipe's course unless warmup_steps or
    decay_steps is given."""

    batch_size: int
    mask_p: float
    shuffle: bool
    reference_draws: bool
    learning_rate: float
    adam_beta1: float
    adam_beta2: float
    adam_epsilon: float
    weight_decay: float
    max_gradient_norm: float
    aap_weight: float
    mip_weight: float
    map_weight: float
    sp_weight: float
    loss: str
    shard_count: int
    warmup_steps: int
    decay_steps: int
    label_smoothing: float
    decoupled_weight_decay: float
    negative_count: int
    hidden_dropout_prob: float
    attention_probs_dropout_prob: float


_SAMPLER_FIELDS = ("batch_size", "mask_p", "shuffle", "reference_draws")
_RUN_FIELDS = ("hidden_dropout_prob", "attention_probs_dropout_prob")


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


def _set(struct: ctypes.Structure, name: str, value: Any) -> None:
    kinds = dict((field[0], field[1]) for field in struct._fields_)
    if kinds[name] is not ctypes.c_double:
        value = int(value)
        size = ctypes.sizeof(kinds[name]) * 8
        low, high = (0, 2**size) if kinds[name] is ctypes.c_uint64 else (-2**(size - 1),
                                                                         2**(size - 1))
        if not low <= value < high:
            raise ArgumentError(f"{name} is {value}, beyond {size} bits")
    setattr(struct, name, value)


def _structs(recipe: int, stage: int, options: Mapping[str, Any]
             ) -> tuple[Optional[_abi.SamplerOptions], Optional[_abi.TrainerOptions]]:
    """Options of the sampler and the trainer, where something else than the recipe is wanted."""
    unknown = set(options) - set(TrainingOptions.__annotations__)
    if unknown:
        raise ArgumentError(f"{', '.join(sorted(unknown))}: no such option; there are "
                            f"{', '.join(sorted(TrainingOptions.__annotations__))}")
    given = {name: value for name, value in options.items()
             if value is not None and name not in _RUN_FIELDS}
    if not given:
        return None, None
    sampler = _abi.new(_abi.SamplerOptions, stage)
    check(library.s3rec_recipe_sampler(recipe, ctypes.byref(sampler)))
    for name in _SAMPLER_FIELDS:
        if name in given:
            _set(sampler, name, given.pop(name))
    if not given:
        return sampler, None
    trainer = _abi.new(_abi.TrainerOptions)
    check(library.s3rec_recipe_trainer(recipe, stage, 1, ctypes.byref(trainer)))
    for name, value in given.items():
        if name == "loss":
            name, value = "finetune_loss", number_of("loss", LOSSES, value)
        _set(trainer, name, value)
    return sampler, trainer


class Run(Handle):
    """One stage of training, a step at a time: iterate over it.

    The model's weights stay as they are until the run is done; it may be scored meanwhile.
    `save` and `load` between steps; a run that is closed before its end changes nothing.

    recipe: "best" or "paper". epochs: at most so many; None: the recipe's.
    patience: fine-tuning, epochs without improvement before it ends.
    refit: fine-tuning, "none", or train anew on the "valid" items too or on "all".
    protocol: what the best epoch is chosen by: "full" NDCG@20 or "sampled" MRR.
    options: see TrainingOptions.
    """

    def __init__(self, model: Model, dataset: Dataset, stage: str, *, recipe: str = "best",
                 epochs: Optional[int] = None, patience: Optional[int] = None,
                 refit: Optional[str] = None, protocol: str = "full", seed: int = 42,
                 **options: Unpack[TrainingOptions]) -> None:
        model._check_names(dataset)
        self._model, self._dataset, self.stage = model, dataset, stage
        c_stage, c_recipe = number_of("stage", STAGES, stage), number_of("recipe", RECIPES, recipe)
        wanted = _abi.new(_abi.RunOptions, c_stage)
        wanted.recipe, wanted.seed = c_recipe, seed % 2**64
        wanted.protocol = number_of("protocol", PROTOCOLS, protocol)
        for name, count in (("epochs", epochs), ("patience", patience)):
            if count is not None:
                if count < 1:
                    raise ArgumentError(f"{name} is {count}, must be at least 1")
                _set(wanted, name, count)
        for name in _RUN_FIELDS:
            share: Any = options.get(name)
            if share is not None:
                if not 0 <= share <= 0.99:  # below 0 would be the recipe's
                    raise ArgumentError(f"{name} is {share}, must be 0..0.99")
                setattr(wanted, name, share)
        if refit is not None:
            wanted.held_out_count = number_of("refit", REFITS, refit)
        sampler, trainer = _structs(c_recipe, c_stage, options)
        wanted.own_schedule = int(options.get("warmup_steps") is not None
                                  or options.get("decay_steps") is not None)
        wanted.sampler = None if sampler is None else ctypes.addressof(sampler)
        wanted.trainer = None if trainer is None else ctypes.addressof(trainer)
        pointer = ctypes.c_void_p()
        with model._use() as c_model, dataset._use() as c_dataset:
            check(library.s3rec_run_create(c_model, c_dataset, ctypes.byref(wanted),
                                           ctypes.byref(pointer)))
        self._own(pointer.value, library.s3rec_run_destroy)
        self._at = _abi.new(_abi.RunProgress)

    def __iter__(self) -> Iterator[Progress]:
        return self

    def __next__(self) -> Progress:
        """Goes one step on; at the end the model has its new weights."""
        at = self._at
        with self._use() as handle:
            status = library.s3rec_run_step(handle, ctypes.byref(at))
            if status == StateError.status:  # the last step writes the model: no scorers now
                with self._model._writing():
                    status = library.s3rec_run_step(handle, ctypes.byref(at))
            check(status)
        if at.event == RUN_EVENTS["done"]:
            raise StopIteration
        return Progress(
            self.stage, word_of(RUN_EVENTS, at.event), bool(at.refit), at.epoch, at.epochs,
            at.step, at.steps, at.loss, at.aap, at.mip, at.map, at.sp, at.sequence_count,
            at.target_count, at.valid_value, at.best_value, at.best_epoch)

    def valid_metrics(self) -> Metrics:
        """Metrics of the valid split after the last epoch measured; NotFoundError before."""
        found = _abi.new(_abi.Metrics)
        with self._use() as handle:
            check(library.s3rec_run_valid_metrics(handle, ctypes.byref(found)))
        return metrics_of(found, None)

    def save(self, path: PathLike) -> None:
        """Saves all that the run needs to go on bit by bit as if it had not stopped."""
        with self._use() as handle:
            check(library.s3rec_run_save(handle, path_bytes(path)))

    def load(self, path: PathLike) -> None:
        """Puts a saved run into this one, made with the same model, data and options."""
        with self._use() as handle:
            check(library.s3rec_run_load(handle, path_bytes(path)))


def _drive(run: Run, callbacks: Callbacks, progress: Optional[bool], state: Optional[PathLike],
           resume: bool) -> History:
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
    valid = run.valid_metrics() if run.stage == "finetune" else None
    return History(epochs, valid)


def pretrain(model: Model, dataset: Dataset, *, recipe: str = "best",
             epochs: Optional[int] = None, seed: int = 42, callbacks: Callbacks = None,
             progress: Optional[bool] = None, state: Optional[PathLike] = None,
             resume: bool = False, **options: Unpack[TrainingOptions]) -> History:
    """Pretrains the model in place: four self-supervised objectives on items and attributes.

    callbacks: called with a `Progress` after every step; what one raises ends the run.
    progress: a bar (tqdm where it is installed); None: in terminals and notebooks.
    state: a file where the run is saved after every epoch and when it is interrupted;
    resume: go on from there if it exists, with the same model, data and options.

    Until the end the model is as it was: Ctrl-C raises KeyboardInterrupt and changes nothing.
    """
    with Run(model, dataset, "pretrain", recipe=recipe, epochs=epochs, seed=seed,
             **options) as run:
        return _drive(run, callbacks, progress, state, resume)


def finetune(model: Model, dataset: Dataset, *, recipe: str = "best",
             epochs: Optional[int] = None, patience: Optional[int] = None,
             refit: Optional[str] = None, protocol: str = "full", seed: int = 42,
             callbacks: Callbacks = None, progress: Optional[bool] = None,
             state: Optional[PathLike] = None, resume: bool = False,
             **options: Unpack[TrainingOptions]) -> History:
    """Fine-tunes the model in place for next items, and keeps the best epoch's weights.

    patience, refit, protocol: as of `Run`; the others as of `pretrain`.
    """
    with Run(model, dataset, "finetune", recipe=recipe, epochs=epochs, patience=patience,
             refit=refit, protocol=protocol, seed=seed, **options) as run:
        return _drive(run, callbacks, progress, state, resume)
