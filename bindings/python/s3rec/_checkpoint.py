# SPDX-License-Identifier: Apache-2.0
"""What a file of torch.save claims, before PyTorch reads it.

torch.load(weights_only=True) runs nothing of a file, but believes it: a hundred bytes can ask for
gigabytes, and a storage may claim more numbers than the archive has for it, which PyTorch then
reads beyond its memory. So the pickle is followed here first, without making any of its objects,
and may do only what the state dict of a model needs: make dictionaries, lists and tensors. Values
that are made once and then copied again and again are refused.
"""
from __future__ import annotations

import io
import pickletools
import zipfile
from typing import Any, BinaryIO, NoReturn, Optional

from s3rec._errors import FormatError, LimitError
from s3rec._limits import Limits

_ITEM_SIZES = {"DoubleStorage": 8, "FloatStorage": 4, "HalfStorage": 2, "BFloat16Storage": 2,
               "LongStorage": 8, "IntStorage": 4, "ShortStorage": 2, "CharStorage": 1,
               "ByteStorage": 1, "BoolStorage": 1}
_MOST_DIMENSIONS = 8
# The ends of a zip file: where its directory lies, and how long it is.
_END, _END_SIZE = b"PK\5\6", 22
_LOCATOR, _LOCATOR_SIZE, _END64 = b"PK\6\7", 20, b"PK\6\6"
_LEGACY_PICKLES = 5  # a magic number, the version, sizes of types, the object, storages
_PLAIN = {"NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT",
          "BINUNICODE", "SHORT_BINSTRING"}


class _Global(str):
    """A name that the pickle imports."""


class _Made:
    """An object that the pickle makes. again: it was taken out of the memo."""

    def __init__(self, again: bool = False) -> None:
        self.again = again


class _Storage:
    def __init__(self, count: int, item_size: int) -> None:
        self.count, self.item_size = count, item_size


