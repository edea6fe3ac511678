# SPDX-License-Identifier: Apache-2.0
"""PyTorch's checkpoints, without PyTorch; malicious ones are refused and do nothing."""
from __future__ import annotations

import collections
import importlib
import io
import os
import pickle
import struct
import sys
import types
import unittest.mock
import zipfile
from typing import Any, Callable

import numpy as np
import pytest

import s3rec

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}


class Reference:
    """A storage, as torch.save refers to it."""

    def __init__(self, name: str, key: Any, count: Any) -> None:
        self.values = ("storage", name, key, "cpu", count)


class Call:
    """Pickled as a call of a function."""

    def __init__(self, function: Any, arguments: Any, state: Any = None) -> None:
        self.function, self.arguments, self.state = function, arguments, state

    def __reduce__(self) -> Any:
        return self.function, self.arguments, self.state


FAKES: dict[str, types.ModuleType] = {}


def named(module: str, name: str) -> Any:
    """A function that pickles under torch's name; torch's own where torch is installed."""
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError:
        pass
    function = types.FunctionType((lambda: None).__code__, {}, name)
    function.__module__, function.__qualname__ = module, name
    setattr(FAKES.setdefault(module, types.ModuleType(module)), name, function)
    return function


STORAGES = {name: named("torch", name) for name in ("FloatStorage", "HalfStorage", "LongStorage",
                                                    "BFloat16Storage")}
REBUILD = named("torch._utils", "_rebuild_tensor_v2")


class Pickler(pickle._Pickler):
    def persistent_id(self, value: Any) -> Any:
        if not isinstance(value, Reference):
            return None
        kind, name, *rest = value.values
        return (kind, STORAGES.get(name, name), *rest)


def pickled(value: Any, protocol: int = 2) -> bytes:
    out = io.BytesIO()
    with unittest.mock.patch.dict(sys.modules, FAKES):
        Pickler(out, protocol).dump(value)
    return out.getvalue()


def tensor(reference: Any, size: Any, stride: Any, offset: Any = 0, extra: Any = ()) -> Call:
    return Call(REBUILD, (reference, offset, size, stride, False, collections.OrderedDict(),
                          *extra))


def simple(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"size": (2, 3), "stride": (3, 1), "offset": 0, "name": "FloatStorage",
                             "count": 6, **changes}
    return {"w": tensor(Reference(given["name"], "0", given["count"]), given["size"],
                        given["stride"], given["offset"])}


RAW = np.arange(6, dtype="<f4").tobytes()


