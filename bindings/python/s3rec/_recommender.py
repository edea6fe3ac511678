# SPDX-License-Identifier: Apache-2.0
"""The recommender: it serves a model to any number of threads, and the model can be exchanged."""
from __future__ import annotations

import ctypes
import dataclasses
from typing import Any, NamedTuple, Optional, Sequence, Union

import numpy as np
import numpy.typing as npt

from s3rec import _abi, _structs
from s3rec._abi import library
from s3rec._arrays import int32_array, ragged_int32
from s3rec._context import Context, use
from s3rec._dataset import Dataset
from s3rec._errors import ArgumentError, check
from s3rec._handle import Handle, PathLike, Pointer, address_of, path_bytes, patiently, pointer_for
from s3rec._model import Model
from s3rec._words import SCANS, SOURCES, Scan, assign, listed, number_of, whole, word_of

_NO_NAME = b"\xff"  # not UTF-8, so no item has this name
_MANY = 64  # with more users than this a call may take long


class Answer(NamedTuple):
    """items [n], scores [n], best first. Items are names where the model has names.

    source: "model", "popular" (the model knows no item of the history) or "none".
    unknown_count: entries of the history that the model does not know.
    model_number: which model answered, as in `Statistics`.
    """

    items: npt.NDArray[Any]
    scores: npt.NDArray[np.float32]
    source: str
    unknown_count: int
    model_number: int


@dataclasses.dataclass(frozen=True)
class Statistics:
    """What a recommender did since it was made (s3rec_recommender_statistics).

    latency: counts of calls; bucket b counts calls that took 2^b .. 2^(b+1) - 1 nanoseconds.
    median, p99: the seconds that half of the calls, or 99 of 100 calls, stayed below.
    """

    model_number: int
    call_count: int
    failed_call_count: int
    user_count: int
    popular_count: int
    empty_count: int
    unknown_item_count: int
    refused_exchange_count: int
    scorer_count: int
    memory: int
    latency: tuple[int, ...]
    median: float
    p99: float


class Filter(Handle):
    """A rule that says what may be recommended: made once by `Recommender.filter`, used by any
    number of calls, threads and recommenders."""


