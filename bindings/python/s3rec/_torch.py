# SPDX-License-Identifier: Apache-2.0
"""Reads and writes PyTorch checkpoints with PyTorch itself, which is imported only when needed."""
from __future__ import annotations

import os
import secrets
import stat
from collections import OrderedDict
from typing import Any, BinaryIO, Mapping, Optional

import numpy as np
import numpy.typing as npt

from s3rec._checkpoint import check_checkpoint
from s3rec._context import Context
from s3rec._errors import (ArgumentError, Error, FormatError, IoError, LimitError, NotFoundError,
                           UnsupportedError)
from s3rec._handle import PathLike, path_bytes
from s3rec._limits import Limits

_WRAPPERS = ("state_dict", "model_state_dict", "model")


def _torch() -> Any:
    try:
        import torch  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise UnsupportedError("this needs PyTorch (pip install torch); safetensors files are read "
                               "and written without it: Model.load, Model.save") from error
    return torch


def _opened(where: str) -> BinaryIO:
    """A file to read; IoError for what is none, such as a pipe without a writer."""
    file = os.open(where, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise IoError(f"{where}: this is no regular file")
    except BaseException:
        os.close(file)
        raise
    return open(file, "rb")


def _load(where: str, limits: Limits) -> Any:
    """The object of a file of torch.save."""
    torch = _torch()
    try:
        with _opened(where) as file:
            check_checkpoint(file, os.fstat(file.fileno()).st_size, limits)
            return torch.load(file, map_location="cpu", weights_only=True)
    except Error as error:
        raise type(error)(error.detail if isinstance(error, IoError) else
                          f"{where}: {error.detail}") from error
    except OSError as error:
        raise IoError(f"{where}: {error.strerror or error}") from error
    except MemoryError:
        raise
    except Exception as error:  # torch raises many classes for a damaged file
        raise FormatError(f"{where}: {error}") from error


def read_torch(path: PathLike, *, context: Optional[Context] = None
               ) -> OrderedDict[str, npt.NDArray[Any]]:
    """The tensors of a state dict by name, bfloat16 as float32.

    path: a file of `torch.save`. The state dict may be the entry "state_dict",
    "model_state_dict" or "model" of a dictionary. It is read by torch.load(weights_only=True),
    which runs no code of the file, after a check of what it claims. FormatError names an entry that
    is not a tensor.
    context: whose `limits` count; None: the default ones.
    """
    torch, where = _torch(), os.fsdecode(path_bytes(path))
    root = _load(where, Limits() if context is None else Context._of(context, "context").limits)
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
        try:
            found[name] = (plain.float() if plain.dtype == torch.bfloat16 else plain).numpy()
        except (TypeError, RuntimeError) as error:
            raise FormatError(f"{where}: {name:.60}: {error}") from error
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


def model_sizes(tensors: Mapping[str, npt.NDArray[Any]], where: str, limits: Limits
                ) -> dict[str, Any]:
    """The fields of a model configuration that follow from the shapes of a state dict."""
    def shape(name: str) -> tuple[int, ...]:
        if name not in tensors or tensors[name].ndim != 2:
            raise NotFoundError(f"{where}: no matrix is called {name!r}")
        return tensors[name].shape

    items = shape("item_embeddings.weight")
    if items[0] - 2 > limits.items:
        raise LimitError(f"{where}: there are {items[0] - 2} items, more than {limits.items} "
                         f"(limit items)")
    layers = {name.split(".")[2] for name in tensors if name.startswith("item_encoder.layer.")}
    for layer in layers:  # so that a small file cannot make a model need much memory
        if shape(f"item_encoder.layer.{layer}.attention.query.weight") != (items[1], items[1]):
            raise ArgumentError(f"{where}: the query matrix of layer {layer!r:.40} does not have "
                                f"the items' hidden_size {items[1]}")
    return {"item_size": items[0], "hidden_size": items[1],
            "attribute_size": shape("attribute_embeddings.weight")[0],
            "max_seq_length": shape("position_embeddings.weight")[0],
            "num_hidden_layers": len(layers)}
