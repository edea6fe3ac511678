# SPDX-License-Identifier: Apache-2.0
"""Losses, gradients and updates, for training loops of one's own."""
from __future__ import annotations

import ctypes
import dataclasses
from collections import OrderedDict
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

from s3rec import _abi, _structs
from s3rec._abi import library
from s3rec._context import Context
from s3rec._errors import ArgumentError, check
from s3rec._handle import Lone, PathLike, Pointer, alone, path_bytes, patiently, pointer_for
from s3rec._model import Model, copy_of, fitting, read_values, shapes_of
from s3rec._options import TRAINER_FIELDS, TrainingOptions, Unpack, check_options, trainer_options
from s3rec._sampler import Batch, Sampler
from s3rec._words import Recipe, Stage, plain_text, seed_number


@dataclasses.dataclass(frozen=True)
class Losses:
    """Losses of one step (s3rec_losses).

    total: what the gradients are of. aap, mip, map, sp: pretraining's parts, unweighted.
    next_item: fine-tuning's. gradient_norm: before clipping; 0 unless
    clipping is on.
    """

    total: float
    aap: float
    mip: float
    map: float
    sp: float
    next_item: float
    gradient_norm: float
    sequence_count: int
    token_count: int
    target_count: int


class _Pointer(Pointer, _structs.TRAINER):
    """A trainer, with the model that it trains."""

    def __init__(self, weights: Pointer, context: Context) -> None:
        super().__init__(library.s3rec_trainer_destroy, threads=context._many)
        self.weights = weights


class Trainer(Lone):
    """Trains a copy of a model, a step a call; `model()` gives its weights of the moment.

    stage, recipe, steps_per_epoch: whose options ("finetune", "best", the sampler's `steps`); no
        recipe: the library's defaults (s3rec_trainer_options).
    options: those of TrainingOptions that a trainer has: learning_rate, loss, ...
    One thread at a time; another one gets StateError.
    """

    def __init__(self, model: Model, *, stage: Stage = "finetune",
                 recipe: Optional[Recipe] = None, steps_per_epoch: int = 1, seed: int = 42,
                 **options: Unpack[TrainingOptions]) -> None:
        check_options(options, TRAINER_FIELDS)
        wanted = trainer_options(stage, recipe, options, steps_per_epoch)
        wanted.seed = seed_number(seed)
        self._context = Model._of(model, "model")._context
        weights = copy_of(model._live())
        self._shapes = shapes_of(weights)
        pointer = _Pointer(weights, self._context)
        check(library.s3rec_trainer_create(weights, ctypes.byref(wanted), ctypes.byref(pointer)))
        self._own(pointer)

    def _step(self, function: Any, batch: Batch) -> Losses:
        found = _abi.new(_structs.Losses)
        place, own = Batch._of(batch, "batch")._live(), self._live()
        check(alone((place, own), function, own, place, ctypes.byref(found)))
        return Losses(**{field.name: getattr(found, field.name)
                         for field in dataclasses.fields(Losses)})

    def step(self, batch: Batch) -> Losses:
        """One update by a batch of either stage."""
        pretrain = Batch._of(batch, "batch").info.stage == "pretrain"
        return self._step(library.s3rec_pretrain_step if pretrain else
                          library.s3rec_finetune_step, batch)

    def compute_gradients(self, batch: Batch) -> Losses:
        """Gradients of a batch without an update, to check them, or to average them over several
        machines: `gradients`, then `set_gradient` for each, then `apply_gradients`."""
        return self._step(library.s3rec_trainer_compute_gradients, batch)

    def _shape(self, name: str) -> tuple[int, ...]:
        plain_text("name", name)
        if name not in self._shapes:
            raise ArgumentError(f"no parameter is called {name!r}")
        return self._shapes[name]

    def gradient(self, name: str) -> npt.NDArray[np.float32]:
        """A copy of one parameter's gradient; StateError when none were computed."""
        own = self._live()
        return read_values(
            lambda *arguments: int(alone((own,), library.s3rec_trainer_gradient_read, *arguments)),
            own, name, self._shape(name))

    def gradients(self) -> OrderedDict[str, npt.NDArray[np.float32]]:
        """Copies of all gradients by the parameters' PyTorch names."""
        return OrderedDict((name, self.gradient(name)) for name in self._shapes)

    def set_gradient(self, name: str, values: npt.ArrayLike) -> None:
        """Replaces one parameter's gradient; the padding row's stays 0."""
        array = fitting(name, self._shape(name), values)
        check(self._alone(library.s3rec_trainer_gradient_write, plain_text("name", name),
                          array.ctypes.data, array.size))

    def apply_gradients(self) -> None:
        """The update with the gradients held now, which are then used up."""
        check(self._alone(library.s3rec_trainer_apply_gradients))

    @property
    def step_count(self) -> int:
        """Updates made so far."""
        return int(self._alone(library.s3rec_trainer_step_count))

    @property
    def memory(self) -> int:
        """Bytes the trainer holds, its model not counted."""
        return int(self._alone(library.s3rec_trainer_memory))

    @property
    def note(self) -> str:
        """The note of the state loaded last, "" without one."""
        text: bytes = self._alone(library.s3rec_trainer_note) or b""
        return text.decode()

    def model(self) -> Model:
        """A model with the weights of the moment, to evaluate, serve or save."""
        pointer = pointer_for(library.s3rec_model_destroy)
        own = self._live()
        if not isinstance(own, _Pointer):
            raise TypeError(f"this {type(self).__name__} is no Trainer")
        check(alone((own,), library.s3rec_model_clone, own.weights, ctypes.byref(pointer)))
        return Model._made(pointer, self._context)

    def save(self, path: PathLike, sampler: Optional[Sampler] = None,
             note: Optional[str] = None) -> None:
        """Saves all that training needs to go on bit by bit: weights, moments, step, options, and
        the sampler's options and position. note: a text to keep with it."""
        encoded, text = path_bytes(path), None if note is None else plain_text("note", note)
        self._file(library.s3rec_trainer_save, sampler, text, encoded)

    def load(self, path: PathLike, sampler: Optional[Sampler] = None) -> None:
        """Puts a saved state into the trainer, and its position into `sampler`."""
        self._file(library.s3rec_trainer_load, sampler, path_bytes(path))

    def _file(self, function: Any, sampler: Optional[Sampler], *arguments: Any) -> None:
        own, place = self._live(), None
        used: tuple[Pointer, ...] = (own,)
        if sampler is not None:
            place = Sampler._of(sampler, "sampler")._live()
            used = place, own
        patiently(lambda: check(alone(used, function, own, place, *arguments)))