def legacy(root: Any, storages: dict[str, bytes] | None = None, *, size: int = 4,
           raw_root: bytes | None = None) -> bytes:
    storages = {"0": RAW} if storages is None else storages
    parts = [pickled(MAGIC), pickled(VERSION), pickled(SYSTEM),
             pickled(root) if raw_root is None else raw_root, pickled(list(storages))]
    for raw in storages.values():
        parts += [struct.pack("<q", len(raw) // size), raw]
    return b"".join(parts)


def zipped(root: Any, storages: dict[str, bytes] | None = None, *, raw_root: bytes | None = None,
           compression: int = zipfile.ZIP_STORED) -> bytes:
    storages = {"0": RAW} if storages is None else storages
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        archive.writestr("top/data.pkl", pickled(root) if raw_root is None else raw_root)
        archive.writestr("top/byteorder", "little")
        for key, raw in storages.items():
            archive.writestr(f"top/data/{key}", raw)
    return out.getvalue()


CONTAINERS: list[Callable[..., bytes]] = [legacy, zipped]


def read(tmp_path: Any, content: bytes) -> Any:
    path = tmp_path / "file.pt"
    path.write_bytes(content)
    return s3rec.read_torch(path)


@pytest.fixture(params=CONTAINERS, ids=["legacy", "zip"])
def container(request: Any) -> Any:
    return request.param


def test_a_matrix(tmp_path: Any, container: Any) -> None:
    found = read(tmp_path, container(simple()))
    assert list(found) == ["w"] and found["w"].dtype == np.float32
    assert found["w"].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_protocols_and_containers_of_containers(tmp_path: Any, container: Any, protocol: int
                                                ) -> None:
    state = collections.OrderedDict(simple())
    root = {"epoch": 3, "loss": 0.5, "names": ["a", None, True, 2**80], "state_dict": state}
    content = container(None, raw_root=pickled(root, protocol))
    assert read(tmp_path, content)["w"].shape == (2, 3)


def test_metadata_of_a_state_dict(tmp_path: Any, container: Any) -> None:
    state = collections.OrderedDict(simple())
    state._metadata = collections.OrderedDict(version=1)  # type: ignore[attr-defined]
    assert list(read(tmp_path, container(state))) == ["w"]


def test_layouts_and_types(tmp_path: Any, container: Any) -> None:
    transposed = read(tmp_path, container(simple(size=(3, 2), stride=(1, 3))))["w"]
    assert transposed.tolist() == [[0, 3], [1, 4], [2, 5]]
    assert read(tmp_path, container(simple(size=(2,), stride=(2,), offset=1)))["w"].tolist() == [
        1, 3]
    assert read(tmp_path, container(simple(size=(), stride=(), offset=5)))["w"].shape == ()
    assert read(tmp_path, container(simple(size=(0, 3), stride=(3, 1))))["w"].shape == (0, 3)
    half = np.arange(6, dtype="<f2").tobytes()
    content = container(simple(name="HalfStorage"), {"0": half}, **(
        {"size": 2} if container is legacy else {}))
    assert read(tmp_path, content)["w"].dtype == np.float16
    brain = (np.arange(6, dtype="<f4").view("<u4") >> 16).astype("<u2").tobytes()
    content = container(simple(name="BFloat16Storage"), {"0": brain}, **(
        {"size": 2} if container is legacy else {}))
    assert read(tmp_path, content)["w"].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("changes, text", [
    ({"size": (2, 4), "stride": (4, 1)}, "beyond its storage"), ({"offset": 1}, "beyond"),
    ({"stride": (0, 1)}, "overlap"), ({"stride": (1, 1)}, "overlap"),
    ({"stride": (2, 1)}, "overlap"), ({"stride": (-3, 1)}, "negative"), ({"offset": -1}, "valid"),
    ({"size": (2**61, 2**61), "stride": (0, 0)}, "overlap"),
    ({"size": (2**63, 1)}, "oversized"), ({"size": (2,)}, "valid size"), ({"size": [2, 3]}, "valid"),
    ({"size": (2.0, 3)}, "negative"), ({"size": (True, 3)}, "negative"),
    ({"size": (1,) * 40, "stride": (1,) * 40}, "valid"), ({"count": -6}, "no storage"),
    ({"count": 2**60}, "storage"), ({"count": 7}, "storage"), ({"name": "eval"}, "no storage")])
def test_bad_tensors(tmp_path: Any, container: Any, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(s3rec.FormatError, match=text):
        read(tmp_path, container(simple(**changes)))


class Trap:
    """What malicious files would run; the tests fail when it happens."""

    sprung = False

    @staticmethod
    def spring(*_: Any) -> None:
        Trap.sprung = True


def malicious() -> dict[str, Any]:
    def touch(function: Any, *arguments: Any) -> Call:
        return Call(function, arguments)

    spring = Trap.spring
    trap: dict[str, Any] = {
        "os.system": touch(os.system, "exit 1"),
        "eval": touch(eval, "Trap.spring()"),
        "exec": touch(exec, "raise SystemExit"),
        "getattr": touch(getattr, touch(__import__, "os"), "system"),
        "own function": touch(spring, 1),
        "class": touch(bytearray, 10**9),
        "partial": touch(__import__("functools").partial, spring),
        "nested in a tensor": Call(REBUILD, (touch(spring), 0, (1,), (1,), False, {})),
        "nested in a storage": tensor(Reference("FloatStorage", touch(spring), 6), (1,), (1,)),
        "hooks": tensor(Reference("FloatStorage", "0", 6), (1,), (1,), 0, (touch(spring),)),
        "state": Call(collections.OrderedDict, (), touch(spring)),
        "in a dictionary's pairs": Call(collections.OrderedDict, ([("a", touch(spring))],)),
        "numpy": np.zeros(3), "set": {1, 2}, "frozenset": frozenset([1]), "complex": 1j,
        "class itself": dict, "bytearray": bytearray(b"abc"),
    }
    return trap


@pytest.mark.parametrize("name", sorted(malicious()))
@pytest.mark.parametrize("protocol", [2, 4])
def test_malicious_objects(tmp_path: Any, container: Any, name: str, protocol: int) -> None:
    for root in (malicious()[name], {**simple(), "x": malicious()[name]},
                 {"state_dict": simple(), "x": [malicious()[name]]}):
        content = container(None, raw_root=pickled(root, protocol))
        with pytest.raises(s3rec.FormatError, match="file.pt: "):
            read(tmp_path, content)
    assert not Trap.sprung


RAW_PICKLES = {
    "inst": b"(S'exit 1'\nios\nsystem\n.", "obj": b"(cos\nsystem\nX\x06\x00\x00\x00exit 1o.",
    "newobj": b"\x80\x02cos\nsystem\n)\x81.", "global": b"\x80\x02cposix\nsystem\n.",
    "stack global": b"\x80\x04\x8c\x05posix\x8c\x06system\x93.",
    "extension": b"\x80\x02\x82\x01.", "build on a function":
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}X\x01\x00\x00\x00aK\x01sb.",
    "build on a list": b"\x80\x02]}b.", "build on a class": b"\x80\x02ccollections\nOrderedDict\n}b.",
    "reduce a string": b"\x80\x02X\x01\x00\x00\x00a)R.", "append to a dict": b"\x80\x02}K\x01a.",
    "dotted name": b"\x80\x04\x8c\x0bcollections\x8c\x0fabc.sys.modules\x93.",
    "setitem on a list": b"\x80\x02]K\x00K\x01s.", "odd items": b"\x80\x02}(K\x00u.",
    "tuple as a key": b"\x80\x02}" + b")" + b"\x85" * 100_000 + b"K\x01s.",
    "list as a key": b"\x80\x02}]K\x01s.", "tensor as nothing": b"\x80\x02N.",
    "a memo of four billion": b"\x80\x02]r\xff\xff\xff\xff.", "unknown memo": b"\x80\x02h\x07.",
    "a text of exabytes": b"\x80\x04\x8d" + b"\xff" * 7 + b"\x7fabc",
    "bytes of gigabytes": b"\x80\x02B\xff\xff\xff\x7fabc.", "a long of gigabytes":
        b"\x80\x02\x8b\xff\xff\xff\x7f1.", "negative long": b"\x80\x02\x8b\xff\xff\xff\xff1.",
    "a frame of exabytes": b"\x80\x04\x95" + b"\xff" * 8 + b"N.", "no end": b"\x80\x02]",
    "empty": b"", "empty stack": b"\x80\x02.", "pop of nothing": b"\x80\x020.",
    "marks": b"\x80\x02" + b"(" * 1000 + b".", "mark as a value": b"\x80\x02(\x85.",
    "text protocol": b"(dp0\nS'w'\np1\nI1\ns.", "deep": b"\x80\x02" + b"]" * 200_000 + b"." ,
    "deep lists": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "persistent text": b"\x80\x02Pid\n.", "persistent number": b"\x80\x02K\x01Q.",
    "unknown opcode": b"\x80\x02\xff.", "not UTF-8": b"\x80\x02X\x02\x00\x00\x00\xff\xfe.",
    "a buffer": b"\x80\x05\x97.", "a list that holds itself": b"\x80\x02]q\x00h\x00a.",
    "laughs": b"\x80\x02]q\x00K\x01a" + b"".join(
        b"](" + b"h" + bytes([i]) + (b"h" + bytes([i])) * 9 + b"eq" + bytes([i + 1])
        for i in range(60)) + b".",
}


@pytest.mark.parametrize("name", sorted(RAW_PICKLES))
def test_broken_pickles(tmp_path: Any, container: Any, name: str) -> None:
    with pytest.raises(s3rec.FormatError):
        read(tmp_path, container(None, raw_root=RAW_PICKLES[name]))


def test_broken_containers(tmp_path: Any) -> None:
    good, packed = legacy(simple()), zipped(simple())
    contents = [b"", b"PK\x03\x04", b"\x80\x02", b"nonsense", RAW, packed[:-30], packed[:40],
                zipped(simple(), {}), zipped(simple(), {"0": RAW + b"1234"}),
                zipped(simple(), {"0": bytes(10**6)}),
                zipped(simple(count=25 * 10**4), {"0": bytes(10**6)},
                       compression=zipfile.ZIP_DEFLATED),
                legacy(simple(), {}), legacy(simple(), {"1": RAW}),
                legacy(simple(), {"0": RAW, "1": RAW}), pickled(MAGIC) + pickled(7),
                pickled(MAGIC) + pickled(VERSION) + pickled({"little_endian": False})]
    contents += [good[:cut] for cut in range(0, len(good), 7)]
    contents += [packed[:cut] for cut in range(0, len(packed), 11)]
    for content in contents:
        with pytest.raises(s3rec.FormatError):
            read(tmp_path, content)
    for path in ("/dev/zero", tmp_path, tmp_path / "none"):
        with pytest.raises(s3rec.IoError):
            s3rec.read_torch(path)


def test_flipped_bytes_do_no_harm(tmp_path: Any) -> None:
    """Every byte of small files in turn: refused, or read as some tensor of the right memory."""
    rng = np.random.default_rng(1)
    for content in (legacy(simple()), zipped(simple())):
        for place in range(len(content)):
            changed = bytearray(content)
            changed[place] = int(rng.integers(256))
            try:
                for values in read(tmp_path, bytes(changed)).values():
                    assert values.size <= 6 and values.tolist() is not None
            except s3rec.FormatError:
                pass


def test_models_there_and_back(model: s3rec.Model, tmp_path: Any) -> None:
    path = tmp_path / "model.pt"
    model.save_torch(path)
    again = s3rec.Model.from_torch(path)
    assert again.config == model.config and os.listdir(tmp_path) == ["model.pt"]
    for name, values in model.to_torch_state_dict().items():
        np.testing.assert_array_equal(again.parameter(name), values)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    heads = s3rec.Model.from_torch(path, num_attention_heads=4, hidden_act="relu").config
    assert (heads.num_attention_heads, heads.hidden_act) == (4, "relu")
    with pytest.raises(s3rec.IoError):
        model.save_torch(tmp_path / "none" / "model.pt")


def test_state_dicts_of_other_models(model: s3rec.Model, tmp_path: Any) -> None:
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


def test_torch_reads_what_is_written(model: s3rec.Model, tmp_path: Any) -> None:
    torch = pytest.importorskip("torch")
    model.save_torch(tmp_path / "model.pt")
    state = torch.load(tmp_path / "model.pt", weights_only=True)
    for name, values in model.parameters().items():
        np.testing.assert_array_equal(state[name].numpy(), values)
    for legacy_container in (True, False):
        torch.save(state, tmp_path / "again.pt",
                   _use_new_zipfile_serialization=not legacy_container)
        found = s3rec.read_torch(tmp_path / "again.pt")
        assert all(np.array_equal(found[name], state[name].numpy()) for name in state)
    assert model.to_torch_state_dict(tensors=True)["LayerNorm.bias"].shape == (16,)


def test_released_checkpoints(shared: Any) -> None:
    for name in ("LastFM", "Beauty"):
        stem = shared / "checkpoints" / f"{name}-epochs-150"
        ours = s3rec.Model.from_torch(stem.with_suffix(".pt"))
        theirs = s3rec.Model.load(stem.with_suffix(".safetensors"))
        for parameter, values in theirs.parameters().items():
            np.testing.assert_array_equal(ours.parameter(parameter), values)
