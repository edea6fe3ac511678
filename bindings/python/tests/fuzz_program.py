# SPDX-License-Identifier: Apache-2.0
"""One random program of fuzz_api.py."""
from __future__ import annotations

import collections
import copy
import ctypes
import gc
import inspect
import logging
import os
import pickle
import random
import signal
import threading
import traceback
import types
import typing
import warnings
from typing import Any, Callable

import fuzz_values
import s3rec

ACCEPTED = (s3rec.Error, TypeError, ValueError, OverflowError, AttributeError, LookupError,
            MemoryError, OSError, StopIteration, ArithmeticError, RecursionError, ImportError,
            EOFError, pickle.PicklingError, fuzz_values.Injected, KeyboardInterrupt, SystemExit,
            GeneratorExit)
STEPS, POOL, VISITS = 60, 40, 5
PACKAGE = os.path.dirname(s3rec.__file__)
OF_OBJECT = {"__init_subclass__", "__subclasshook__", "__getstate__", "__dir__", "__sizeof__",
             "__class_getitem__", "__new__"}

FUNCTIONS = [getattr(s3rec, name) for name in s3rec.__all__
             if inspect.isfunction(getattr(s3rec, name))]
CLASSES = [kind for kind in (getattr(s3rec, name) for name in s3rec.__all__)
           if inspect.isclass(kind) and not issubclass(kind, (Exception, dict))]
counts: dict[str, list[int]] = collections.defaultdict(lambda: [0, 0])  # calls, those that ended


def report() -> None:
    """What was called how often, and how often it succeeded."""
    for name, (calls, good) in sorted(counts.items()):
        print("member", name, calls, good)


def members(kind: type) -> list[str]:
    """Public members of a class, and the special methods that the package gave it."""
    names: list[str] = []
    for base in kind.__mro__:
        if base.__module__.startswith("s3rec"):
            names += [name for name, value in vars(base).items() if not name.startswith("_") or (
                name.startswith("__") and callable(value) and name not in OF_OBJECT)]
    return sorted(set(names))


def known(thing: Any) -> bool:
    """Whether an object is one of the package's."""
    return any(kind in CLASSES for kind in type(thing).__mro__)


def imports(frame: Any) -> bool:
    """Whether an import is under way: an exception there may leave a lock of Python taken."""
    while frame is not None and "importlib" not in frame.f_code.co_filename:
        frame = frame.f_back
    return frame is not None


def reachable() -> list[str]:
    """Names of all that the programs should call."""
    names = [function.__name__ for function in FUNCTIONS]
    for kind in CLASSES:
        names += [f"{kind.__name__}.{name}" for name in members(kind)]
    return names


