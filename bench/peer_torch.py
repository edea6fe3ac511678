#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""S3-Rec in PyTorch: the peer that s3rec-bench is measured against (see bench/README.md).

The same model, losses, data pipeline and scoring as the library. Variants: eager, as the authors'
implementation has it (peer/model.py); tuned (peer/tuned.py); compiled, the tuned one by
torch.compile; onnx, scoring by onnxruntime. --check compares the first two in double precision
with the golden files; --bench prints a JSON object.
"""
from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import pathlib
import resource
import sys
import time
from types import ModuleType
from typing import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from peer import model as eager
from peer import tuned
from peer.data import Data, batches, finetune_rows, load_data, pad, pretrain_batches
from peer.model import Config, S3Rec

TOP, HISTORY, USERS = 20, 7, 256  # for the scoring benchmarks
TOLERANCE = 1e-7  # of a tensor's largest element; the files hold float32
SKIPPED = 77  # the status meson knows
BENCHMARKS = ("pretrain", "finetune_ce", "finetune_bce", "score", "score_batch")
PRETRAIN_ROWS = ("masked_item_sequence", "pos_items", "neg_items", "masked_segment_sequence",
                 "pos_segment", "neg_segment")
FINETUNE_ROWS = ("input_ids", "target_pos", "target_neg")
VARIANTS = ("eager", "tuned", "compiled", "onnx")


@torch.inference_mode()
def recommend(scores: Callable[[S3Rec, Tensor], Tensor], model: S3Rec,
              histories: list[list[int]]) -> tuple[Tensor, Tensor]:
    """The best items a user has not had: scores and ids, [B, TOP] each."""
    ids = torch.tensor([pad(items) for items in histories])
    result = scores(model, ids)
    result.scatter_(1, ids, -math.inf)
    result[:, 0] = result[:, -1] = -math.inf
    return result.topk(TOP)


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


def measure_training(name: str, variant: str, data: Data, model: S3Rec,
                     seconds: float) -> dict[str, float]:
    module = eager if variant == "eager" else tuned
    if name == "pretrain":
        stream = pretrain_batches(data)
        pack = lambda rows: module.pack_pretrain(model, data.attributes, *rows)
        loss_of = lambda *batch: module.pretrain_losses(*batch)["joint"]
    else:
        stream = batches(data, [user for user in data.users if len(user) > 3], finetune_rows, 256)
        pack = lambda rows: module.pack_finetune(model, *rows)
        loss_of = module.ce_loss if name == "finetune_ce" else module.bce_loss
    if variant == "compiled":
        tuned.GROUPS = 1  # compiling the shapes of each group takes minutes
        loss_of = torch.compile(loss_of, dynamic=True)
    adam = {} if variant == "eager" else {"fused": True}
    optimizer = torch.optim.Adam(model.train().parameters(), lr=1e-3, **adam)

    def step() -> None:
        loss = loss_of(model, *pack(next(stream)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    times = time_calls(step, 10 if variant == "compiled" else 2, seconds)
    return {"step_ms_median": times[len(times) // 2], "step_ms_min": times[0]}


def recommender(variant: str, model: S3Rec) -> Callable[[list[list[int]]], object]:
    if variant == "onnx":
        from peer import onnx_scores
        return onnx_scores.recommender(model, TOP, torch.get_num_threads())
    scores = eager.scores if variant == "eager" else tuned.scores
    return lambda histories: recommend(scores, model, histories)


def measure_scoring(name: str, variant: str, data: Data, model: S3Rec,
                    seconds: float) -> dict[str, float]:
    call = recommender(variant, model.eval())
    long_enough = (user[:HISTORY] for user in data.users if len(user) >= HISTORY)
    histories = list(itertools.islice(long_enough, USERS))
    wanted = recommend(eager.scores, model, histories)[0]
    torch.testing.assert_close(torch.as_tensor(call(histories)[0]), wanted, rtol=1e-3, atol=1e-5)
    if name == "score_batch":
        times = time_calls(lambda: call(histories), 2, seconds)
        return {"users_per_s_median": len(histories) / times[len(times) // 2] * 1e3}
    requests = itertools.cycle(histories)
    times = time_calls(lambda: call([next(requests)]), 100, seconds)
    return {"score_us_p50": times[len(times) // 2] * 1e3,
            "score_us_p99": times[len(times) * 99 // 100] * 1e3}


def onnxruntime_version() -> str:
    return getattr(sys.modules.get("onnxruntime"), "__version__", "")


def bench(arguments: argparse.Namespace) -> dict[str, object]:
    torch.set_num_threads(arguments.threads or torch.get_num_threads())
    data = load_data(arguments.data, arguments.name)
    model = S3Rec(Config(*data.attributes.shape))
    measure = measure_scoring if arguments.bench.startswith("score") else measure_training
    figures = measure(arguments.bench, arguments.variant, data, model, arguments.seconds)
    return {"benchmark": arguments.bench, "variant": arguments.variant, "data": arguments.name,
            "torch": torch.__version__, "onnxruntime": onnxruntime_version(), "mkl": torch.backends.mkl.is_available(),
            "threads": torch.get_num_threads(), **figures,
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024e-6}


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


def golden_results(module: ModuleType, model: S3Rec,
                   golden: dict[str, Tensor]) -> dict[str, Tensor]:
    """Losses, their gradients and scores, under the names of the file."""
    batch = {name[6:]: value for name, value in golden.items() if name.startswith("batch.")}
    results = {}
    if "input_ids" in batch:
        packed = module.pack_finetune(model, *(batch[name] for name in FINETUNE_ROWS))
        # A user without a history cannot be scored; the file has such a row.
        some = (batch["input_ids"] != 0).any(1)
        golden["scores.full"] = golden["scores.full"][some]
        results["scores.full"] = module.scores(model, batch["input_ids"])[some]
        losses = {"finetune": module.bce_loss(model, *packed),
                  "full_ce": module.ce_loss(model, *packed)}
    else:
        rows = [batch[name] for name in PRETRAIN_ROWS]
        if module is eager:
            packed = (batch["attributes"], *rows)
        else:
            packed = module.pack_pretrain(model, batch["attributes"], *rows)
        losses = module.pretrain_losses(model, *packed)
    names, parameters = zip(*model.named_parameters())
    for name, loss in losses.items():
        results[f"loss.{name}"] = loss
        gradients = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        for parameter, gradient in zip(names, gradients):
            results[f"grad.{name}.{parameter}"] = torch.zeros(()) if gradient is None else gradient
    return results


def check_file(module: ModuleType, path: pathlib.Path) -> bool:
    model, golden = load_golden(path)
    results = golden_results(module, model, golden)
    errors = {name: float((results[name].detach() - wanted).abs().max() / (wanted.abs().max() + 1e-6))
              for name, wanted in golden.items() if name.startswith(("loss.", "grad.", "scores."))}
    good = all(error <= TOLERANCE for error in errors.values())
    worst = max(errors, key=errors.__getitem__)
    print(f"{'ok' if good else 'FAILED'}: {module.__name__}: {path.name}: {len(errors)} tensors, "
          f"largest error {errors[worst]:.1e} ({worst})")
    return good


def check(folder: pathlib.Path) -> int:
    files = sorted([*folder.glob("pretrain_*.safetensors"), *folder.glob("finetune_*.safetensors")])
    if not files:
        print(f"SKIP: no golden files in {folder}")
        return SKIPPED
    modules = (eager, tuned) if hasattr(F, "scaled_dot_product_attention") else (eager,)
    good = [check_file(module, path) for module in modules for path in files]
    print(f"Checks: {sum(good)} passed, {len(good) - sum(good)} failed, 0 skipped")
    return 0 if all(good) else 1


def main() -> int:
    parser = argparse.ArgumentParser(description="S3-Rec in PyTorch, the peer of s3rec-bench")
    parser.add_argument("--check", action="store_true", help="compare with the golden files")
    parser.add_argument("--bench", choices=BENCHMARKS)
    parser.add_argument("--variant", choices=VARIANTS, default="eager")
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
