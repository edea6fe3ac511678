# SPDX-License-Identifier: Apache-2.0
"""Training loops of one's own: samplers, batches, trainers, the encoder, what recipes say."""
from __future__ import annotations

import inspect
import typing
from typing import Any

import numpy as np
import pytest

import s3rec
from s3rec import _options, _words


def test_a_loop_by_hand(model: s3rec.Model, dataset: s3rec.Dataset) -> None:
    before = model.parameters()
    stages: tuple[_words.Stage, ...] = ("pretrain", "finetune")
    for stage in stages:
        sampler = s3rec.Sampler(dataset, stage, batch_size=16)
        trainer = s3rec.Trainer(model, learning_rate=0.01)
        means = []
        for _ in range(3):
            losses = [trainer.step(batch).total for batch in sampler.epoch()]
            assert len(losses) == sampler.steps
            means.append(np.mean(losses))
        assert means[-1] < means[0] and trainer.step_count == 3 * sampler.steps
        assert sampler.position == (3, 0) and trainer.memory > 0
        trained = trainer.model()
        assert s3rec.evaluate(trained, dataset).user_count == dataset.user_count
        assert not np.array_equal(trained.parameter("LayerNorm.bias"), before["LayerNorm.bias"])
    for name, values in model.parameters().items():
        np.testing.assert_array_equal(values, before[name])


def test_gradients(model: s3rec.Model, dataset: s3rec.Dataset) -> None:
    batch = s3rec.Sampler(dataset, "finetune").next()
    one, other = s3rec.Trainer(model), s3rec.Trainer(model)
    with pytest.raises(s3rec.StateError):
        one.gradient("LayerNorm.bias")
    losses = one.compute_gradients(batch)
    assert losses.target_count == batch.info.target_count and losses.next_item > 0
    for name, gradient in one.gradients().items():
        assert gradient.shape == model.parameter_shapes()[name]
        one.set_gradient(name, gradient)
    one.apply_gradients()
    other.step(batch)
    for name, values in other.model().parameters().items():
        np.testing.assert_array_equal(one.model().parameter(name), values)
    with pytest.raises(s3rec.StateError):
        one.apply_gradients()
    with pytest.raises(s3rec.ArgumentError, match="shape"):
        one.set_gradient("LayerNorm.bias", [1.0])
    with pytest.raises(s3rec.ArgumentError, match="no parameter"):
        one.gradient("none")


def test_states_go_on_bit_by_bit(model: s3rec.Model, dataset: s3rec.Dataset, tmp_path: Any
                                 ) -> None:
    path, trainer = tmp_path / "a.state", s3rec.Trainer(model)
    sampler = s3rec.Sampler(dataset, "finetune", batch_size=32)
    trainer.step(sampler.next())
    trainer.save(path, sampler, "a note")
    expected = [trainer.step(sampler.next()).total for _ in range(3)]
    again, place = s3rec.Trainer(model), s3rec.Sampler(dataset, "finetune", batch_size=32)
    again.load(path, place)
    assert again.note == "a note" and again.step_count == 1 and place.position == (0, 1)
    assert [again.step(place.next()).total for _ in range(3)] == expected
    assert "s3rec_state" in s3rec.file_metadata(path)
    with pytest.raises(s3rec.MismatchError):
        again.load(path, s3rec.Sampler(dataset, "finetune", batch_size=33))


def test_batches_by_hand(model: s3rec.Model, dataset: s3rec.Dataset) -> None:
    batch = s3rec.Batch()
    assert batch.info.stage == "" and batch.arrays() == {}
    drawn = s3rec.Sampler(dataset, "finetune", batch_size=8, max_seq_length=20).next()
    arrays = drawn.arrays()
    assert list(arrays) == ["input_ids", "target_pos", "target_neg"]
    batch.set_finetune(**arrays)
    assert batch.info == drawn.info
    assert s3rec.Trainer(model).step(batch) == s3rec.Trainer(model).step(drawn)
    drawn = s3rec.Sampler(dataset, "pretrain", batch_size=8, max_seq_length=20).next()
    arrays = drawn.arrays()
    flags = np.zeros((*arrays["pos_items"].shape, dataset.attribute_size), np.uint8)
    for place, item in np.ndenumerate(arrays["pos_items"]):
        if item:
            flags[place][dataset.item_attributes(int(item))] = 1
    batch.set_pretrain(arrays, flags, dataset.item_size - 1)
    assert batch.info == drawn.info
    assert s3rec.Trainer(model).step(batch) == s3rec.Trainer(model).step(drawn)
    for bad in (lambda: batch.set_finetune([[1, 2]], [[1]]),
                lambda: batch.set_finetune([1], [1]),
                lambda: batch.set_finetune([[-5]], [[1]]),
                lambda: batch.set_pretrain({}, flags, 1),
                lambda: batch.set_pretrain(arrays, flags[0], 1), lambda: batch.read("none")):
        with pytest.raises(s3rec.Error):
            bad()
    assert batch.info == drawn.info