class Recommender(Handle):
    """Serves a model to any number of threads at once.

    model: a model in memory; to serve a file use `open`. scan: see `Model.scan`.
    Items are names where the model has names, else numbers. With `raw_ids=True` they are always
    numbers.
    """

    def __init__(self, model: Model, *, scan: Scan = "auto", context: Optional[Context] = None
                 ) -> None:
        model = Model._of(model, "model")
        owner = model._context if context is None else use(context)
        options, keep = _options(owner, scan)
        pointer = pointer_for(library.s3rec_recommender_destroy)
        check(library.s3rec_recommender_create(model._live(), ctypes.byref(options),
                                               ctypes.byref(pointer)))
        del keep
        self._take(pointer, owner)

    @classmethod
    def open(cls, path: PathLike, *, copy: bool = False, scan: Scan = "auto",
             context: Optional[Context] = None) -> Recommender:
        """Serves a model file.

        copy: reads all of the file into memory; by default the item table stays in the file, as
            with `Model.map`.
        """
        owner, encoded = use(context), path_bytes(path)
        options, keep = _options(owner, scan)
        options.copy = int(bool(copy))
        pointer = pointer_for(library.s3rec_recommender_destroy)

        def work() -> Any:
            check(library.s3rec_recommender_open(encoded, ctypes.byref(options),
                                                 ctypes.byref(pointer)))
            return keep

        patiently(work)
        made = cls.__new__(cls)
        made._take(pointer, owner)
        return made

    def _take(self, pointer: Pointer, context: Context) -> None:
        self._context, self._pointer = context, pointer
        self._look()

    def _look(self) -> None:
        """Remembers the kind of the model's names: True: integers, False: texts, None: no names."""
        names = self.model.item_names
        self._integers = None if names is None else names.integer

    @property
    def model(self) -> Model:
        """The model that serves now."""
        pointer = pointer_for(library.s3rec_model_destroy)
        check(library.s3rec_recommender_model(self._live(), ctypes.byref(pointer)))
        return Model._made(pointer, self._context)

    def _entries(self, items: Any, what: str, raw_ids: bool) -> _Entries:
        self._live()
        return _Entries(items, what, raw_ids or self._integers is None)

    def filter(self, allow: Any = None, deny: Any = None, *, raw_ids: bool = False) -> Filter:
        """A filter. allow: only these items may be recommended, None: all. deny: these may not."""
        options = _abi.new(_structs.FilterOptions)
        options.allow_only = int(allow is not None)
        keep = []
        for word, items in (("allowed", allow), ("denied", deny)):
            entries = self._entries([] if items is None else items, word, raw_ids)
            keep.append(entries)
            place = "_names" if entries.names is not None else ""
            setattr(options, word + place, entries.address)
            setattr(options, f"{word}{'_name' if place else ''}_count", entries.count)
        made, pointer = Filter.__new__(Filter), pointer_for(library.s3rec_filter_destroy)
        check(library.s3rec_filter_create(self._live(), ctypes.byref(options),
                                          ctypes.byref(pointer)))
        made._pointer = pointer
        return made

    def recommend(self, history: Any, k: int = 10, *, filter: Optional[Filter] = None,
                  include_history: bool = False, raw_ids: bool = False) -> Answer:
        """The k best next items of one user. Where the model knows no item of the history, they are
        the most popular items, if the model has popularity; a score is then a share of all events.

        history: items, oldest first. include_history: its items may be recommended, too.
        """
        return self._ask(library.s3rec_recommend_request, [history], k, filter, None,
                         include_history, raw_ids)[0]

    def recommend_many(self, histories: Any, k: int = 10, *, filter: Optional[Filter] = None,
                       filters: Optional[Sequence[Optional[Filter]]] = None,
                       include_history: bool = False, raw_ids: bool = False) -> list[Answer]:
        """As `recommend`, for many users, on the context's threads. The same model answers for all
        users, also during an exchange.

        histories: a list of histories; where items are numbers, also the pair
            (items [n], offsets [users + 1]).
        filters: a further filter for each user, or None for a user without one.
        """
        return self._ask(library.s3rec_recommend_request, histories, k, filter, filters,
                         include_history, raw_ids)

    def similar(self, items: Any, k: int = 10, *, filter: Optional[Filter] = None,
                raw_ids: bool = False) -> Answer:
        """The items most similar to given ones, by the cosine of their vectors; several are
        compared by the mean of their unit vectors."""
        return self._ask(library.s3rec_similar, [items], k, filter, None, False, raw_ids)[0]

    def _ask(self, function: Any, histories: Any, k: int, filter: Optional[Filter],
             filters: Optional[Sequence[Optional[Filter]]], include_history: bool, raw_ids: bool
             ) -> list[Answer]:
        pointer = self._live()
        raw, integers = raw_ids or self._integers is None, bool(self._integers)
        entries, offsets = _ragged_entries(histories, raw)
        users = len(offsets) - 1
        request, answer = _abi.new(_structs.Request), pointer_for(library.s3rec_answer_destroy)
        request.user_count, request.offsets = users, offsets.ctypes.data
        request.items, request.names = entries.numbers_address, entries.names_address
        request.item_count, request.k = entries.count, whole("k", k, 1, 2**31 - 1)
        request.include_history = int(bool(include_history))
        keep: list[Any] = [entries, offsets]
        if filter is not None:
            keep.append(Filter._of(filter, "filter")._live())
            request.filter = address_of(keep[-1], _structs.FILTER)
        if filters is not None:
            filters = listed("filters", filters)
            if len(filters) != users:
                raise ArgumentError(f"there are {len(filters)} filters for {users} users")
            live = [None if one is None else Filter._of(one, "filters")._live()
                    for one in filters]
            table = (ctypes.c_void_p * max(users, 1))(*[
                one and address_of(one, _structs.FILTER) for one in live])
            keep += [live, table]
            request.filters = ctypes.addressof(table)
        if not users:
            return []

        def work() -> Any:
            check(function(pointer, ctypes.byref(request), ctypes.byref(answer)))
            return keep

        if users > _MANY:
            patiently(work)
        else:
            work()
        return [_answer(answer, user, raw, integers) for user in range(users)]

    def exchange(self, model: Union[PathLike, Model], *, least_known_share: float = 0.5,
                 dataset: Optional[Dataset] = None, least_ndcg10: float = 0.0,
                 largest_loss: float = 1.0) -> None:
        """Replaces the model by another one, a file or a model in memory, after checking it on this
        thread. Calls that run meanwhile end with the model that they began with. On failure the
        old model stays.

        least_known_share: the share of the old model's items that the new model must have, 0..1.
        dataset: if given, the new model is measured on its test split.
        least_ndcg10: the least NDCG@10 that the new model must reach.
        largest_loss: the largest share of the old model's NDCG@10 that may be lost.
        """
        options, keep = _abi.new(_structs.ExchangeOptions), []
        for name, share in (("least_known_share", least_known_share),
                            ("least_ndcg10", least_ndcg10), ("largest_loss", largest_loss)):
            assign(options, name, share)
        if dataset is not None:
            keep.append(Dataset._of(dataset, "dataset")._live())
            options.dataset = address_of(keep[-1], _structs.DATASET)
        pointer = self._live()
        given = model._live() if isinstance(model, Model) else path_bytes(model, "model")
        function = (library.s3rec_recommender_exchange_model if isinstance(model, Model) else
                    library.s3rec_recommender_exchange)

        def work() -> Any:
            check(function(pointer, given, ctypes.byref(options)))
            return keep

        patiently(work)
        self._look()

    @property
    def statistics(self) -> Statistics:
        """Counters for monitoring."""
        found = _abi.new(_structs.RecommenderStatistics)
        check(library.s3rec_recommender_statistics_get(self._live(), ctypes.byref(found)))
        counts = {field.name: getattr(found, field.name)
                  for field in dataclasses.fields(Statistics)[:10]}
        return Statistics(latency=tuple(found.latency), median=_latency(found, 0.5),
                          p99=_latency(found, 0.99), **counts)


