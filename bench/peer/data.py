# SPDX-License-Identifier: Apache-2.0
"""Files, samplers and batches of the peer."""
from __future__ import annotations

import itertools
import json
import pathlib
import random
from dataclasses import dataclass
from typing import Callable, Iterator, List, Tuple

import torch
from torch import Tensor

from .model import LENGTH

MASK_P = 0.2
Rows = Tuple[List[int], ...]


@dataclass
class Data:
    users: list[list[int]]
    all_items: list[int]  # of all users, one after the other
    attributes: Tensor  # [item_size, attribute_size], 1 where the item has the attribute
    mask_id: int


def load_data(folder: pathlib.Path, name: str) -> Data:
    lines = (folder / f"{name}.txt").read_text().splitlines()
    users = [[int(word) for word in line.split()[1:]] for line in lines]
    all_items = list(itertools.chain.from_iterable(users))
    mask_id = max(all_items) + 1
    listed = json.loads((folder / f"{name}_item2attributes.json").read_text())
    attributes = torch.zeros(mask_id + 1, 1 + max(map(max, filter(None, listed.values()))))
    for item, numbers in listed.items():
        if int(item) < mask_id:
            attributes[int(item), numbers] = 1
    return Data(users, all_items, attributes, mask_id)


def pad(items: list[int]) -> list[int]:
    return [0] * (LENGTH - len(items)) + items[-LENGTH:]


def draw_outside(seen: set[int], mask_id: int) -> int:
    while True:
        item = random.randrange(1, mask_id)
        if item not in seen:
            return item


def masked_rows(data: Data, items: list[int]) -> Rows:
    """Input, targets and negatives of the masked objectives; the last item is always masked."""
    masked, negative, seen = items.copy(), items.copy(), set(items)
    for i in range(len(items)):
        if i == len(items) - 1 or random.random() < MASK_P:
            masked[i] = data.mask_id
            negative[i] = draw_outside(seen, data.mask_id)
    return masked, items, negative


def segment_rows(data: Data, items: list[int]) -> Rows:
    """The sequence without a segment, the segment, and one from anywhere in its place."""
    if len(items) < 2:
        return items, items, items
    size = random.randint(1, len(items) // 2)
    start = random.randint(0, len(items) - size)
    other = random.randint(0, len(data.all_items) - size)
    before, after = [data.mask_id] * start, [data.mask_id] * (len(items) - start - size)
    return (items[:start] + [data.mask_id] * size + items[start + size:],
            before + items[start:start + size] + after,
            before + data.all_items[other:other + size] + after)


def finetune_rows(data: Data, items: list[int]) -> Rows:
    seen, targets = set(items), items[1:-2]
    return items[:-3], targets, [draw_outside(seen, data.mask_id) for _ in targets]


def batches(data: Data, sequences: list[list[int]], rows_of: Callable[[Data, list[int]], Rows],
            size: int) -> Iterator[list[Tensor]]:
    """Endless, in a new order every epoch; each row becomes a tensor [size, LENGTH]."""
    while True:
        random.shuffle(sequences)
        for begin in range(0, len(sequences), size):
            chosen = (rows_of(data, items) for items in sequences[begin:begin + size])
            yield [torch.tensor([pad(row) for row in rows]) for rows in zip(*chosen)]


def pretrain_batches(data: Data) -> Iterator[list[Tensor]]:
    """Of all prefixes of all training sequences."""
    training = [user[-(LENGTH + 2):-2] for user in data.users]
    prefixes = [user[:n + 1] for user in training for n in range(len(user))]
    rows_of = lambda data, items: masked_rows(data, items) + segment_rows(data, items)
    return batches(data, prefixes, rows_of, 100)
