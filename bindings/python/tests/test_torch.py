# SPDX-License-Identifier: Apache-2.0
"""PyTorch's checkpoints: read and written by PyTorch, refused clearly without it."""
from __future__ import annotations

import os
import pickle
import sys
from typing import Any

import numpy as np
import pytest

import s3rec


@pytest.fixture()
def torch() -> Any:
    return pytest.importorskip("torch")


def test_without_torch(model: s3rec.Model, tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    for use in (lambda: s3rec.Model.from_torch(tmp_path / "a.pt"),
                lambda: model.save_torch(tmp_path / "a.pt"),
                lambda: s3rec.read_torch(tmp_path / "a.pt"),
                lambda: model.to_torch_state_dict(tensors=True)):
        with pytest.raises(s3rec.UnsupportedError, match="pip install torch"):
            use()
    assert os.listdir(tmp_path) == []
    assert list(model.to_torch_state_dict()) == list(model.parameter_shapes())


def test_models_there_and_back(torch: Any, model: s3rec.Model, tmp_path: Any) -> None:
    path = tmp_path / "model.pt"
    model.save_torch(path)
    again = s3rec.Model.from_torch(path)
    assert again.config == model.config and os.listdir(tmp_path) == ["model.pt"]
    for name, values in model.to_torch_state_dict().items():
        np.testing.assert_array_equal(again.parameter(name), values)
    heads = s3rec.Model.from_torch(path, num_attention_heads=4, hidden_act="relu").config
    assert (heads.num_attention_heads, heads.hidden_act) == (4, "relu")
    with pytest.raises(s3rec.IoError):
        model.save_torch(tmp_path / "none" / "model.pt")
    with pytest.raises(s3rec.IoError):
        s3rec.Model.from_torch(tmp_path / "none.pt")


def test_state_dicts_of_other_models(torch: Any, model: s3rec.Model, tmp_path: Any) -> None:
    path, state = tmp_path / "other.pt", model.parameters()
    for change, text in (({"LayerNorm.bias": np.zeros(3, np.float32)}, "LayerNorm.bias"),
                         ({"head.weight": np.zeros(3, np.float32)}, "head.weight"),
                         ({"LayerNorm.bias": np.full(16, np.nan, np.float32)}, "LayerNorm.bias"),
                         ({"item_embeddings.weight": np.zeros((3, 4000), np.float32)}, "hidden")):
        s3rec.write_torch(path, {**state, **change})
        with pytest.raises(s3rec.Error, match=text):
            s3rec.Model.from_torch(path)
    s3rec.write_torch(path, {"weight": np.zeros(3, np.float32)})
    with pytest.raises(s3rec.NotFoundError, match="item_embeddings.weight"):
        s3rec.Model.from_torch(path)


def test_torch_reads_what_is_written(torch: Any, model: s3rec.Model, tmp_path: Any) -> None:
    model.save_torch(tmp_path / "model.pt")
    state = torch.load(tmp_path / "model.pt", weights_only=True)
    for name, values in model.parameters().items():
        np.testing.assert_array_equal(state[name].numpy(), values)
    assert model.to_torch_state_dict(tensors=True)["LayerNorm.bias"].shape == (16,)


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("wrapper", [None, "state_dict", "model_state_dict", "model"])
def test_containers(torch: Any, tmp_path: Any, legacy: bool, wrapper: Any) -> None:
    numbers = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    state: Any = {
        "plain": numbers, "transposed": numbers.t(), "part": numbers[:, 1:],
        "parameter": torch.nn.Parameter(numbers), "narrow": numbers.to(torch.bfloat16),
        "half": numbers.half(), "whole": numbers.long(), "empty": torch.zeros(0, 3)}
    path = tmp_path / "some.pt"
    torch.save({wrapper: state, "epoch": 3} if wrapper else state, path,
               _use_new_zipfile_serialization=not legacy)
    found, expected = s3rec.read_torch(path), np.arange(6, dtype=np.float32).reshape(2, 3)
    assert list(found) == list(state)
    for name in ("plain", "parameter", "narrow", "half", "whole"):
        np.testing.assert_array_equal(found[name], expected)
    assert found["narrow"].dtype == np.float32 and found["half"].dtype == np.float16
    np.testing.assert_array_equal(found["transposed"], expected.T)
    np.testing.assert_array_equal(found["part"], expected[:, 1:])
    assert found["empty"].shape == (0, 3)


class Malicious:
    """Unpickled by a plain unpickler, it makes a folder."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (self.path,)


def test_nothing_of_a_file_is_run(torch: Any, tmp_path: Any) -> None:
    made = str(tmp_path / "made")
    for legacy in (True, False):
        torch.save({"weight": Malicious(made)}, tmp_path / "bad.pt",
                   _use_new_zipfile_serialization=not legacy)
        with pytest.raises(s3rec.FormatError, match="bad.pt"):
            s3rec.read_torch(tmp_path / "bad.pt")
    (tmp_path / "bad.pt").write_bytes(pickle.dumps(Malicious(made)))
    with pytest.raises(s3rec.FormatError, match="bad.pt"):
        s3rec.read_torch(tmp_path / "bad.pt")
    assert not os.path.exists(made)


def test_files_that_hold_no_state_dict(torch: Any, tmp_path: Any) -> None:
    path = tmp_path / "odd.pt"
    for root, text in (([1, 2], "no state dict"), ({}, "no state dict"),
                       ({"weight": 3}, "'weight'"), ({5: torch.zeros(2)}, "entry 5")):
        torch.save(root, path)
        with pytest.raises(s3rec.FormatError, match=text):
            s3rec.read_torch(path)
    torch.save({"weight": torch.zeros(64)}, path)
    whole = path.read_bytes()
    for content in (b"", b"PK\x03\x04", whole[:-100], whole[:200], b"no checkpoint at all"):
        path.write_bytes(content)
        with pytest.raises(s3rec.FormatError, match="odd.pt"):
            s3rec.read_torch(path)


def test_released_checkpoints(torch: Any, shared: Any) -> None:
    for name in ("LastFM", "Beauty"):
        stem = shared / "checkpoints" / f"{name}-epochs-150"
        ours = s3rec.Model.from_torch(stem.with_suffix(".pt"))
        theirs = s3rec.Model.load(stem.with_suffix(".safetensors"))
        for parameter, values in theirs.parameters().items():
            np.testing.assert_array_equal(ours.parameter(parameter), values)
