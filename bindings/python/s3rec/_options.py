# SPDX-License-Identifier: Apache-2.0
"""Options of training, their values in a recipe, and the library's structs for both."""
from __future__ import annotations

import ctypes
import dataclasses
import sys
from typing import TYPE_CHECKING, Any, Mapping, Optional, TypedDict, Union

from s3rec import _abi, _structs
from s3rec._abi import library
from s3rec._errors import ArgumentError, check
from s3rec._words import (LOSSES, RECIPES, STAGES, Loss, Recipe, Stage, assign, number_of, whole,
                          word_of)

if sys.version_info >= (3, 11):
    from typing import Unpack as Unpack
elif TYPE_CHECKING:
    from typing_extensions import Unpack as Unpack
else:
    Unpack = Union  # so that typing.get_type_hints works: Union[X] is X


class TrainingOptions(TypedDict, total=False):
    """Options that replace values of the recipe: the fields of s3rec_sampler_options and
    s3rec_trainer_options, with finetune_loss as `loss` ("ce", "bce", "sampled-ce"), and the
    dropouts of the run. The schedule of the learning rate is that of the recipe, unless
    warmup_steps or decay_steps is given."""

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
    loss: Loss
    shard_count: int
    warmup_steps: int
    decay_steps: int
    label_smoothing: float
    decoupled_weight_decay: float
    negative_count: int
    hidden_dropout_prob: float
    attention_probs_dropout_prob: float


SAMPLER_FIELDS = ("batch_size", "mask_p", "shuffle", "reference_draws")
RUN_FIELDS = ("hidden_dropout_prob", "attention_probs_dropout_prob")
TRAINER_FIELDS = tuple(name for name in TrainingOptions.__annotations__
                       if name not in SAMPLER_FIELDS + RUN_FIELDS)


def check_options(options: Mapping[str, Any], known: Optional[tuple[str, ...]] = None) -> None:
    """Refuses options that do not exist."""
    names = tuple(TrainingOptions.__annotations__) if known is None else known
    unknown = set(options) - set(names)
    if unknown:
        raise ArgumentError(f"{', '.join(sorted(unknown))}: no such option; there are "
                            f"{', '.join(sorted(names))}")


def _given(options: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: options[name] for name in names if options.get(name) is not None}


def has_sampler_options(options: Mapping[str, Any]) -> bool:
    """Whether an option of a sampler is given."""
    return bool(_given(options, SAMPLER_FIELDS))


def has_trainer_options(options: Mapping[str, Any]) -> bool:
    """Whether an option of a trainer is given."""
    return bool(_given(options, TRAINER_FIELDS))


def sampler_options(stage: Stage, recipe: Optional[Recipe], options: Mapping[str, Any]
                    ) -> _structs.SamplerOptions:
    """The options of a sampler: the given ones, else the recipe's, else the library's defaults."""
    sampler = _abi.new(_structs.SamplerOptions, number_of("stage", STAGES, stage))
    if recipe is not None:
        check(library.s3rec_recipe_sampler(number_of("recipe", RECIPES, recipe),
                                           ctypes.byref(sampler)))
    for name, value in _given(options, SAMPLER_FIELDS).items():
        assign(sampler, name, value)
    return sampler


def trainer_options(stage: Stage, recipe: Optional[Recipe], options: Mapping[str, Any],
                    steps_per_epoch: int = 1) -> _structs.TrainerOptions:
    """The options of a trainer, likewise. In the recipe's learning rate schedule an epoch has
    `steps_per_epoch` steps."""
    trainer = _abi.new(_structs.TrainerOptions)
    if recipe is not None:
        check(library.s3rec_recipe_trainer(
            number_of("recipe", RECIPES, recipe), number_of("stage", STAGES, stage),
            whole("steps_per_epoch", steps_per_epoch, 1, 2**32 - 1), ctypes.byref(trainer)))
    for name, value in _given(options, TRAINER_FIELDS).items():
        if name == "loss":
            trainer.finetune_loss = number_of("loss", LOSSES, value)
        else:
            assign(trainer, name, value)
    return trainer


@dataclasses.dataclass(frozen=True)
class RecipePlan:
    """What a recipe says about a stage, for a training loop that you write yourself.

    epochs: at most so many. patience: fine-tuning, stop after so many epochs without improvement.
    refit: fine-tuning, train once more from the same first weights, up to the number of the best
        epoch, with a sampler whose held_out_count is 1.
    hidden_dropout_prob, attention_probs_dropout_prob: for `Model.set_dropouts`.
    sampler, trainer: options by name, for `Sampler` and `Trainer`.
    """

    epochs: int
    patience: int
    refit: bool
    hidden_dropout_prob: float
    attention_probs_dropout_prob: float
    sampler: dict[str, Any]
    trainer: dict[str, Any]


def recipe_plan(recipe: Recipe, stage: Stage, *, steps_per_epoch: int = 1) -> RecipePlan:
    """The plan of a recipe for a stage.

    steps_per_epoch: of the sampler (`Sampler.steps`); warmup_steps and decay_steps depend on it.
    """
    plan = _abi.new(_structs.RecipePlan)
    check(library.s3rec_recipe_plan_get(number_of("recipe", RECIPES, recipe),
                                        number_of("stage", STAGES, stage), ctypes.byref(plan)))
    sampler = sampler_options(stage, recipe, {})
    trainer = trainer_options(stage, recipe, {}, steps_per_epoch)
    values = {name: getattr(trainer, name) for name in TRAINER_FIELDS if name != "loss"}
    values["loss"] = word_of(LOSSES, trainer.finetune_loss)
    found = {name: getattr(sampler, name) for name in SAMPLER_FIELDS}
    for name in ("shuffle", "reference_draws"):
        found[name] = bool(found[name])
    return RecipePlan(plan.epochs, plan.patience, bool(plan.refit), plan.hidden_dropout_prob,
                      plan.attention_probs_dropout_prob, found, values)
