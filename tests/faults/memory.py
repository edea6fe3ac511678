# SPDX-License-Identifier: Apache-2.0
"""Memory fails everywhere in the process, dependencies included, while the library's calls run.

usage: memory.py FLOW INTERPOSER S3REC [all]

Of each part of the flow: the n-th request fails; the n-th and all that follow; each with some
chance. Without `all` a sample of n is taken. The same in a training of the tool.
"""
import pathlib
import sys
import tempfile

from faults import ALL, MODES, Flow, Report, problems_of, table_row
from training import Training, measure_faults, spread

SAMPLE = {"once": 60, "from": 20, "chance": 16}
EVERY = {"once": ALL, "from": ALL, "chance": 400}
WHAT = {"once": "the n-th request fails", "from": "the n-th and all that follow fail",
        "chance": "requests fail by chance"}


def measure(report, flow, most):
    """Rows for the table of the long form."""
    outcomes = {mode: [] for mode in most}
    for part, threads in flow.parts():
        for mode, count in most.items():
            outcome = flow.sweep(part, threads, "memory", mode, count)
            outcomes[mode].append(outcome)
            report.check(f"{part}, threads {threads}: {WHAT[mode]} ({outcome['runs']} runs, "
                         f"{outcome['failures']} calls failed)", problems_of(outcome))
    report.skip("memory fails with the backend onednn: oneDNN ends the process (docs/embedding.md)")
    return [table_row(f"memory: {WHAT[mode]}", outcomes[mode]) for mode in most]


def measure_tool(report, training, most):
    numbers = spread(most, training.count("memory", 0))
    whole = training.results()
    return [measure_faults(report, training, f"memory, {WHAT[mode]}", numbers,
                           f"memory 0 0 0 {MODES[mode]} {{}} 0 /dev/null".format, whole)
            for mode in ("once", "from")]


def measure_all(report, flow, tool, folder, every):
    run = pathlib.Path(folder, "memory")
    run.mkdir()
    rows = measure(report, flow, EVERY if every else SAMPLE)
    return rows + measure_tool(report, Training(flow, tool, run), 2000 if every else 30)


def main(program, interposer, tool, every):
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        measure_all(report, Flow(program, interposer, folder), tool, folder, every)
    report.finish()


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    main(*sys.argv[1:4], sys.argv[4:] == ["all"])
