# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
import gc
import pickle
from typing import Any

import numpy as np
import pytest

import s3rec


def test_config(dataset: s3rec.Dataset) -> None:
    model = s3rec.Model.create(dataset, hidden_size=12, num_attention_heads=3, hidden_act="relu",
                               num_hidden_layers=1, max_seq_length=9, hidden_dropout_prob=0.1)
    config = model.config
    assert (config.item_size, config.attribute_size) == (dataset.item_size, 8)
    assert (config.hidden_size, config.num_attention_heads, config.hidden_act) == (12, 3, "relu")
    assert config.hidden_dropout_prob == 0.1
    model.set_dropouts(0.2, 0.3)
    assert model.config.attention_probs_dropout_prob == 0.3
    assert s3rec.Model.create(item_size=5).config.attribute_size == 1


@pytest.mark.parametrize("fields, text", [
    ({"hidden_size": 0}, "hidden_size"), ({"hidden_size": 2**40}, "hidden_size"),
    ({"hidden_act": "tanh"}, "hidden_act"), ({"num_attention_heads": 5}, "num_attention_heads"),
    ({"hidden_dropout_prob": 2.0}, "hidden_dropout_prob"), ({"item_size": 1}, "item_size"),
    ({"initializer_range": float("nan")}, "initializer_range")])
def test_bad_configs(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(s3rec.ArgumentError, match=text):
        s3rec.Model.create(**{"item_size": 9, **fields})
    with pytest.raises(s3rec.ArgumentError):
        s3rec.Model.create()


def test_seeds() -> None:
    def weights(seed: int) -> Any:
        return s3rec.Model.create(item_size=9, seed=seed).item_vectors()

    np.testing.assert_array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))
    assert weights(-1).shape == (7, 64)


def test_files(model: s3rec.Model, tmp_path: Any) -> None:
    path = tmp_path / "größe.safetensors"
    model.save(path)
    for opened in (s3rec.Model.load(path), s3rec.Model.map(str(path))):
        for name, values in model.parameters().items():
            np.testing.assert_array_equal(opened.parameter(name), values)
        assert opened.config == model.config and opened.memory > 0
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(s3rec.FormatError, match="größe"):
        s3rec.Model.load(path)
    with pytest.raises(s3rec.IoError):
        s3rec.Model.load(tmp_path)
    with pytest.raises(s3rec.IoError):
        model.save(tmp_path / "none" / "model")
    with pytest.raises(s3rec.ArgumentError, match="no field 'heads'"):
        s3rec.Model.load(path, heads=2)


def test_parameters(model: s3rec.Model) -> None:
    shapes = model.parameter_shapes()
    assert list(shapes)[0] == "item_embeddings.weight" and shapes["LayerNorm.bias"] == (16,)
    before = model.recommend([1, 2], 3)
    values = model.parameter("item_embeddings.weight")
    values[1:-1] = values[1:-1][::-1]
    model.set_parameter("item_embeddings.weight", values)
    np.testing.assert_array_equal(model.parameter("item_embeddings.weight"), values)
    assert model.recommend([1, 2], 3).items.tolist() != before.items.tolist()
    model.set_parameter("LayerNorm.bias", [0.5] * 16)
    for bad, error in (([1.0], s3rec.ArgumentError), ([np.nan] * 16, s3rec.NumericError),
                       (["a"] * 16, ValueError)):
        with pytest.raises(error):
            model.set_parameter("LayerNorm.bias", bad)
    assert model.parameter("LayerNorm.bias").tolist() == [0.5] * 16
    with pytest.raises(s3rec.NotFoundError, match="'nothing'"):
        model.parameter("nothing")


def test_state_dicts_are_taken_whole_or_not(model: s3rec.Model) -> None:
    other = s3rec.Model.create(item_size=model.item_size, attribute_size=8, hidden_size=16, seed=9)
    state = other.to_torch_state_dict()
    before = model.parameters()
    for change, text in (({"sp_norm.bias": np.zeros(3)}, "sp_norm.bias"),
                         ({"extra": np.zeros(3)}, "extra"),
                         ({"sp_norm.bias": np.full(16, np.inf)}, "sp_norm.bias")):
        with pytest.raises(s3rec.Error, match=text):
            model.load_state_dict({**state, **change})
        for name, values in before.items():
            np.testing.assert_array_equal(model.parameter(name), values)
    del state["sp_norm.bias"]
    with pytest.raises(s3rec.ArgumentError, match="lacks sp_norm.bias"):
        model.load_state_dict(state)
    model.load_state_dict(other.to_torch_state_dict())
    np.testing.assert_array_equal(model.item_vectors(), other.item_vectors())


