# SPDX-License-Identifier: Apache-2.0
"""Recommendations from any number of threads."""
from __future__ import annotations

import ctypes
import itertools
import operator
import weakref
from typing import Any, NamedTuple, Optional, Sequence

import numpy as np
import numpy.typing as npt

from s3rec import _abi, _structs
from s3rec._abi import library
from s3rec._arrays import int32_array, offsets_array
from s3rec._columns import column
from s3rec._dataset import Dataset
from s3rec._errors import ArgumentError, MismatchError, StateError, check, failure
from s3rec._handle import Handle, Pointer, patiently
from s3rec._vocabulary import Name, Vocabulary, adopt
from s3rec._words import ATTENTIONS, SCANS, Attention, Scan, listed, number_of

_INT32 = np.dtype(np.int32)
_UNKNOWN = -1  # no item's number: the library passes over it


class Recommendation(NamedTuple):
    """items [n], scores [n], best first; n is below k when fewer items are left.

    Items are names of the model's items (int64, or an object array of strings) when it has
    names, else their numbers (int32).
    """

    items: npt.NDArray[Any]
    scores: npt.NDArray[np.float32]


class RecommendationBatch(NamedTuple):
    """items [users, k], scores [users, k], counts [users].

    Slots past a user's count have score 0 and, as item, 0 (numbers), -1 or None (names).
    """

    items: npt.NDArray[Any]
    scores: npt.NDArray[np.float32]
    counts: npt.NDArray[np.int64]


class _Scorer(Pointer, _structs.SCORER):
    """A scorer, with memory for a call's input and output. Only the call that took it uses it."""

    def __init__(self, model: Pointer, scan: str) -> None:
        super().__init__(library.s3rec_scorer_destroy)
        options = _abi.new(_structs.ScorerOptions)
        options.scan = SCANS[scan]
        check(library.s3rec_scorer_create_with(model, ctypes.byref(options), ctypes.byref(self)))
        self.count = ctypes.c_size_t()
        self.count_address = ctypes.addressof(self.count)
        self.options = _abi.new(_structs.ScoreOptions)
        self.options_address = ctypes.addressof(self.options)
        self.history_capacity = self.k_capacity = 0
        self.grow_history(128)
        self.grow_k(32)

    def grow_history(self, count: int) -> None:
        self.history_capacity = 2 * count
        self.history = np.empty(self.history_capacity, np.int32)
        self.history_address = self.history.ctypes.data

    def grow_k(self, k: int) -> None:
        self.k_capacity = k
        self.ids, self.scores = np.empty(k, np.int32), np.empty(k, np.float32)
        self.ids_address, self.scores_address = self.ids.ctypes.data, self.scores.ctypes.data

    def fill(self, exclude: Optional[npt.NDArray[np.int32]],
             candidates: Optional[npt.NDArray[np.int32]], include_history: bool) -> int:
        """The address of score options; the caller keeps the arrays alive."""
        options = self.options
        options.include_history = 1 if include_history else 0
        options.excluded = None if exclude is None else exclude.ctypes.data
        options.excluded_count = 0 if exclude is None else len(exclude)
        # NULL would mean all items, but no candidates are none.
        options.candidates = None if candidates is None else (
            candidates.ctypes.data or self.ids_address)
        options.candidate_count = 0 if candidates is None else len(candidates)
        return self.options_address


class Version:
    """Weights and names of a model at one time. Nothing changes them: a changed model has another
    Version, and calls under way end with the one that they began with."""

    def __init__(self, pointer: Pointer, scan: str = "auto") -> None:
        self.pointer, self.scan = pointer, scan
        self.item_names = adopt(library.s3rec_model_item_names, pointer)
        self.attribute_names = adopt(library.s3rec_model_attribute_names, pointer)
        self.idle: list[_Scorer] = []
        self.agreed: weakref.WeakSet[Dataset] = weakref.WeakSet()

    def scorer(self) -> _Scorer:
        """A scorer for one call, which puts it back into `idle` or lets it go."""
        try:
            return self.idle.pop()
        except IndexError:
            return _Scorer(self.pointer, self.scan)

    def numbers(self, items: Any, what: str, raw_ids: bool) -> npt.NDArray[np.int32]:
        """Numbers of items given by name, or by number; -1 for those that are not known."""
        if self.item_names is None or raw_ids:
            return int32_array(items, what, unknown=_UNKNOWN)
        if not hasattr(items, "__len__"):
            items = listed(what, items)
        if len(items) == 0:
            return np.zeros(0, np.int32)
        return self.item_names._find_items(items, what)

    def names(self, numbers: npt.NDArray[np.int32], raw_ids: bool) -> npt.NDArray[Any]:
        """What the caller gets for numbers of items."""
        if self.item_names is None or raw_ids:
            return numbers
        return self.item_names.names(numbers)

    def check_names(self, dataset: Dataset) -> None:
        """A dataset with names numbers its items as this model does."""
        if Dataset._of(dataset, "dataset") in self.agreed:
            return
        if (self.item_names is not None and dataset.item_names is not None
                and not self.item_names.same_as(dataset.item_names)):
            raise MismatchError("the dataset numbers its items otherwise than the model: make it "
                                "with item_names=model")
        self.agreed.add(dataset)


