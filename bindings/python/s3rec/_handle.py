# SPDX-License-Identifier: Apache-2.0
"""Objects that own a handle of the library.

No program may crash or hang the interpreter by what it closes, shares, interrupts or forks:

- A `Pointer` gives its handle back when the last reference to it goes. A call of the library gets
  the Pointer itself: the call's arguments keep it alive, whoever closes the object meanwhile. The
  interpreter counts; an exception cannot make its count wrong.
- What serves one thread at a time has a lock that is tried and never waited for (`alone`). The lock
  is taken, the library called and the lock released by one call of C code. Signal handlers run
  between bytecodes, so none of them, and no KeyboardInterrupt, can come in between.
- A process that is forked while another of its threads is inside the library has a child in which
  handles may be half changed and locks of the library taken for ever. The child refuses them.
"""
from __future__ import annotations

import _thread
import atexit
import ctypes
import itertools
import operator
import os
import sys
import threading
import time
from functools import partial
from types import TracebackType
from typing import Any, Callable, Iterator, Optional, Sequence, Type, TypeVar, Union

from s3rec._errors import ArgumentError, StateError

H = TypeVar("H", bound="Handle")
T = TypeVar("T")
PathLike = Union[str, os.PathLike[str]]


class _Process:
    """What happened to this process since the package was imported."""

    count = 0  # changes
    torn = 0  # the last of them that was a fork with another thread inside the library
    ended = False  # the interpreter ends
    busy = False

    @classmethod
    def before_fork(cls) -> None:
        cls.busy = any(_calls(frame) for frame in _other_threads())

    @classmethod
    def in_child(cls) -> None:
        cls.count += 1
        if cls.busy:
            cls.torn = cls.count

    @classmethod
    def at_exit(cls) -> None:
        """No calls begin any more. Those of daemon threads end first: behind this point libraries
        take down what calls need. A second Ctrl-C ends the process without waiting."""
        cls.ended = True
        cls.count += 1
        try:
            while any(_is_ours(frame) for frame in _other_threads()):
                time.sleep(0.01)
        except KeyboardInterrupt:
            os._exit(130)


def _other_threads() -> Iterator[Any]:
    """The innermost frames of all other threads."""
    own = threading.get_ident()
    return (frame for thread, frame in sys._current_frames().items() if thread != own)


def _is_ours(frame: Any) -> bool:
    return str(frame.f_globals.get("__name__")).startswith("s3rec.")


def _calls(frame: Any) -> bool:
    """Whether a frame or one of its callers is the package's, and so may be inside the library."""
    while frame is not None and not _is_ours(frame):
        frame = frame.f_back
    return frame is not None


atexit.register(_Process.at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_Process.before_fork, after_in_child=_Process.in_child)


class Pointer(ctypes.c_void_p):
    """A handle of the library; the caller of a create function passes this by reference.

    threads: threads of the library may serve the handle, which a forked child does not have.
    """

    def __init__(self, destroy: Callable[[Pointer], None], threads: bool = False) -> None:
        super().__init__()
        if _Process.ended:
            raise StateError("the interpreter ends: no calls of the library begin any more")
        self.destroy, self.threads, self.born = destroy, threads, _Process.count
        self.turn: Any = None  # the lock of what serves one thread at a time
        self.kind = ""

    def lost(self) -> bool:
        """Whether a fork, or the interpreter's end, has made the handle unusable."""
        return _Process.ended or self.born < _Process.torn or (
            self.threads and self.born < _Process.count)

    def check(self, owner: Handle) -> None:
        """StateError for a handle that is lost."""
        if self.born != _Process.count and self.lost():
            name = type(owner).__name__
            raise StateError(
                f"the interpreter ends: this {name} takes no more calls" if _Process.ended else
                f"this {name} was made before the process was forked: make another one here")

    def __del__(self) -> None:
        if not self.value or sys.is_finalizing() or self.lost():
            return
        # The iterator destroys the handle once, in one call of C code, however often an exception
        # of a signal handler comes in between.
        once: Any = None
        while True:
            try:
                once = once or map(self.destroy, (self,))
                next(once, None)
                return
            except BaseException:
                continue


_TYPES: dict[Any, Type[Pointer]] = {ctypes.c_void_p: Pointer}


def pointer_for(destroy: Any, threads: bool = False) -> Pointer:
    """A pointer of the type that `destroy` takes, so that no function takes it for another."""
    kind = destroy.argtypes[0]
    found = _TYPES.get(kind) or _TYPES.setdefault(kind, type("Pointer", (Pointer, kind), {}))
    return found(destroy, threads)


