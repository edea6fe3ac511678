# SPDX-License-Identifier: Apache-2.0
"""No program may crash or hang the interpreter: each of these ran into one of the two once.

They run in processes of their own. Their time limit is for hangs only: it is far beyond what they
take on a machine under load.
"""
from __future__ import annotations

import multiprocessing
import os

import pytest

from children import run


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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
@pytest.mark.parametrize("busy", [
    "model.recommend_batch([['x1', 'x2']] * 300, k=10)", "s3rec.evaluate(model, data)",
    "s3rec.finetune(model, data, epochs=1)", "next(s3rec.Run(model, data, 'finetune'))",
    "recommender.recommend_many([['x1', 'x2']] * 300)", "recommender.exchange(model)",
    "s3rec.Dataset.from_events(user=['u'] * 3000, item=['x%d' % i for i in range(3000)])"])
def test_children_of_a_fork_beside_every_kind_of_call(busy: str) -> None:
    """A child that uses each kind of handle gets StateError or an answer, and comes to its end."""
    run(f"""
recommender = s3rec.Recommender(model)
names, denied = model.item_names, recommender.filter(deny=["x1"])
sampler, batch, trainer = s3rec.Sampler(data, "finetune"), s3rec.Batch(), s3rec.Trainer(model)
step, events, context = s3rec.Run(model, data, "finetune"), s3rec.Events(), s3rec.Context(threads=2)
stop = []
def work(number):
    while not stop:
        {busy}
threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
for thread in threads:
    thread.start()
time.sleep(0.2)
codes = set()
for use in (lambda: model.recommend(["x1"], k=2), lambda: s3rec.evaluate(model, data),
            lambda: recommender.recommend(["x1"], filter=denied), lambda: names.find("x1"),
            lambda: sampler.next(batch), lambda: trainer.model(), lambda: next(step),
            lambda: events.append(user=["u"], item=["x1"]), lambda: data.user_items("u1"),
            lambda: s3rec.Vocabulary(["a"], 1, context), lambda: model.clone().close(),
            lambda: [thing.close() for thing in (model, data, step, trainer, recommender)]):
    codes.add(in_child(use))
assert codes <= {{0, 1}}, codes
stop.append(1)
for thread in threads:
    thread.join()
model.recommend(["x1"], k=2), recommender.recommend(["x1"]), next(step)
""")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pools_of_processes(method: str) -> None:
    """A model goes to other processes as an argument."""
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method}")
    run(f"""
import multiprocessing
with open("worker.py", "w") as file:
    file.write("import s3rec\\n"
               "def best(model, history):\\n"
               "    return model.recommend(history, k=3).items.tolist()\\n"
               "def learn(model):\\n"
               "    data = s3rec.Dataset.from_arrays([[1, 2, 3, 4, 5]] * 9)\\n"
               "    plain = s3rec.Model.create(data, hidden_size=8)\\n"
               "    return s3rec.evaluate(plain, data).user_count\\n")
sys.path.insert(0, ".")
os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
import worker
if __name__ == "__main__":
    histories = [["x%d" % i, "x2"] for i in range(1, 9)]
    wanted = [worker.best(model, history) for history in histories]
    s3rec.evaluate(model, data)  # the shared context has threads from here on
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        found = pool.starmap(worker.best, [(model, history) for history in histories])
        assert found == wanted, (found, wanted)
        assert pool.map(worker.learn, [model] * 3) == [9] * 3
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