def _latency(found: _structs.RecommenderStatistics, share: float) -> float:
    return float(library.s3rec_recommender_latency(ctypes.byref(found), share))


def _options(context: Context, scan: Scan) -> tuple[_structs.RecommenderOptions, Pointer]:
    """The options, and the pointer to the context, which must live as long as they are used."""
    options, owner = _abi.new(_structs.RecommenderOptions), context._live()
    options.context = address_of(owner, _structs.CONTEXT)
    options.scan = number_of("scan", SCANS, scan)
    return options, owner


class _Entries:
    """Items for the library: an array of numbers, or an array of pointers to names."""

    def __init__(self, items: Any, what: str, raw: bool) -> None:
        self.numbers: Optional[npt.NDArray[np.int32]] = None
        self.names: Any = None
        if raw:
            self.numbers = np.array(int32_array(items, what, unknown=-1))
            self.count = len(self.numbers)
        else:
            if isinstance(items, (str, bytes)):
                raise TypeError(f"{what} is one text, must be a list or array of items")
            each = items if type(items) is list else listed(what, items)
            encoded = [_encoded(item, what) for item in each]
            self.count = len(encoded)
            self.names = (ctypes.c_char_p * max(self.count, 1))(*encoded)

    @property
    def numbers_address(self) -> Optional[int]:
        # NULL means that names are given, so an empty array needs an address too: numpy gives one.
        return None if self.numbers is None else int(self.numbers.ctypes.data)

    @property
    def names_address(self) -> Optional[int]:
        return None if self.names is None else ctypes.addressof(self.names)

    @property
    def address(self) -> Optional[int]:
        return self.numbers_address if self.names is None else self.names_address


def _encoded(item: Any, what: str) -> bytes:
    if isinstance(item, str):
        try:
            encoded = str.encode(item)
        except UnicodeEncodeError:
            return _NO_NAME
        return _NO_NAME if b"\0" in encoded else encoded
    if isinstance(item, (int, np.integer)) and not isinstance(item, bool):
        return str(int(item)).encode()
    raise TypeError(f"{what} has {type(item).__name__} {item!r:.60}; items are integers or text")


def _ragged_entries(histories: Any, raw: bool) -> tuple[_Entries, npt.NDArray[np.int64]]:
    if isinstance(histories, (str, bytes)):
        raise TypeError("histories are one text, must be a list of histories")
    if raw:
        pair = isinstance(histories, tuple) and len(histories) == 2
        rows = histories if pair else [int32_array(row, "history", unknown=-1)
                                       for row in listed("histories", histories)]
        numbers, offsets = ragged_int32(rows, "histories")
        return _Entries(numbers, "histories", True), offsets
    lists = []
    for row in histories if type(histories) is list else listed("histories", histories):
        if isinstance(row, (str, bytes)):
            raise TypeError("history is one text, must be a list or array of items")
        lists.append(row[:] if type(row) is list else listed("history", row))
    offsets = np.zeros(len(lists) + 1, np.int64)
    np.cumsum([len(row) for row in lists], out=offsets[1:])
    return _Entries([item for row in lists for item in row], "history", False), offsets


def _answer(answer: Pointer, user: int, raw: bool, integers: bool) -> Answer:
    found = _abi.new(_structs.RankedItems)
    check(library.s3rec_answer_get(answer, user, ctypes.byref(found)))
    count = found.count
    ids, scores = np.empty(count, np.int32), np.empty(count, np.float32)
    items: npt.NDArray[Any] = ids
    if count:
        ctypes.memmove(ids.ctypes.data, found.ids, ids.nbytes)
        ctypes.memmove(scores.ctypes.data, found.scores, scores.nbytes)
    if found.names and not raw:
        texts = [text.decode() for text in (ctypes.c_char_p * count).from_address(found.names)]
        if integers:
            items = np.array([int(text) for text in texts], np.int64)
        else:
            items = np.array(texts, dtype=object)
    return Answer(items, scores, word_of(SOURCES, found.source), found.unknown_count,
                  found.model_number)
