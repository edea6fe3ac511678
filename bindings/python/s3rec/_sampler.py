# SPDX-License-Identifier: Apache-2.0
"""Batches of training and the samplers that draw them, for training loops of one's own."""
from __future__ import annotations

import ctypes
import dataclasses
from typing import Any, Iterator, Mapping, Optional

import numpy as np
import numpy.typing as npt

from s3rec import _abi, _structs
from s3rec._abi import library
from s3rec._arrays import int32_array
from s3rec._context import Context, use
from s3rec._dataset import Dataset
from s3rec._errors import ArgumentError, check
from s3rec._handle import Lone, alone, pointer_for
from s3rec._options import sampler_options
from s3rec._words import (STAGES, Recipe, Stage, assign, int32, plain_text, seed_number, whole,
                          word_of)

ARRAYS = {"pretrain": ("masked_item_sequence", "pos_items", "neg_items",
                       "masked_segment_sequence", "pos_segment", "neg_segment"),
          "finetune": ("input_ids", "target_pos", "target_neg")}


@dataclasses.dataclass(frozen=True)
class BatchInfo:
    """What a batch holds. stage: "" while it is empty. token_count: of one array, without padding.
    target_count: masked positions, or targets of fine-tuning."""

    stage: str
    batch_size: int
    max_seq_length: int
    token_count: int
    target_count: int


class Batch(Lone):
    """Input of one training step; empty at first, and filled any number of times.

    One thread at a time; another one gets StateError.
    """

    def __init__(self, context: Optional[Context] = None) -> None:
        pointer = pointer_for(library.s3rec_batch_destroy)
        check(library.s3rec_batch_create(use(context)._live(), ctypes.byref(pointer)))
        self._own(pointer)

    def set_finetune(self, input_ids: npt.ArrayLike, target_pos: npt.ArrayLike,
                     target_neg: Optional[npt.ArrayLike] = None) -> None:
        """Fills the batch with arrays [batch_size, max_seq_length] of item numbers, 0 for padding
        on the left; they are copied. A position counts where target_pos is not 0. `target_neg`
        is needed for the loss "bce" only."""
        names = ("input_ids", "target_pos", "target_neg")
        tables = _tables({name: table for name, table in zip(
            names, (input_ids, target_pos, target_neg)) if table is not None})
        rows, length = tables["input_ids"].shape
        places = [tables[name].ctypes.data if name in tables else None for name in names]
        check(self._alone(library.s3rec_batch_set_finetune, int32("batch_size", rows),
                          int32("max_seq_length", length), *places))

    def set_pretrain(self, arrays: Mapping[str, npt.ArrayLike], attributes: npt.ArrayLike,
                     mask_id: int) -> None:
        """Fills the batch with the reference's arrays, which are copied.

        arrays: masked_item_sequence, pos_items, neg_items, masked_segment_sequence, pos_segment
            and neg_segment, [batch_size, max_seq_length] each (s3rec_pretrain_arrays).
        attributes: of pos_items, [batch_size, max_seq_length, attribute_size], not 0: has it.
        mask_id: the model's item_size - 1.
        """
        if not isinstance(arrays, Mapping) or set(arrays) != set(ARRAYS["pretrain"]):
            raise ArgumentError(f"arrays must be {', '.join(ARRAYS['pretrain'])}")
        tables = _tables({name: arrays[name] for name in ARRAYS["pretrain"]})
        shape = tables["pos_items"].shape
        flags = np.array(np.asarray(attributes) != 0, np.uint8, order="C")
        if flags.ndim != 3 or flags.shape[:2] != shape:
            raise ArgumentError(f"attributes have the shape {flags.shape}, must be "
                                f"{(*shape, 'attribute_size')}")
        struct = _abi.new(_structs.PretrainArrays)
        for name, count in (("batch_size", shape[0]), ("max_seq_length", shape[1]),
                            ("attribute_size", flags.shape[2]), ("mask_id", mask_id)):
            assign(struct, name, count)
        struct.attributes = flags.ctypes.data
        for name, table in tables.items():
            setattr(struct, name, table.ctypes.data)
        check(self._alone(library.s3rec_batch_set_pretrain, ctypes.byref(struct)))

    @property
    def info(self) -> BatchInfo:
        """What the batch holds."""
        found = _abi.new(_structs.BatchInfo)
        check(self._alone(library.s3rec_batch_info_get, ctypes.byref(found)))
        return BatchInfo(word_of(STAGES, found.stage) if found.stage else "", found.batch_size,
                         found.max_seq_length, found.token_count, found.target_count)

    def read(self, name: str) -> npt.NDArray[np.int32]:
        """One array by its name, such as "input_ids", [batch_size, max_seq_length]: a copy."""
        info = self.info
        ids = np.empty((info.batch_size, info.max_seq_length), np.int32)
        check(self._alone(library.s3rec_batch_read, plain_text("name", name),
                          ids.ctypes.data, ids.size))
        return ids

    def arrays(self) -> dict[str, npt.NDArray[np.int32]]:
        """All arrays of the batch by name."""
        return {name: self.read(name) for name in ARRAYS.get(self.info.stage, ())}