def test_samplers(dataset: s3rec.Dataset) -> None:
    sampler = s3rec.Sampler(dataset, "finetune", recipe="best", seed=3)
    first = sampler.next().read("input_ids")
    sampler.seek(0)
    np.testing.assert_array_equal(sampler.next().read("input_ids"), first)
    assert sampler.instances == dataset.user_count
    wrong: list[dict[str, Any]] = [{"batch_size": 0}, {"held_out_count": 3}, {"mask_p": 2.0}]
    for bad in wrong:
        with pytest.raises(s3rec.ArgumentError):
            s3rec.Sampler(dataset, "finetune", **bad)
    with pytest.raises(s3rec.ArgumentError):
        sampler.seek(0, sampler.steps)


def test_the_encoder(model: s3rec.Model) -> None:
    ids = np.array([[0, 0, 3, 7, 5], [1, 2, 3, 4, 5]])
    hidden = model.encode(ids)
    assert hidden.shape == (2, 5, model.hidden_size) and not hidden[0, :2].any()
    np.testing.assert_allclose(hidden[0, -1], model.user_vectors([[3, 7, 5]])[0], rtol=1e-4,
                               atol=1e-5)
    assert not np.allclose(model.encode(ids, "bidirectional")[1, 0], hidden[1, 0])
    with pytest.raises(s3rec.FormatError):
        model.encode([[1, 10**6]])
    shapes: list[Any] = [[1, 2], [[1] * 99], [[]]]
    for bad in shapes:
        with pytest.raises((s3rec.Error, TypeError)):
            model.encode(bad)


def test_what_recipes_say(dataset: s3rec.Dataset, model: s3rec.Model) -> None:
    best, paper = s3rec.recipe_plan("best", "finetune"), s3rec.recipe_plan("paper", "finetune")
    assert best.refit and best.epochs > 0 and paper.trainer["loss"] == "bce"
    assert s3rec.recipe_plan("best", "finetune", steps_per_epoch=10).trainer != best.trainer
    assert set(best.sampler) == set(_options.SAMPLER_FIELDS)
    s3rec.Trainer(model, **{**best.trainer, "decay_steps": 0})
    s3rec.Sampler(dataset, "finetune", **best.sampler)


def test_types_of_the_interface() -> None:
    """typing.get_type_hints works on all that is public; words and their types agree."""
    for name in s3rec.__all__:
        thing = getattr(s3rec, name)
        if isinstance(thing, type):
            if not issubclass(thing, dict):  # Unpack's own
                typing.get_type_hints(thing)
            for member in vars(thing).values():
                member = getattr(member, "__func__", getattr(member, "fget", member))
                if inspect.isfunction(member) and not issubclass(thing, tuple):
                    typing.get_type_hints(member)
        elif callable(thing) and hasattr(thing, "__annotations__"):
            typing.get_type_hints(thing)
    for kind, words in ((_words.Kernels, _words.KERNEL_LEVELS), (_words.Backend, _words.BACKENDS),
                        (_words.Stage, _words.STAGES), (_words.Activation, _words.ACTIVATIONS),
                        (_words.Loss, _words.LOSSES), (_words.Recipe, _words.RECIPES),
                        (_words.Scan, _words.SCANS), (_words.Attention, _words.ATTENTIONS),
                        (_words.Split, _words.SPLITS), (_words.Protocol, _words.PROTOCOLS),
                        (_words.Seen, _words.SEEN), (_words.Format, _words.FORMATS),
                        (_words.Header, _words.HEADERS), (_words.Repeats, _words.REPEATS),
                        (_words.Metric, _words.METRICS), (_words.Schedule, _words.SCHEDULES),
                        (_words.Source, _words.SOURCES), (_words.Refit, _words.REFITS)):
        assert set(typing.get_args(kind)) == set(words)
