# SPDX-License-Identifier: Apache-2.0
"""The package's calls while memory fails: a program for a process that has the interposer loaded.

usage: memory_program.py FOLDER MODE AT SEED [ROUNDS]

MODE is once, from or chance (tests/faults/control.h); AT is the number of the request, or 1 / the
chance. Each round takes the next SEED, and with `once` the next but AT requests. Prints what a
call gave that memory does not explain, then a line of counts.
"""
from __future__ import annotations

import ctypes
import faulthandler
import gc
import pathlib
import sys
from typing import Any, Callable, Optional

import numpy as np
import s3rec

MODES = {"none": 0, "once": 1, "from": 2, "chance": 3}
MISSING = (MemoryError, s3rec.ThreadError)
# What CPython says of its own locks and threads where memory is missing.
RUNTIME_TEXTS = ("can't allocate lock", "can't start new thread")


class Faults:
    """The interposer."""

    def __init__(self) -> None:
        process = ctypes.CDLL(None)
        self.memory, self.arm = process.s3_fault_memory, process.s3_fault_arm
        self.memory.argtypes = [ctypes.c_int, ctypes.c_long, ctypes.c_ulong]
        self.memory.restype = self.arm.restype = None
        self.read = process.s3_fault_counts
        self.read.restype = None

    def counts(self) -> tuple[int, int, int]:
        numbers = [ctypes.c_long() for _ in range(3)]
        self.read(*map(ctypes.byref, numbers))
        requests, hits, live = (number.value for number in numbers)
        return requests, hits, live


class Flow:
    """From events to recommendations; what a failed call leaves out is left out of the rest."""

    def __init__(self, folder: pathlib.Path, faults: Faults) -> None:
        self.folder, self.faults = folder, faults
        self.calls = self.failed = 0
        self.problems: list[str] = []

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def attempt(self, what: str, call: Callable[[], Any],
                wrong: Optional[type[s3rec.Error]] = None) -> Any:
        """What a call gives under faults, None where memory was missing. `wrong` is the error of
        a call that is wrong in itself."""
        self.calls += 1
        found: Any = None
        problem: Optional[BaseException] = None
        try:
            self.faults.arm(1)
            try:
                found = call()
            finally:
                self.faults.arm(0)
        except MISSING:
            self.failed += 1
        except BaseException as error:
            if str(error) in RUNTIME_TEXTS:
                self.failed += 1
            else:
                problem = error
        if problem is not None and (wrong is None or not isinstance(problem, wrong)):
            self.problems.append(f"{what}: {type(problem).__name__}: {problem}")
        if wrong is not None and found is not None:
            self.problems.append(f"{what}: no error")
        return found

    def inputs(self) -> None:
        draw = np.random.default_rng(7)
        rows = ["user,item,timestamp"]
        for user in range(40):
            rows += [f"u{user},i{item},{place}" for place, item in
                     enumerate(draw.integers(1, 31, size=9).tolist())]
        (self.folder / "events.csv").write_text("\n".join(rows) + "\n")
        self.data = s3rec.Dataset.from_files(self.path("events.csv"))
        self.model = s3rec.Model.create(self.data, hidden_size=16)
        self.model.save(self.path("model.safetensors"))
        self.columns = (["u%d" % (i // 8) for i in range(160)],
                        ["i%d" % (1 + i * 7 % 30) for i in range(160)])

    def everything(self) -> None:
        self.reading()
        self.training()
        self.serving()

    def reading(self) -> None:
        attempt = self.attempt
        attempt("events of no file", lambda: s3rec.Dataset.from_files(self.path("none.csv")),
                s3rec.IoError)
        data = attempt("from_files", lambda: s3rec.Dataset.from_files(self.path("events.csv")))
        attempt("from_events of lists", lambda: s3rec.Dataset.from_events(
            user=self.columns[0], item=self.columns[1]))
        attempt("from_arrays", lambda: s3rec.Dataset.from_arrays(
            [np.arange(1, 9, dtype=np.int32), [3, 4, 5, 6]], attributes={1: [0], 2: [1, 2]}))
        if data is not None:
            attempt("item names", lambda: list(data.item_names))
            attempt("a name", lambda: data.item_names.find("i3"))
            attempt("repr", lambda: repr(data))

    def training(self) -> None:
        attempt, data = self.attempt, self.data
        model = attempt("create", lambda: s3rec.Model.create(data, hidden_size=16))
        if model is not None:
            attempt("finetune", lambda: s3rec.finetune(model, data, epochs=1, progress=False))
            attempt("save", lambda: model.save(self.path("other.safetensors")))
            attempt("parameters", lambda: model.parameters)
        attempt("load", lambda: s3rec.Model.load(self.path("model.safetensors")))
        attempt("load of events", lambda: s3rec.Model.load(self.path("events.csv")),
                s3rec.FormatError)
        attempt("evaluate", lambda: s3rec.evaluate(self.model, data))

    def serving(self) -> None:
        attempt = self.attempt
        attempt("Model.recommend", lambda: self.model.recommend(["i1", "i2"], k=5))
        attempt("Model.recommend of a user",
                lambda: self.model.recommend(user="u3", dataset=self.data, k=5))
        served = attempt("open", lambda: s3rec.Recommender.open(self.path("model.safetensors")))
        if served is None:
            return
        attempt("recommend", lambda: served.recommend(["i1", "i2", "x"], 5))
        only = attempt("filter", lambda: served.filter(allow=["i1", "i2", "i3"], deny=["i2"]))
        if only is not None:
            attempt("recommend_many", lambda: served.recommend_many([["i1"], ["i2", "i9"]], 5,
                                                                    filter=only))
        attempt("similar", lambda: served.similar(["i1"], 5))
        attempt("exchange", lambda: served.exchange(self.path("model.safetensors")))
        attempt("exchange for no file", lambda: served.exchange(self.path("none")), s3rec.IoError)
        attempt("statistics", lambda: served.statistics)
        attempt("close", served.close)


def main(folder: str, mode: str, at: int, seed: int, rounds: int) -> None:
    faulthandler.enable()
    faults = Faults()
    flow = Flow(pathlib.Path(folder), faults)
    flow.inputs()
    for _ in range(2):  # caches fill
        faults.memory(0, 1, 0)
        flow.everything()
    requests, _, _ = faults.counts()
    hits = 0
    for number in range(rounds):
        place = 1 + (at - 1 + number * requests // rounds) % requests if mode == "once" else at
        faults.memory(MODES[mode], place, seed + number)
        before = len(flow.problems)
        flow.everything()
        hits += faults.counts()[1]
        flow.problems[before:] = [f"{mode} {place}, seed {seed + number}: {problem}"
                                  for problem in flow.problems[before:]]
        gc.collect()
    faults.memory(0, 1, 0)
    before = len(flow.problems)
    failed = flow.failed
    flow.everything()
    if len(flow.problems) > before or flow.failed > failed:
        flow.problems.append("calls fail when memory does not any more")
    for problem in flow.problems:
        print(problem)
    print(f"rounds {rounds} requests {requests} faults {hits} calls {flow.calls} "
          f"failed {flow.failed}")


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]),
         int(sys.argv[5]) if len(sys.argv) == 6 else 1)
