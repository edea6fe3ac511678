# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import signal
import sys
import threading
from typing import Any

import numpy as np
import pytest

import s3rec
from s3rec import _progress


def weights(model: s3rec.Model) -> Any:
    return np.concatenate([values.ravel() for values in model.parameters().values()])


def of(model: s3rec.Model) -> s3rec.History:
    assert model.history is not None
    return model.history


def test_whole_stages(model: s3rec.Model, dataset: s3rec.Dataset) -> None:
    before = weights(model)
    trained = s3rec.pretrain(model, dataset, epochs=2)
    history = of(trained)
    assert model.history is None and np.array_equal(before, weights(model))
    assert [at.epoch for at in history.epochs] == [1, 2] and history.valid is None
    assert history.epochs[1].loss < history.epochs[0].loss and history.epochs[0].map > 0
    pretrained = weights(trained)
    assert not np.array_equal(before, pretrained)
    tuned = s3rec.finetune(trained, dataset, epochs=3, refit="none")
    history = of(tuned)
    assert [at.epoch for at in history.epochs] == [1, 2, 3]
    assert history.best_epoch in (1, 2, 3) and history.valid is not None
    assert history.valid.split == "valid" and history.valid.user_count == dataset.user_count
    assert not np.array_equal(weights(tuned), pretrained)
    refit = of(s3rec.finetune(tuned, dataset, epochs=2, refit="all"))
    assert refit.epochs[-1].refit and not refit.epochs[0].refit


def test_same_seed_same_bits_at_any_thread_count(sequences: Any) -> None:
    found = []
    for threads in (1, 3):
        with s3rec.Context(threads=threads) as context:
            data = s3rec.Dataset.from_arrays(sequences, context=context)
            model = s3rec.Model.create(data, hidden_size=8)
            found.append(weights(s3rec.finetune(model, data, epochs=2, seed=5)))
    np.testing.assert_array_equal(found[0], found[1])


def test_options_of_a_run(model: s3rec.Model, dataset: s3rec.Dataset) -> None:
    run = s3rec.Run(model, dataset, "finetune", epochs=1, batch_size=7, loss="bce",
                    learning_rate=0.1)
    assert next(run).steps == -(-dataset.user_count // 7)
    still = s3rec.finetune(model, dataset, epochs=1, refit="none", learning_rate=1e-300,
                           weight_decay=0, decoupled_weight_decay=0)
    np.testing.assert_allclose(weights(still), weights(model), atol=1e-7)
    for options, text in (({"learning_rate": -1.0}, "learning_rate"), ({"loss": "mse"}, "loss"),
                          ({"batch_size": 0}, "batch_size"), ({"epochs": 0}, "epochs"),
                          ({"batch_size": 2**40}, "batch_size"),
                          ({"hidden_dropout_prob": -1.0}, "hidden_dropout_prob"),
                          ({"recipe": "mine"}, "recipe"),
                          ({"refit": "some"}, "refit"), ({"momentum": 0.9}, "momentum"),
                          ({"protocol": "half"}, "protocol")):
        with pytest.raises(s3rec.ArgumentError, match=text):
            s3rec.finetune(model, dataset, **options)
    with pytest.raises(s3rec.ArgumentError, match="stage"):
        s3rec.Run(model, dataset, "test")  # type: ignore[arg-type]
    wrong_types: list[dict[str, Any]] = [{"epochs": 1.5}, {"batch_size": 7.0}, {"seed": 0.5},
                                         {"learning_rate": []}]
    for given in wrong_types:
        with pytest.raises(TypeError, match=next(iter(given))):
            s3rec.finetune(model, dataset, **given)
    for wrong in (None, dataset, [1, 2], "model"):
        with pytest.raises(TypeError, match="must be a"):
            s3rec.finetune(wrong, dataset)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="must be a"):
            s3rec.evaluate(model, model)  # type: ignore[arg-type]


