# SPDX-License-Identifier: Apache-2.0
"""Exceptions: one for each status of the library, each a built-in exception of its kind too."""
from __future__ import annotations

import threading
from typing import Optional, Type

from s3rec._abi import library


class Error(Exception):
    """A call of the library failed.

    status: the number of the status (s3rec_status in s3rec/status.h).
    status_name: its name, such as "S3REC_ERROR_FORMAT".
    detail: what is wrong; for files it begins with "file:line".
    """

    status: int = 0

    def __init__(self, detail: str = "", status: Optional[int] = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if status is not None:
            self.status = status

    def __str__(self) -> str:
        return self.detail

    @property
    def status_name(self) -> str:
        return (library.s3rec_status_name(self.status) or b"").decode()


class ArgumentError(Error, ValueError):
    """An argument is out of range, or arguments contradict each other."""

    status = 10


class NotFoundError(Error, KeyError):
    """There is no parameter, user or name like that."""

    status = 11


class OutOfMemoryError(Error, MemoryError):
    """Memory ran out."""

    status = 20


class IoError(Error, OSError):
    """The operating system refused a file."""

    status = 30


class FormatError(Error, ValueError):
    """A file or array holds what it may not hold."""

    status = 31


class MismatchError(Error, ValueError):
    """Valid, but made for another model or other data."""

    status = 32


class LimitError(Error, ValueError):
    """A file exceeds a limit of the context (`Limits`)."""

    status = 33


class StateError(Error, RuntimeError):
    """Not now: the model is in use elsewhere, the object was closed."""

    status = 40


class NumericError(Error, ArithmeticError):
    """A loss, gradient or weight is NaN or infinite."""

    status = 41


class EngineError(Error, RuntimeError):
    """oneDNN reported a failure."""

    status = 50


class UnsupportedError(Error, NotImplementedError):
    """This build or machine cannot do it."""

    status = 60


class ThreadError(Error, RuntimeError):
    """A thread could not be started."""

    status = 61


BY_STATUS: dict[int, Type[Error]] = {
    kind.status: kind for kind in (
        ArgumentError, NotFoundError, OutOfMemoryError, IoError, FormatError, MismatchError,
        LimitError, StateError, NumericError, EngineError, UnsupportedError, ThreadError)}


def failure(status: int) -> Error:
    """The exception for a failed call. To be called at once, on the thread of the call."""
    detail = (library.s3rec_last_error() or b"").decode("utf-8", "replace")
    return BY_STATUS.get(status, Error)(detail, status)


# KeyboardInterrupt and the like, raised in a log function by the thread of that number: it may not
# unwind through the library's frames and waits for the end of the call.
held_back: dict[int, BaseException] = {}


def check(status: int) -> None:
    """Raises the exception of a status other than OK."""
    if held_back:
        error = held_back.pop(threading.get_ident(), None)
        if error is not None:
            raise error
    if status:
        raise failure(status)
