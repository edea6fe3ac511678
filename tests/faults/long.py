# SPDX-License-Identifier: Apache-2.0
"""The long form of all fault suites, and a table of what was done (docs/trust.md).

usage: long.py FLOW INTERPOSER S3REC LIBRARY KILLS [SUITE...]

Of every part each request for memory and each call of the system fails once. KILLS is how often the
tool is killed.
"""
import sys
import tempfile
import time

import calls
import hosts
import kills
import limits
import memory
from faults import Flow, Report


def main(program, interposer, tool, library, count, suites):
    report = Report()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        flow = Flow(program, interposer, folder)
        every = {
            "memory": lambda: memory.measure_all(report, flow, tool, folder, True),
            "calls": lambda: calls.measure(report, flow, tool, folder, True),
            "kills": lambda: kills.measure(report, flow, tool, folder, count),
            "limits": lambda: limits.measure(report, flow, tool, folder, True),
            "hosts": lambda: hosts.measure(report, flow, library, folder, True),
        }
        for name, measure in every.items():
            if not suites or name in suites:
                began = time.monotonic()
                rows += measure()
                print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    print("\n| fault | runs | failed calls or runs | kills | promises broken |")
    print("|---|---|---|---|---|")
    for row in rows:
        print("| " + " | ".join(f"{cell:,}" if isinstance(cell, int) else cell for cell in row) +
              " |")
    report.finish()


if __name__ == "__main__":
    if len(sys.argv) < 6:
        sys.exit(__doc__)
    main(*sys.argv[1:5], int(sys.argv[5]), sys.argv[6:])
