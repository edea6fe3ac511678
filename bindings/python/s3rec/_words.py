# SPDX-License-Identifier: Apache-2.0
"""Words of this package for the enumerations of the library."""
from __future__ import annotations

from s3rec._errors import ArgumentError

KERNEL_LEVELS = {"auto": 0, "baseline": 1, "avx2": 2, "avx512": 3}
BACKENDS = {"auto": 0, "fused": 1, "onednn": 2}
STAGES = {"pretrain": 1, "finetune": 2}
ACTIVATIONS = {"gelu": 1, "relu": 2, "swish": 3}
LOSSES = {"ce": 1, "bce": 2, "sampled-ce": 3}
RECIPES = {"best": 1, "paper": 2}
SCANS = {"auto": 0, "f32": 1, "bf16": 2, "int8": 3}
SPLITS = {"valid": 1, "test": 2}
PROTOCOLS = {"full": 1, "sampled": 2}
SEEN = {"exclude": 1, "zero": 2, "include": 3}
FORMATS = {"auto": 0, "csv": 1, "tsv": 2, "jsonl": 3}
HEADERS = {"auto": 0, "no": 1, "yes": 2}
REPEATS = {"keep": 0, "runs": 1, "drop": 2}
RUN_EVENTS = {"step": 1, "epoch": 2, "done": 3}
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
