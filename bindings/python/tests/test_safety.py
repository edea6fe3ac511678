# SPDX-License-Identifier: Apache-2.0
"""No program may crash or hang the interpreter: each of these ran into one of the two once.

They run in processes of their own. Their time limit is for hangs only: it is far beyond what they
take on a machine under load.
"""
from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import Any

import pytest

HANG = 600

PRELUDE = """
import os, signal, sys, threading, time, warnings
warnings.simplefilter("ignore")  # of Python 3.12, about fork beside threads
import numpy as np
import s3rec

data = s3rec.Dataset.from_events(user=["u%d" % (i // 8) for i in range(800)],
                                 item=["x%d" % ((i * 7 + i // 8) % 60) for i in range(800)])
model = s3rec.Model.create(data, hidden_size=16, hidden_dropout_prob=0.1,
                           attention_probs_dropout_prob=0.1)

def together(count, work):
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

def in_child(work):
    child = os.fork()
    if child == 0:
        code = 3
        try:
            work()
            code = 0
        except s3rec.StateError:
            code = 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""


def run(script: str) -> str:
    with tempfile.TemporaryDirectory() as folder:  # for files of random calls
        found = subprocess.run(
            [sys.executable, "-X", "faulthandler", "-c", PRELUDE + script], cwd=folder,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG)
    assert found.returncode == 0, (found.returncode, found.stderr)
    return found.stdout


def test_closed_names() -> None:
    run("""
for _ in range(200):
    with s3rec.Vocabulary(["n%d" % i for i in range(60)], 1) as names:
        pass
    junk = [np.random.bytes(64) for _ in range(50)]
    for use in (lambda: model.set_names(names), lambda: list(names), lambda: names.find("n1"),
                lambda: s3rec.Dataset.from_events(user=["a"] * 5, item=["n1"] * 5,
                                                  item_names=names)):
        try:
            use()
        except s3rec.StateError:
            continue
        sys.exit("a closed vocabulary was used")
""")


def test_names_closed_during_use() -> None:
    run("""
names = [s3rec.Vocabulary(["n%d" % i for i in range(60)], 1) for _ in range(200)]
def use(number):
    for vocabulary in names:
        try:
            if number % 2:
                vocabulary.close()
            else:
                vocabulary.find_many(["n1", "n59"]), vocabulary.names()
                vocabulary.same_as(names[0])
        except s3rec.StateError:
            pass
together(6, use)
""")


def test_one_run_for_several_threads() -> None:
    assert "steps" in run("""
run = s3rec.Run(model, data, "finetune", epochs=30)
steps, refused = [], []
def iterate(number):
    while True:
        try:
            for at in run:
                steps.append(at)
            return
        except s3rec.StateError as error:
            refused.append(error)
together(4, iterate)
run.finish().recommend(["x1"], k=2)
print("steps", len(steps), len(refused))
""")


def test_events_from_several_threads() -> None:
    run("""
events = s3rec.Events()
users = ["a%d" % (j % 500) for j in range(4000)]
items = ["b%d" % (j % 791) for j in range(4000)]
rows = []
def append(number):
    for i in range(15):
        try:
            rows.append(events.append(user=[name + str(number * i) for name in users],
                                      item=[name + str(number * i) for name in items]))
        except s3rec.StateError:
            pass
together(6, append)
report = s3rec.Dataset.from_events(events).report
assert report.event_count == sum(rows) > 0
""")


def test_training_handles_from_several_threads() -> None:
    run("""
sampler = s3rec.Sampler(data, "finetune", batch_size=8)
trainer, batch = s3rec.Trainer(model), s3rec.Batch()
calls = (lambda: sampler.next(batch), lambda: trainer.step(batch), lambda: batch.arrays(),
         lambda: trainer.compute_gradients(batch), lambda: trainer.apply_gradients(),
         lambda: trainer.gradients(), lambda: sampler.seek(1), lambda: trainer.model(),
         lambda: trainer.save(os.devnull + "/none", sampler))
def use(number):
    for i in range(200):
        try:
            calls[(i * 7 + number) % len(calls)]()
        except (s3rec.Error, OSError):
            pass
together(8, use)
sampler.next(batch), trainer.step(batch)
""")


def test_arrays_changed_during_a_call() -> None:
    """Items and offsets that another thread writes into, and memory that is only lent."""
    run("""
offsets = np.arange(0, 80001, 8, dtype=np.int64)
items = np.random.default_rng(0).integers(1, 60, 80000).astype(np.int32)
lent = data.user_items("u1")
lent.flags.writeable = True
lent[:] = 2**31 - 1
stop = []
def spoil(number):
    while not stop:
        offsets[1:-1] = 2**60 if offsets[1] == 8 else np.arange(8, 80000, 8)
        items[:] = 2**31 - 1 if items[0] < 60 else 1
