# SPDX-License-Identifier: Apache-2.0
"""Memory fails everywhere in the process, dependencies included, while the library's calls run.

usage: memory.py FLOW INTERPOSER [all]

Of each part of the flow: the n-th request fails; the n-th and all that follow; each with some
chance. Without `all` a sample of n is taken.
"""
import sys
import tempfile

from faults import ALL, Flow, Report, problems_of, table_row

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


def main(program, interposer, every):
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        flow = Flow(program, interposer, folder)
        measure(report, flow, EVERY if every else SAMPLE)
    report.finish()


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3:] == ["all"])
