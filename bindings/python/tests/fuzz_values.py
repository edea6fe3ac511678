# SPDX-License-Identifier: Apache-2.0
"""Arguments for the random programs of fuzz_api.py: what fits, and what no caller should give."""
from __future__ import annotations

import collections
import collections.abc
import ctypes
import gc
import math
import os
import random
import types
import typing
import unittest.mock
from typing import Any, Callable, Union

import numpy as np

import s3rec

ITEMS, USERS = 30, 12
WHOLE = (0, 1, 2, 3, 7, -1, 50, 2**31 - 1, 2**31, -2**31, 2**32 + 1, 2**62, 2**63, 2**64, -2**63,
         10**30)
# What decides about time or memory is small, or so large that it is refused at once.
SMALL: dict[str, tuple[Any, ...]] = {
    "epochs": (0, 1, 2, -1), "pretrain_epochs": (0, 1, -1), "finetune_epochs": (0, 1, -1),
    "patience": (1, 2, 0), "threads": (1, 1, 2, 3, 0, -1, 257), "hidden_size": (4, 8, 8, 0, -1, 7),
    "num_hidden_layers": (1, 2, 0, -1, 2**31 - 1), "num_attention_heads": (1, 2, 3, 0, -1),
    "max_seq_length": (1, 5, 50, 0, -1, 2**31 - 1), "item_size": (ITEMS + 2, 9, 3, 0, 2**31 - 1),
    "attribute_size": (1, 5, 0, -1, 2**31 - 1), "batch_size": (1, 4, 64, 0, -1, 2**31 - 1),
    "shard_count": (1, 2, 8, 0, -1), "negative_count": (1, 5, 0, -1), "warmup_epochs": (0, 1.5),
    "time_budget": (0, 0.01, math.nan), "held_out_count": (0, 1, 2, 3, -1)}
TEXTS = ("", "x1", "u1", "film", "LayerNorm.bias", "item_embeddings.weight", "input_ids", "a\0b",
         "\ud800", "\u0661", "ä" * 300, "|", ",", "1", "user", "item")
FILES = ("model.safetensors", "run.state", "trainer.state", "events.csv", "events.csv.gz",
         "sequences.txt", "attributes.json", "garbage", "empty", "none", ".", "none/none", "a\0b",
         "\udc80", "x" * 300, "", b"model.safetensors", "/")
HISTORIES = ("history", "histories", "sequences", "items", "exclude", "candidates", "allow", "deny",
             "X", "names", "numbers", "ids", "user", "item", "timestamp", "value", "values")


class Injected(BaseException):
    """Raised where a program's own code is called."""


class Text(str):
    """A text that lies about itself."""

    def __len__(self) -> int:
        return 10**7

    def encode(self, *_: Any) -> Any:
        return Bytes(b"x1")

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1


class Bytes(bytes):
    def __len__(self) -> int:
        return 10**7


class Whole(int):
    """A number that is as large or small as is wanted."""

    def __lt__(self, other: Any) -> bool:
        return False

    __gt__ = __le__ = __ge__ = __lt__

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


class Table(np.ndarray):
    """An array that lies about its form."""

    dtype = np.dtype(np.int32)
    ndim = 1
    size = 10**7
    nbytes = 10**8

    def __len__(self) -> int:
        return 10**7


class Rows(list):  # type: ignore[type-arg]
    def __len__(self) -> int:
        return 10**7


class Pairs(dict):  # type: ignore[type-arg]
    def __len__(self) -> int:
        return 5

    def items(self) -> Any:
        return [("attributes", [1]), (2**40, [1]), (1, Rows([1]))]

    def __contains__(self, key: object) -> bool:
        return True


