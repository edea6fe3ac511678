# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at calls of the system that write: before the call, in the middle of a write, after it.

usage: kills.py FLOW INTERPOSER S3REC [COUNT]

Of the tool's training and of the library's saves. After a kill all files load, a resumed run ends
with the bits of one that was not killed, its log is the same, and no temporary file is left.
"""
import pathlib
import sys
import tempfile

from faults import ACTIONS, ALL, MODES, Flow, Report, kinds, problems_of, table_row
from training import Training, spread

KILLS = ("kill before", "kill half", "kill after")
POINTS = kinds("open write sync rename close mode truncate unlink lock flush")
SAVES = ["model", "pretrain", "pretrain_run", "finetune_run"]


def kill_tool(report, training, most):
    total = training.count("calls", POINTS)
    whole = training.results()
    report.check("the run without a kill leaves no temporary file", training.temporaries())
    kills = wrong = 0
    for action in KILLS:
        for at in spread(most // len(KILLS), total):
            training.clear()
            done = training.start(f"calls {POINTS} {ACTIONS[action]} 0 {MODES['once']} {at} 0 "
                                  "/dev/null")
            killed = done.returncode == -9
            kills += killed
            problem = f"  status {done.returncode}"
            if killed:
                problem = "\n".join(training.problems(whole))
            wrong += bool(problem)
            report.check(f"tool: {action} call {at} of {total}", problem)
    return "SIGKILL: the tool's training", kills, 0, kills, wrong


def kill_saves(report, flow, most):
    outcomes = []
    for part in SAVES:
        for action in KILLS:
            outcome = flow.sweep(part, 1, "calls", "once", most, POINTS, ACTIONS[action], 0, 0)
            outcomes.append(outcome)
            report.check(f"{part}: {action} ({outcome['kills']} kills)", problems_of(outcome))
    return table_row("SIGKILL: the library's saves", outcomes)


def measure(report, flow, tool, folder, count):
    run = pathlib.Path(folder, "run")
    run.mkdir()
    rows = [kill_tool(report, Training(flow, tool, run), count)]
    return rows + [kill_saves(report, flow, 4 if count < 100 else ALL)]


def main(program, interposer, tool, count):
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        measure(report, Flow(program, interposer, folder), tool, folder, count)
    report.finish()


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    main(*sys.argv[1:4], int(sys.argv[4]) if len(sys.argv) == 5 else 30)
