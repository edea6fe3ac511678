# SPDX-License-Identifier: Apache-2.0
"""Configuration and weights."""
from __future__ import annotations

import ctypes
import dataclasses
import os
import tempfile
from collections import OrderedDict
from typing import Any, Callable, Mapping, Optional

import numpy as np
import numpy.typing as npt

from s3rec import _abi
from s3rec._abi import library
from s3rec._context import Context, use
from s3rec._dataset import Dataset
from s3rec._errors import ArgumentError, NotFoundError, check
from s3rec._handle import PathLike, path_bytes
from s3rec._scoring import Scoring
from s3rec._torch_read import read_torch
from s3rec._torch_write import write_torch
from s3rec._vocabulary import Vocabulary, adopt
from s3rec._words import ACTIVATIONS, number_of, word_of

_CONFIG_FIELDS = ("item_size", "attribute_size", "max_seq_length", "hidden_size",
                  "num_hidden_layers", "num_attention_heads", "hidden_act",
                  "hidden_dropout_prob", "attention_probs_dropout_prob", "initializer_range")


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Sizes of a model, and what training starts from (s3rec_model_config)."""

    item_size: int
    attribute_size: int
    max_seq_length: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    hidden_act: str
    hidden_dropout_prob: float
    attention_probs_dropout_prob: float
    initializer_range: float


def _c_config(fields: Mapping[str, Any]) -> _abi.ModelConfig:
    config = _abi.new(_abi.ModelConfig)
    for name, value in fields.items():
        if name not in _CONFIG_FIELDS:
            raise ArgumentError(f"a model has no field {name!r}; they are "
                                f"{', '.join(_CONFIG_FIELDS)}")
        if value is None:
            continue
        if name == "hidden_act":
            value = number_of(name, ACTIVATIONS, value)
        elif name in _CONFIG_FIELDS[:6] and not -2**31 <= value < 2**31:
            raise ArgumentError(f"{name} is {value}, beyond 32 bits")
        setattr(config, name, value)
    return config


class Model(Scoring):
    """A model: made by `create`, `load`, `map` or `from_torch`.

    Any number of threads may score one model; each has a scorer of its own. What writes the
    weights (training, `set_parameter`) waits for calls under way.
    """

    def _take(self, pointer: Optional[int], context: Context) -> None:
        self._own(pointer, library.s3rec_model_destroy)
        self._context = context
        self._prepare_scoring()
        config = self.config
        self.item_size, self.hidden_size = config.item_size, config.hidden_size
        self._load_names()

    def _load_names(self) -> None:
        with self._use() as handle:
            self.item_names = adopt(library.s3rec_model_item_names, handle, self._context)
            self.attribute_names = adopt(library.s3rec_model_attribute_names, handle,
                                         self._context)

    @classmethod
    def _made(cls, pointer: Optional[int], context: Context) -> Model:
        made = cls.__new__(cls)
        made._take(pointer, context)
        return made

    @classmethod
    def create(cls, dataset: Optional[Dataset] = None, *, item_size: Optional[int] = None,
               attribute_size: Optional[int] = None, max_seq_length: int = 50,
               hidden_size: int = 64, num_hidden_layers: int = 2, num_attention_heads: int = 2,
               hidden_act: str = "gelu", hidden_dropout_prob: float = 0.5,
               attention_probs_dropout_prob: float = 0.5, initializer_range: float = 0.02,
               seed: int = 42, context: Optional[Context] = None) -> Model:
        """A model with fresh weights from `seed`.

        dataset: gives item_size, attribute_size and the names of items and attributes.
        item_size: number of items + 2; attribute_size: number of attributes, at least 1.
        """
        if dataset is None and item_size is None:
            raise ArgumentError("a dataset or item_size is needed")
        if dataset is not None:
            item_size = dataset.item_size if item_size is None else item_size
            attribute_size = dataset.attribute_size if attribute_size is None else attribute_size
        config = _c_config({
            "item_size": item_size, "attribute_size": attribute_size,
            "max_seq_length": max_seq_length, "hidden_size": hidden_size,
            "num_hidden_layers": num_hidden_layers, "num_attention_heads": num_attention_heads,
            "hidden_act": hidden_act, "hidden_dropout_prob": hidden_dropout_prob,
            "attention_probs_dropout_prob": attention_probs_dropout_prob,
            "initializer_range": initializer_range})
        owner = dataset._context if context is None and dataset is not None else use(context)
        pointer = ctypes.c_void_p()
        with owner._use() as handle:
            check(library.s3rec_model_create(handle, ctypes.byref(config), seed % 2**64,
                                             ctypes.byref(pointer)))
        model = cls._made(pointer.value, owner)
        if dataset is not None and dataset.item_names is not None:
            model.set_names(dataset.item_names, dataset.attribute_names)
        return model

    @classmethod
    def _open(cls, function: Callable[..., int], path: PathLike, fallback: Mapping[str, Any],
              context: Optional[Context]) -> Model:
        config = _c_config(fallback)
        owner, pointer = use(context), ctypes.c_void_p()
        with owner._use() as handle:
            check(function(handle, path_bytes(path), ctypes.byref(config), ctypes.byref(pointer)))
        return cls._made(pointer.value, owner)

    @classmethod
    def load(cls, path: PathLike, *, context: Optional[Context] = None, **fallback: Any) -> Model:
        """Reads a safetensors file.

        fallback: fields of the configuration for files that lack them (a converted PyTorch
        state dict): num_attention_heads, hidden_act, dropouts, initializer_range.
        """
        return cls._open(library.s3rec_model_load, path, fallback, context)

    @classmethod
    def map(cls, path: PathLike, *, context: Optional[Context] = None, **fallback: Any) -> Model:
        """As `load`, with the item table left in the file: processes share its memory.

        The file must not be cut short or written in place while the model lives; renaming
        another over it, as `save` does, is fine (s3rec_model_map).
        """
        return cls._open(library.s3rec_model_map, path, fallback, context)

    @classmethod
    def from_torch(cls, path: PathLike, *, context: Optional[Context] = None, seed: int = 42,
                   **fields: Any) -> Model:
        """Reads the state dict of a PyTorch checkpoint (`.pt`, both containers) without torch.

        Sizes come from the shapes; fields: what a state dict does not say, such as
        num_attention_heads or hidden_act. A checkpoint whose entry "state_dict" or
        "model_state_dict" is the state dict will do. Only tensors and plain containers are
        read; anything else in the file is refused (`read_torch`).
        """
        tensors = read_torch(path)
        sizes = _sizes(tensors, os.fspath(path))
        sizes.update(fields)
        model = cls.create(seed=seed, context=context, **sizes)
        try:
            model.load_state_dict(tensors)
        except BaseException:
            model.close()
            raise
        return model

    def save(self, path: PathLike) -> None:
        """Writes a safetensors file, whole or not at all; names are saved, too."""
        with self._use() as handle:
            check(library.s3rec_model_save(handle, path_bytes(path)))

    def save_torch(self, path: PathLike) -> None:
        """Writes the state dict as PyTorch's zip container: torch.load(weights_only=True)."""
        write_torch(path, self.parameters())

    def clone(self) -> Model:
        """A copy of its own, for instance to serve while training goes on."""
        pointer = ctypes.c_void_p()
        with self._use() as handle:
            check(library.s3rec_model_clone(handle, ctypes.byref(pointer)))
        return self._made(pointer.value, self._context)

    def __copy__(self) -> Model:
        return self.clone()

    def __deepcopy__(self, memo: Any) -> Model:
        return self.clone()

    def __reduce__(self) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.safetensors")
            self.save(path)
            with open(path, "rb") as file:
                return _unpickle, (file.read(),)

    @property
    def config(self) -> ModelConfig:
        """Sizes, activation, dropouts."""
        found = _abi.new(_abi.ModelConfig)
        with self._use() as handle:
            check(library.s3rec_model_config_get(handle, ctypes.byref(found)))
        fields = {name: getattr(found, name) for name in _CONFIG_FIELDS}
        fields["hidden_act"] = word_of(ACTIVATIONS, found.hidden_act)
        return ModelConfig(**fields)

    @property
    def memory(self) -> int:
        """Bytes of the weights and of what scorers made of them."""
        with self._use() as handle:
            return int(library.s3rec_model_memory(handle))

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of all parameters by their PyTorch names, in the reference's order."""
        shapes = {}
        info = _abi.new(_abi.ParameterInfo)
        with self._use() as handle:
            for index in range(library.s3rec_model_parameter_count(handle)):
                check(library.s3rec_model_parameter_info(handle, index, ctypes.byref(info)))
                shapes[info.name.decode()] = tuple(info.shape[:info.rank])
        return shapes

    def _shape(self, name: str) -> tuple[int, ...]:
        shape = self.parameter_shapes().get(name)
        if shape is None:
            raise NotFoundError(f"no parameter is called {name!r}")
        return shape

    def _read(self, name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
        values = np.empty(shape, np.float32)
        with self._use() as handle:
            check(library.s3rec_model_parameter_read(handle, name.encode(), values.ctypes.data,
                                                     values.size))
        return values

    def parameter(self, name: str) -> npt.NDArray[np.float32]:
        """A copy of one parameter."""
        return self._read(name, self._shape(name))

    def parameters(self) -> OrderedDict[str, npt.NDArray[np.float32]]:
        """Copies of all parameters by their PyTorch names."""
        return OrderedDict((name, self._read(name, shape))
                           for name, shape in self.parameter_shapes().items())

    def set_parameter(self, name: str, values: npt.ArrayLike) -> None:
        """Replaces one parameter by values of its shape."""
        self._write(name, self._shape(name), values)

    def _write(self, name: str, shape: tuple[int, ...], values: npt.ArrayLike) -> None:
        array = np.ascontiguousarray(values, np.float32)
        if np.shape(values) != shape:
            raise ArgumentError(f"{name} has the shape {np.shape(values)}, must be {shape}")
        with self._writing(), self._use() as handle:
            check(library.s3rec_model_parameter_write(handle, name.encode(), array.ctypes.data,
                                                      array.size))

    def load_state_dict(self, tensors: Mapping[str, Any]) -> None:
        """Replaces all parameters; names and shapes must be the model's. All or nothing."""
        shapes = self.parameter_shapes()
        missing = [name for name in shapes if name not in tensors]
        unknown = [name for name in tensors if name not in shapes]
        if missing or unknown:
            raise ArgumentError("the state dict does not fit the model: " + "; ".join(
                f"{what} {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"
                for what, names in (("it lacks", missing), ("it has", unknown)) if names))
        arrays = {name: np.asarray(tensors[name]) for name in shapes}
        for name, shape in shapes.items():
            if arrays[name].shape != shape:
                raise ArgumentError(f"{name} has the shape {arrays[name].shape}, must be {shape}")
        with self._writing():
            with self.clone() as changed:
                for name, shape in shapes.items():
                    changed._write(name, shape, arrays[name])
                self.copy_weights(changed)

    def copy_weights(self, source: Model) -> None:
        """Takes over the weights of a model of the same sizes."""
        with self._writing(), self._use() as handle, source._use() as other:
            check(library.s3rec_model_copy_weights(handle, other))

    def set_dropouts(self, hidden_dropout_prob: float, attention_probs_dropout_prob: float
                     ) -> None:
        """Sets the dropouts of later training, 0..0.99 each."""
        with self._writing(), self._use() as handle:
            check(library.s3rec_model_set_dropouts(handle, hidden_dropout_prob,
                                                   attention_probs_dropout_prob))

    def set_names(self, items: Optional[Vocabulary], attributes: Optional[Vocabulary] = None
                  ) -> None:
        """Gives the model names for its items (first id 1) and attributes (first id 0)."""
        with self._writing(), self._use() as handle:
            check(library.s3rec_model_set_names(
                handle, items._pointer if items is not None else None,
                attributes._pointer if attributes is not None else None))
            self._agreed.clear()
            self._load_names()

    def item_vectors(self, items: Any = None, *, raw_ids: bool = False) -> npt.NDArray[np.float32]:
        """Vectors of items, [n, hidden_size]; without `items` of all, by number from 1."""
        table = self._read("item_embeddings.weight", (self.item_size, self.hidden_size))
        if items is None:
            return table[1:-1]
        numbers = self._numbers(items, "items", raw_ids)
        bad = (numbers < 1) | (numbers > self.item_size - 2)
        if bool(bad.any()):
            row = int(np.argmax(bad))
            raise NotFoundError(f"items[{row}] is no item of the model: {items[row]!r}")
        return table[numbers]

    def to_torch_state_dict(self, tensors: bool = False) -> OrderedDict[str, Any]:
        """All parameters as numpy arrays, or as torch tensors (needs torch)."""
        arrays: OrderedDict[str, Any] = self.parameters()
        if tensors:
            import torch  # type: ignore[import-not-found,unused-ignore]

            return OrderedDict((name, torch.from_numpy(array)) for name, array in arrays.items())
        return arrays

    def __repr__(self) -> str:
        return f"<s3rec.Model of {self.item_size - 2} items, hidden_size={self.hidden_size}>"


def _sizes(tensors: Mapping[str, npt.NDArray[Any]], where: str) -> dict[str, Any]:
    """Fields of a configuration that the shapes of a state dict give."""
    def shape(name: str) -> tuple[int, ...]:
        if name not in tensors or tensors[name].ndim != 2:
            raise NotFoundError(f"{where}: no matrix is called {name!r}")
        return tensors[name].shape

    items = shape("item_embeddings.weight")
    layers = {name.split(".")[2] for name in tensors if name.startswith("item_encoder.layer.")}
    for layer in layers:  # a small file does not ask for much memory
        if shape(f"item_encoder.layer.{layer}.attention.query.weight") != (items[1], items[1]):
            raise ArgumentError(f"{where}: the query matrix of layer {layer!r:.40} does not have "
                                f"the items' hidden_size {items[1]}")
    return {"item_size": items[0], "hidden_size": items[1],
            "attribute_size": shape("attribute_embeddings.weight")[0],
            "max_seq_length": shape("position_embeddings.weight")[0],
            "num_hidden_layers": len(layers)}


def _unpickle(content: bytes) -> Model:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.safetensors")
        with open(path, "wb") as file:
            file.write(content)
        return Model.load(path)
