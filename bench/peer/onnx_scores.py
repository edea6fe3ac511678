# SPDX-License-Identifier: Apache-2.0
"""Scoring by onnxruntime: the whole of it, history to best items, is one exported graph."""
from __future__ import annotations

import logging
import math
import warnings
from typing import Callable

import numpy
import onnxruntime
import torch
from torch import Tensor, nn

from .model import S3Rec, scores


class Recommend(nn.Module):
    def __init__(self, model: S3Rec, top: int):
        super().__init__()
        self.model, self.top = model, top
        never = torch.zeros(model.config.item_size)
        never[0] = never[-1] = -math.inf
        self.register_buffer("never", never)

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """[B, n] ids; scores and ids of the best, [B, top] each"""
        return (scores(self.model, ids) + self.never).scatter(1, ids, -math.inf).topk(self.top)


def export(model: S3Rec, top: int) -> bytes:
    """Of any number of sequences of any length. Needs the packages onnx and onnxscript."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    dynamic = torch.export.Dim.DYNAMIC
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself
        program = torch.onnx.export(Recommend(model, top).eval(), (torch.full((3, 7), 5),),
                                    dynamo=True, dynamic_shapes=({0: dynamic, 1: dynamic},),
                                    verbose=False)
    return program.model_proto.SerializeToString()


def recommender(model: S3Rec, top: int, threads: int) -> Callable[[list[list[int]]], object]:
    """Of histories that are equally long: scores and ids."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(export(model, top), options,
                                           providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda histories: session.run(None, {name: numpy.array(histories, numpy.int64)})
