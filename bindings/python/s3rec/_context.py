# SPDX-License-Identifier: Apache-2.0
"""Threads, compute choices and logging: what every other object is made with."""
from __future__ import annotations

import ctypes
import itertools
import logging
import os
import threading
from typing import Callable, Optional

from s3rec import _abi, _structs
from s3rec._abi import library
from s3rec._errors import check, held_back
from s3rec._handle import Handle, Pointer
from s3rec._limits import Limits, c_limits
from s3rec._words import (BACKENDS, KERNEL_LEVELS, Backend, Kernels, assign, number_of,
                          word_of)

Log = Callable[[int, str], object]
LOGGER = logging.getLogger("s3rec")

_LEVELS = {1: logging.INFO, 2: logging.WARNING}
_logs: dict[int, Log] = {}
_keys = itertools.count(1)


def _forward(level: int, message: bytes, key: Optional[int]) -> None:
    log = _logs.get(key or 0)
    if log is None:
        return
    try:
        log(_LEVELS.get(level, logging.INFO), message.decode("utf-8", "replace"))
    except Exception:
        LOGGER.exception("the log function of a context failed")
    except BaseException as error:
        held_back[threading.get_ident()] = error


_trampoline = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(_forward)


class _Pointer(Pointer, _structs.CONTEXT):
    """A context, and the key of its log function."""

    def __init__(self, key: int) -> None:
        super().__init__(library.s3rec_context_destroy)
        self.key = key

    def __del__(self, logs: dict[int, Log] = _logs) -> None:  # the module's may be gone
        super().__del__()
        logs.pop(self.key, None)


def processors() -> int:
    """How many threads of training and evaluation this process has processors for, at most 256."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), 256)
    return min(os.cpu_count() or 1, 256)


class Context(Handle):
    """Threads, compute choices and the log. Functions without a `context` use one for all.

    threads: of training and evaluation, 1..256; None: as many as there are processors. Results
        do not depend on it.
    kernels: "auto", "baseline", "avx2" or "avx512"; another than "auto" may be unsupported.
    backend: "auto", "fused" or "onednn".
    limits: how much a file may make calls of this context read and allocate; None: `Limits()`.
    log: gets (level, text) with a level of `logging`; None: the logger "s3rec".
    """

    def __init__(self, threads: Optional[int] = None, kernels: Kernels = "auto",
                 backend: Backend = "auto", log: Optional[Log] = None,
                 limits: Optional[Limits] = None) -> None:
        options = _abi.new(_structs.ContextOptions)
        assign(options, "thread_count", processors() if threads is None else threads)
        options.kernel_level = number_of("kernels", KERNEL_LEVELS, kernels)
        options.backend = number_of("backend", BACKENDS, backend)
        if log is not None and not callable(log):
            raise TypeError(f"log is {type(log).__name__}, must be a function")
        self.limits = Limits() if limits is None else limits
        most = c_limits(self.limits)
        options.limits = ctypes.addressof(most)
        key = next(_keys)
        options.log = ctypes.cast(_trampoline, ctypes.c_void_p)
        options.log_user_data = key
        _logs[key] = log if log is not None else LOGGER.log
        pointer = _Pointer(key)
        try:
            check(library.s3rec_context_create(ctypes.byref(options), ctypes.byref(pointer)))
        except BaseException:
            _logs.pop(key, None)
            raise
        self.threads = int(options.thread_count)
        self._many = self.threads > 1
        self._pointer = pointer

    @property
    def kernels(self) -> str:
        """The kernels that "auto" stands for here."""
        return word_of(KERNEL_LEVELS, library.s3rec_context_kernel_level(self._live()))

    @property
    def backend(self) -> str:
        """The backend that "auto" stands for."""
        return word_of(BACKENDS, library.s3rec_context_backend(self._live()))

    def __repr__(self) -> str:
        return f"<s3rec.Context threads={self.threads}>"


_shared: dict[str, Context] = {}


def default_context() -> Context:
    """The context of all calls that were given none; made when first needed."""
    found = _shared.get("context")
    if found is None:
        found = _shared.setdefault("context", Context())
    if not found._usable():
        found = _shared["context"] = Context()
    return found


def build_info() -> str:
    """One line for bug reports: release, oneDNN, kernels of this build and machine."""
    length = library.s3rec_build_info(None, 0)
    text = ctypes.create_string_buffer(length + 1)
    library.s3rec_build_info(text, length + 1)
    return text.value.decode("utf-8", "replace")


def use(context: Optional[Context]) -> Context:
    """The given context, or the one for all."""
    return default_context() if context is None else Context._of(context, "context")
