# SPDX-License-Identifier: Apache-2.0
"""Objects that own a handle of the library."""
from __future__ import annotations

import os
import threading
import weakref
from types import TracebackType
from typing import Any, Callable, Optional, Type, TypeVar, Union

from s3rec._errors import ArgumentError, StateError

H = TypeVar("H", bound="Handle")
PathLike = Union[str, "os.PathLike[str]"]


class _Use:
    """While it is entered the handle is not given back, whoever closes it."""

    def __init__(self, handle: Handle) -> None:
        self._owner = handle

    def __enter__(self) -> int:
        owner = self._owner
        with owner._lock:
            if owner._closed:
                raise StateError(f"this {type(owner).__name__} was closed")
            owner._users += 1
            return owner._pointer

    def __exit__(self, *_: object) -> None:
        owner = self._owner
        with owner._lock:
            owner._users -= 1
            last = owner._closed and owner._users == 0
        if last:
            owner._finalizer()


class Handle:
    """Owns a handle: `close()`, `with`, or the garbage collector gives it back.

    Threads may close an object while others use it: it goes with the last of them.
    """

    _pointer: int

    def __init__(self, *_: Any, **__: Any) -> None:
        raise TypeError(f"{type(self).__name__} objects are made by its class methods")

    def _own(self, pointer: Optional[int], destroy: Callable[[int], None]) -> None:
        assert pointer
        self._pointer = pointer
        self._lock = threading.Lock()
        self._users = 0
        self._closed = False
        self._finalizer = weakref.finalize(self, destroy, pointer)
        # At the interpreter's end other threads may still be inside calls; the system frees all.
        self._finalizer.atexit = False

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self._closed

    def _use(self) -> _Use:
        """`with self._use() as pointer:` around calls of the library."""
        return _Use(self)

    def close(self) -> None:
        """Gives memory back now. May be called again; every other use raises StateError."""
        with self._lock:
            self._closed = True
            if self._users:
                return
        self._finalizer()

    def __enter__(self: H) -> H:
        with self._use():
            return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()


def path_bytes(path: PathLike) -> bytes:
    """A path for the library: as the file system has it, without NUL."""
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise ArgumentError("a path contains a NUL character")
    return encoded
