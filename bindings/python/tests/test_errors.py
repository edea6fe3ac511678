# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pickle
import threading
from typing import Any

import pytest

import s3rec


@pytest.mark.parametrize("kind, builtin, name", [
    (s3rec.ArgumentError, ValueError, "ARGUMENT"), (s3rec.NotFoundError, KeyError, "NOT_FOUND"),
    (s3rec.OutOfMemoryError, MemoryError, "MEMORY"), (s3rec.IoError, OSError, "IO"),
    (s3rec.FormatError, ValueError, "FORMAT"), (s3rec.MismatchError, ValueError, "MISMATCH"),
    (s3rec.LimitError, ValueError, "LIMIT"),
    (s3rec.StateError, RuntimeError, "STATE"), (s3rec.NumericError, ArithmeticError, "NUMERIC"),
    (s3rec.EngineError, RuntimeError, "ENGINE"),
    (s3rec.UnsupportedError, NotImplementedError, "UNSUPPORTED"),
    (s3rec.ThreadError, RuntimeError, "THREAD")])
def test_classes(kind: Any, builtin: Any, name: str) -> None:
    error = kind("what was wrong")
    assert isinstance(error, builtin) and isinstance(error, s3rec.Error)
    assert str(error) == error.detail == "what was wrong"
    assert error.status_name == f"S3REC_ERROR_{name}"
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind and again.detail == error.detail


def test_detail_names_file_and_line(tmp_path: Any) -> None:
    path = tmp_path / "bad.txt"
    path.write_text("1 2 3\n2 x\n")
    with pytest.raises(s3rec.FormatError, match=r"bad\.txt:2:") as caught:
        s3rec.Dataset.load(path)
    assert caught.value.status == 31


def test_detail_is_of_the_thread_that_failed(tmp_path: Any) -> None:
    details: dict[int, str] = {}

    def fail(number: int) -> None:
        for _ in range(50):
            try:
                s3rec.Model.load(tmp_path / f"missing-{number}")
            except s3rec.IoError as error:
                assert f"missing-{number}:" in error.detail
                details[number] = error.detail

    threads = [threading.Thread(target=fail, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(details) == 8


def test_closed_objects_refuse(dataset: s3rec.Dataset) -> None:
    model = s3rec.Model.create(dataset, hidden_size=8, num_attention_heads=2)
    model.recommend([1], 3)
    with model as entered:
        assert entered is model and not model.closed
    assert model.closed
    model.close()
    for use in (lambda: model.recommend([1], 3), lambda: model.config, lambda: model.clone(),
                lambda: model.score_all([1]), lambda: model.save("/nowhere"),
                lambda: s3rec.evaluate(model, dataset), lambda: model.__enter__()):
        with pytest.raises(s3rec.StateError, match="closed"):
            use()


def test_an_array_of_a_dataset_is_a_copy() -> None:
    data = s3rec.Dataset.from_arrays([[1, 2, 3], [3, 2]])
    items = data.user_items(0)
    items[0] = 9
    assert data.user_items(0).tolist() == [1, 2, 3]
    data.close()
    assert items.tolist() == [9, 2, 3]
    with pytest.raises(s3rec.StateError):
        data.user_items(1)


def test_context_log_and_choices() -> None:
    lines: list[tuple[int, str]] = []
    with s3rec.Context(threads=2, kernels="baseline",
                       log=lambda level, text: lines.append((level, text))) as context:
        assert context.kernels == "baseline" and context.backend == "fused"
        s3rec.Dataset.from_arrays([[1, 2], [2, 1]], context=context)
    assert any("fewer than 3 items" in text for _, text in lines)
    with pytest.raises(s3rec.ArgumentError, match="kernels is 'best'"):
        s3rec.Context(kernels="best")  # type: ignore[arg-type]
    with pytest.raises(s3rec.ArgumentError, match="thread_count"):
        s3rec.Context(threads=0)


def test_a_failing_log_function_does_no_harm(caplog: Any) -> None:
    def log(level: int, text: str) -> None:
        raise RuntimeError("no log today")

    with s3rec.Context(log=log) as context:
        assert s3rec.Dataset.from_arrays([[1, 2]], context=context).user_count == 1
    assert "no log today" in caplog.text


def test_handles_are_not_made_by_their_constructors() -> None:
    for kind in (s3rec.Model, s3rec.Dataset):
        with pytest.raises(TypeError, match="class methods"):
            kind()


@pytest.mark.parametrize("call, argument", [
    (lambda s3, model, data: model.recommend(5), "history"),
    (lambda s3, model, data: model.recommend([1], k=1.5), "k"),
    (lambda s3, model, data: model.recommend(user=1, dataset=model), "dataset"),
    (lambda s3, model, data: model.recommend_batch(5), "histories"),
    (lambda s3, model, data: model.recommend_batch(users=5, dataset=data), "users"),
    (lambda s3, model, data: model.set_dropouts("x", 0.1), "hidden_dropout_prob"),
    (lambda s3, model, data: model.parameter(5), "name"),
    (lambda s3, model, data: model.load_state_dict(5), "tensors"),
    (lambda s3, model, data: model.copy_weights(data), "source"),
    (lambda s3, model, data: model.set_names(data), "items"),
    (lambda s3, model, data: model.item_vectors(object()), "items"),
    (lambda s3, model, data: model.set_popularity(5), "counts"),
    (lambda s3, model, data: model.save(5), "path"),
    (lambda s3, model, data: s3.Model.create(item_size=9, context=data), "context"),
    (lambda s3, model, data: s3.Model.create(item_size=9.5), "item_size"),
    (lambda s3, model, data: s3.evaluate(data, model), "model"),
    (lambda s3, model, data: s3.finetune(model, {"a": [1]}), "dataset"),
    (lambda s3, model, data: s3.finetune(model, data, callbacks=5), "callbacks"),
    (lambda s3, model, data: s3.finetune(model, data, learning_rate="x"), "learning_rate"),
    (lambda s3, model, data: s3.Run(model, data, "finetune", time_budget="x"), "time_budget"),
    (lambda s3, model, data: s3.train(data, callback=5), "callback"),
    (lambda s3, model, data: s3.train(events=5), "events"),
    (lambda s3, model, data: s3.Dataset.from_arrays(5), "sequences"),
    (lambda s3, model, data: s3.Dataset.from_arrays([[1]], attributes=[1]), "attributes"),
    (lambda s3, model, data: s3.Dataset.from_events(user=5, item=["a"]), "user"),
    (lambda s3, model, data: s3.Sampler(model, "finetune"), "dataset"),
    (lambda s3, model, data: s3.Sampler(data, "finetune").next(5), "batch"),
    (lambda s3, model, data: s3.Trainer(model).gradient(5), "name"),
    (lambda s3, model, data: s3.Trainer(model).save("x", 5), "sampler"),
    (lambda s3, model, data: s3.Recommender(data, context=s3.Context()), "model"),
    (lambda s3, model, data: s3.Recommender(model).recommend(5), "history"),
    (lambda s3, model, data: s3.Recommender(model).recommend([1], filter=5), "filter"),
    (lambda s3, model, data: s3.Recommender(model).exchange(5), "model"),
    (lambda s3, model, data: s3.Vocabulary(["a"], 1).same_as(5), "other"),
    (lambda s3, model, data: s3.Context(log=5), "log")])
def test_wrong_types_name_the_argument(model: s3rec.Model, dataset: s3rec.Dataset, call: Any,
                                       argument: str) -> None:
    with pytest.raises(TypeError, match=argument):
        call(s3rec, model, dataset)


def test_build_info() -> None:
    assert s3rec.__version__ in s3rec.build_info()