class Raising:
    """Raises wherever it is asked for something."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __len__(self) -> int:
        raise self.error

    __iter__ = __index__ = __float__ = __int__ = __fspath__ = __call__ = __bool__ = (
        __len__)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise self.error

    def __arrow_c_stream__(self, *_: Any) -> Any:
        raise self.error


class Spoofed:
    """Says that it is of another class."""

    def __init__(self, kind: type) -> None:
        self.kind = kind

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, "kind")
        return found if name == "__class__" else object.__getattribute__(self, name)


class Path:
    def __init__(self, path: Any) -> None:
        self.path = path

    def __fspath__(self) -> Any:
        return self.path


class Values:
    """Draws values; keeps the arrays that it gave, for those who write into them."""

    def __init__(self, program: Any) -> None:
        self.program = program
        self.given: collections.deque[Any] = collections.deque(maxlen=60)
        rng = np.random.default_rng(program.seed)
        self.rows = [rng.integers(1, ITEMS + 1, rng.integers(1, 9)).astype(np.int32)
                     for _ in range(USERS)]

    def seeds(self) -> list[Callable[[], Any]]:
        """What puts first objects into the pool, and files into the working folder."""
        draw, keep = self.program.draw, self.program.keep
        context = s3rec.Context(threads=draw.randrange(1, 3), log=self.callback(draw))
        plain = s3rec.Dataset.from_arrays(self.rows, {1: [0, 2], 5: [1]}, context=context)
        named = s3rec.Dataset.from_events(
            user=[f"u{number}" for number, row in enumerate(self.rows) for _ in row],
            item=[f"x{item}" for row in self.rows for item in row], attributes={"x1": ["a", "b"]})
        model = s3rec.Model.create(draw.choice((plain, named)), hidden_size=8,
                                   hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1)
        sampler = s3rec.Sampler(plain, "finetune", batch_size=4, max_seq_length=9)

        def files() -> None:
            if os.path.exists("garbage"):
                return
            model.save("model.safetensors")
            run = s3rec.Run(model, named if model.item_names else plain, "finetune", epochs=1)
            run.save("run.state")
            s3rec.Trainer(model).save("trainer.state")
            for name, text in (("events.csv", "user,item\na,x1\na,x2\nb,x1\n"), ("empty", ""),
                               ("sequences.txt", "1 2 3 4\n2 3 4\n"), ("garbage", "\0\xff{[" * 99),
                               ("attributes.json", '{"1": [1, 2]}'), ("events.csv.gz", "\x1f\x8b")):
                with open(name, "w", encoding="latin-1") as file:
                    file.write(text)

        parts: tuple[Callable[[], Any], ...] = (
            lambda: context, lambda: plain, lambda: named, lambda: model, lambda: model.item_names,
            lambda: s3rec.Events(context), lambda: s3rec.Batch(),
            lambda: sampler, sampler.next, lambda: s3rec.Trainer(model),
            lambda: s3rec.Recommender(model), lambda: s3rec.Recommender(model).filter(),
            lambda: s3rec.S3Rec(finetune_epochs=1),
            lambda: s3rec.Run(model, named if model.item_names else plain, "finetune", epochs=1))
        return [files, *(lambda part=part: keep(part()) for part in parts)]

    def array(self, draw: random.Random) -> Any:
        """An array of any kind."""
        rng = np.random.default_rng(draw.randrange(10**6))
        shape = draw.choice(((0,), (1,), (5,), (9,), (3, 4), (2, 3, 5), (ITEMS + 2,), (8,), (),
                             (ITEMS + 2, 8), (1, 0)))
        table = rng.integers(0, draw.choice((2, ITEMS, 2**40)), shape)
        kind = draw.choice(("i4", "i4", "i4", "i8", ">i4", "u8", "f4", "f8", "?", "O", "U3", "S2",
                            "M8[s]", "m8[s]", "c8", "V4", "i1", "f2"))
        try:
            made = table.astype(kind)
        except (TypeError, ValueError):
            made = table
        if made.dtype.kind == "f" and made.size and draw.random() < 0.3:
            made.reshape(-1)[0] = draw.choice((math.nan, math.inf, -math.inf, 1e300))
        change = draw.randrange(8)
        if change == 0 and made.ndim:
            made = made[::-2]
        elif change == 1:
            made = np.asfortranarray(made)
        elif change == 2:
            made.flags.writeable = False
        elif change == 3:
            made = made.view(Table)
        elif change == 4 and made.ndim:
            made = np.broadcast_to(made, (3, *made.shape))[1]
        self.given.append(made)
        return made

    def items(self, draw: random.Random) -> Any:
        """Items in one of the forms that are taken."""
        row = draw.choice(self.rows)
        choice = draw.randrange(9)
        if choice == 0:
            return [f"x{item}" for item in row.tolist()]
        if choice == 1:
            return [list(map(int, other)) for other in self.rows]
        if choice == 2:
            return [[f"x{item}" for item in other.tolist()] for other in self.rows[:3]]
        if choice == 3:
            flat = np.concatenate(self.rows)
            offsets = np.concatenate([[0], np.cumsum([len(other) for other in self.rows])])
            self.given += [flat, offsets]
            return flat, offsets
        if choice == 4:
            return self.frame(draw)
        if choice == 5:
            return self.array(draw)
        copied = row.copy()
        self.given.append(copied)
        return copied if choice < 8 else row.tolist()

    def frame(self, draw: random.Random) -> Any:
        """A table, or a column of one."""
        data = {"user": [f"u{number % 5}" for number in range(20)],
                "item": [f"x{number % 7 + 1}" for number in range(20)],
                "timestamp": list(range(20)), "value": [0.5] * 20}
        # The threads of the others' packages do not survive a fork.
        name = "dict" if self.program.plan == "fork" else draw.choice(
            ("dict", "pandas", "polars", "pyarrow"))
        try:
            module = None if name == "dict" else __import__(name)
        except ImportError:
            module = None
        if module is None:
            return data
        made = module.table(data) if name == "pyarrow" else module.DataFrame(data)
        return made if draw.random() < 0.5 else made[draw.choice(list(data))]

    def callback(self, draw: random.Random) -> Any:
        """A function that may raise, call the package, or collect."""
        choice, again = draw.randrange(12), random.Random(draw.randrange(10**6))
        depth: list[int] = []

        def called(*_: Any) -> Any:
            if not self.program.begun:
                return None
            if choice < 5:
                raise (Injected, ValueError, KeyboardInterrupt, MemoryError, SystemExit)[choice]
            if choice == 5:
                gc.collect()
            if choice == 6 and not depth:
                depth.append(1)
                self.program.step(again)
                depth.pop()
            return again.choice((None, True, 1))

        return called

    def anything(self, draw: random.Random) -> Any:
        """A value that hardly fits anywhere."""
        pool = self.program.pool
        choice = draw.randrange(24)
        if choice < 6 and pool:
            return draw.choice(pool)
        if choice < 9:
            return self.array(draw)
        if choice == 9:
            return draw.choice(WHOLE)
        if choice == 10:
            return draw.choice((1.5, math.nan, math.inf, -0.0, 1e308, 1j, True))
        if choice == 11:
            return draw.choice(TEXTS)
        if choice == 12:
            return Text(draw.choice(TEXTS))
        if choice == 13:
            return Whole(draw.choice(WHOLE))
        if choice == 14:
            return draw.choice((Rows([1, 2]), Rows(["x1"]), Pairs(a=1), Bytes(b"x"), b"x", b""))
        if choice == 15:
            return Raising(draw.choice((Injected(), ValueError(), MemoryError(), TypeError())))
        if choice == 16:
            return Spoofed(draw.choice((s3rec.Model, s3rec.Dataset, s3rec.Context, int, str)))
        if choice == 17:
            inner: list[Any] = []
            inner.append(inner)
            return inner
        if choice == 18:
            return draw.choice(([None], [1, "x"], [math.nan], [[1], 2], [Text("x1")], ["a\0b"],
                                [Whole(2**40)], [10**30], [True], [b"x"], ["\ud800"], [[]], [()]))
        if choice == 19:
            return draw.choice((unittest.mock.Mock(), object(), int, len, type, self, ctypes))
        if choice == 20:
            return self.callback(draw)
        if choice == 21:
            return (value for value in [1, 2, "x"][:draw.randrange(4)])
        if choice == 22:
            return np.arange(4, dtype=draw.choice(("i4", "f4"))).data
        return draw.choice((None, {}, [], (), set(), {"a": 1}, range(3), ...))

    def fitting(self, draw: random.Random, name: str, hint: Any) -> Any:
        """A value that an annotation allows, mostly."""
        if draw.random() < 0.08 and name not in SMALL:
            return self.anything(draw)
        if name in SMALL:
            return draw.choice((*SMALL[name], None, "1")) if draw.random() < 0.3 else SMALL[name][0]
        origin, inner = typing.get_origin(hint), typing.get_args(hint)
        if inner and os.PathLike in [typing.get_origin(kind) or kind for kind in inner]:
            path = draw.choice(FILES)
            return Path(path) if draw.random() < 0.1 else path
        if origin is Union or (hasattr(types, "UnionType") and origin is types.UnionType):
            return self.fitting(draw, name, draw.choice(inner))
        if origin is typing.Literal:
            return draw.choice(inner)
        if hint is type(None):
            return None
        if inspect_class(hint) and hint.__module__.startswith("s3rec"):
            found = [thing for thing in list(self.program.pool) if hint in type(thing).__mro__]
            return draw.choice(found) if found else None
        if hint is bool:
            return draw.random() < 0.5
        if hint is int:
            return draw.choice(WHOLE) if draw.random() < 0.3 else draw.randrange(1, 12)
        if hint is float:
            return draw.choice((0, 0.1, 0.5, 0.99, 1, -1, math.nan, math.inf, 1e-300, 2))
        if hint is str:
            return draw.choice(TEXTS)
        if name in ("attributes", "tensors", "arrays"):
            return draw.choice((self.frame(draw), {1: [0, 1]}, {"x1": ["a"]}, Pairs(), {
                key: self.array(draw) for key in ("pos_items", "LayerNorm.bias")}))
        if name in ("data", "events"):
            return self.frame(draw)
        if name == "users":
            return draw.choice((["u1", "u2"], [0, 1], [], [99], ["none"]))
        if name in HISTORIES or hint is Any:
            return self.items(draw)
        if origin in (list, tuple, collections.abc.Sequence):
            return [self.fitting(draw, "", inner[0]) for _ in range(draw.randrange(3))]
        if origin is collections.abc.Callable:
            return self.callback(draw)
        return self.anything(draw)

    def known_good(self, draw: random.Random, name: str) -> dict[str, Any]:
        """Arguments that a function of that name takes, {} for most."""
        ids, few = np.zeros((2, 5), np.int32), [1, 2, 3]
        ids[:, 3:] = draw.randrange(1, ITEMS)
        bias = np.zeros(8, np.float32)
        self.given += [ids, bias]
        parameter = {"name": "LayerNorm.bias"}
        chosen: dict[str, dict[str, Any]] = {
            "from_events": {"user": ["u1"] * 4, "item": ["x1", "x2", "x3", "x4"]},
            "append": {"user": ["u1"] * 3, "item": ["x1", "x2", "x3"]},
            "from_files": {"events": "events.csv"}, "load": {"path": "run.state"},
            "set_finetune": {"input_ids": ids, "target_pos": ids, "target_neg": ids},
            "encode": {"ids": ids}, "recommend": {"history": few, "raw_ids": True},
            "recommend_batch": {"histories": [few, few], "raw_ids": True},
            "recommend_many": {"histories": [few, few], "raw_ids": True},
            "similar": {"items": few, "raw_ids": True}, "score_all": {"history": few,
                                                                      "raw_ids": True},
            "user_vectors": {"histories": [few], "raw_ids": True},
            "set_parameter": {**parameter, "values": bias}, "parameter": parameter,
            "gradient": parameter, "set_gradient": {**parameter, "values": bias},
            "find": {"name": "x1"}, "find_many": {"names": ["x1"]}, "seek": {"epoch": 0},
            "from_arrays": {"sequences": [row.copy() for row in self.rows]},
            "set_popularity": {"counts": np.ones(ITEMS + 2, np.int32)}}
        return chosen.get(name, {})

    def scribble(self, draw: random.Random) -> None:
        """Writes into an array that a call was given or gave."""
        arrays = list(self.given) + [thing for thing in list(self.program.pool)
                                     if isinstance(thing, np.ndarray)]
        if not arrays:
            return
        table = draw.choice(arrays)
        try:
            table.flags.writeable = True
            table.reshape(-1)[:] = draw.choice((0, -1, 1, 2**31 - 1, 2**20, 2**60))
        except (TypeError, ValueError, OverflowError, AttributeError, KeyError):
            pass


def inspect_class(kind: Any) -> bool:
    """Whether this is a class, and no generic alias."""
    return isinstance(kind, type) and typing.get_origin(kind) is None
