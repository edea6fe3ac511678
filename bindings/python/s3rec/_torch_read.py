# SPDX-License-Identifier: Apache-2.0
"""Reads the tensors of PyTorch checkpoints without PyTorch."""
from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
from collections import OrderedDict
from typing import Any

import numpy as np
import numpy.typing as npt

from s3rec._errors import FormatError, IoError
from s3rec._handle import PathLike
from s3rec._torch_pickle import Machine, Storage, Tensor, refuse

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_WRAPPERS = ("state_dict", "model_state_dict", "model")


def read_torch(path: PathLike) -> OrderedDict[str, npt.NDArray[Any]]:
    """The tensors of a state dict by name: read-only arrays, bfloat16 as float32.

    path: a file of `torch.save`, in the zip or the legacy container. The state dict may be the
    entry "state_dict", "model_state_dict" or "model" of a dictionary. Nothing of the file is
    run: FormatError says what it holds besides tensors, or what is wrong with them. No more
    memory is used than a small multiple of the file's size.
    """
    content = _content(path)
    try:
        root = _zip(content) if content[:4] == b"PK\x03\x04" else _legacy(content)
        return _tensors(root)
    except FormatError as error:
        raise FormatError(f"{os.fspath(path)}: {error.detail}") from None


def _content(path: PathLike) -> bytes:
    try:
        with open(path, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise IoError(f"{os.fspath(path)} is no regular file")
            return file.read()
    except OSError as error:
        if isinstance(error, IoError):
            raise
        raise IoError(f"{os.fspath(path)}: {error.strerror}") from error


def _element_size(storage: Storage) -> int:
    return 2 if storage.dtype == "bfloat16" else np.dtype(storage.dtype).itemsize


def _fill(storage: Storage, raw: memoryview) -> None:
    size = storage.count * _element_size(storage)
    if len(raw) != size:
        raise refuse(f"the storage {storage.key!r:.40} has {len(raw)} bytes, must have {size}")
    if storage.dtype == "bfloat16":
        wide = np.frombuffer(raw, "<u2").astype("<u4") << np.uint32(16)
        storage.values = wide.view("<f4")
        storage.values.flags.writeable = False
    else:
        storage.values = np.frombuffer(raw, storage.dtype)


def _legacy(content: bytes) -> Any:
    """Magic number, protocol and system as pickles; the object; keys; the storages one by one."""
    file, storages = io.BytesIO(content), {}  # type: io.BytesIO, dict[str, Storage]
    if content[:1] != b"\x80" or Machine({}).run(file) != _MAGIC:
        raise refuse("this is no file of torch.save: neither its zip nor its legacy container")
    if Machine({}).run(file) != _PROTOCOL:
        raise refuse("the legacy container is of an unknown version")
    system = Machine({}).run(file)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise refuse("the legacy container does not say that it is little-endian")
    root = Machine(storages).run(file)
    keys = Machine({}).run(file)
    if type(keys) is not list or not all(type(key) is str for key in keys):
        raise refuse("the legacy container has no list of storages")
    if len(set(keys)) != len(keys) or set(keys) != set(storages):
        raise refuse("the legacy container's list of storages differs from those in use")
    view, place = memoryview(content), file.tell()
    for key in keys:
        storage = storages[key]
        if len(content) - place < 8:
            raise refuse(f"the file ends before the storage {key!r:.40}")
        count = struct.unpack_from("<q", content, place)[0]
        end = place + 8 + storage.count * _element_size(storage)
        if count != storage.count or end > len(content):
            raise refuse(f"the storage {key!r:.40} is cut short or has another size than said")
        _fill(storage, view[place + 8:end])
        place = end
    return root


def _zip(content: bytes) -> Any:
    """TOP/data.pkl, TOP/data/KEY for each storage, TOP/byteorder."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _archive(archive, len(content))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, ValueError,
            KeyError, OSError, struct.error) as error:
        if isinstance(error, FormatError):
            raise
        raise refuse(f"the zip container is broken: {error}") from None


def _archive(archive: zipfile.ZipFile, size: int) -> Any:
    members: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        if member.filename in members:
            raise refuse(f"the zip container has {member.filename!r:.60} twice")
        members[member.filename] = member
    tops = [name[:-len("data.pkl")] for name in members if name.endswith("/data.pkl")
            and name.count("/") == 1]
    if len(tops) != 1:
        raise refuse("the zip container has no TOP/data.pkl: it is no file of torch.save")
    top, left = tops[0], size

    def read(name: str) -> bytes:
        nonlocal left
        member = members.get(top + name)
        if member is None:
            raise refuse(f"the zip container lacks {name!r:.60}")
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise refuse(f"{name!r:.60} is compressed or encrypted, which torch.save never does")
        left -= member.file_size
        if left < 0 or member.file_size != member.compress_size:
            raise refuse("the members of the zip container are larger than the file")
        return archive.read(member)

    if top + "byteorder" in members and read("byteorder").strip() != b"little":
        raise refuse("the zip container is not little-endian")
    storages: dict[str, Storage] = {}
    root = Machine(storages).run(io.BytesIO(read("data.pkl")))
    for key, storage in storages.items():
        _fill(storage, memoryview(read(f"data/{key}")))
    return root


def _tensors(root: Any) -> OrderedDict[str, npt.NDArray[Any]]:
    for name in _WRAPPERS:
        if isinstance(root, dict) and isinstance(root.get(name), dict):
            root = root[name]
            break
    if not isinstance(root, dict) or not root:
        raise refuse("the file holds no state dict")
    found: OrderedDict[str, npt.NDArray[Any]] = OrderedDict()
    for name, tensor in root.items():
        if type(name) is not str or type(tensor) is not Tensor:
            raise refuse(f"the entry {name!r:.60} of the state dict is no tensor")
        found[name] = _array(name, tensor)
    return found


def _array(name: str, tensor: Tensor) -> npt.NDArray[Any]:
    """A view of the storage, which each element of the tensor has to itself."""
    values, size, stride = tensor.storage.values, tensor.size, tensor.stride
    if 0 in size:
        return np.zeros(size, values.dtype) if max(size) <= len(values) + 1 else np.zeros(
            tuple(0 for _ in size), values.dtype)
    last = 0
    for step, extent in sorted((step, extent) for step, extent in zip(stride, size) if extent > 1):
        if step <= last:
            raise refuse(f"elements of the tensor {name!r:.60} overlap")
        last += step * (extent - 1)
    if tensor.offset + last >= len(values):
        raise refuse(f"the tensor {name!r:.60} reaches beyond its storage")
    bytes_of = tuple(step * values.itemsize if extent > 1 else values.itemsize
                     for step, extent in zip(stride, size))
    view = np.lib.stride_tricks.as_strided(values[tensor.offset:], size, bytes_of,
                                           writeable=False)
    return view
