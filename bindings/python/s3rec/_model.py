# SPDX-License-Identifier: Apache-2.0
"""Configuration and weights."""
from __future__ import annotations

import ctypes
import dataclasses
import os
import tempfile
from collections import OrderedDict
from typing import Any, Callable, Mapping, Optional, Union

import numpy as np
import numpy.typing as npt

from s3rec import _abi, _structs
from s3rec._abi import library
from s3rec._arrays import int32_array
from s3rec._context import Context, use
from s3rec._dataset import Dataset
from s3rec._errors import ArgumentError, NotFoundError, check
from s3rec._handle import PathLike, Pointer, path_bytes, patiently, pointer_for
from s3rec._reports import History
from s3rec._scoring import Scoring, Version, config_of
from s3rec._torch import model_sizes, read_torch, to_tensors, write_torch
from s3rec._vocabulary import Vocabulary
from s3rec._words import (ACTIVATIONS, Activation, assign, number_of, plain_text, real,
                          seed_number, whole, word_of)

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


def _c_config(fields: Mapping[str, Any]) -> _structs.ModelConfig:
    config = _abi.new(_structs.ModelConfig)
    for name, value in fields.items():
        if name not in _CONFIG_FIELDS:
            raise ArgumentError(f"a model has no field {name!r}; they are "
                                f"{', '.join(_CONFIG_FIELDS)}")
        if value is None:
            continue
        if name == "hidden_act":
            config.hidden_act = number_of(name, ACTIVATIONS, value)
        else:
            assign(config, name, value)
    return config


