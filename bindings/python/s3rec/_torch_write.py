# SPDX-License-Identifier: Apache-2.0
"""Writes tensors in PyTorch's zip container, without PyTorch."""
from __future__ import annotations

import os
import secrets
import struct
import zipfile
from typing import Mapping

import numpy as np
import numpy.typing as npt

from s3rec._errors import IoError
from s3rec._handle import PathLike

# Opcodes of pickle protocol 2.
_PROTO, _STOP, _MARK, _TUPLE, _REDUCE = b"\x80\x02", b".", b"(", b"t", b"R"
_EMPTY_TUPLE, _SETITEMS, _PERSISTENT, _FALSE = b")", b"u", b"Q", b"\x89"


def _text(text: str) -> bytes:
    encoded = text.encode("utf-8")
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def _integer(value: int) -> bytes:
    if value < 2**31:
        return b"J" + struct.pack("<i", value)
    raw = value.to_bytes(9, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def _global(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode("ascii")


def _integers(values: tuple[int, ...]) -> bytes:
    return _MARK + b"".join(map(_integer, values)) + _TUPLE


_NEW_DICT = _global("collections", "OrderedDict") + _EMPTY_TUPLE + _REDUCE


def _tensor(key: str, array: npt.NDArray[np.float32]) -> bytes:
    """_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)."""
    storage = (_MARK + _text("storage") + _global("torch", "FloatStorage") + _text(key)
               + _text("cpu") + _integer(array.size) + _TUPLE + _PERSISTENT)
    strides = tuple(step // array.itemsize for step in array.strides)
    return (_global("torch._utils", "_rebuild_tensor_v2") + _MARK + storage + _integer(0)
            + _integers(array.shape) + _integers(strides) + _FALSE + _NEW_DICT + _TUPLE + _REDUCE)


def write_torch(path: PathLike, tensors: Mapping[str, npt.NDArray[np.float32]]) -> None:
    """Writes a state dict of float32 tensors that torch.load(path, weights_only=True) reads.

    The file appears under its name when it is whole.
    """
    arrays = {name: np.ascontiguousarray(array, "<f4") for name, array in tensors.items()}
    entries = b"".join(_text(name) + _tensor(str(number), array)
                       for number, (name, array) in enumerate(arrays.items()))
    pickled = _PROTO + _NEW_DICT + _MARK + entries + _SETITEMS + _STOP
    target = os.path.abspath(os.fspath(path))
    try:
        part = f"{target}.{secrets.token_hex(4)}.part"
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except OSError as error:
        raise IoError(f"{target}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                archive.writestr("archive/data.pkl", pickled)
                archive.writestr("archive/byteorder", b"little")
                for number, array in enumerate(arrays.values()):
                    archive.writestr(f"archive/data/{number}", array.tobytes())
                archive.writestr("archive/version", b"3\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
    except OSError as error:
        os.unlink(part)
        raise IoError(f"{target}: {error.strerror}") from error
    except BaseException:
        os.unlink(part)
        raise
