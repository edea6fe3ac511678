# SPDX-License-Identifier: Apache-2.0
"""Words and numbers of Python for the enumerations and fields of the library."""
from __future__ import annotations

import ctypes
import operator
from typing import Any, Literal

from s3rec._errors import ArgumentError

Kernels = Literal["auto", "baseline", "avx2", "avx512"]
Backend = Literal["auto", "fused", "onednn"]
Stage = Literal["pretrain", "finetune"]
Activation = Literal["gelu", "relu", "swish"]
Loss = Literal["ce", "bce", "sampled-ce"]
Recipe = Literal["best", "paper"]
Scan = Literal["auto", "f32", "bf16", "int8"]
Attention = Literal["causal", "bidirectional"]
Split = Literal["valid", "test"]
Protocol = Literal["full", "sampled"]
Seen = Literal["exclude", "zero", "include"]
Format = Literal["auto", "csv", "tsv", "jsonl"]
Header = Literal["auto", "no", "yes"]
Repeats = Literal["keep", "runs", "drop"]
Metric = Literal["hr-1", "hr-5", "hr-10", "hr-20", "ndcg-5", "ndcg-10", "ndcg-20", "mrr"]
Schedule = Literal["constant", "cosine"]
Source = Literal["none", "model", "popular"]
Refit = Literal["none", "valid", "all"]

KERNEL_LEVELS = {"auto": 0, "baseline": 1, "avx2": 2, "avx512": 3}
BACKENDS = {"auto": 0, "fused": 1, "onednn": 2}
STAGES = {"pretrain": 1, "finetune": 2}
ACTIVATIONS = {"gelu": 1, "relu": 2, "swish": 3}
LOSSES = {"ce": 1, "bce": 2, "sampled-ce": 3}
RECIPES = {"best": 1, "paper": 2}
SCANS = {"auto": 0, "f32": 1, "bf16": 2, "int8": 3}
ATTENTIONS = {"causal": 1, "bidirectional": 2}
SPLITS = {"valid": 1, "test": 2}
PROTOCOLS = {"full": 1, "sampled": 2}
SEEN = {"exclude": 1, "zero": 2, "include": 3}
FORMATS = {"auto": 0, "csv": 1, "tsv": 2, "jsonl": 3}
HEADERS = {"auto": 0, "no": 1, "yes": 2}
REPEATS = {"keep": 0, "runs": 1, "drop": 2}
RUN_EVENTS = {"step": 1, "epoch": 2, "done": 3}
METRICS = {"hr-1": 1, "hr-5": 2, "hr-10": 3, "hr-20": 4, "ndcg-5": 5, "ndcg-10": 6,
           "ndcg-20": 7, "mrr": 8}
SCHEDULES = {"constant": 1, "cosine": 2}
SOURCES = {"none": 0, "model": 1, "popular": 2}
REFITS = {"none": 2, "valid": 1, "all": 0}


def number_of(what: str, words: dict[str, int], word: str) -> int:
    """The number of a word; ArgumentError names what is allowed."""
    found = words.get(word) if isinstance(word, str) else None
    if found is None:
        allowed = ", ".join(repr(known) for known in words)
        raise ArgumentError(f"{what} is {word!r}, must be one of {allowed}")
    return found


def word_of(words: dict[str, int], number: int) -> str:
    """The word of a number."""
    for word, known in words.items():
        if known == number:
            return word
    return str(number)


def whole(what: str, value: Any, low: int, high: int) -> int:
    """An integer low..high; TypeError for what is none, such as 1.5."""
    try:
        number = int(operator.index(value))  # a plain one: subclasses may compare as they like
    except TypeError:
        raise TypeError(f"{what} is {value!r}, must be an integer") from None
    if not low <= number <= high:
        raise ArgumentError(f"{what} is {number}, must be {low}..{high}")
    return number


def plain_text(what: str, text: Any) -> bytes:
    """A text in UTF-8, for the library: it may hold no NUL."""
    if not isinstance(text, str):
        raise TypeError(f"{what} is {type(text).__name__} {text!r:.60}, must be text")
    try:
        encoded = str.encode(text)
    except UnicodeEncodeError:
        raise ArgumentError(f"{what} is text that UTF-8 cannot hold: {text!r:.60}") from None
    if b"\0" in encoded:
        raise ArgumentError(f"the {what} contains a NUL character")
    return encoded


def listed(what: str, values: Any) -> list[Any]:
    """The values as a list; TypeError for what holds none."""
    try:
        iterator = iter(values)
    except TypeError:
        raise TypeError(f"{what} is {type(values).__name__}, must be a list or array") from None
    return list(iterator)


def real(what: str, value: Any) -> float:
    """A number; TypeError for what is none, texts included."""
    if not isinstance(value, (str, bytes)):
        try:
            return float(value)
        except TypeError:
            pass
    raise TypeError(f"{what} is {value!r:.60}, must be a number")


def int32(what: str, value: Any) -> int:
    """An integer of 32 bits."""
    return whole(what, value, -2**31, 2**31 - 1)


def seed_number(seed: Any) -> int:
    """A seed of 64 bits; others are taken modulo 2**64."""
    return whole("seed", seed, -2**4096, 2**4096) % 2**64


def assign(struct: ctypes.Structure, name: str, value: Any) -> None:
    """Sets a number of a struct; ctypes alone would cut integers to size."""
    kind = next(field[1] for field in struct._fields_ if field[0] == name)
    if kind is ctypes.c_double:
        number: Any = real(name, value)
    else:
        bits = 8 * ctypes.sizeof(kind)
        unsigned = kind in (ctypes.c_uint64, ctypes.c_size_t)
        number = whole(name, value, 0 if unsigned else -2**(bits - 1),
                       2**bits - 1 if unsigned else 2**(bits - 1) - 1)
    setattr(struct, name, number)