def test_dropouts_of_a_run(model: s3rec.Model, dataset: s3rec.Dataset) -> None:
    dropouts = model.config.hidden_dropout_prob
    one = s3rec.finetune(model, dataset, epochs=1, refit="none")
    other = s3rec.finetune(model, dataset, epochs=1, refit="none", hidden_dropout_prob=0.0,
                           attention_probs_dropout_prob=0.0)
    assert not np.array_equal(weights(one), weights(other))
    assert other.config.hidden_dropout_prob == dropouts


def test_given_recipe_values_change_nothing(model: s3rec.Model, dataset: s3rec.Dataset) -> None:
    """The recipe and its values by hand are the same run, the schedule included."""
    tuned = s3rec.finetune(model, dataset, epochs=3, recipe="best")
    by_hand = s3rec.finetune(model, dataset, epochs=3, recipe="best", loss="sampled-ce")
    np.testing.assert_array_equal(weights(tuned), weights(by_hand))


def test_a_model_is_scored_while_it_is_trained(model: s3rec.Model, dataset: s3rec.Dataset
                                               ) -> None:
    expected = model.recommend([1, 2, 3], 4).items.tolist()
    seen = []
    tuned = s3rec.finetune(model, dataset, epochs=2, callbacks=lambda at: seen.append(
        model.recommend([1, 2, 3], 4).items.tolist()))
    assert all(items == expected for items in seen) and len(seen) > 2
    assert model.recommend([1, 2, 3], 4).items.tolist() == expected
    assert tuned.recommend([1, 2, 3], 4).items.tolist() != expected


def test_callbacks_end_a_run_and_it_goes_on(model: s3rec.Model, dataset: s3rec.Dataset,
                                            tmp_path: Any) -> None:
    state = tmp_path / "run.state"
    whole = s3rec.finetune(model, dataset, epochs=3)
    before, count = weights(model), 0

    class Enough(Exception):
        pass

    def stop(at: s3rec.Progress) -> None:
        nonlocal count
        count += 1
        if count == 2:
            raise Enough

    with pytest.raises(Enough):
        s3rec.finetune(model, dataset, epochs=3, callbacks=[stop, stop], state=state)
    np.testing.assert_array_equal(weights(model), before)
    resumed = s3rec.finetune(model, dataset, epochs=3, state=state, resume=True)
    np.testing.assert_array_equal(weights(resumed), weights(whole))
    assert of(resumed).valid is not None
    with pytest.raises(s3rec.ArgumentError, match="state="):
        s3rec.finetune(model, dataset, resume=True)
    with pytest.raises(s3rec.MismatchError):
        s3rec.finetune(whole, dataset, epochs=2, state=state, resume=True)


def test_an_interrupt_changes_nothing(model: s3rec.Model, dataset: s3rec.Dataset, tmp_path: Any
                                      ) -> None:
    before, state = weights(model), tmp_path / "run.state"
    # A shell ignores SIGINT for what it runs in the background, and Python leaves it so.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.3, lambda: signal.raise_signal(signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        s3rec.pretrain(model, dataset, epochs=10**6, state=state)
    timer.join()
    signal.signal(signal.SIGINT, handler)
    np.testing.assert_array_equal(weights(model), before)
    assert state.exists() and len(model.recommend([1], 3).items) == 3
    run = s3rec.Run(model, dataset, "pretrain", epochs=10**6)
    run.load(state)
    assert next(run).epoch >= 1
    run.close()
    with pytest.raises(s3rec.StateError):
        next(run)


