# SPDX-License-Identifier: Apache-2.0
"""A pickle machine that builds tensors and plain containers and nothing else.

Unpickling calls whatever a file names. This machine calls nothing: it knows the few opcodes that
`torch.save` writes for a state dict and the few names below, for which it has descriptions of
its own; every other opcode or name refuses the file.
"""
from __future__ import annotations

import io
import pickletools
import struct
from typing import Any, BinaryIO, Callable, Union

from s3rec._errors import FormatError

# Element types by the names of their storages.
STORAGES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2",
            "BFloat16Storage": "bfloat16", "LongStorage": "<i8", "IntStorage": "<i4",
            "ShortStorage": "<i2", "CharStorage": "|i1", "ByteStorage": "|u1",
            "BoolStorage": "|b1"}
_FUNCTIONS = {("collections", "OrderedDict"), ("torch._utils", "_rebuild_tensor_v2"),
              ("torch._utils", "_rebuild_parameter")}
_MAX_OPCODES = 50_000_000
_MARK = object()
_MISSING = object()


class Global:
    """A name that a pickle may use; what it stands for is never looked up."""

    __slots__ = ("module", "name")

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Storage:
    """Memory of tensors, still to be read."""

    __slots__ = ("dtype", "key", "count", "values")

    def __init__(self, dtype: str, key: str, count: int) -> None:
        self.dtype, self.key, self.count = dtype, key, count
        self.values: Any = None


class Tensor:
    """A view of a storage, in elements."""

    __slots__ = ("storage", "offset", "size", "stride")

    def __init__(self, storage: Storage, offset: int, size: tuple[int, ...],
                 stride: tuple[int, ...]) -> None:
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride


class OrderedDictionary(dict):  # type: ignore[type-arg]
    """An OrderedDict of the file: the one thing that a file may give attributes to."""


def refuse(reason: str) -> FormatError:
    return FormatError(reason)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**62


