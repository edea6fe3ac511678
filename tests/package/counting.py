# SPDX-License-Identifier: Apache-2.0
"""scripts/count_tests.py counts what it should: above all, nothing that failed as passed."""
import json
import pathlib
import subprocess
import sys
import tempfile

from report import Report

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts/count_tests.py"
LIBCHECK = "100%: Checks: 5, Failures: 0, Errors: 0\n"

# (what, programs of a log as (result, output), last line, status)
CASES = [
    ("libcheck's own numbers", [("OK", LIBCHECK)], "5 passed, 0 failed, 0 skipped", 0),
    ("failures and errors", [("FAIL", "40%: Checks: 5, Failures: 2, Errors: 1\n")],
     "2 passed, 3 failed, 0 skipped", 1),
    ("a skipped check is none that passed", [("OK", "SKIP: no folder\n" + LIBCHECK)],
     "4 passed, 0 failed, 1 skipped", 0),
    ("a case skipped within a check", [("OK", "SKIP CASE: no avx512\n" + LIBCHECK)],
     "5 passed, 0 failed, 1 skipped", 0),
    ("a script's own numbers", [("OK", "SKIP: x\nChecks: 2 passed, 0 failed, 1 skipped\n")],
     "2 passed, 0 failed, 1 skipped", 0),
    ("two programs", [("OK", LIBCHECK), ("OK", "Checks: 2 passed, 0 failed, 1 skipped\n")],
     "7 passed, 0 failed, 1 skipped", 0),
    ("no summary is one check", [("OK", "hello\n")], "1 passed, 0 failed, 0 skipped", 0),
    ("a crash after good checks", [("FAIL", LIBCHECK)], "5 passed, 1 failed, 0 skipped", 1),
    ("out of time", [("TIMEOUT", "")], "0 passed, 1 failed, 0 skipped", 1),
    ("skipped as a whole", [("SKIP", "")], "0 passed, 0 failed, 1 skipped", 1),
    ("nothing ran", [], "0 passed, 0 failed, 0 skipped", 1),
    ("an unknown result", [("STRANGE", LIBCHECK)], "5 passed, 1 failed, 0 skipped", 1),
]


def main():
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder, "log.json")
        for what, programs, line, status in CASES:
            log.write_text("".join(json.dumps({"name": "x", "result": result, "stdout": output}) +
                                   "\n" for result, output in programs))
            done = subprocess.run([sys.executable, SCRIPT, log], capture_output=True, text=True)
            last = (done.stdout.splitlines() or [""])[-1]
            report.check(what, (last, done.returncode) != (line, status) and
                         f"  got '{last}', status {done.returncode}\n{done.stderr}")
    report.finish()


if __name__ == "__main__":
    main()
