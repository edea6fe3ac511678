#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The test metrics of the runs of scripts/results.sh as a Markdown table.

usage: results_table.py FOLDER

A row is a kind of run with one kind of starting weights: the mean of its seeds, then the standard
deviation over them (of the sample; none for one seed).
"""
import collections
import json
import pathlib
import statistics
import sys

METRICS = ("hr@5", "ndcg@5", "hr@10", "ndcg@10", "hr@20", "ndcg@20", "mrr")


def run_of(path):
    """The objects of the last run in a log, if that run has ended, else none."""
    run = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if not line.endswith("\n"):  # left by a run that was killed; resuming cuts it off
            return []
        record = json.loads(line)
        run = [record] if record["event"] == "begin" else [*run, record]
    return run if run and run[-1]["event"] == "done" else []


def figure(values):
    mean = f"{statistics.mean(values):.4f}".lstrip("0")
    if len(values) == 1:
        return mean
    return f"{mean} ± {f'{statistics.stdev(values):.4f}'.lstrip('0')}"


def main(folder):
    rows = collections.defaultdict(list)
    for path in sorted(pathlib.Path(folder).glob("*.*.*.safetensors.log")):
        kind, start, _ = path.name.removesuffix(".safetensors.log").split(".")
        run = run_of(path)
        if not run:
            continue
        seconds = sum(r["seconds"] for r in run if r["event"] in ("epoch", "refit"))
        rows[kind, start].append((run[-1], seconds))
    print("| run | weights | seeds | valid " + " | ".join(["", *METRICS]).upper() +
          " | best epoch | minutes |")
    print("|" + "---|" * (len(METRICS) + 6))
    for (kind, start), runs in rows.items():
        done = [run for run, _ in runs]
        cells = [kind, start, str(len(runs)), figure([run["best_value"] for run in done])]
        cells += [figure([run["test"][metric] for run in done]) for metric in METRICS]
        cells += [", ".join(str(run["best_epoch"]) for run in done),
                  f"{statistics.mean(s for _, s in runs) / 60:.1f}"]
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