class Program:
    """Steps that depend on a seed, and, where there are threads, on chance."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.draw = random.Random(seed)
        self.plan = self.draw.choice(("plain", "plain", "threads", "threads", "signals",
                                      "scribble", "fork"))
        self.values = fuzz_values.Values(self)
        self.pool: list[Any] = []
        self.failures: list[str] = []
        self.mixed = False  # whether a class has several of the package's
        self.begun = False  # callbacks do harm from then on

    def run(self) -> bool:
        """Whether only accepted exceptions came out."""
        warnings.simplefilter("ignore")
        logging.disable()
        draw = self.draw
        for make in self.values.seeds():
            make()
        self.begun = True
        everything = reachable()
        for number in range(VISITS):  # so that few programs call all there is
            self.visit(everything[(self.seed * VISITS + number) % len(everything)])
        plan = self.plan
        if plan == "threads":
            self.together(draw.randrange(2, 5), STEPS // 2)
        elif plan == "signals":
            self.with_signals()
        elif plan == "scribble":
            self.with_scribbler()
        else:
            for number in range(STEPS):
                self.step(draw)
                if plan == "fork" and number % 20 == 19:
                    self.fork()
        self.pool.clear()
        gc.collect()
        for failure in self.failures:
            print(failure, flush=True)
        return not self.failures

    def guarded(self, what: str, work: Callable[[], Any], foreign: bool = False) -> Any:
        """The result of `work`; None where it raised. foreign: a method of another class, which
        ctypes may notice."""
        found = None
        try:
            counts[what][0] += 1
            found = work()
            counts[what][1] += 1
        except ACCEPTED:
            pass
        except BaseException as error:
            if (foreign or self.mixed) and isinstance(error, ctypes.ArgumentError):
                return None
            where = traceback.extract_tb(error.__traceback__)[-1].filename
            if PACKAGE not in where and not isinstance(error, SystemError):
                return None  # of another package, whose objects were given
            self.failures.append(f"FAILED in program {self.seed}, {what}:\n"
                                 f"{traceback.format_exc()}")
        return found

    def keep(self, thing: Any) -> None:
        """Puts a result into the pool, for later calls."""
        if thing is None or isinstance(thing, (bool, int, float, str, bytes)):
            return
        if isinstance(thing, (tuple, list)) and thing and known(thing[0]):
            thing = thing[0]
        if len(self.pool) < POOL:
            self.pool.append(thing)
        else:
            self.pool[self.draw.randrange(POOL)] = thing

    def visit(self, name: str) -> None:
        """Calls the function or member of that name, of an object where there is one."""
        kind_name, _, member = name.partition(".")
        kind = getattr(s3rec, kind_name)
        things = [thing for thing in self.pool if kind in type(thing).__mro__]
        if not member:
            work = self.call(self.draw, kind)
        elif things and member not in ("close", "__exit__"):
            work = self.use(self.draw, things[0], member)
        else:
            work = self.call(self.draw, getattr(kind, member, None))
        self.keep(self.guarded(name, work, foreign=True))

    def step(self, draw: random.Random) -> None:
        """Does one thing."""
        choice = draw.random()
        things = [thing for thing in list(self.pool) if known(thing)]
        handles = [thing for thing in things if hasattr(type(thing), "close")]
        if handles and draw.random() < 0.7:
            things = handles
        if choice < 0.12:
            function = draw.choice(FUNCTIONS)
            self.keep(self.guarded(function.__name__, self.call(draw, function)))
        elif choice < 0.25:
            kind = draw.choice(CLASSES)
            if draw.random() < 0.15:
                kind = self.derived(draw, kind)
            self.keep(self.guarded(f"{kind.__name__}.__init__", self.call(draw, kind)))
        elif choice < 0.31:
            kind = draw.choice(CLASSES)
            name = draw.choice(members(kind))
            self.keep(self.guarded(f"{kind.__name__}.{name}",
                                   self.call(draw, getattr(kind, name, None)), foreign=True))
        elif things and choice < 0.85:
            thing = draw.choice(things)
            names = members(type(thing))
            name = draw.choice(names)
            if name in ("close", "__exit__") and draw.random() < 0.8:
                name = draw.choice(names)
            self.keep(self.guarded(f"{self.base(thing)}.{name}", self.use(draw, thing, name),
                                   foreign=type(thing) not in CLASSES))
        elif things:
            self.guarded("other", self.other(draw, draw.choice(things)))

    @staticmethod
    def base(thing: Any) -> str:
        """The name of the package's class that an object has."""
        return next(kind.__name__ for kind in type(thing).__mro__ if kind in CLASSES)

    def call(self, draw: random.Random, function: Any) -> Callable[[], Any]:
        """A call of a function with drawn arguments."""
        def work() -> Any:
            if not callable(function):
                return function
            positional, named = self.arguments(draw, function)
            result = function(*positional, **named)
            if isinstance(result, types.GeneratorType) or draw.random() < 0.02:
                for _ in range(draw.randrange(3)):
                    next(result)
            return result
        return work

    def use(self, draw: random.Random, thing: Any, name: str) -> Callable[[], Any]:
        """A call of a method, or a look at an attribute."""
        def work() -> Any:
            found = getattr(thing, name)
            return self.call(draw, found)() if callable(found) else found
        return work

    def arguments(self, draw: random.Random, function: Any) -> tuple[list[Any], dict[str, Any]]:
        """Arguments for a function by its annotations, or against them."""
        target = function.__init__ if inspect.isclass(function) else function
        try:
            parameters = list(inspect.signature(function).parameters.values())
            hints = typing.get_type_hints(target)
        except (TypeError, ValueError, NameError):
            return [self.values.anything(draw) for _ in range(draw.randrange(3))], {}
        positional: list[Any] = []
        good = draw.random() < 0.6
        named = self.values.known_good(draw, getattr(function, "__name__", "")) if good else {}
        for name in [name for name in named if draw.random() < 0.1]:
            named[name] = self.values.anything(draw)
        for parameter in parameters:
            optional = parameter.default is not parameter.empty
            hint = hints.get(parameter.name, Any)
            if parameter.kind is parameter.VAR_POSITIONAL:
                continue
            if parameter.kind is parameter.VAR_KEYWORD:
                options = getattr(typing.get_args(hint)[0] if typing.get_args(hint) else hint,
                                  "__annotations__", {"hidden_act": str})
                for name in draw.sample(sorted(options), min(len(options), draw.randrange(3))):
                    named[name] = self.values.fitting(draw, name, options[name])
                continue
            if parameter.name in named or optional and draw.random() < (0.9 if named else 0.6):
                continue
            value = self.values.fitting(draw, parameter.name, hint)
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD) and (
                    not named and draw.random() < 0.7):
                positional.append(value)
            else:
                named[parameter.name] = value
        if draw.random() < 0.02:
            positional.append(self.values.anything(draw))
        return positional, named

    def derived(self, draw: random.Random, kind: Any) -> Any:
        """A subclass that has some members of its own."""
        own: dict[str, Any] = {"__slots__": ()} if draw.random() < 0.1 else {}
        names = [name for name in members(kind) if not name.startswith("__")]
        for name in draw.sample(names, min(len(names), draw.randrange(3))):
            value = self.values.anything(draw)
            own[name] = value if draw.random() < 0.5 else self.values.callback(draw)
        bases: tuple[Any, ...] = (kind,)
        if draw.random() < 0.3:
            bases, self.mixed = (kind, draw.choice(CLASSES)), True
        try:
            return type(kind.__name__, bases, own)
        except TypeError:
            return kind

    def other(self, draw: random.Random, thing: Any) -> Callable[[], Any]:
        """What a program can do to an object without its methods."""
        def set_attribute() -> None:
            names = [name for name in members(type(thing)) + list(getattr(thing, "__dict__", ()))
                     if not name.startswith("_")]
            setattr(thing, draw.choice(names), self.values.anything(draw))

        def delete_attribute() -> None:
            delattr(thing, draw.choice(list(thing.__dict__)))

        def unmade() -> None:
            self.keep(object.__new__(type(thing)))

        def again() -> None:
            found = pickle.loads(pickle.dumps(thing))
            self.keep(found)

        choices: list[Callable[[], Any]] = [
            set_attribute, delete_attribute, unmade, again, gc.collect,
            lambda: self.keep(copy.copy(thing)), lambda: self.keep(copy.deepcopy(thing)),
            lambda: iter(thing), lambda: len(thing), lambda: hash(thing), lambda: repr(thing),
            lambda: thing == copy.copy(thing), lambda: list(zip(range(3), thing)),
            lambda: self.pool.remove(thing), lambda: dir(thing), lambda: vars(thing).clear()]
        return draw.choice(choices)

    def together(self, count: int, steps: int) -> None:
        """Steps of several threads, on the same objects."""
        def work(seed: int) -> None:
            draw = random.Random(seed)
            for _ in range(steps):
                self.step(draw)

        threads = [threading.Thread(target=work, args=(self.seed * 100 + number,))
                   for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def with_scribbler(self) -> None:
        """Steps while another thread writes into all arrays that were given."""
        stop: list[bool] = []

        def scribble() -> None:
            draw = random.Random(self.seed)
            while not stop:
                self.values.scribble(draw)

        thread = threading.Thread(target=scribble)
        thread.start()
        for _ in range(STEPS):
            self.step(self.draw)
        stop.append(True)
        thread.join()

    def with_signals(self) -> None:
        """Steps while a signal handler raises exceptions, calls the package and collects."""
        state = {"armed": False}
        draw = random.Random(self.seed)

        def handler(_: int, frame: Any) -> None:
            if not state["armed"] or imports(frame):
                return
            choice = draw.random()
            if choice < 0.3:
                self.step(draw)
            elif choice < 0.4:
                gc.collect()
            elif choice < 0.8:
                state["armed"] = False
                raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.002, 0.0017)
        done = 0
        while done < STEPS:
            done += 1
            try:
                state["armed"] = True
                self.step(self.draw)
                state["armed"] = False
            except KeyboardInterrupt:
                pass
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    def fork(self) -> None:
        """A child that goes on with the same objects."""
        child = os.fork()
        if child == 0:
            status = 1
            try:
                for _ in range(5):
                    self.step(self.draw)
                status = 1 if self.failures else 0
                for failure in self.failures:
                    print(failure, flush=True)
            finally:
                os._exit(status)
        status = os.waitpid(child, 0)[1]
        if status:
            self.failures.append(f"FAILED in a child of program {self.seed}: status {status}")
