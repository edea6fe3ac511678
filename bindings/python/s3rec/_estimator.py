# SPDX-License-Identifier: Apache-2.0
"""An estimator with the methods of scikit-learn's estimators; scikit-learn itself is not needed."""
from __future__ import annotations

import inspect
from typing import Any, Optional, Sequence

import numpy as np

from s3rec._context import Context
from s3rec._dataset import Dataset
from s3rec._errors import ArgumentError, StateError
from s3rec._evaluate import evaluate
from s3rec._events import Events
from s3rec._model import Model
from s3rec._reports import Metrics
from s3rec._run import finetune, pretrain
from s3rec._scoring import RecommendationBatch
from s3rec._vocabulary import Name
from s3rec._words import Protocol, Recipe, Refit, Repeats, Seen, Split


class S3Rec:
    """Pretrains and fine-tunes a model on events: `fit`, then `recommend`.

    user, item, timestamp, value: names of columns of the data frames that `fit` gets; None: the
        usual names.
    min_value, repeats, min_user_events, min_item_events, max_events, min_events: which events
        are used, as in `Dataset.from_events`, where the last two are max_length and min_length.
    hidden_size, num_hidden_layers, num_attention_heads, max_seq_length: as in `Model.create`.
    recipe: "best" or "paper". pretrain_epochs, finetune_epochs: None: those of the recipe; 0: the
        stage is left out. refit, patience, progress: as in `finetune`.
    seed: of weights, random draws and dropout. threads: None: all processors.

    After `fit`: model_, dataset_, pretrain_history_, finetune_history_.
    """

    def __init__(self, *, user: Optional[str] = None, item: Optional[str] = None,
                 timestamp: Optional[str] = None, value: Optional[str] = None,
                 min_value: Optional[float] = None, repeats: Repeats = "keep",
                 min_user_events: int = 1, min_item_events: int = 1,
                 max_events: Optional[int] = None, min_events: int = 1, hidden_size: int = 64,
                 num_hidden_layers: int = 2, num_attention_heads: int = 2,
                 max_seq_length: int = 50, recipe: Recipe = "best",
                 pretrain_epochs: Optional[int] = None, finetune_epochs: Optional[int] = None,
                 patience: Optional[int] = None, refit: Optional[Refit] = None, seed: int = 42,
                 threads: Optional[int] = None, progress: Optional[bool] = None) -> None:
        given = dict(locals())
        del given["self"]
        for name, chosen in given.items():
            setattr(self, name, chosen)

    @classmethod
    def _names(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All parameters of the constructor."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **params: Any) -> S3Rec:
        """Changes parameters, with effect from the next `fit` on."""
        for name, chosen in params.items():
            if name not in self._names():
                raise ArgumentError(f"S3Rec has no parameter {name!r}; there are "
                                    f"{', '.join(self._names())}")
            setattr(self, name, chosen)
        return self

    def _dataset(self, data: Any, attributes: Any, names: Optional[Model] = None) -> Dataset:
        if isinstance(data, Dataset):
            if attributes is not None:
                raise ArgumentError("a Dataset has its own attributes")
            return data
        chosen: dict[str, Any] = self.get_params()
        events = data if isinstance(data, Events) else Events(Context(chosen["threads"]))
        if isinstance(data, (list, tuple)):  # histories, one a user
            rows = [list(row) for row in data]
            users = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
            events.append(user=users, item=[item for row in rows for item in row])
        elif events is not data:
            events.append(data, user=chosen["user"], item=chosen["item"],
                          timestamp=chosen["timestamp"], value=chosen["value"])
        return Dataset.from_events(
            events, attributes=attributes, min_value=chosen["min_value"],
            repeats=chosen["repeats"], min_user_events=chosen["min_user_events"],
            min_item_events=chosen["min_item_events"], max_length=chosen["max_events"],
            min_length=chosen["min_events"], item_names=names)

    def fit(self, X: Any, y: Any = None, *, attributes: Any = None) -> S3Rec:
        """Learns from events.

        X: a data frame of events, `Events`, a `Dataset`, or a list of histories (items of any
            kind, oldest first), which then have the users 0, 1, ...
        y: ignored. attributes: of items, as in `Events.append_attributes`.
        """
        chosen: dict[str, Any] = self.get_params()
        dataset = self._dataset(X, attributes)
        model = Model.create(
            dataset, hidden_size=chosen["hidden_size"], seed=chosen["seed"],
            num_hidden_layers=chosen["num_hidden_layers"],
            num_attention_heads=chosen["num_attention_heads"],
            max_seq_length=chosen["max_seq_length"])
        pretrained = finetuned = None
        if chosen["pretrain_epochs"] != 0:
            model = pretrain(model, dataset, recipe=chosen["recipe"],
                             epochs=chosen["pretrain_epochs"], seed=chosen["seed"],
                             progress=chosen["progress"])
            pretrained = model.history
        if chosen["finetune_epochs"] != 0:
            model = finetune(model, dataset, recipe=chosen["recipe"],
                             epochs=chosen["finetune_epochs"], patience=chosen["patience"],
                             refit=chosen["refit"], seed=chosen["seed"],
                             progress=chosen["progress"])
            finetuned = model.history
        self.model_, self.dataset_ = model, dataset
        self.pretrain_history_, self.finetune_history_ = pretrained, finetuned
        return self

    def _fitted(self) -> Model:
        model = getattr(self, "model_", None)
        if model is None:
            raise StateError("this S3Rec has not been fitted: call fit first")
        assert isinstance(model, Model)
        return model

    def recommend(self, X: Any = None, k: int = 10, *, users: Optional[Sequence[Name]] = None,
                  dataset: Optional[Dataset] = None, exclude: Any = None,
                  candidates: Any = None, include_history: bool = False) -> RecommendationBatch:
        """The k best next items for the histories X or for `users`.

        X, users: with the ids of the data.
        dataset: where `users` are looked up; None: the data of `fit`. It is needed after
            unpickling, because an S3Rec is pickled without its data.
        The other arguments are as in `Model.recommend_batch`.
        """
        model = self._fitted()
        if users is not None and dataset is None:
            dataset = getattr(self, "dataset_", None)
        return model.recommend_batch(X, k, users=users, dataset=dataset, exclude=exclude,
                                     candidates=candidates, include_history=include_history)

    def evaluate(self, dataset: Optional[Dataset] = None, *, split: Split = "test",
                 protocol: Protocol = "full", seen: Seen = "exclude") -> Metrics:
        """Metrics on a dataset; None: on the data of `fit`."""
        model = self._fitted()
        chosen = dataset if dataset is not None else getattr(self, "dataset_", None)
        if chosen is None:
            raise ArgumentError("a dataset is needed: an unpickled S3Rec has none of its own")
        return evaluate(model, chosen, split=split, protocol=protocol, seen=seen)

    def score(self, X: Any = None, y: Any = None) -> float:
        """NDCG@10 of the test split, all items ranked; higher is better.

        X: None for the data of `fit`; a `Dataset`; or events as in `fit`. Of these, items that the
            model does not know are left out.
        """
        if X is not None and not isinstance(X, Dataset):
            X = self._dataset(X, None, self._fitted())
        return self.evaluate(X).ndcg[10]

    def __getstate__(self) -> dict[str, Any]:
        """All but the dataset, which is not pickled."""
        return {name: value for name, value in self.__dict__.items() if name != "dataset_"}

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(estimator_type=None, target_tags=TargetTags(required=False),
                    input_tags=InputTags(two_d_array=False))

    def __repr__(self) -> str:
        defaults = {name: parameter.default for name, parameter
                    in inspect.signature(type(self).__init__).parameters.items()}
        changed = [f"{name}={value!r}" for name, value in self.get_params().items()
                   if value != defaults[name]]
        return f"S3Rec({', '.join(changed)})"
