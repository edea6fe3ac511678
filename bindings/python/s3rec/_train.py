# SPDX-License-Identifier: Apache-2.0
"""The front door, training: an event log in, a model out."""
from __future__ import annotations

import ctypes
from typing import Any, NamedTuple, Optional

from s3rec import _abi, _structs
from s3rec._abi import library
from s3rec._context import Context, use
from s3rec._dataset import Dataset
from s3rec._errors import ArgumentError, check
from s3rec._handle import PathLike, address_of, path_bytes, patiently, pointer_for
from s3rec._model import Model
from s3rec._reports import Metrics, metrics_of, progress_of
from s3rec._run import Callback
from s3rec._words import RECIPES, Recipe, assign, number_of, real, seed_number

_FUNCTION = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)


class Trained(NamedTuple):
    """A model, and its metrics on the test split."""

    model: Model
    metrics: Metrics


def train(dataset: Optional[Dataset] = None, *, events: Optional[PathLike] = None,
          item_table: Optional[PathLike] = None, sequences: Optional[PathLike] = None,
          attributes: Optional[PathLike] = None, start: Optional[PathLike] = None,
          recipe: Recipe = "best", seed: int = 42, pretrain_epochs: Optional[int] = None,
          finetune_epochs: Optional[int] = None, time_budget: Optional[float] = None,
          callback: Optional[Callback] = None, context: Optional[Context] = None) -> Trained:
    """Both stages in one call: data in, a model out that knows names and popularity.

    dataset, events, sequences: one source of data: made beforehand, a file of events with
        `item_table` for attributes (docs/events.md), or the authors' files with `attributes`.
    start: a model file to start from, instead of pretraining.
    pretrain_epochs, finetune_epochs: None: the recipe's; no pretraining without attributes.
    time_budget: seconds for both stages; the result then depends on the machine's speed.
    callback: called with a `Progress` after each step, perhaps on another thread; True (the value
        itself) ends training with the best weights so far, an exception ends it without a model.
    Ctrl-C raises KeyboardInterrupt at once; training ends after its step.
    """
    options = _abi.new(_structs.TrainOptions)
    owner = dataset._context if context is None and isinstance(dataset, Dataset) else use(context)
    keep: list[Any] = [owner._live()]
    options.context = address_of(keep[0], _structs.CONTEXT)
    if dataset is not None:
        keep.append(Dataset._of(dataset, "dataset")._live())
        options.dataset = address_of(keep[-1], _structs.DATASET)
    for name, path in (("events_path", events), ("item_table_path", item_table),
                       ("sequences_path", sequences), ("attributes_path", attributes),
                       ("start_path", start)):
        if path is not None:
            setattr(options, name, path_bytes(path, name.partition("_path")[0]))
    options.recipe, options.seed = number_of("recipe", RECIPES, recipe), seed_number(seed)
    for name, count in (("pretrain_epochs", pretrain_epochs),
                        ("finetune_epochs", finetune_epochs), ("time_budget", time_budget)):
        if count is not None:
            if not real(name, count) >= 0:
                raise ArgumentError(f"{name} is {count}, must be at least 0")
            assign(options, name, count)
    if callback is not None and not callable(callback):
        raise TypeError(f"callback is {type(callback).__name__}, must be a function")
    ended: list[BaseException] = []
    over: list[bool] = []

    def step(place: int, _: Any) -> int:
        if over:
            return 1
        try:
            at = _structs.RunProgress.from_address(place)
            parts = at.aap or at.mip or at.map or at.sp
            shown = progress_of("pretrain" if parts else "finetune", at)
            return int(callback is not None and callback(shown) is True)
        except BaseException as error:  # it may not unwind through the library's frames
            ended.append(error)
            return 1

    function = _FUNCTION(step)
    options.progress = ctypes.cast(function, ctypes.c_void_p)
    pointer, metrics = pointer_for(library.s3rec_model_destroy), _abi.new(_structs.Metrics)

    def work() -> Any:
        check(library.s3rec_train(ctypes.byref(options), ctypes.byref(pointer),
                                  ctypes.byref(metrics)))
        return keep, function

    try:
        patiently(work)
    finally:
        over.append(True)
    if ended:
        raise ended.pop()
    return Trained(Model._made(pointer, owner), metrics_of(metrics, None))
