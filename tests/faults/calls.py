# SPDX-License-Identifier: Apache-2.0
"""Calls of the system fail while the library and the tool run: full disks, broken disks, signals.

usage: calls.py FLOW INTERPOSER S3REC [all]

A call that failed says why, and files are the old ones or the new ones, whole. What is only
interrupted or done by half has no effect at all.
"""
import pathlib
import sys
import tempfile

from faults import ACTIONS, ALL, ERRORS, MODES, Flow, Report, kinds, problems_of, table_row
from training import Training, measure_faults, spread

WRITING = "open write sync rename close mode truncate"
# (name, errno, kinds, action, modes, whether nothing may be seen of it)
CASES = [
    ("ENOSPC", WRITING, "error", ("once", "from", "chance"), False),
    ("EDQUOT", WRITING, "error", ("once",), False),
    ("EIO", WRITING + " read stat map lock flush", "error", ("once", "from", "chance"), False),
    ("EMFILE", "open", "error", ("once", "from"), False),
    ("ENOMEM", "open stat map", "error", ("once", "from"), False),
    ("EAGAIN", "thread", "error", ("once", "from"), False),
    ("ENOSYS", "random", "error", ("from",), True),
    ("EINTR", "open read write sync close truncate lock random", "error", ("once", "chance"), True),
    ("short", "read write", "short", ("once", "from"), True),
]
PARTS = [("events", 1), ("dataset", 1), ("model", 1), ("pretrain", 2), ("pretrain_run", 1),
         ("finetune_run", 2), ("train", 2), ("scorer", 1), ("recommender", 2), ("evaluate", 2)]
SAMPLE = {"once": 10, "from": 4, "chance": 4}
EVERY = {"once": ALL, "from": ALL, "chance": 100}


def measure_flow(report, flow, most):
    rows = []
    for error, names, action, modes, invisible in CASES:
        outcomes = []
        for part, threads in PARTS:
            for mode in modes:
                outcome = flow.sweep(part, threads, "calls", mode, most[mode], kinds(names),
                                     ACTIONS[action], ERRORS.get(error, 0), int(invisible))
                outcomes.append(outcome)
                if outcome["requests"]:
                    report.check(f"{part}, threads {threads}: {error}, {mode} ({outcome['runs']} "
                                 f"runs, {outcome['failures']} calls failed)", problems_of(outcome))
        rows.append(table_row(f"{error} at {names}", outcomes))
    return rows


def measure_tool(report, training, most):
    rows = []
    for error, names, action, modes, invisible in CASES:
        numbers = spread(most, training.count("calls", kinds(names)))
        whole = training.results()
        fault = f"calls {kinds(names)} {ACTIONS[action]} {ERRORS.get(error, 0)} {MODES['once']}"
        rows.append(measure_faults(report, training, f"{error} at {names}", numbers,
                                   f"{fault} {{}} 0 /dev/null".format, whole, invisible))
    return rows


def measure(report, flow, tool, folder, every):
    run = pathlib.Path(folder, "calls")
    run.mkdir()
    rows = measure_flow(report, flow, EVERY if every else SAMPLE)
    return rows + measure_tool(report, Training(flow, tool, run), 200 if every else 8)


def main(program, interposer, tool, every):
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        measure(report, Flow(program, interposer, folder), tool, folder, every)
    report.finish()


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    main(*sys.argv[1:4], sys.argv[4:] == ["all"])
