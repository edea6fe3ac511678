# SPDX-License-Identifier: Apache-2.0
"""Recommendations from any number of threads."""
from __future__ import annotations

import ctypes
import itertools
import operator
import threading
import weakref
from typing import Any, NamedTuple, Optional, Sequence

import numpy as np
import numpy.typing as npt

from s3rec import _abi
from s3rec._abi import library
from s3rec._arrays import int32_array, offsets_array
from s3rec._columns import column
from s3rec._dataset import Dataset
from s3rec._errors import ArgumentError, MismatchError, check, failure
from s3rec._handle import Handle
from s3rec._vocabulary import Name, Vocabulary
from s3rec._words import SCANS, number_of

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


class _Seat:
    """A thread's scorer, with memory for a call's input and output."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.wanted = False  # by a writer, who otherwise never finds the lock free
        self.pointer = 0
        self.count = ctypes.c_size_t()
        self.count_address = ctypes.addressof(self.count)
        self.options = _abi.new(_abi.ScoreOptions)
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

    def release(self) -> None:
        pointer, self.pointer = self.pointer, 0
        if pointer:
            library.s3rec_scorer_destroy(pointer)

    def __del__(self) -> None:
        if library is not None:
            self.release()


class _Writing:
    """While it is entered the model has no scorers; threads that want one wait."""

    def __init__(self, model: Scoring) -> None:
        self._model = model

    def __enter__(self) -> None:
        self._model._pool_lock.acquire()
        self._model._empty_pool()

    def __exit__(self, *_: object) -> None:
        self._model._pool_lock.release()


class Scoring(Handle):
    """What of a model is about recommending. Each thread gets a scorer of its own."""

    item_names: Optional[Vocabulary]
    item_size: int
    hidden_size: int

    def _prepare_scoring(self) -> None:
        self._local = threading.local()
        self._pool_lock = threading.RLock()
        self._pool: weakref.WeakSet[_Seat] = weakref.WeakSet()
        self._scan = "auto"
        self._agreed: weakref.WeakSet[Dataset] = weakref.WeakSet()

    @property
    def scan(self) -> str:
        """What is read to find the best items: "auto", "f32", "bf16" or "int8".

        It decides about time and memory, never about the result (s3rec_scan).
        """
        return self._scan

    @scan.setter
    def scan(self, scan: str) -> None:
        number_of("scan", SCANS, scan)
        with self._writing():
            self._scan = scan

    def _writing(self) -> _Writing:
        return _Writing(self)

    def _empty_pool(self) -> None:
        with self._pool_lock:
            for seat in list(self._pool):
                seat.wanted = True
                with seat.lock:
                    seat.release()
                seat.wanted = False

    def close(self) -> None:
        with self._pool_lock:
            super().close()
            self._empty_pool()

    def _seat(self) -> _Seat:
        """The calling thread's seat, whose scorer another thread may take away (see _occupy)."""
        try:
            seat: _Seat = self._local.seat
        except AttributeError:
            seat = self._local.seat = _Seat()
        return seat

    def _occupy(self) -> _Seat:
        """The calling thread's seat, locked, with a scorer."""
        seat = self._seat()
        while True:
            if seat.wanted:
                with self._pool_lock:
                    pass
            seat.lock.acquire()
            if seat.pointer:
                return seat
            seat.lock.release()
            # Always the pool's lock first, as writers do.
            with self._pool_lock, self._use() as handle:
                options, pointer = _abi.new(_abi.ScorerOptions), ctypes.c_void_p()
                options.scan = SCANS[self._scan]
                check(library.s3rec_scorer_create_with(handle, ctypes.byref(options),
                                                       ctypes.byref(pointer)))
                with seat.lock:
                    seat.pointer = pointer.value or 0
                    self._pool.add(seat)

    def _numbers(self, items: Any, what: str, raw_ids: bool) -> npt.NDArray[np.int32]:
        """Numbers of items given by name, or by number; -1 for those that are not known."""
        if self.item_names is None or raw_ids:
            return int32_array(items, what, unknown=_UNKNOWN)
        if not hasattr(items, "__len__"):
            items = list(items)
        if len(items) == 0:
            return np.zeros(0, np.int32)
        return self.item_names._find_items(items, what)

    def _check_names(self, dataset: Dataset) -> None:
        """A dataset with names numbers its items as this model does."""
        if dataset in self._agreed:
            return
        if (self.item_names is not None and dataset.item_names is not None
                and not self.item_names.same_as(dataset.item_names)):
            raise MismatchError("the dataset numbers its items otherwise than the model: make it "
                                "with item_names=model")
        self._agreed.add(dataset)

    def _history(self, history: Any, user: Optional[Name], dataset: Optional[Dataset],
                 raw_ids: bool) -> npt.NDArray[np.int32]:
        if (history is None) == (user is None):
            raise ArgumentError("either history or user is needed, not both")
        if user is None:
            if isinstance(history, (str, bytes)):
                raise TypeError("history is one text, must be a list or array of items")
            return self._numbers(history, "history", raw_ids)
        if dataset is None:
            raise ArgumentError("user needs dataset=, which has the users' histories")
        self._check_names(dataset)
        return dataset.user_items(user)

    def _names_of(self, numbers: npt.NDArray[np.int32], raw_ids: bool) -> npt.NDArray[Any]:
        if self.item_names is None or raw_ids:
            return numbers
        return self.item_names.names(numbers)

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
        if not (type(history) is np.ndarray and history.dtype is _INT32 and history.ndim == 1
                and user is None and (raw_ids or self.item_names is None)):
            history = self._history(history, user, dataset, raw_ids)
        extra = None
        if exclude is not None or candidates is not None or include_history:
            extra = (None if exclude is None else self._numbers(exclude, "exclude", raw_ids),
                     None if candidates is None else
                     self._numbers(candidates, "candidates", raw_ids))
        k = min(operator.index(k), self.item_size)
        if k < 1:
            raise ArgumentError(f"k is {k}, must be at least 1")
        count = len(history)
        seat = self._occupy()
        try:
            if count > seat.history_capacity:
                seat.grow_history(count)
            if k > seat.k_capacity:
                seat.grow_k(k)
            seat.history[:count] = history
            options = None
            if extra is not None:
                options = self._fill(seat, extra[0], extra[1], include_history)
            status = library.s3rec_score_next(seat.pointer, seat.history_address, count, options,
                                              k, seat.ids_address, seat.scores_address,
                                              seat.count_address)
            if status:
                raise failure(status)
            found = seat.count.value
            ids, scores = seat.ids[:found].copy(), seat.scores[:found].copy()
        finally:
            seat.lock.release()
        if self.item_names is not None and not raw_ids:
            return Recommendation(self.item_names.names(ids), scores)
        return Recommendation(ids, scores)

    @staticmethod
    def _fill(seat: _Seat, exclude: Optional[npt.NDArray[np.int32]],
              candidates: Optional[npt.NDArray[np.int32]], include_history: bool) -> int:
        """The address of score options; the caller keeps the arrays alive."""
        options = seat.options
        options.include_history = 1 if include_history else 0
        options.excluded = None if exclude is None else exclude.ctypes.data
        options.excluded_count = 0 if exclude is None else len(exclude)
        # NULL would mean all items, but no candidates are none.
        options.candidates = None if candidates is None else (
            candidates.ctypes.data or seat.ids_address)
        options.candidate_count = 0 if candidates is None else len(candidates)
        return seat.options_address

    def _ragged(self, histories: Any, users: Optional[Sequence[Name]],
                dataset: Optional[Dataset], raw_ids: bool
                ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Numbers [n] and offsets [users + 1] of many histories."""
        if (histories is None) == (users is None):
            raise ArgumentError("either histories or users are needed, not both")
        if users is not None:
            rows: list[Any] = [self._history(None, user, dataset, raw_ids) for user in users]
        elif (isinstance(histories, tuple) and len(histories) == 2
              and isinstance(histories[1], np.ndarray) and histories[1].ndim == 1
              and histories[1].dtype == np.int64):
            numbers = self._numbers(histories[0], "histories", raw_ids)
            return numbers, offsets_array(histories[1], "histories", len(numbers))
        elif hasattr(histories, "__arrow_c_stream__") or hasattr(histories, "__arrow_c_array__"):
            found = column(histories, "histories")
            if found.kind != "list" or found.child is None:
                raise TypeError(f"histories hold {found.kind} values, lists are needed")
            found.refuse_nulls("histories")
            start, end = int(found.offsets[0]), int(found.offsets[-1])
            flat = self._numbers(found.child, "histories", raw_ids) if end else np.zeros(
                0, np.int32)
            return flat[start:end], found.offsets - start
        elif isinstance(histories, (str, bytes)):
            raise TypeError("histories are one text, must be a list of histories")
        else:
            rows = list(histories)
        if any(isinstance(row, (str, bytes)) for row in rows):
            raise TypeError("histories must be a list of lists of items, not of texts")
        rows = [row if hasattr(row, "__len__") else list(row) for row in rows]
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        if not offsets[-1]:
            return np.zeros(0, np.int32), offsets
        if users is not None:
            return np.concatenate(rows), offsets
        if all(isinstance(row, np.ndarray) for row in rows):
            return self._numbers(np.concatenate([row for row in rows if len(row)]), "histories",
                                 raw_ids), offsets
        flat_items = list(itertools.chain.from_iterable(rows))
        return self._numbers(flat_items, "histories", raw_ids), offsets

    def recommend_batch(self, histories: Any = None, k: int = 10, *,
                        users: Optional[Sequence[Name]] = None,
                        dataset: Optional[Dataset] = None, exclude: Any = None,
                        candidates: Any = None, include_history: bool = False,
                        raw_ids: bool = False) -> RecommendationBatch:
        """The k best next items of many users, faster than one by one and the same.

        histories: a list of histories, a column of lists, or (items [n], offsets [users + 1]
            as int64). users, dataset: instead. The others: as of `recommend`, for all alike.
        """
        numbers, offsets = self._ragged(histories, users, dataset, raw_ids)
        k = min(operator.index(k), self.item_size)
        if k < 1:
            raise ArgumentError(f"k is {k}, must be at least 1")
        excluded = None if exclude is None else self._numbers(exclude, "exclude", raw_ids)
        chosen = None if candidates is None else self._numbers(candidates, "candidates", raw_ids)
        user_count = len(offsets) - 1
        ids = np.zeros((user_count, k), np.int32)
        scores = np.zeros((user_count, k), np.float32)
        counts = np.zeros(user_count, np.uint64 if ctypes.sizeof(ctypes.c_size_t) == 8
                          else np.uint32)
        numbers = np.ascontiguousarray(numbers, np.int32)
        offsets = np.ascontiguousarray(offsets, np.int64)
        if user_count:
            seat = self._occupy()
            try:
                options = self._fill(seat, excluded, chosen, include_history)
                status = library.s3rec_score_next_batch(
                    seat.pointer, numbers.ctypes.data, offsets.ctypes.data, user_count, options, k,
                    ids.ctypes.data, scores.ctypes.data, counts.ctypes.data)
                if status:
                    raise failure(status)
            finally:
                seat.lock.release()
        return RecommendationBatch(self._names_of(ids, raw_ids), scores, counts.astype(np.int64))

    def score_all(self, history: Any = None, *, user: Optional[Name] = None,
                  dataset: Optional[Dataset] = None, raw_ids: bool = False
                  ) -> npt.NDArray[np.float32]:
        """The score of every row of the item table, [item_size], by number.

        Row 0 is padding, the last one the mask; nothing is left out.
        """
        return self._one(library.s3rec_score_all, self.item_size,
                         self._history(history, user, dataset, raw_ids))

    def user_vectors(self, histories: Any = None, *, users: Optional[Sequence[Name]] = None,
                     dataset: Optional[Dataset] = None, raw_ids: bool = False
                     ) -> npt.NDArray[np.float32]:
        """User vectors [users, hidden_size]: the score of an item is the product with its vector.

        histories, users, dataset: as of `recommend_batch`. A history without a known item is
        refused: there is nothing to encode.
        """
        numbers, offsets = self._ragged(histories, users, dataset, raw_ids)
        vectors = np.empty((len(offsets) - 1, self.hidden_size), np.float32)
        for row in range(len(vectors)):
            vectors[row] = self._one(library.s3rec_user_vector, self.hidden_size,
                                     numbers[offsets[row]:offsets[row + 1]])
        return vectors

    def _one(self, function: Any, size: int, history: npt.NDArray[np.int32]
             ) -> npt.NDArray[np.float32]:
        out = np.empty(size, np.float32)
        history = np.ascontiguousarray(history, np.int32)
        seat = self._occupy()
        try:
            status = function(seat.pointer, history.ctypes.data, len(history), out.ctypes.data,
                              size)
            if status:
                raise failure(status)
        finally:
            seat.lock.release()
        return out