thread = threading.Thread(target=spoil, args=(0,))
thread.start()
for _ in range(30):
    for use in (lambda: model.recommend_batch((items, offsets), k=3, raw_ids=True),
                lambda: s3rec.Dataset.from_arrays((items, offsets)),
                lambda: model.score_all(items[:40], raw_ids=True)):
        try:
            use()
        except s3rec.Error:
            pass
stop.append(1)
thread.join()
s3rec.evaluate(model, data)
""")


HAMMER = """
SENDER = '''
import os, random, time
draw, until = random.Random(1), time.time() + %d
while time.time() < until:
    time.sleep(0.0005 + draw.random() * 0.002)
    os.kill(%d, 2)
'''

def target(call, seconds=2):
    import subprocess
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the sender has it from here
    sender = subprocess.Popen([sys.executable, "-c", SENDER % (seconds, os.getpid())])
    armed, caught, calls, until = [], 0, 0, time.time() + seconds + 1
    def interrupt(*_):
        if armed:
            armed.clear()  # until the loop below is ready for the next one
            raise KeyboardInterrupt
    signal.signal(signal.SIGINT, interrupt)
    def strike():
        nonlocal caught, calls
        try:
            while time.time() < until:
                if not armed:  # also where a destructor was interrupted and ignored it
                    armed.append(True)
                call()
                calls += 1
            armed.clear()
        except KeyboardInterrupt:
            caught += 1
    while time.time() < until:
        try:
            strike()
        except KeyboardInterrupt:  # Python 3.13 may miss the inner one
            caught += 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sender.wait()
    print(caught, "interrupts", calls, "calls", flush=True)
    call()
    together(2, lambda _: call_alone(call))

def call_alone(call):
    while True:  # a call that was interrupted may still end in the background
        try:
            return call()
        except s3rec.StateError:
            time.sleep(0.01)
"""


@pytest.mark.parametrize("call", [
    "lambda: model.recommend(['x1', 'x2', 'x3'], k=2)",
    "lambda: model.recommend_batch([['x1', 'x2']] * 3, k=2)",
    "lambda: model.set_parameter('LayerNorm.bias', np.zeros(16))",
    "lambda: call_alone(lambda: next(run))",
    "lambda: call_alone(lambda: events.append(user=['u'], item=['x1']))",
    "lambda: call_alone(lambda: trainer.step(call_alone(lambda: sampler.next(batch))))"])
def test_a_hail_of_interrupts(call: str) -> None:
    """None of them leaves a lock behind: calls go on, of this thread and of others."""
    found = run(HAMMER + f"""
run = s3rec.Run(model, data, "pretrain", epochs=10**6)
events = s3rec.Events()
sampler, trainer, batch = s3rec.Sampler(data, "finetune"), s3rec.Trainer(model), s3rec.Batch()
target({call})
model.recommend(["x1"], k=1)
""")
    assert int(found.split()[0]) > 10


def test_a_signal_handler_may_call() -> None:
    run("""
run, events = s3rec.Run(model, data, "pretrain", epochs=10**6), s3rec.Events()
refused = []
def handler(*_):
    model.recommend(["x1"], k=2)
    model.set_dropouts(0.1, 0.1)
    for call in (lambda: next(run), lambda: events.append(user=["u"], item=["x1"])):
        try:
            call()
        except s3rec.StateError as error:
            refused.append(error)
    if len(handled) < 200:
        handled.append(signal.setitimer(signal.ITIMER_REAL, 0.002))
handled = []
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.002)
while len(handled) < 200:
    model.recommend(["x1", "x2"], k=3)
    model.set_parameter("LayerNorm.bias", np.zeros(16))
    for call in (lambda: next(run), lambda: events.append(user=["u"], item=["x2"])):
        try:
            call()
        except s3rec.StateError as error:
            refused.append(error)
signal.signal(signal.SIGALRM, signal.SIG_IGN)
""")


def test_a_callback_may_use_its_run() -> None:
    run("""
def callback(at):
    model.recommend(["x1"], k=2)
    s3rec.finetune(model, data, epochs=1, refit="none")
s3rec.finetune(model, data, epochs=1, callbacks=callback)
def log(level, text):
    events.append(user=["u"], item=["x"])
context = s3rec.Context(log=log)
events = s3rec.Events(context)
s3rec.Dataset.from_arrays([[1, 2], [2, 1]], context=context)
""")


LONG = """
rng = np.random.default_rng(0)
flat = rng.integers(1, 20000, 800000).astype(np.int32)
offsets = np.arange(0, 800001, 20)
one = s3rec.Context(threads=1)
large = s3rec.Dataset.from_arrays((flat, offsets), context=one)
model = s3rec.Model.create(large, seed=1)

def interrupted(call):
    # the signal comes early in a call of many seconds
    timer = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
    begun = time.monotonic()
    timer.start()
    try:
        call()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        return
    sys.exit("the call went on to its end after %.1f s" % (time.monotonic() - begun))
