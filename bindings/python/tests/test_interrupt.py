# SPDX-License-Identifier: Apache-2.0
"""Interrupts at any time: no lock stays taken, no handle is lost, long calls end."""
from __future__ import annotations

from typing import Any

import pytest

from children import run

HAMMER = """
import gc
from s3rec._handle import Pointer, _calls, _other_threads

INTERRUPTS = 150
SENDER = '''
import os, random, time
draw, parent = random.Random(1), os.getppid()
while os.getppid() == parent:
    time.sleep(0.0005 + draw.random() * 0.002)
    os.kill(parent, 2)
'''

def live():
    # handles of the library that are held, when all that was interrupted has ended
    while any(map(_calls, _other_threads())):
        time.sleep(0.01)
    gc.collect()
    return sum(isinstance(thing, Pointer) for thing in gc.get_objects())

def target(call):
    import subprocess
    call()
    before = live()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the sender has it from here
    sender = subprocess.Popen([sys.executable, "-c", SENDER])
    armed, caught, calls = [], [], 0
    def interrupt(*_):
        if armed:
            armed.clear()  # until the loop below is ready for the next one
            caught.append(1)
            raise KeyboardInterrupt
    signal.signal(signal.SIGINT, interrupt)
    def strike():
        nonlocal calls
        try:
            while len(caught) < INTERRUPTS:
                if not armed:  # also where a destructor was interrupted and ignored it
                    armed.append(True)
                call()
                calls += 1
            armed.clear()
        except KeyboardInterrupt:
            pass
    while len(caught) < INTERRUPTS:
        try:
            strike()
        except KeyboardInterrupt:  # Python 3.13 may miss the inner one
            pass
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sender.kill()
    sender.wait()
    call_alone(call)
    together(2, lambda _: call_alone(call))
    after = live()
    assert after <= before + 5, (before, after)  # a scorer for each thread stays
    print(len(caught), "interrupts", calls, "calls", before, after, flush=True)

def call_alone(call):
    while True:  # a call that was interrupted may still end in the background
        try:
            return call()
        except s3rec.StateError:
            time.sleep(0.01)

def use(thing):
    with thing:
        pass
"""


@pytest.mark.parametrize("call", [
    "model.recommend(['x1', 'x2', 'x3'], k=2)",
    "model.recommend_batch([['x1', 'x2']] * 3, k=2)",
    "model.set_parameter('LayerNorm.bias', np.zeros(16))",
    "s3rec.evaluate(model, data)",
    "recommender.recommend(['x1', 'x2'], k=2)",
    "recommender.recommend_many([['x1', 'x2']] * 80, k=2)",
    "recommender.exchange(model)",
    "recommender.filter(deny=['x1']).close()",
    "call_alone(lambda: next(run))",
    "call_alone(lambda: run.save('run.state'))",
    "call_alone(lambda: events.append(user=['u'], item=['x1']))",
    "s3rec.Dataset.from_events(user=['u'] * 5, item=['x1', 'x2', 'x3', 'x4', 'x5'])",
    "s3rec.Dataset.from_files('events.csv')",
    "call_alone(lambda: trainer.step(call_alone(lambda: sampler.next(batch))))",
    "s3rec.finetune(model, data, epochs=1, refit='none')",
    "model.save('model.safetensors')",
    "s3rec.Model.load('saved.safetensors').close()",
    "model.clone().close()",
    "use(s3rec.Events())", "use(s3rec.Vocabulary(['a', 'b'], 1))", "use(s3rec.Recommender(model))",
    "use(s3rec.Run(model, data, 'finetune'))", "use(s3rec.Trainer(model))",
    "use(s3rec.Context(threads=2))"])
def test_a_hail_of_interrupts(call: str) -> None:
    """None of them leaves a lock or a handle behind: calls go on, of this thread and of others."""
    found = run(HAMMER + f"""
run = s3rec.Run(model, data, "pretrain", epochs=10**6)
events = s3rec.Events()
sampler, trainer, batch = s3rec.Sampler(data, "finetune"), s3rec.Trainer(model), s3rec.Batch()
recommender = s3rec.Recommender(model)
model.save("saved.safetensors")
with open("events.csv", "w") as file:
    file.write("user,item\\n" + "".join("a,x%d\\n" % (row % 30) for row in range(900)))
target(lambda: {call})
model.recommend(["x1"], k=1)
recommender.recommend(["x1"], k=1)
""")
    assert int(found.split()[0]) >= 150


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