class Model(Scoring):
    """A model: made by `create`, `load`, `map` or `from_torch`, or by training.

    Any number of threads may use one model. What writes weights or names (`set_parameter`,
    `load_state_dict`, `copy_weights`, `set_names`, `set_dropouts`) changes a copy and then puts it
    in place at once: calls under way end with the weights that they began with.

    history: what the training did that made this model; None for other models.
    """

    history: Optional[History] = None
    _context: Context

    @classmethod
    def _made(cls, pointer: Pointer, context: Context) -> Model:
        made = cls.__new__(cls)
        made._context = context
        made._begin(pointer)
        config = made.config
        made.item_size, made.hidden_size = config.item_size, config.hidden_size
        made._slice = _slice(config)
        return made

    @classmethod
    def create(cls, dataset: Optional[Dataset] = None, *, item_size: Optional[int] = None,
               attribute_size: Optional[int] = None, max_seq_length: int = 50,
               hidden_size: int = 64, num_hidden_layers: int = 2, num_attention_heads: int = 2,
               hidden_act: Activation = "gelu", hidden_dropout_prob: float = 0.5,
               attention_probs_dropout_prob: float = 0.5, initializer_range: float = 0.02,
               seed: int = 42, context: Optional[Context] = None) -> Model:
        """A model with fresh weights from `seed`.

        dataset: gives item_size, attribute_size, the names of items and attributes, and the
        context. item_size: number of items + 2; attribute_size: number of attributes, at least 1;
        beside a dataset they count where they are larger than its own.
        """
        if dataset is None and item_size is None:
            raise ArgumentError("a dataset or item_size is needed")
        if dataset is not None and context is not None:
            raise ArgumentError("a model for a dataset has the dataset's context; leave it out")
        config = _c_config({
            "item_size": item_size, "attribute_size": attribute_size,
            "max_seq_length": max_seq_length, "hidden_size": hidden_size,
            "num_hidden_layers": num_hidden_layers, "num_attention_heads": num_attention_heads,
            "hidden_act": hidden_act, "hidden_dropout_prob": hidden_dropout_prob,
            "attention_probs_dropout_prob": attention_probs_dropout_prob,
            "initializer_range": initializer_range})
        pointer = pointer_for(library.s3rec_model_destroy)
        if dataset is None:
            owner = use(context)
            function, source = library.s3rec_model_create, owner._live()
        else:
            dataset = Dataset._of(dataset, "dataset")
            owner = dataset._context
            function, source = library.s3rec_model_create_for, dataset._live()
        check(function(source, ctypes.byref(config), seed_number(seed), ctypes.byref(pointer)))
        return cls._made(pointer, owner)

    @classmethod
    def _open(cls, function: Callable[..., int], path: PathLike, fallback: Mapping[str, Any],
              context: Optional[Context]) -> Model:
        config = _c_config(fallback)
        owner, pointer = use(context), pointer_for(library.s3rec_model_destroy)
        encoded = path_bytes(path)
        patiently(lambda: check(function(owner._live(), encoded, ctypes.byref(config),
                                         ctypes.byref(pointer))))
        return cls._made(pointer, owner)

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
        """Reads the state dict of a PyTorch checkpoint (`.pt`); needs torch.

        Sizes come from the shapes; fields: what a state dict does not say, such as
        num_attention_heads or hidden_act. A checkpoint whose entry "state_dict",
        "model_state_dict" or "model" is the state dict will do. It is read by
        torch.load(weights_only=True), which runs nothing of the file.
        """
        owner = use(context)
        tensors = read_torch(path, context=owner)
        sizes = model_sizes(tensors, os.fsdecode(path), owner.limits)
        sizes.update(fields)
        model = cls.create(seed=seed, context=owner, **sizes)
        try:
            model.load_state_dict(tensors)
        except BaseException:
            model.close()
            raise
        return model

    def save(self, path: PathLike) -> None:
        """Writes a safetensors file, whole or not at all; names are saved, too."""
        encoded, pointer = path_bytes(path), self._live()
        patiently(lambda: check(library.s3rec_model_save(pointer, encoded)))

    def save_torch(self, path: PathLike) -> None:
        """Writes the state dict by torch.save, for torch.load(weights_only=True); needs torch."""
        write_torch(path, self.parameters())

    def clone(self) -> Model:
        """A copy of its own."""
        return self._made(copy_of(self._live()), self._context)

    def __copy__(self) -> Model:
        return self.clone()

    def __deepcopy__(self, memo: Any) -> Model:
        return self.clone()

    def __reduce_ex__(self, protocol: Any) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.safetensors")
            self.save(path)
            with open(path, "rb") as file:
                return _unpickle, (file.read(),)

    @property
    def config(self) -> ModelConfig:
        """Sizes, activation, dropouts."""
        found = config_of(self._live())
        fields = {name: getattr(found, name) for name in _CONFIG_FIELDS}
        fields["hidden_act"] = word_of(ACTIVATIONS, found.hidden_act)
        return ModelConfig(**fields)

    @property
    def memory(self) -> int:
        """Bytes of the weights, of what scorers made of them, and of scorers that are idle."""
        now = self._now()
        scorers = []
        while now.idle:
            scorers.append(now.scorer())
        now.idle += scorers
        parts = [library.s3rec_scorer_memory(scorer) for scorer in scorers]
        parts.append(library.s3rec_model_memory(now.pointer))
        return sum(map(int, parts))

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of all parameters by their PyTorch names, in the reference's order."""
        return shapes_of(self._live())

    def parameter(self, name: str) -> npt.NDArray[np.float32]:
        """A copy of one parameter."""
        pointer = self._live()
        return read_values(library.s3rec_model_parameter_read, pointer, name,
                           shape_of(pointer, name))

    def parameters(self) -> OrderedDict[str, npt.NDArray[np.float32]]:
        """Copies of all parameters by their PyTorch names."""
        pointer = self._live()
        return OrderedDict(
            (name, read_values(library.s3rec_model_parameter_read, pointer, name, shape))
            for name, shape in shapes_of(pointer).items())

    def _change(self, change: Callable[[Pointer], None]) -> None:
        """Changes a copy of the model and puts it in place; anew when another thread was faster."""
        while True:
            number, now = self._latest()
            pointer = copy_of(now.pointer)
            change(pointer)
            if self._put(number, Version(pointer, now.scan)):
                return

    def set_parameter(self, name: str, values: npt.ArrayLike) -> None:
        """Replaces one parameter by values of its shape; for several use `load_state_dict`."""
        array = fitting(name, shape_of(self._live(), name), values)
        self._change(lambda pointer: _write(pointer, name, array))

    def load_state_dict(self, tensors: Mapping[str, Any]) -> None:
        """Replaces all parameters; names and shapes must be the model's. All or nothing."""
        if not isinstance(tensors, Mapping):
            raise TypeError(f"tensors is {type(tensors).__name__}, must be a dictionary")
        shapes = self.parameter_shapes()
        missing = [name for name in shapes if name not in tensors]
        unknown = [name for name in tensors if name not in shapes]
        if missing or unknown:
            raise ArgumentError("the state dict does not fit the model: " + "; ".join(
                f"{what} {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"
                for what, names in (("it lacks", missing), ("it has", unknown)) if names))
        arrays = {name: fitting(name, shape, tensors[name]) for name, shape in shapes.items()}

        def write_all(pointer: Pointer) -> None:
            for name, array in arrays.items():
                _write(pointer, name, array)

        self._change(write_all)

    def copy_weights(self, source: Model) -> None:
        """Takes over the weights of a model of the same sizes."""
        other = Model._of(source, "source")._live()
        self._change(lambda pointer: check(library.s3rec_model_copy_weights(pointer, other)))

    def set_dropouts(self, hidden_dropout_prob: float, attention_probs_dropout_prob: float
                     ) -> None:
        """Sets the dropouts of later training, 0..0.99 each."""
        shares = (real("hidden_dropout_prob", hidden_dropout_prob),
                  real("attention_probs_dropout_prob", attention_probs_dropout_prob))
        self._change(lambda pointer: check(library.s3rec_model_set_dropouts(pointer, *shares)))

    @property
    def fingerprint(self) -> int:
        """A number that tells weights from other weights (s3rec_model_fingerprint)."""
        return int(library.s3rec_model_fingerprint(self._live()))

    @property
    def popularity(self) -> Optional[npt.NDArray[np.int32]]:
        """Events of each item by number, [item_size]; None when the model has no popularity.

        A Recommender answers with it where a history holds no known item."""
        counts = np.empty(self.item_size, np.int32)
        status = library.s3rec_model_popularity(self._live(), counts.ctypes.data, counts.size)
        if status == NotFoundError.status:
            return None
        check(status)
        return counts

    def set_popularity(self, counts: Union[None, Dataset, npt.ArrayLike], held_out_count: int = 2
                       ) -> None:
        """Gives the model counts [item_size], or those of a dataset without each user's last
        `held_out_count` items (0..2); None takes them away."""
        if isinstance(counts, Dataset):
            data, held_out = counts._live(), whole("held_out_count", held_out_count, 0, 2)
            self._change(lambda pointer: check(
                library.s3rec_model_count_popularity(pointer, data, held_out)))
            return
        table = None if counts is None else np.array(int32_array(counts, "counts"))
        self._change(lambda pointer: check(library.s3rec_model_set_popularity(
            pointer, None if table is None else table.ctypes.data,
            0 if table is None else table.size)))

    def set_names(self, items: Optional[Vocabulary], attributes: Optional[Vocabulary] = None
                  ) -> None:
        """Gives the model names for its items (first id 1) and attributes (first id 0)."""
        self._change(lambda pointer: _name(pointer, items, attributes))

    def item_vectors(self, items: Any = None, *, raw_ids: bool = False) -> npt.NDArray[np.float32]:
        """Vectors of items, [n, hidden_size]; without `items` of all, by number from 1."""
        now = self._now()
        table = read_values(library.s3rec_model_parameter_read, now.pointer,
                            "item_embeddings.weight", (self.item_size, self.hidden_size))
        if items is None:
            return table[1:-1]
        numbers = now.numbers(items, "items", raw_ids)
        bad = (numbers < 1) | (numbers > self.item_size - 2)
        if bool(bad.any()):
            row = int(np.argmax(bad))
            raise NotFoundError(f"items[{row}] is no item of the model: {items[row]!r}")
        return table[numbers]

    def to_torch_state_dict(self, tensors: bool = False) -> OrderedDict[str, Any]:
        """All parameters as numpy arrays, or as torch tensors (needs torch)."""
        return to_tensors(self.parameters()) if tensors else self.parameters()

    def __repr__(self) -> str:
        return f"<s3rec.Model of {self.item_size - 2} items, hidden_size={self.hidden_size}>"