signal.signal(signal.SIGINT, signal.default_int_handler)
"""


def test_long_calls_end_at_an_interrupt() -> None:
    found = run(LONG + """
interrupted(lambda: model.recommend_batch((flat, offsets), k=10))
interrupted(lambda: model.user_vectors((flat, offsets)))
interrupted(lambda: s3rec.evaluate(model, large))
model.recommend(flat[:5], k=3)
""")
    assert found.split() == ["interrupted"] * 3


def test_ingestion_ends_at_an_interrupt(tmp_path: Any) -> None:
    path = tmp_path / "events.csv"
    with open(path, "w") as file:
        file.write("user,item,timestamp\n")
        block = "".join(f"user {row % 997},item {row % 1009},{row}\n" for row in range(50000))
        for _ in range(60):
            file.write(block)
    found = run(LONG + f"""
events = s3rec.Events(one)
interrupted(lambda: events.read({str(path)!r}))
while True:  # the reading ends in the background; whole
    try:
        count = events.append(user=["a"], item=["b"], timestamp=[1])
        break
    except s3rec.StateError:
        time.sleep(0.05)
assert s3rec.Dataset.from_events(events).report.event_count in (1, 3000001)
""")
    assert "interrupted" in found


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_children_of_a_fork() -> None:
    """With nothing under way a child uses what it inherited, but for what has threads."""
    run("""
two = s3rec.Context(threads=2)
shared = s3rec.Dataset.from_arrays([[1, 2, 3, 4, 5]] * 40, context=two)
other = s3rec.Model.create(shared, hidden_size=16)
stepped = s3rec.Run(other, shared, "finetune", epochs=3)
next(stepped)
assert in_child(lambda: model.recommend(["x1"], k=2)) == 0
assert in_child(lambda: model.set_dropouts(0.1, 0.1)) == 0
assert in_child(lambda: s3rec.finetune(model, data, epochs=1)) == 0
assert in_child(lambda: s3rec.evaluate(other, shared)) == 0
assert in_child(lambda: next(stepped)) == 1
assert in_child(stepped.close) == 0
next(stepped)
""")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_children_of_a_fork_beside_calls() -> None:
    """Other threads were inside the library: the child refuses what may be half done."""
    run("""
stop = []
def score(number):
    while not stop:
        model.recommend_batch([["x1", "x2"]] * 300, k=10)
threads = [threading.Thread(target=score, args=(i,)) for i in range(4)]
for thread in threads:
    thread.start()
time.sleep(0.3)
codes = set()
for _ in range(4):
    for work in (lambda: model.recommend(["x1"], k=2), lambda: model.set_dropouts(0.1, 0.1),
                 lambda: s3rec.finetune(model, data, epochs=1)):
        codes.add(in_child(work))
    def anew():
        fresh = s3rec.Model.create(item_size=20, hidden_size=16)
        fresh.recommend([1, 2], k=3)
    assert in_child(anew) == 0
assert codes <= {0, 1}, codes
stop.append(1)
for thread in threads:
    thread.join()
model.recommend(["x1"], k=2)
""")


def test_every_call_on_closed_and_foreign_objects() -> None:
    """All public methods and properties, from several threads, while others close the objects."""
    run("""
import inspect, itertools, random
def made():
    context = s3rec.Context(threads=1)
    fresh = s3rec.Dataset.from_events(user=["a", "a", "a", "b", "b", "b"] * 3,
                                      item=["x", "y", "z", "x", "z", "w"] * 3, context=context)
    weights = s3rec.Model.create(fresh, hidden_size=8)
    return [context, fresh, weights, s3rec.Events(context), weights.item_names,
            s3rec.Run(weights, fresh, "finetune", epochs=1), s3rec.Batch(context),
            s3rec.Sampler(fresh, "finetune"), s3rec.Trainer(weights), s3rec.Recommender(weights),
            s3rec.Recommender(weights).filter(deny=["x"])]
def names_of(thing):
    return [name for name in dir(type(thing)) if not name.startswith("_")] + [
        "__next__", "__len__", "__repr__", "__enter__", "__init__", "__iter__", "__copy__"]
everything = made() + [kind.__new__(kind) for kind in map(type, made())]
foreign = [None, 1, -1, 2**40, 1.5, "x", ["x", "y"], b"x", {}, os.devnull + "/none", np.zeros(3),
           np.array([1, 2], np.int32), object]
def use(seed):
    draw = random.Random(seed)
    things = everything if seed % 2 else made()
    for i in range(1500):
        thing = draw.choice(things)
        name = draw.choice(names_of(thing))
        if name == "close" and draw.random() < 0.9:
            continue
        try:
            found = getattr(thing, name)
            if callable(found):
                given = [draw.choice(foreign + things) for _ in range(draw.randrange(4))]
                found(*given)
        except Exception as error:
            assert not isinstance(error, (SystemError, NameError)), (type(thing), name, error)
        if i % 100 == 99 and not seed % 2:
            things = made()
together(6, use)
""")
