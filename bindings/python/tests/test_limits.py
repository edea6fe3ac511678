# SPDX-License-Identifier: Apache-2.0
"""Limits: files that claim much are refused before memory is taken for them."""
from __future__ import annotations

import dataclasses
import gzip
import io
import os
import pickle
import zipfile
from collections import OrderedDict
from typing import Any, Callable

import numpy as np
import pytest

import s3rec
from s3rec import _abi, _structs
from s3rec._checkpoint import check_checkpoint


def test_defaults_are_those_of_the_library() -> None:
    found = _abi.new(_structs.Limits)
    for field in dataclasses.fields(s3rec.Limits):
        assert getattr(s3rec.Limits(), field.name) == getattr(found, field.name), field.name
    strict, changed = s3rec.Limits.strict(), s3rec.Limits.strict(rows=7)
    assert strict.rows == 2**22 and changed == dataclasses.replace(strict, rows=7)
    assert all(getattr(strict, field.name) < getattr(s3rec.Limits(), field.name)
               for field in dataclasses.fields(s3rec.Limits))
    assert s3rec.Context(limits=strict).limits is strict


@pytest.mark.parametrize("limits, error", [
    (s3rec.Limits(rows=0), s3rec.ArgumentError), (s3rec.Limits(rows=-1), s3rec.ArgumentError),
    (s3rec.Limits(json_depth=513), s3rec.ArgumentError), (5, TypeError), ("strict", TypeError),
    (s3rec.Limits(rows=2.5), TypeError)])  # type: ignore[arg-type]
def test_limits_that_are_none(limits: Any, error: Any) -> None:
    with pytest.raises(error):
        s3rec.Context(limits=limits)


def test_files_beyond_limits(tmp_path: Any, model: s3rec.Model) -> None:
    events, saved = tmp_path / "events.csv.gz", tmp_path / "model.safetensors"
    with gzip.open(events, "wt") as file:
        file.write("user,item\n" + "a,b\n" * 1000)
    model.save(saved)
    few_rows = s3rec.Context(limits=s3rec.Limits(rows=100))
    few_tensors = s3rec.Context(limits=s3rec.Limits(tensors=3))
    with pytest.raises(s3rec.LimitError, match="rows"):
        s3rec.Dataset.from_files(events, context=few_rows)
    with pytest.raises(s3rec.LimitError, match="tensors"):
        s3rec.Model.load(saved, context=few_tensors)
    with pytest.raises(s3rec.LimitError, match="tensors"):
        s3rec.Recommender.open(saved, context=few_tensors)
    assert s3rec.Model.load(saved, context=s3rec.Context(limits=s3rec.Limits.strict()))


PREFIX = b"\x80\x02"  # the begin of a pickle of protocol 2
TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n"


def text(word: str) -> bytes:
    return b"X" + len(word).to_bytes(4, "little") + word.encode()


def number(value: int) -> bytes:
    return b"J" + value.to_bytes(4, "little", signed=True)


def storage(count: int, key: str = "0", kind: str = "FloatStorage") -> bytes:
    return (b"(" + text("storage") + b"ctorch\n" + kind.encode() + b"\n" + text(key) + text("cpu")
            + number(count) + b"tQ")


def tensor(count: int, shape: int, stride: int = 1) -> bytes:
    return (TENSOR + b"(" + storage(count) + number(0) + number(shape) + b"\x85" + number(stride)
            + b"\x85\x89ccollections\nOrderedDict\n)RtR")


def dictionary(value: bytes) -> bytes:
    return PREFIX + b"}" + text("a") + value + b"s."


def archive(pickled: bytes, data: bytes = b"", compression: int = 0, again: bool = False) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as file:
        file.writestr("archive/data.pkl", pickled)
        file.writestr("archive/data/0", data)
        if again:
            file.writestr("archive/DATA.pkl", pickled)
    return made.getvalue()


def checked(content: bytes, limits: s3rec.Limits = s3rec.Limits()) -> None:
    check_checkpoint(io.BytesIO(content), len(content), limits)


def test_checkpoints_that_are_good() -> None:
    checked(archive(dictionary(tensor(4, 4)), b"\0" * 16))
    # Before PyTorch 1.6: a magic number, the version, sizes of types, the object, storage keys.
    head = b"".join(pickle.dumps(value, 2) for value in (1 << 70, 1001, {"little_endian": True}))
    checked(head + dictionary(tensor(4, 4)) + pickle.dumps(["0"], 2) + b"\0" * 24)