_VISIT = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)


def file_metadata(path: PathLike, context: Optional[Context] = None) -> dict[str, str]:
    """The metadata of a model file or training state (docs/file-format.md)."""
    found: dict[str, str] = {}

    def visit(key: bytes, value: bytes, _: Any) -> None:
        found[key.decode("utf-8", "replace")] = value.decode("utf-8", "replace")

    check(library.s3rec_model_file_metadata(use(context)._live(), path_bytes(path),
                                            ctypes.cast(_VISIT(visit), ctypes.c_void_p), None))
    return found


def _slice(config: ModelConfig) -> int:
    """How many users of one call of the library take about 0.1 s; a power of two."""
    width = config.hidden_size
    cost = config.item_size * width + (
        12 * config.max_seq_length * config.num_hidden_layers * width * width)
    return 1 << min(13, max(6, (2**33 // cost).bit_length() - 1))


def copy_of(model: Pointer) -> Pointer:
    """A copy of the library's model."""
    pointer = pointer_for(library.s3rec_model_destroy)
    check(library.s3rec_model_clone(model, ctypes.byref(pointer)))
    return pointer


def shapes_of(model: Pointer) -> dict[str, tuple[int, ...]]:
    """Shapes of all parameters by name."""
    shapes = {}
    info = _abi.new(_structs.ParameterInfo)
    for index in range(library.s3rec_model_parameter_count(model)):
        check(library.s3rec_model_parameter_info(model, index, ctypes.byref(info)))
        shapes[info.name.decode()] = tuple(info.shape[:info.rank])
    return shapes


def shape_of(model: Pointer, name: str) -> tuple[int, ...]:
    """The shape of one parameter; NotFoundError when there is none of that name."""
    plain_text("name", name)
    shape = shapes_of(model).get(name)
    if shape is None:
        raise NotFoundError(f"no parameter is called {name!r}")
    return shape


def read_values(read: Callable[..., int], owner: Pointer, name: str, shape: tuple[int, ...]
                ) -> npt.NDArray[np.float32]:
    """A parameter or its gradient, by a function of the library such as
    s3rec_model_parameter_read."""
    values = np.empty(shape, np.float32)
    check(read(owner, plain_text("name", name), values.ctypes.data, values.size))
    return values


def fitting(name: str, shape: tuple[int, ...], values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """A copy of values that have the shape of a parameter."""
    array = np.array(values, np.float32, order="C")
    if array.shape != shape:
        raise ArgumentError(f"{name} has the shape {array.shape}, must be {shape}")
    return array


def _write(model: Pointer, name: str, array: npt.NDArray[np.float32]) -> None:
    check(library.s3rec_model_parameter_write(model, plain_text("name", name),
                                              array.ctypes.data, array.size))


def _name(model: Pointer, items: Optional[Vocabulary], attributes: Optional[Vocabulary]) -> None:
    places = [None if names is None else Vocabulary._of(names, what)._live()
              for names, what in ((items, "items"), (attributes, "attributes"))]
    check(library.s3rec_model_set_names(model, *places))


def _unpickle(content: bytes) -> Model:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.safetensors")
        with open(path, "wb") as file:
            file.write(content)
        return Model.load(path)