def address_of(pointer: Pointer, kind: Type[ctypes.c_void_p]) -> Optional[int]:
    """The address of a handle of that kind, for a field of a struct."""
    if not isinstance(pointer, kind):
        raise TypeError(f"this handle is no {kind.__name__.lower()}")
    return pointer.value


class Handle:
    """Owns a handle: `close()`, `with`, or the garbage collector gives it back.

    Threads may close an object while others use it: it goes with the last of them.
    """

    _pointer: Optional[Pointer] = None

    def __init__(self, *_: Any, **__: Any) -> None:
        raise TypeError(f"{type(self).__name__} objects are made by its class methods")

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self._pointer is None

    def _live(self) -> Pointer:
        """The handle, for a call of the library; StateError when there is none any more."""
        pointer = self._pointer
        if pointer is None:
            raise StateError(f"this {type(self).__name__} was closed")
        pointer.check(self)
        return pointer

    @classmethod
    def _of(cls: Type[H], value: Any, what: str) -> H:
        """`value`, whose handle is of this kind; TypeError for anything else."""
        if not isinstance(value, cls):
            raise TypeError(f"{what} is {type(value).__name__}, must be a {cls.__name__}")
        return value

    def _usable(self) -> bool:
        return self._pointer is not None and not self._pointer.lost()

    def close(self) -> None:
        """Gives memory back now. May be called again; every other use raises StateError."""
        self._pointer = None

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(f"{type(self).__name__} objects are neither pickled nor copied: they own "
                        f"memory of the library")

    def __enter__(self: H) -> H:
        self._live()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()


class Lone(Handle):
    """A handle that serves one thread at a time; a second one gets StateError."""

    def _own(self, pointer: Pointer) -> None:
        pointer.turn, pointer.kind = threading.Lock(), type(self).__name__
        self._pointer = pointer

    def _alone(self, function: Any, *arguments: Any) -> Any:
        """What a function of the library returns for this handle and `arguments`."""
        pointer = self._live()
        return alone((pointer,), function, pointer, *arguments)


_call = operator.methodcaller("__call__")
_is_not_false = partial(operator.is_not, False)


def alone(pointers: Sequence[Pointer], function: Any, *arguments: Any) -> Any:
    """What a function of the library returns while no other call uses the handles (of Lone).

    `steps` is an iterator of C code over C functions: nothing of Python runs between a lock's
    acquire and its release. It ends early where a lock is taken: acquire then returns False.
    """
    for kind, argument in zip(function.argtypes, arguments):
        kind.from_param(argument)  # nothing but a lock may fail below
    inner: Any = partial(function, *arguments)
    for pointer in pointers:
        turn = pointer.turn
        steps = map(_call, (partial(turn.acquire, False), inner, turn.release))
        inner = partial(list, itertools.takewhile(_is_not_false, steps))
    result = inner()
    for pointer in reversed(pointers):
        if not result:
            raise StateError(f"another call uses this {pointer.kind}, which serves one thread at "
                             f"a time")
        result = result[1]
    return result


def patiently(work: Callable[[], T]) -> T:
    """The result of `work`, which may take long.

    Signals are handled by the main thread, between two bytecodes. It lets another thread work and
    waits, which an exception of a signal handler ends: KeyboardInterrupt. The work then goes on to
    its end, unseen; it keeps what it uses.
    """
    if threading.get_ident() != threading.main_thread().ident:
        return work()
    outcome: list[Any] = []
    done = threading.Lock()
    done.acquire()

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            outcome.extend((None, error))
        finally:
            done.release()

    try:
        _thread.start_new_thread(run, ())  # threading would keep what is interrupted in its start
    except RuntimeError:  # no more threads, or the interpreter ends
        return work()
    done.acquire()
    if len(outcome) > 1:
        error = outcome.pop()
        try:
            raise error
        finally:
            del error
    result: T = outcome[0]
    return result


def path_bytes(path: PathLike, what: str = "path") -> bytes:
    """A path for the library: as the file system has it, without NUL."""
    if not hasattr(type(path), "__fspath__") and not isinstance(path, (str, bytes)):
        raise TypeError(f"{what} is {type(path).__name__}, must be a path")
    plain = os.fspath(path)
    encoded = bytes(memoryview(plain)) if isinstance(plain, bytes) else str.encode(
        plain, sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())
    if b"\0" in encoded:
        raise ArgumentError("a path contains a NUL character")
    return encoded