def config_of(model: Pointer) -> _structs.ModelConfig:
    """Sizes of the library's model."""
    found = _abi.new(_structs.ModelConfig)
    check(library.s3rec_model_config_get(model, ctypes.byref(found)))
    return found


class Scoring(Handle):
    """What of a model is about recommending, for any number of threads at once."""

    item_size: int
    hidden_size: int
    _slice: int  # users of one call of the library: about 0.1 s
    _closed = False

    def _begin(self, pointer: Pointer) -> None:
        # The last entry counts. A change adds one by setdefault, which one of several threads wins.
        self._versions = {0: Version(pointer)}

    def _latest(self) -> tuple[int, Version]:
        found = list(getattr(self, "_versions", {}).items())
        if self._closed or not found:
            raise StateError(f"this {type(self).__name__} was closed")
        number, now = found[-1]
        now.pointer.check(self)
        return number, now

    def _now(self) -> Version:
        return self._latest()[1]

    def _live(self) -> Pointer:
        return self._latest()[1].pointer

    def _put(self, number: int, made: Version) -> bool:
        """Lets `made` follow the version `number`; False when another thread was faster."""
        if self._versions.setdefault(number + 1, made) is not made:
            return False
        for old in list(self._versions):
            if old <= number:
                self._versions.pop(old, None)
        if self._closed:
            self._versions.clear()
        return True

    def _usable(self) -> bool:
        return not self._closed and not self._now().pointer.lost()

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self._closed

    def close(self) -> None:
        """Gives memory back when the calls under way have ended; other uses raise StateError."""
        self._closed = True
        getattr(self, "_versions", {}).clear()

    @property
    def item_names(self) -> Optional[Vocabulary]:
        """Names of the items; None: they have numbers only."""
        return self._now().item_names

    @property
    def attribute_names(self) -> Optional[Vocabulary]:
        """Names of the attributes, likewise."""
        return self._now().attribute_names

    @property
    def scan(self) -> str:
        """What is read to find the best items: "auto", "f32", "bf16" or "int8".

        It decides about time and memory, never about the result (s3rec_scan).
        """
        return self._now().scan

    @scan.setter
    def scan(self, scan: Scan) -> None:
        number_of("scan", SCANS, scan)
        while True:
            number, now = self._latest()
            if self._put(number, Version(now.pointer, scan)):
                return

    @staticmethod
    def _history(now: Version, history: Any, user: Optional[Name], dataset: Optional[Dataset],
                 raw_ids: bool) -> npt.NDArray[np.int32]:
        if (history is None) == (user is None):
            raise ArgumentError("either history or user is needed, not both")
        if user is None:
            if isinstance(history, (str, bytes)):
                raise TypeError("history is one text, must be a list or array of items")
            return now.numbers(history, "history", raw_ids)
        if dataset is None:
            raise ArgumentError("user needs dataset=, which has the users' histories")
        now.check_names(dataset)
        return dataset.user_items(user)

    def recommend(self, history: Any = None, k: int = 10, *, user: Optional[Name] = None,
                  dataset: Optional[Dataset] = None, exclude: Any = None, candidates: Any = None,
                  include_history: bool = False, raw_ids: bool = False) -> Recommendation:
        """The k best next items of one user. Any number of threads may ask at once.

        history: items, oldest first, [n]; those the model does not know are passed over.
        user, dataset: instead, all items that the dataset has of the user.
        exclude: items to leave out; include_history: do not leave out those of the history.
        candidates: rank only these.
        raw_ids: items are numbers, in and out, although the model has names.

        An empty history gives no items: there is nothing to go by.
        """
        now = self._now()
        if not (type(history) is np.ndarray and history.dtype is _INT32 and history.ndim == 1
                and user is None and (raw_ids or now.item_names is None)):
            history = self._history(now, history, user, dataset, raw_ids)
        extra = None
        if exclude is not None or candidates is not None or include_history:
            extra = (None if exclude is None else _copy(
                now.numbers(exclude, "exclude", raw_ids)), None if candidates is None else _copy(
                now.numbers(candidates, "candidates", raw_ids)))
        k = _wanted(k, self.item_size)
        count = len(history)
        scorer = now.scorer()
        try:
            if count > scorer.history_capacity:
                scorer.grow_history(count)
            if k > scorer.k_capacity:
                scorer.grow_k(k)
            scorer.history[:count] = history
            options = None
            if extra is not None:
                options = scorer.fill(extra[0], extra[1], include_history)
            status = library.s3rec_score_next(scorer, scorer.history_address, count, options, k,
                                              scorer.ids_address, scorer.scores_address,
                                              scorer.count_address)
            if status:
                raise failure(status)
            found = scorer.count.value
            ids, scores = scorer.ids[:found].copy(), scorer.scores[:found].copy()
        finally:
            now.idle.append(scorer)
        if now.item_names is not None and not raw_ids:
            return Recommendation(now.item_names.names(ids), scores)
        return Recommendation(ids, scores)

    def _ragged(self, now: Version, histories: Any, users: Optional[Sequence[Name]],
                dataset: Optional[Dataset], raw_ids: bool
                ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Numbers [n] and offsets [users + 1] of many histories; the offsets are a copy."""
        if (histories is None) == (users is None):
            raise ArgumentError("either histories or users are needed, not both")
        if users is not None:
            rows: list[Any] = [self._history(now, None, user, dataset, raw_ids)
                               for user in listed("users", users)]
        elif (isinstance(histories, tuple) and len(histories) == 2
              and isinstance(histories[1], np.ndarray) and histories[1].ndim == 1
              and histories[1].dtype == np.int64):
            numbers = now.numbers(histories[0], "histories", raw_ids)
            return numbers, offsets_array(histories[1], "histories", len(numbers))
        elif hasattr(histories, "__arrow_c_stream__") or hasattr(histories, "__arrow_c_array__"):
            found = column(histories, "histories")
            if found.kind != "list" or found.child is None:
                raise TypeError(f"histories hold {found.kind} values, lists are needed")
            found.refuse_nulls("histories")
            start, end = int(found.offsets[0]), int(found.offsets[-1])
            flat = now.numbers(found.child, "histories", raw_ids) if end else np.zeros(
                0, np.int32)
            flat = flat[start:end]
            return flat, offsets_array(found.offsets - start, "histories", len(flat))
        elif isinstance(histories, (str, bytes)):
            raise TypeError("histories are one text, must be a list of histories")
        else:
            rows = listed("histories", histories)
        if any(isinstance(row, (str, bytes)) for row in rows):
            raise TypeError("histories must be a list of lists of items, not of texts")
        rows = [row if hasattr(row, "__len__") else listed("a history", row) for row in rows]
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        if not offsets[-1]:
            return np.zeros(0, np.int32), offsets
        if users is not None:
            return np.concatenate(rows), offsets
        if all(isinstance(row, np.ndarray) for row in rows):
            return now.numbers(np.concatenate([row for row in rows if len(row)]), "histories",
                               raw_ids), offsets
        flat_items = list(itertools.chain.from_iterable(rows))
        return now.numbers(flat_items, "histories", raw_ids), offsets

    def recommend_batch(self, histories: Any = None, k: int = 10, *,
                        users: Optional[Sequence[Name]] = None,
                        dataset: Optional[Dataset] = None, exclude: Any = None,
                        candidates: Any = None, include_history: bool = False,
                        raw_ids: bool = False) -> RecommendationBatch:
        """The k best next items of many users, faster than one by one and the same.

        histories: a list of histories, a column of lists, or (items [n], offsets [users + 1]
            as int64). users, dataset: instead. The others: as of `recommend`, for all alike.
        """
        now = self._now()
        numbers, offsets = self._ragged(now, histories, users, dataset, raw_ids)
        k = _wanted(k, self.item_size)
        excluded = None if exclude is None else _copy(now.numbers(exclude, "exclude", raw_ids))
        chosen = None if candidates is None else _copy(
            now.numbers(candidates, "candidates", raw_ids))
        user_count = len(offsets) - 1
        ids = np.zeros((user_count, k), np.int32)
        scores = np.zeros((user_count, k), np.float32)
        counts = np.zeros(user_count, np.uintp)
        scorer = now.scorer()
        try:
            options = scorer.fill(excluded, chosen, include_history)
            for first in range(0, user_count, self._slice):
                # A signal is seen between two slices. Theirs are copies, which nobody writes into.
                last = min(first + self._slice, user_count)
                places = offsets[first:last + 1] - offsets[first]
                history = _copy(numbers[offsets[first]:offsets[last]])
                if len(history) != places[-1]:
                    raise ArgumentError("the histories have become shorter during the call")
                check(library.s3rec_score_next_batch(
                    scorer, history.ctypes.data, places.ctypes.data, last - first, options, k,
                    ids[first:].ctypes.data, scores[first:].ctypes.data,
                    counts[first:].ctypes.data))
        finally:
            now.idle.append(scorer)
        return RecommendationBatch(now.names(ids, raw_ids), scores, counts.astype(np.int64))

    def score_all(self, history: Any = None, *, user: Optional[Name] = None,
                  dataset: Optional[Dataset] = None, raw_ids: bool = False
                  ) -> npt.NDArray[np.float32]:
        """The score of every row of the item table, [item_size], by number.

        Row 0 is padding, the last one the mask; nothing is left out.
        """
        now = self._now()
        return self._one(now, library.s3rec_score_all, self.item_size,
                         self._history(now, history, user, dataset, raw_ids))

    def user_vectors(self, histories: Any = None, *, users: Optional[Sequence[Name]] = None,
                     dataset: Optional[Dataset] = None, raw_ids: bool = False
                     ) -> npt.NDArray[np.float32]:
        """User vectors [users, hidden_size]: the score of an item is the product with its vector.

        histories, users, dataset: as of `recommend_batch`. A history without a known item is
        refused: there is nothing to encode.
        """
        now = self._now()
        numbers, offsets = self._ragged(now, histories, users, dataset, raw_ids)
        vectors = np.empty((len(offsets) - 1, self.hidden_size), np.float32)
        for row in range(len(vectors)):
            vectors[row] = self._one(now, library.s3rec_user_vector, self.hidden_size,
                                     numbers[offsets[row]:offsets[row + 1]])
        return vectors

    @staticmethod
    def _one(now: Version, function: Any, size: int, history: npt.NDArray[np.int32]
             ) -> npt.NDArray[np.float32]:
        out = np.empty(size, np.float32)
        history = _copy(history)
        scorer = now.scorer()
        try:
            check(function(scorer, history.ctypes.data, len(history), out.ctypes.data, size))
        finally:
            now.idle.append(scorer)
        return out

    def encode(self, ids: npt.ArrayLike, attention: Attention = "causal"
               ) -> npt.NDArray[np.float32]:
        """Output of the encoder at every position, without dropout: [rows, length, hidden_size].

        ids: item numbers [rows, length], 0 for padding on the left; the mask is item_size - 1.
            length is at most max_seq_length.
        attention: "causal" as in fine-tuning and scoring, or "bidirectional" as in pretraining.
        """
        kind = number_of("attention", ATTENTIONS, attention)
        table, now = np.asarray(ids), self._now()
        if table.ndim != 2:
            raise ArgumentError(f"ids have {table.ndim} dimensions, must have 2")
        rows, length = table.shape
        flat = _copy(int32_array(table.reshape(-1), "ids"))
        hidden = np.zeros((rows, length, config_of(now.pointer).hidden_size), np.float32)

        def work() -> npt.NDArray[np.float32]:
            scorer = now.scorer()
            check(library.s3rec_encode(scorer, kind, flat.ctypes.data, rows, length,
                                       hidden.ctypes.data))
            now.idle.append(scorer)
            return hidden

        return patiently(work)


def _copy(numbers: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    return np.array(numbers, np.int32)


def _wanted(k: Any, item_size: int) -> int:
    if type(k) is int and type(item_size) is int and 0 < k <= item_size:
        return k
    try:
        wanted = min(int(operator.index(k)), int(item_size))
    except TypeError:
        raise TypeError(f"k is {k!r:.60}, must be an integer") from None
    if wanted < 1:
        raise ArgumentError(f"k is {wanted}, must be at least 1")
    return wanted
