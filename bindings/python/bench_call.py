# SPDX-License-Identifier: Apache-2.0
"""What a call from Python costs over the call of the C function itself.

usage: bench_call.py [ITEMS [ROUNDS]]

The same question to the same scorer, by Model.recommend and by the bare function of ctypes with
prepared arguments; best of ROUNDS (default 7) of 2000 calls each, in microseconds.
"""
from __future__ import annotations

import sys
import timeit
from typing import Callable

import numpy as np

import s3rec
from s3rec._abi import library

CALLS = 2000


def best(call: Callable[[], object], rounds: int) -> float:
    return min(timeit.repeat(call, number=CALLS, repeat=rounds)) / CALLS * 1e6


def main(items: int = 12_101, rounds: int = 7) -> None:
    model = s3rec.Model.create(item_size=items + 2)
    named = model.clone()
    named.set_names(s3rec.Vocabulary([f"item {number}" for number in range(items)], 1))
    numbers = np.random.default_rng(0).integers(1, items, size=7).astype(np.int32)
    listed = numbers.tolist()
    assert named.item_names is not None
    names = named.item_names.names(numbers).tolist()
    model.recommend(numbers, 20)
    scorer = model._now().scorer()
    scorer.history[:7] = numbers

    def bare() -> int:
        status: int = library.s3rec_score_next(
            scorer, scorer.history_address, 7, None, 20, scorer.ids_address,
            scorer.scores_address, scorer.count_address)
        return status

    served = s3rec.Recommender(named)
    empty = np.zeros(0, np.int32)
    figures = {
        "the C function by ctypes": best(bare, rounds),
        "recommend(int32 array)": best(lambda: model.recommend(numbers, 20), rounds),
        "recommend(list of numbers)": best(lambda: model.recommend(listed, 20), rounds),
        "recommend(list of names)": best(lambda: named.recommend(names, 20), rounds),
        "Recommender.recommend(list of names)": best(lambda: served.recommend(names, 20), rounds),
        "recommend(empty array): overhead alone": best(lambda: model.recommend(empty, 20), rounds),
    }
    print(f"{items} items, hidden_size 64, a history of 7, 20 best, one thread; microseconds")
    for name, value in figures.items():
        print(f"{name:40} {value:8.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