class _Follower:
    """Follows pickles; `storages` has the bytes of each, `bytes` those of all tensors."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.storages: dict[str, int] = {}
        self.bytes = self.tensors = 0

    def refuse(self, what: str) -> NoReturn:
        raise FormatError(f"the pickle {what}; a state dict does not")

    def follow(self, pickle: BinaryIO) -> None:
        """Follows one pickle to its end."""
        self.stack: list[Any] = []
        self.marks: list[int] = []
        memo: dict[Any, Any] = {}
        for code, argument, _ in pickletools.genops(pickle):
            name = code.name
            if name in _PLAIN:
                self.stack.append(argument)
            elif name in ("BINPUT", "LONG_BINPUT"):
                memo[argument] = self.stack[-1]
            elif name in ("BINGET", "LONG_BINGET"):
                found = memo[argument]
                self.stack.append(_Made(again=True) if isinstance(found, _Made) else found)
            elif name == "GLOBAL":
                self.stack.append(_Global(argument))
            elif name == "MARK":
                self.marks.append(len(self.stack))
            elif name in ("EMPTY_DICT", "EMPTY_LIST"):
                self.stack.append(_Made())
            elif name == "EMPTY_TUPLE":
                self.stack.append(())
            elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
                self.stack.append(self.take(int(name[-1])))
            elif name == "TUPLE":
                self.stack.append(self.take_to_mark())
            elif name in ("APPENDS", "SETITEMS"):
                self.take_to_mark()
            elif name in ("APPEND", "SETITEM"):
                self.take(1 if name == "APPEND" else 2)
            elif name == "BINPERSID":
                self.stack.append(self.storage(self.stack.pop()))
            elif name == "REDUCE":
                arguments = self.stack.pop()
                self.stack.append(self.call(self.stack.pop(), arguments))
            elif name == "BUILD":
                state = self.stack.pop()
                if not isinstance(state, _Made) or state.again:
                    self.refuse("gives an object a state that is not its own")
            elif name not in ("PROTO", "STOP"):
                self.refuse(f"has the instruction {name}")

    def take(self, count: int) -> tuple[Any, ...]:
        """The topmost entries of the stack."""
        if len(self.stack) < count:
            raise IndexError("the pickle takes more than it made")
        taken = tuple(self.stack[len(self.stack) - count:])
        del self.stack[len(self.stack) - count:]
        return taken

    def take_to_mark(self) -> tuple[Any, ...]:
        return self.take(len(self.stack) - self.marks.pop())

    def storage(self, claim: Any) -> _Storage:
        """A storage that the pickle names: ("storage", type, key, place, count[, None])."""
        if (not isinstance(claim, tuple) or not 5 <= len(claim) <= 6 or claim[0] != "storage"
                or not isinstance(claim[1], _Global) or type(claim[2]) is not str
                or type(claim[4]) is not int or claim[4] < 0 or claim[5:] not in ((), (None,))):
            self.refuse("has a storage of an unknown form")
        size = _ITEM_SIZES.get(claim[1].rpartition(" ")[2])
        if size is None or not claim[1].startswith("torch "):
            self.refuse(f"has a storage of the type {claim[1]:.60}")
        if self.storages.setdefault(claim[2], claim[4] * size) != claim[4] * size:
            self.refuse(f"has two sizes of the storage {claim[2]:.60}")
        return _Storage(claim[4], size)

    def call(self, function: Any, arguments: Any) -> Any:
        """What a call of the pickle gives."""
        if not isinstance(function, _Global) or not isinstance(arguments, tuple):
            self.refuse("calls what is no function")
        if function == "collections OrderedDict" and not arguments:
            return _Made()
        if function == "torch._utils _rebuild_parameter" and len(arguments) == 3:
            return _Made()
        if function == "torch._utils _rebuild_tensor_v2" and 6 <= len(arguments) <= 7:
            self.tensor(*arguments[:4])
            return _Made()
        self.refuse(f"calls {function!s:.60} with {len(arguments)} arguments")

    def tensor(self, storage: Any, offset: Any, shape: Any, strides: Any) -> None:
        if (not isinstance(storage, _Storage) or type(offset) is not int
                or not isinstance(shape, tuple) or not isinstance(strides, tuple)
                or len(shape) != len(strides) or len(shape) > _MOST_DIMENSIONS
                or any(type(number) is not int or number < 0
                       for number in (offset, *shape, *strides))):
            self.refuse("has a tensor of an unknown form")
        count, last = 1, offset
        for size, stride in zip(shape, strides):
            count *= size
            last += (size - 1) * stride
        if count and last >= storage.count:
            self.refuse("has a tensor that reaches beyond its storage")
        self.bytes += count * storage.item_size
        self.tensors += 1
        if self.tensors > self.limits.tensors:
            raise LimitError(f"there are more than {self.limits.tensors} tensors (limit tensors)")


def _directory(file: BinaryIO, size: int) -> tuple[int, int]:
    """Length and place of the zip directory. The file must end as torch.save ends it, so that every
    reader takes the same bytes for the directory."""
    def number(place: int, count: int) -> int:
        return int.from_bytes(end[place:place + count], "little")

    tail = min(size, _LOCATOR_SIZE + _END_SIZE)
    file.seek(size - tail)
    locator, end = file.read(tail - _END_SIZE), file.read(_END_SIZE)
    if not end.startswith(_END) or number(20, 2):
        raise FormatError("the zip directory is not at the end")
    if not locator.startswith(_LOCATOR):
        return number(12, 4), number(16, 4)
    file.seek(min(int.from_bytes(locator[8:16], "little"), size))
    end = file.read(56)
    if not end.startswith(_END64):
        raise FormatError("the zip directory is not at the end")
    return number(40, 8), number(48, 8)


def _members(file: BinaryIO, size: int, limits: Limits) -> Optional[zipfile.ZipFile]:
    """The archive, None for a file of before PyTorch 1.6; its directory is all that was read."""
    file.seek(0)
    if file.read(2) != b"PK":
        return None
    length, start = _directory(file, size)
    if length > limits.header_bytes:
        raise LimitError(f"the zip directory is above {limits.header_bytes} bytes (limit "
                         f"header_bytes)")
    archive = zipfile.ZipFile(file)
    entries = archive.infolist()
    if archive.start_dir != start:
        raise FormatError("the zip directory is not where the file says")
    if len({entry.filename.lower() for entry in entries}) < len(entries):
        raise FormatError("two members of the zip file have one name")
    if any(entry.compress_type for entry in entries):
        raise FormatError("a member of the zip file is compressed")
    if sum(entry.file_size for entry in entries) > limits.expanded(size):
        raise LimitError(f"the members of the zip file claim more than "
                         f"{limits.expanded(size)} bytes (limits file_bytes, expansion)")
    return archive


def _check_archive(archive: zipfile.ZipFile, follower: _Follower, limits: Limits) -> None:
    sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    # PyTorch takes the folder's name from the first member.
    folder = next(iter(sizes), "").partition("/")[0]
    name = f"{folder}/data.pkl"
    if name not in sizes:
        raise FormatError("the zip file has no data.pkl")
    if sizes[name] > limits.header_bytes:
        raise LimitError(f"data.pkl is above {limits.header_bytes} bytes (limit header_bytes)")
    follower.follow(io.BytesIO(archive.read(name)))
    for key, count in follower.storages.items():
        if sizes.get(f"{folder}/data/{key}") != count:
            raise FormatError(f"the storage {key:.60} does not have the {count} bytes that the "
                              f"pickle claims")


def check_checkpoint(file: BinaryIO, size: int, limits: Limits) -> None:
    """Refuses a file that PyTorch had better not read: LimitError, FormatError."""
    if size > limits.file_bytes:
        raise LimitError(f"the file has {size} bytes, more than {limits.file_bytes} (limit "
                         f"file_bytes)")
    follower = _Follower(limits)
    try:
        archive = _members(file, size, limits)
        if archive is not None:
            _check_archive(archive, follower, limits)
        else:
            file.seek(0)
            head = io.BytesIO(file.read(min(size, limits.header_bytes)))
            for _ in range(_LEGACY_PICKLES):
                follower.follow(head)
            if sum(follower.storages.values()) > size:
                raise FormatError("the storages claim more bytes than the file has")
    except (LimitError, FormatError):
        raise
    except Exception as error:  # of zipfile and pickletools, for damaged files
        raise FormatError(f"this is no file of torch.save: {error}") from error
    if follower.bytes > limits.expanded(size):
        raise LimitError(f"the tensors claim more than {limits.expanded(size)} bytes (limits "
                         f"file_bytes, expansion)")
    file.seek(0)
