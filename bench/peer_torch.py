#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""S3-Rec in PyTorch: the peer that s3rec-bench is measured against (see bench/README.md).

The same model, losses, data pipeline and scoring as the library, in the ordinary way of
PyTorch: sequences padded on the left to 50 slots, gradients by autograd, torch.optim.Adam.
--check compares it in double precision with the golden files; --bench prints a JSON object.
"""
from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import pathlib
import random
import resource
import sys
import time
from dataclasses import dataclass
from typing import Callable, Iterator, List, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LENGTH = 50
MASK_P = 0.2
TOP, HISTORY, USERS = 20, 7, 256  # of the scoring benchmarks
TOLERANCE = 1e-7  # of a tensor's largest element; the files hold float32
SKIPPED = 77  # the status meson knows
Rows = Tuple[List[int], ...]
LOSS_WEIGHTS = {"aap": 0.2, "mip": 1.0, "map": 1.0, "sp": 0.5}
ACTIVATIONS = {"gelu": F.gelu, "relu": F.relu, "swish": F.silu}


@dataclass
class Config:
    item_size: int
    attribute_size: int
    max_seq_length: int = LENGTH
    hidden_size: int = 64
    num_hidden_layers: int = 2
    num_attention_heads: int = 2
    hidden_act: str = "gelu"
    dropout: float = 0.5


class Attention(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        size = config.hidden_size
        self.heads = config.num_attention_heads
        self.query, self.key, self.value, self.dense = (nn.Linear(size, size) for _ in range(4))
        self.LayerNorm = nn.LayerNorm(size, eps=1e-12)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        query, key, value = (linear(x).view(*x.shape[:2], self.heads, -1).transpose(1, 2)
                             for linear in (self.query, self.key, self.value))
        logits = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1]) + mask
        context = self.dropout(logits.softmax(-1)) @ value
        output = self.dense(context.transpose(1, 2).reshape(x.shape))
        return self.LayerNorm(x + self.dropout(output))


class FeedForward(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        size = config.hidden_size
        self.dense_1 = nn.Linear(size, 4 * size)
        self.dense_2 = nn.Linear(4 * size, size)
        self.LayerNorm = nn.LayerNorm(size, eps=1e-12)
        self.dropout = nn.Dropout(config.dropout)
        self.activation = ACTIVATIONS[config.hidden_act]

    def forward(self, x: Tensor) -> Tensor:
        output = self.dense_2(self.activation(self.dense_1(x)))
        return self.LayerNorm(x + self.dropout(output))


class S3Rec(nn.Module):
    """Its state_dict() has the names of the released checkpoints."""

    def __init__(self, config: Config):
        super().__init__()
        size = config.hidden_size
        self.config = config
        self.item_embeddings = nn.Embedding(config.item_size, size, padding_idx=0)
        self.attribute_embeddings = nn.Embedding(config.attribute_size, size)
        self.position_embeddings = nn.Embedding(config.max_seq_length, size)
        self.LayerNorm = nn.LayerNorm(size, eps=1e-12)
        self.dropout = nn.Dropout(config.dropout)
        self.item_encoder = nn.ModuleDict({"layer": nn.ModuleList(
            nn.ModuleDict({"attention": Attention(config), "intermediate": FeedForward(config)})
            for _ in range(config.num_hidden_layers))})
        self.aap_norm, self.mip_norm, self.map_norm, self.sp_norm = (
            nn.Linear(size, size) for _ in range(4))
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def encode(self, ids: Tensor, causal: bool) -> Tensor:
        """[B, L] ids to [B, L, H]"""
        hidden = (ids == 0)[:, None, None, :]
        if causal:
            length = ids.shape[1]
            hidden = hidden | torch.ones(length, length, dtype=torch.bool).triu(1)
        x = self.item_embeddings(ids) + self.position_embeddings.weight
        mask = hidden.to(x.dtype) * (-1e4 if causal else -1e8)
        x = self.dropout(self.LayerNorm(x))
        for layer in self.item_encoder["layer"]:
            x = layer["intermediate"](layer["attention"](x, mask))
        return x

    def scores(self, ids: Tensor) -> Tensor:
        """[B, item_size] of the item after each sequence"""
        return self.encode(ids, causal=True)[:, -1] @ self.item_embeddings.weight.T


def attribute_loss(model: S3Rec, x: Tensor, wanted: Tensor, where: Tensor) -> Tensor:
    """x [B, L, H] is projected already; wanted [B, L, A]; where [B, L]"""
    probability = torch.sigmoid(x @ model.attribute_embeddings.weight.T)
    loss = F.binary_cross_entropy(probability, wanted, reduction="none")
    return (loss * where[..., None]).sum()


def ranking_loss(x: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """Elementwise over all but the last dimension: the sigmoid of a difference of sigmoids."""
    gap = torch.sigmoid((x * positive).sum(-1)) - torch.sigmoid((x * negative).sum(-1))
    return -F.logsigmoid(gap)


def pretrain_losses(model: S3Rec, attributes: Tensor, masked_item_sequence: Tensor,
                    pos_items: Tensor, neg_items: Tensor, masked_segment_sequence: Tensor,
                    pos_segment: Tensor, neg_segment: Tensor) -> dict[str, Tensor]:
    x = model.encode(masked_item_sequence, causal=False)
    masked = (masked_item_sequence == model.config.item_size - 1).to(x.dtype)
    seen = (masked_item_sequence != 0).to(x.dtype) - masked
    items = model.item_embeddings
    context, good, bad = (model.encode(ids, causal=False)[:, -1]
                          for ids in (masked_segment_sequence, pos_segment, neg_segment))
    mip = ranking_loss(model.mip_norm(x), items(pos_items), items(neg_items))
    losses = {
        "aap": attribute_loss(model, model.aap_norm(x), attributes, seen),
        "mip": (mip * masked).sum(),
        "map": attribute_loss(model, model.map_norm(x), attributes, masked),
        "sp": ranking_loss(model.sp_norm(context), good, bad).sum(),
    }
    losses["joint"] = sum(weight * losses[name] for name, weight in LOSS_WEIGHTS.items())
    return losses


def bce_loss(model: S3Rec, input_ids: Tensor, target_pos: Tensor, target_neg: Tensor) -> Tensor:
    x = model.encode(input_ids, causal=True)
    good = torch.sigmoid((x * model.item_embeddings(target_pos)).sum(-1))
    bad = torch.sigmoid((x * model.item_embeddings(target_neg)).sum(-1))
    real = (target_pos != 0).to(x.dtype)
    loss = -torch.log(good + 1e-24) - torch.log(1 - bad + 1e-24)
    return (loss * real).sum() / real.sum()


def ce_loss(model: S3Rec, input_ids: Tensor, target_pos: Tensor, target_neg: Tensor) -> Tensor:
    """Over the real items; neither negatives nor the logits of padded slots are needed."""
    real = target_pos != 0
    x = model.encode(input_ids, causal=True)[real]
    return F.cross_entropy(x @ model.item_embeddings.weight[1:-1].T, target_pos[real] - 1)


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
    """Of all prefixes of all training sequences, with the attributes of the items in front."""
    training = [user[-(LENGTH + 2):-2] for user in data.users]
    prefixes = [user[:n + 1] for user in training for n in range(len(user))]
    rows_of = lambda data, items: masked_rows(data, items) + segment_rows(data, items)
    for rows in batches(data, prefixes, rows_of, 100):
        yield [data.attributes[rows[1]], *rows]


@torch.no_grad()
def recommend(model: S3Rec, histories: list[list[int]]) -> tuple[Tensor, Tensor]:
    """The best items a user has not had: scores and ids, [B, TOP] each."""
    ids = torch.tensor([pad(items) for items in histories])
    scores = model.scores(ids)
    scores.scatter_(1, ids, -math.inf)
    scores[:, 0] = scores[:, model.config.item_size - 1] = -math.inf
    return scores.topk(TOP)


def time_calls(call: Callable[[], object], warm: int, seconds: float) -> list[float]:
    """Milliseconds of each call after the first `warm`, sorted."""
    times: list[float] = []
    for _ in range(warm):
        call()
    end = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        begin = time.perf_counter()
        call()
        times.append((time.perf_counter() - begin) * 1e3)
    return sorted(times)


def measure_training(name: str, data: Data, model: S3Rec, seconds: float) -> dict[str, float]:
    if name == "pretrain":
        stream = pretrain_batches(data)
        loss_of = lambda *batch: pretrain_losses(*batch)["joint"]
    else:
        stream = batches(data, [user for user in data.users if len(user) > 3], finetune_rows, 256)
        loss_of = ce_loss if name == "finetune_ce" else bce_loss
    optimizer = torch.optim.Adam(model.train().parameters(), lr=1e-3)

    def step() -> None:
        loss = loss_of(model, *next(stream))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    times = time_calls(step, 2, seconds)
    return {"step_ms_median": times[len(times) // 2], "step_ms_min": times[0]}


def measure_scoring(name: str, data: Data, model: S3Rec, seconds: float) -> dict[str, float]:
    model.eval()
    long_enough = (user[:HISTORY] for user in data.users if len(user) >= HISTORY)
    histories = list(itertools.islice(long_enough, USERS))
    if name == "score_batch":
        times = time_calls(lambda: recommend(model, histories), 2, seconds)
        return {"users_per_s_median": len(histories) / times[len(times) // 2] * 1e3}
    requests = itertools.cycle(histories)
    times = time_calls(lambda: recommend(model, [next(requests)]), 100, seconds)
    return {"score_us_p50": times[len(times) // 2] * 1e3,
            "score_us_p99": times[len(times) * 99 // 100] * 1e3}


def bench(arguments: argparse.Namespace) -> dict[str, object]:
    torch.set_num_threads(arguments.threads or torch.get_num_threads())
    data = load_data(arguments.data, arguments.name)
    model = S3Rec(Config(*data.attributes.shape))
    measure = measure_scoring if arguments.bench.startswith("score") else measure_training
    figures = measure(arguments.bench, data, model, arguments.seconds)
    return {"benchmark": arguments.bench, "data": arguments.name, "torch": torch.__version__,
            "mkl": torch.backends.mkl.is_available(), "threads": torch.get_num_threads(),
            **figures, "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024e-6}


def load_golden(path: pathlib.Path) -> tuple[S3Rec, dict[str, Tensor]]:
    """The tensors of a safetensors file and the model of its parameters; double precision."""
    types = {"F32": torch.float32, "F64": torch.float64, "I32": torch.int32, "U8": torch.uint8}
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = torch.frombuffer(bytearray(content[start + begin:start + end]),
                                  dtype=types[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = values.long() if entry["dtype"] == "I32" else values.double()
    sizes = {name: int(metadata[name])
             for name in ("item_size", "attribute_size", "max_seq_length", "hidden_size",
                          "num_hidden_layers", "num_attention_heads")}
    model = S3Rec(Config(**sizes, hidden_act=metadata["hidden_act"], dropout=0)).double()
    model.load_state_dict({name: tensors[f"param.{name}"] for name in model.state_dict()})
    return model, tensors


def golden_results(model: S3Rec, golden: dict[str, Tensor]) -> dict[str, Tensor]:
    """Losses, their gradients and scores, under the names of the file."""
    batch = {name[6:]: value for name, value in golden.items() if name.startswith("batch.")}
    results = {}
    if "input_ids" in batch:
        results["scores.full"] = model.scores(batch["input_ids"])
        losses = {"finetune": bce_loss(model, **batch), "full_ce": ce_loss(model, **batch)}
    else:
        losses = pretrain_losses(model, **batch)
    names, parameters = zip(*model.named_parameters())
    for name, loss in losses.items():
        results[f"loss.{name}"] = loss
        gradients = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        for parameter, gradient in zip(names, gradients):
            results[f"grad.{name}.{parameter}"] = torch.zeros(()) if gradient is None else gradient
    return results


def check_file(path: pathlib.Path) -> bool:
    model, golden = load_golden(path)
    results = golden_results(model, golden)
    errors = {name: float((results[name] - wanted).abs().max() / (wanted.abs().max() + 1e-6))
              for name, wanted in golden.items() if name.startswith(("loss.", "grad.", "scores."))}
    good = all(error <= TOLERANCE for error in errors.values())
    worst = max(errors, key=errors.__getitem__)
    print(f"{'ok' if good else 'FAILED'}: {path.name}: {len(errors)} tensors, "
          f"largest error {errors[worst]:.1e} ({worst})")
    return good


def check(folder: pathlib.Path) -> int:
    files = sorted([*folder.glob("pretrain_*.safetensors"), *folder.glob("finetune_*.safetensors")])
    if not files:
        print(f"SKIP: no golden files in {folder}")
        return SKIPPED
    good = [check_file(path) for path in files]
    print(f"Checks: {sum(good)} passed, {len(good) - sum(good)} failed, 0 skipped")
    return 0 if all(good) else 1


def main() -> int:
    parser = argparse.ArgumentParser(description="S3-Rec in PyTorch, the peer of s3rec-bench")
    parser.add_argument("--check", action="store_true", help="compare with the golden files")
    parser.add_argument("--bench", choices=["pretrain", "finetune_ce", "finetune_bce", "score",
                                            "score_batch"])
    parser.add_argument("--data", type=pathlib.Path, help="folder of the data set")
    parser.add_argument("--name", help="of the data set")
    parser.add_argument("--threads", type=int, help="default: torch's own choice")
    parser.add_argument("--seconds", type=float, default=5, help="of the measurement, default 5")
    arguments = parser.parse_args()
    if arguments.check:
        beside = pathlib.Path(__file__).resolve().parents[2] / "shared"
        return check(pathlib.Path(os.environ.get("S3REC_SHARED") or beside) / "golden")
    if None in (arguments.bench, arguments.data, arguments.name):
        parser.error("wanted: --check, or --bench, --data and --name")
    print(json.dumps(bench(arguments)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