SHARED = b"](" + b"K\1" * 900 + b"eq\x00"  # a list in the memo


@pytest.mark.parametrize("content", [
    b"", b"PK", b"PK\5\6" + b"\0" * 18, b"\x80\x02.", b"garbage", b"\0" * 5000,
    archive(b""), archive(PREFIX), archive(dictionary(tensor(4, 4)), b"\0" * 15),
    archive(dictionary(tensor(2**31 - 1, 4)), b"\0" * 16),
    archive(dictionary(tensor(4, 5)), b"\0" * 16),
    archive(dictionary(tensor(4, 4)), b"\0" * 16, zipfile.ZIP_DEFLATED),
    archive(dictionary(tensor(4, 4)), b"\0" * 16, again=True),
    archive(dictionary(tensor(4, 4)), b"\0" * 16) + b"\0",
    archive(dictionary(b"cbuiltins\nbytearray\n" + number(2**31 - 1) + b"\x85R")),
    archive(dictionary(b"ccollections\nOrderedDict\n" + SHARED + b"\x85R")),
    archive(dictionary(b"c_codecs\nencode\n" + text("a") + b"\x85R")),
    archive(dictionary(b"}q\x01h\x01b")),
    archive(dictionary(b"cos\nsystem\n" + text("true") + b"\x85R")),
    archive(dictionary(b"ctorch\nSize\n)R")), archive(PREFIX + b"0" * 5 + b"."),
    archive(PREFIX + b"h\5."), archive(PREFIX + b"t."),
    archive(dictionary(b"(" + text("storage") + b"tQ")),
    archive(dictionary(storage(4, kind="QInt8Storage")), b"\0" * 16),
    archive(dictionary(tensor(4, 4)), b"\0" * 16)[:-30]])
def test_checkpoints_that_lie(content: bytes) -> None:
    with pytest.raises(s3rec.FormatError):
        checked(content)


def test_checkpoints_beyond_limits() -> None:
    wide = archive(dictionary(tensor(4, 2**31 - 1, stride=0)), b"\0" * 16)
    many = archive(dictionary(b"](" + tensor(1, 1) * 9 + b"e"), b"\0" * 4)
    for content, limits in ((wide, s3rec.Limits()), (many, s3rec.Limits(tensors=8)),
                            (many, s3rec.Limits(file_bytes=100)),
                            (many, s3rec.Limits(header_bytes=50))):
        with pytest.raises(s3rec.LimitError, match="limit"):
            checked(content, limits)
    checked(many)


def test_checkpoints_of_torch(tmp_path: Any) -> None:
    torch = pytest.importorskip("torch")
    layer = torch.nn.Linear(3, 2)
    state = layer.state_dict()
    optimizer = torch.optim.Adam(layer.parameters())
    layer(torch.zeros(1, 3)).sum().backward()
    optimizer.step()
    whole = {"state_dict": state, "epoch": 3, "optimizer": optimizer.state_dict(),
             "options": {"rate": 0.1, "sizes": [1, 2, 2**40], "none": None, "pair": (1, "a")}}
    for zipped in (True, False):
        torch.save(whole, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
        found = s3rec.read_torch(tmp_path / "a.pt")
        np.testing.assert_array_equal(found["weight"], state["weight"].numpy())
    torch.save(OrderedDict(a=layer.weight, b=layer.weight.half(), c=layer.bias.bfloat16(),
                           d=torch.zeros(5, dtype=torch.int64)[1:3]), tmp_path / "a.pt")
    assert len(s3rec.read_torch(tmp_path / "a.pt")) == 4
    strict = s3rec.Context(limits=s3rec.Limits.strict())
    assert len(s3rec.read_torch(tmp_path / "a.pt", context=strict)) == 4
    torch.save({"a": layer.weight.to_sparse()}, tmp_path / "a.pt")
    with pytest.raises(s3rec.FormatError):
        s3rec.read_torch(tmp_path / "a.pt")


def test_files_that_are_no_files(tmp_path: Any) -> None:
    pytest.importorskip("torch")
    os.mkfifo(tmp_path / "pipe")
    calls: list[Callable[[], Any]] = [lambda: s3rec.read_torch(tmp_path / "pipe"),
                                      lambda: s3rec.read_torch(tmp_path),
                                      lambda: s3rec.read_torch("/dev/zero")]
    for call in calls:
        with pytest.raises(s3rec.IoError):
            call()