def _tables(arrays: Mapping[str, npt.ArrayLike]) -> dict[str, npt.NDArray[np.int32]]:
    """Copies of arrays of one shape [rows, length]."""
    tables = {}
    for name, array in arrays.items():
        table = np.asarray(array)
        if table.ndim != 2:
            raise ArgumentError(f"{name} has {table.ndim} dimensions, must have 2")
        tables[name] = np.array(int32_array(table.reshape(-1), name)).reshape(table.shape)
    shapes = {table.shape for table in tables.values()}
    if len(shapes) > 1:
        raise ArgumentError(f"the arrays differ in shape: {', '.join(map(str, sorted(shapes)))}")
    return tables


class Sampler(Lone):
    """Draws batches from a dataset, epoch after epoch. Every choice depends on (seed, epoch,
    instance) alone.

    recipe: whose batch size; None: the library's default. batch_size, mask_p, shuffle,
    reference_draws: as of s3rec_sampler_options; None: as the recipe has it.
    held_out_count: items at the end of every sequence that are not trained on, 0..2.
    One thread at a time; another one gets StateError.
    """

    def __init__(self, dataset: Dataset, stage: Stage, *, recipe: Optional[Recipe] = None,
                 batch_size: Optional[int] = None, max_seq_length: int = 50,
                 mask_p: Optional[float] = None, seed: int = 42,
                 shuffle: Optional[bool] = None, reference_draws: Optional[bool] = None,
                 held_out_count: int = 2) -> None:
        options = sampler_options(stage, recipe, {
            "batch_size": batch_size, "mask_p": mask_p, "shuffle": shuffle,
            "reference_draws": reference_draws})
        options.seed = seed_number(seed)
        assign(options, "max_seq_length", max_seq_length)
        assign(options, "held_out_count", held_out_count)
        dataset = Dataset._of(dataset, "dataset")
        self.stage, self._context = stage, dataset._context
        pointer = pointer_for(library.s3rec_sampler_destroy)
        check(library.s3rec_sampler_create(dataset._live(), ctypes.byref(options),
                                           ctypes.byref(pointer)))
        instances, steps = ctypes.c_size_t(), ctypes.c_size_t()
        check(library.s3rec_sampler_epoch_size(pointer, ctypes.byref(instances),
                                               ctypes.byref(steps)))
        self.instances, self.steps = instances.value, steps.value
        self._own(pointer)

    def next(self, batch: Optional[Batch] = None) -> Batch:
        """The next batch: `batch` filled again, or a new one. After an epoch's last step the next
        epoch begins."""
        filled = Batch(self._context) if batch is None else Batch._of(batch, "batch")
        place, own = filled._live(), self._live()
        check(alone((place, own), library.s3rec_sampler_next, own, place))
        return filled

    def epoch(self) -> Iterator[Batch]:
        """The batches to the end of the epoch under way; it is one object that is filled again."""
        batch, step = Batch(self._context), self.position[1]
        for _ in range(step, self.steps):
            yield self.next(batch)

    @property
    def position(self) -> tuple[int, int]:
        """Epoch and step, from 0, of the next batch."""
        epoch, step = ctypes.c_uint64(), ctypes.c_size_t()
        check(self._alone(library.s3rec_sampler_position, ctypes.byref(epoch),
                          ctypes.byref(step)))
        return epoch.value, step.value

    def seek(self, epoch: int, step: int = 0) -> None:
        """Makes the next batch come from there."""
        check(self._alone(library.s3rec_sampler_seek, whole("epoch", epoch, 0, 2**64 - 1),
                          whole("step", step, 0, 2**62)))
