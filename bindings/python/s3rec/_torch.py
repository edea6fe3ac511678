# SPDX-License-Identifier: Apache-2.0
"""Reads and writes PyTorch checkpoints with PyTorch itself, which is imported only when needed."""
from __future__ import annotations

import os
import secrets
from collections import OrderedDict
from typing import Any, Mapping

import numpy as np
import numpy.typing as npt

from s3rec._errors import ArgumentError, FormatError, IoError, NotFoundError, UnsupportedError
from s3rec._handle import PathLike

_WRAPPERS = ("state_dict", "model_state_dict", "model")


def _torch() -> Any:
    try:
        import torch  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise UnsupportedError("this needs PyTorch (pip install torch); safetensors files are read "
                               "and written without it: Model.load, Model.save") from error
    return torch


def read_torch(path: PathLike) -> OrderedDict[str, npt.NDArray[Any]]:
    """The tensors of a state dict by name, bfloat16 as float32.

    path: a file of `torch.save`. The state dict may be the entry "state_dict",
    "model_state_dict" or "model" of a dictionary. It is read by torch.load(weights_only=True),
    which runs no code of the file. FormatError names an entry that is not a tensor.
    """
    torch, where = _torch(), os.fspath(path)
    try:
        root = torch.load(where, map_location="cpu", weights_only=True)
    except OSError as error:
        raise IoError(f"{where}: {error.strerror or error}") from error
    except Exception as error:  # torch raises many classes for a damaged file
        raise FormatError(f"{where}: {error}") from error
    for name in _WRAPPERS:
        if isinstance(root, dict) and isinstance(root.get(name), dict):
            root = root[name]
            break
    if not isinstance(root, dict) or not root:
        raise FormatError(f"{where}: the file holds no state dict")
    found: OrderedDict[str, npt.NDArray[Any]] = OrderedDict()
    for name, tensor in root.items():
        if type(name) is not str or not isinstance(tensor, torch.Tensor):
            raise FormatError(f"{where}: the entry {name!r:.60} of the state dict is no tensor")
        plain = tensor.detach()
        found[name] = (plain.float() if plain.dtype == torch.bfloat16 else plain).numpy()
    return found


def write_torch(path: PathLike, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
    """Writes a state dict that torch.load(path, weights_only=True) reads.

    The file gets its name only after all of it is written.
    """
    target = os.path.abspath(os.fspath(path))
    part = f"{target}.{secrets.token_hex(4)}.part"
    state, torch = to_tensors(tensors), _torch()
    try:
        with open(part, "xb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
    except BaseException as error:
        if os.path.exists(part):
            os.unlink(part)
        if isinstance(error, OSError):
            raise IoError(f"{target}: {error.strerror}") from error
        raise


def to_tensors(arrays: Mapping[str, npt.NDArray[Any]]) -> OrderedDict[str, Any]:
    """The arrays as tensors."""
    torch = _torch()
    return OrderedDict((name, torch.from_numpy(np.ascontiguousarray(array)))
                       for name, array in arrays.items())


def model_sizes(tensors: Mapping[str, npt.NDArray[Any]], where: str) -> dict[str, Any]:
    """The fields of a model configuration that follow from the shapes of a state dict."""
    def shape(name: str) -> tuple[int, ...]:
        if name not in tensors or tensors[name].ndim != 2:
            raise NotFoundError(f"{where}: no matrix is called {name!r}")
        return tensors[name].shape

    items = shape("item_embeddings.weight")
    layers = {name.split(".")[2] for name in tensors if name.startswith("item_encoder.layer.")}
    for layer in layers:  # so that a small file cannot make a model need much memory
        if shape(f"item_encoder.layer.{layer}.attention.query.weight") != (items[1], items[1]):
            raise ArgumentError(f"{where}: the query matrix of layer {layer!r:.40} does not have "
                                f"the items' hidden_size {items[1]}")
    return {"item_size": items[0], "hidden_size": items[1],
            "attribute_size": shape("attribute_embeddings.weight")[0],
            "max_seq_length": shape("position_embeddings.weight")[0],
            "num_hidden_layers": len(layers)}