class Machine:
    """Runs one pickle; storages are collected by key."""

    def __init__(self, storages: dict[str, Storage]) -> None:
        self.storages = storages
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, file: Union[BinaryIO, io.BytesIO]) -> Any:
        """The object of the pickle at the file's position, which is behind it afterwards."""
        self.stack, self.memo = [], {}
        try:
            for number, (opcode, argument, _) in enumerate(pickletools.genops(file)):
                if number > _MAX_OPCODES:
                    raise refuse("the pickle is too long")
                if opcode.name == "STOP":
                    return self.pop()
                self.step(opcode.name, argument)
        except (ValueError, OverflowError, IndexError, struct.error) as error:
            if isinstance(error, FormatError):
                raise
            raise refuse(f"the pickle is broken: {error}") from None
        raise refuse("the pickle is broken: it has no end")

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise refuse("the pickle is broken: its stack is empty")
        return self.stack.pop()

    def pop_to_mark(self) -> list[Any]:
        for place in range(len(self.stack) - 1, -1, -1):
            if self.stack[place] is _MARK:
                items = self.stack[place + 1:]
                del self.stack[place:]
                return items
        raise refuse("the pickle is broken: a mark is missing")

    def step(self, name: str, argument: Any) -> None:
        if name in ("PROTO", "FRAME"):
            return
        if name in _VALUES:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name]())
        elif name in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
            top = self.pop()
            self.stack.append(top)
            self.memo[len(self.memo) if argument is None else argument] = top
        elif name in ("BINGET", "LONG_BINGET"):
            found = self.memo.get(argument, _MISSING)
            if found is _MISSING:
                raise refuse("the pickle is broken: it uses what it did not keep")
            self.stack.append(found)
        else:
            action = _ACTIONS.get(name)
            if action is None:
                raise refuse(f"the pickle has the opcode {name}: it holds more than tensors")
            action(self, argument)

    def make_global(self, argument: Any) -> None:
        if argument is None:  # STACK_GLOBAL
            name, module = self.pop(), self.pop()
        else:
            module, _, name = argument.partition(" ")
        known = (isinstance(module, str) and isinstance(name, str) and
                 ((module, name) in _FUNCTIONS or module == "torch" and name in STORAGES))
        if not known:
            raise refuse(f"the pickle names {module!s:.60}.{name!s:.60}: it holds more than "
                         f"tensors")
        self.stack.append(Global(module, name))

    def make_tuple(self, argument: Any) -> None:
        self.stack.append(tuple(self.pop_to_mark()))

    def append(self, argument: Any) -> None:
        self.extend_top([self.pop()])

    def appends(self, argument: Any) -> None:
        self.extend_top(self.pop_to_mark())

    def extend_top(self, items: list[Any]) -> None:
        target = self.pop()
        if type(target) is not list:
            raise refuse("the pickle appends to what is no list")
        target.extend(items)
        self.stack.append(target)

    def set_item(self, argument: Any) -> None:
        value, key = self.pop(), self.pop()
        self.fill_top([key, value])

    def set_items(self, argument: Any) -> None:
        self.fill_top(self.pop_to_mark())

    def fill_top(self, items: list[Any]) -> None:
        target = self.pop()
        if not isinstance(target, dict) or len(items) % 2:
            raise refuse("the pickle sets items of what is no dictionary")
        self.fill(target, zip(items[::2], items[1::2]))
        self.stack.append(target)

    @staticmethod
    def fill(target: Any, pairs: Any) -> None:
        for key, value in pairs:
            if type(key) not in (str, int, float, bool):  # hashing others may recurse
                raise refuse(f"the pickle has a {type(key).__name__} as a key")
            target[key] = value

    def persistent(self, argument: Any) -> None:
        """('storage', type, key, location, element count [, view])."""
        found = self.pop()
        if (type(found) is not tuple or len(found) not in (5, 6) or found[0] != "storage"
                or type(found[1]) is not Global or found[1].module != "torch"
                or type(found[2]) is not str or not _is_count(found[4])):
            raise refuse("the pickle refers to something that is no storage of a tensor")
        if len(found) == 6 and found[5] is not None:
            raise refuse("the file has views of storages, which are not read")
        dtype, key, count = STORAGES[found[1].name], found[2], found[4]
        storage = self.storages.setdefault(key, Storage(dtype, key, count))
        if storage.dtype != dtype or storage.count != count:
            raise refuse(f"the storage {key!r:.40} is described in two ways")
        self.stack.append(storage)

    def reduce(self, argument: Any) -> None:
        arguments, function = self.pop(), self.pop()
        if type(function) is not Global or type(arguments) is not tuple:
            raise refuse("the pickle calls something that is no function of tensors")
        if function.name == "OrderedDict":
            self.stack.append(self.ordered_dict(arguments))
        elif function.name == "_rebuild_tensor_v2":
            self.stack.append(self.tensor(arguments))
        elif function.name == "_rebuild_parameter" and arguments and (
                type(arguments[0]) is Tensor):
            self.stack.append(arguments[0])
        else:
            raise refuse(f"the pickle calls {function.name} in an unknown way")

    def ordered_dict(self, arguments: tuple[Any, ...]) -> OrderedDictionary:
        made = OrderedDictionary()
        if not arguments:
            return made
        pairs = arguments[0]
        if len(arguments) > 1 or type(pairs) is not list or any(
                type(pair) not in (list, tuple) or len(pair) != 2 for pair in pairs):
            raise refuse("the pickle makes an OrderedDict in an unknown way")
        self.fill(made, pairs)
        return made

    @staticmethod
    def tensor(arguments: tuple[Any, ...]) -> Tensor:
        if len(arguments) not in (6, 7) or type(arguments[0]) is not Storage:
            raise refuse("the pickle makes a tensor in an unknown way")
        storage, offset, size, stride = arguments[:4]
        if (not _is_count(offset) or type(size) is not tuple or type(stride) is not tuple
                or len(size) != len(stride) or len(size) > 16):
            raise refuse("a tensor has no valid size, stride and offset")
        if not all(_is_count(value) for value in (*size, *stride)):
            raise refuse("a tensor has a negative or oversized size or stride")
        return Tensor(storage, offset, size, stride)

    def build(self, argument: Any) -> None:
        """State of an object: only an OrderedDict may have some (`_metadata`), which is dropped."""
        self.pop()
        target = self.pop()
        if type(target) is not OrderedDictionary:
            raise refuse("the pickle sets attributes of something that is no OrderedDict")
        self.stack.append(target)

    def mark(self, argument: Any) -> None:
        self.stack.append(_MARK)

    def discard(self, argument: Any) -> None:
        self.pop()

    def small_tuple(self, count: int) -> None:
        items = [self.pop() for _ in range(count)]
        self.stack.append(tuple(reversed(items)))


_VALUES = {"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BININT", "BININT1", "BININT2",
           "LONG1", "LONG4", "BINFLOAT", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
_ACTIONS: dict[str, Callable[[Machine, Any], None]] = {
    "GLOBAL": Machine.make_global, "STACK_GLOBAL": Machine.make_global,
    "MARK": Machine.mark, "TUPLE": Machine.make_tuple,
    "TUPLE1": lambda machine, _: machine.small_tuple(1),
    "TUPLE2": lambda machine, _: machine.small_tuple(2),
    "TUPLE3": lambda machine, _: machine.small_tuple(3),
    "APPEND": Machine.append, "APPENDS": Machine.appends,
    "SETITEM": Machine.set_item, "SETITEMS": Machine.set_items,
    "BINPERSID": Machine.persistent, "REDUCE": Machine.reduce, "BUILD": Machine.build,
    "POP": Machine.discard}