def test_copies(named_model: s3rec.Model) -> None:
    expected = named_model.recommend(["film 1"], 3)
    for other in (named_model.clone(), copy.copy(named_model), copy.deepcopy(named_model),
                  pickle.loads(pickle.dumps(named_model))):
        assert other.recommend(["film 1"], 3).items.tolist() == expected.items.tolist()
        other.set_parameter("LayerNorm.bias", np.ones(16))
    assert named_model.recommend(["film 1"], 3).scores.tolist() == expected.scores.tolist()
    other = s3rec.Model.create(item_size=named_model.item_size, attribute_size=5, hidden_size=16)
    other.copy_weights(named_model)
    np.testing.assert_array_equal(other.item_vectors(), named_model.item_vectors())
    with pytest.raises(s3rec.MismatchError):
        other.copy_weights(s3rec.Model.create(item_size=9))


def test_objects_go_in_any_order(sequences: Any) -> None:
    context = s3rec.Context(threads=1)
    data = s3rec.Dataset.from_arrays(sequences, context=context)
    model = s3rec.Model.create(data, hidden_size=8)
    context.close()
    data.close()
    assert len(model.recommend([1], 2).items) == 2
    del model, data, context
    gc.collect()


def test_vocabularies() -> None:
    words = s3rec.Vocabulary(["a", "ü", "日本"], 1)
    assert list(words) == ["a", "ü", "日本"] and len(words) == 3 and not words.integer
    assert words.find("ü") == 2 and words.name(3) == "日本" and "b" not in words
    assert words.find_many(["日本", "x", "a"]).tolist() == [3, -1, 1]
    assert words.find_many([]).tolist() == []
    assert words.names([[0, 1], [2, 4]]).tolist() == [[None, "a"], ["ü", None]]
    numbers = s3rec.Vocabulary(np.array([50, -3, 2**62]), 0)
    assert list(numbers) == [50, -3, 2**62] and numbers.integer and 50 in numbers
    assert numbers.find_many([2**62, 4, 50]).tolist() == [2, -1, 0]
    assert "50" not in numbers and True not in numbers and 50.0 not in numbers
    for number in (0, 4, -2**70):
        with pytest.raises(s3rec.NotFoundError):
            words.name(number)
    for vocabulary, name in ((words, "b"), (numbers, "50"), (numbers, 51)):
        with pytest.raises(s3rec.NotFoundError):
            vocabulary.find(name)
    with pytest.raises(s3rec.FormatError, match="names 0 and 2"):
        s3rec.Vocabulary(["a", "b", "a"], 0)
    for call in (lambda: words.find_many([1, 2]), lambda: numbers.find_many(["a"]),
                 lambda: words.find_many("ab"), lambda: s3rec.Vocabulary(["a"], 7)):
        with pytest.raises(s3rec.ArgumentError):
            call()
    assert len(s3rec.Vocabulary([], 1)) == 0 and s3rec.Vocabulary([], 1).names().shape == (0,)


def test_datasets_of_numbers(tmp_path: Any) -> None:
    data = s3rec.Dataset.from_arrays((np.array([1, 2, 3, 2]), np.array([0, 3, 4])))
    assert data.user_items(1).tolist() == [2] and data.item_names is None and len(data) == 2
    assert data.history(0).tolist() == [1, 2, 3]
    assert s3rec.Dataset.from_arrays(np.array([[1, 2], [3, 4]])).interaction_count == 4
    same = s3rec.Dataset.from_arrays([[1, 2, 3], [2]])
    assert same.fingerprint == data.fingerprint
    for bad, error in (([[0]], s3rec.FormatError), ([[]], s3rec.FormatError),
                       ([], s3rec.ArgumentError), ([[2**31]], s3rec.FormatError),
                       ([["a"]], TypeError), ("ab", TypeError), ([[1.5]], TypeError)):
        with pytest.raises(error):
            s3rec.Dataset.from_arrays(bad)
    with pytest.raises(s3rec.ArgumentError, match="shape"):
        s3rec.Dataset.from_arrays([[1, 2]], negatives=[[1], [2]])
    with pytest.raises(s3rec.FormatError):
        s3rec.Dataset.from_arrays([[1, 2]], attributes={0: [1]})
    (tmp_path / "a.txt").write_text("7 1 2 3\n8 3 1\n")
    (tmp_path / "a.json").write_text('{"1": [0, 2]}')
    loaded = s3rec.Dataset.load(tmp_path / "a.txt", tmp_path / "a.json")
    assert loaded.item_attributes(1).tolist() == [0, 2] and loaded.attribute_size == 3
    with pytest.raises(s3rec.NotFoundError):
        loaded.user_negatives(0)