def test_runs_by_hand(model: s3rec.Model, dataset: s3rec.Dataset, tmp_path: Any) -> None:
    with s3rec.Run(model, dataset, "finetune", epochs=2, refit="none") as run:
        with pytest.raises(s3rec.NotFoundError):
            run.valid_metrics()
        events = [at.event for at in run]
        assert events.count("epoch") == 2 and run.valid_metrics().ndcg[20] > 0
        assert list(run) == []
        trained = run.finish()
    assert not np.array_equal(weights(trained), weights(model))
    with s3rec.Run(model, dataset, "finetune", epochs=2) as run:
        assert run.progress.step == 0
        with pytest.raises(s3rec.StateError):
            run.finish()  # no epoch has been measured yet
        at = next(run)
        assert run.progress == at and run.ahead()[0] > 0
        run.note = "mine: ä"
        run.finish().recommend([1], 2)
        run.save(tmp_path / "half.state")
        rest = [one.epoch for one in run]
        whole = weights(run.finish())
    with s3rec.Run.resume(model, dataset, tmp_path / "half.state") as again:
        assert (again.stage, again.note, again.progress) == ("finetune", "mine: ä", at)
        assert [one.epoch for one in again] == rest
        np.testing.assert_array_equal(weights(again.finish()), whole)
    with pytest.raises(s3rec.Error):
        s3rec.Run.resume(model, dataset, tmp_path / "none")
    mrr = s3rec.finetune(model, dataset, epochs=2, metric="mrr", seen="include")
    assert of(mrr).epochs[-1].best_value > 0
    for bad, text in (({"metric": "hr"}, "metric"), ({"seen": "no"}, "seen"),
                      ({"schedule": "steps"}, "schedule"), ({"time_budget": -1}, "time_budget")):
        with pytest.raises(s3rec.ArgumentError, match=text):
            s3rec.Run(model, dataset, "finetune", **bad)
    with pytest.raises(s3rec.IoError):
        s3rec.Run(model, dataset, "finetune").load(tmp_path / "none")


def test_evaluation(model: s3rec.Model, dataset: s3rec.Dataset) -> None:
    metrics = s3rec.evaluate(model, dataset, ranks=True)
    assert metrics.ranks is not None and metrics.ranks.shape == (dataset.user_count,)
    assert metrics.hit_rate[10] == pytest.approx(float(np.mean(metrics.ranks < 10)))
    assert metrics.mrr == pytest.approx(float(np.mean(1 / (metrics.ranks + 1.0))))
    assert (metrics.split, metrics.protocol, metrics.seen) == ("test", "full", "exclude")
    items = dataset.user_items(3)
    everything = model.recommend(items[:-1], 10**6, include_history=False).items.tolist()
    if items[-1] in everything:
        assert everything.index(items[-1]) == metrics.ranks[3]
    assert s3rec.evaluate(model, dataset, protocol="sampled").hit_rate[20] > metrics.hit_rate[1]
    assert s3rec.evaluate(model, dataset, split="valid").ranks is None
    for options in ({"split": "train"}, {"seen": "maybe"}, {"protocol": "none"}):
        with pytest.raises(s3rec.ArgumentError):
            s3rec.evaluate(model, dataset, **options)  # type: ignore[arg-type]
    with pytest.raises(s3rec.MismatchError):
        s3rec.evaluate(s3rec.Model.create(item_size=9), dataset)


def shown(monkeypatch: Any, terminal: bool, progress: Any, with_tqdm: bool, model: s3rec.Model,
          dataset: s3rec.Dataset) -> str:
    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    stream = Stream()
    monkeypatch.setattr(sys, "stderr", stream)
    if not with_tqdm:
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    s3rec.finetune(model.clone(), dataset, epochs=2, progress=progress)
    return stream.getvalue()


def test_progress(monkeypatch: Any, model: s3rec.Model, dataset: s3rec.Dataset) -> None:
    line = shown(monkeypatch, True, None, False, model, dataset)
    assert "finetune 2/2, step" in line and "loss" in line and line.endswith("\n")
    assert shown(monkeypatch, False, None, False, model, dataset) == ""
    assert shown(monkeypatch, True, False, False, model, dataset) == ""
    assert "refit" in shown(monkeypatch, False, True, False, model, dataset)
    monkeypatch.setattr(sys, "stderr", None)  # as under pythonw
    assert type(_progress.bar_for("pretrain", True)) is _progress.Bar


def test_progress_by_tqdm(monkeypatch: Any, model: s3rec.Model, dataset: s3rec.Dataset) -> None:
    pytest.importorskip("tqdm")
    text = shown(monkeypatch, True, None, True, model, dataset)
    assert "100%" in text and "finetune 2/2" in text
