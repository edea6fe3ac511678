# SPDX-License-Identifier: Apache-2.0
"""Counts checks of a test script and prints them the way scripts/count_tests.py reads them."""
import subprocess
import sys


class Report:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, what, problem=None):
        """`problem` is a text that says what is wrong, or nothing when all is well."""
        if problem:
            self.failed += 1
            print(f"FAIL: {what}\n{problem}")
        else:
            self.passed += 1
            print(f"ok: {what}")

    def skip(self, reason):
        self.skipped += 1
        print(f"SKIP: {reason}")

    def finish(self):
        print(f"Checks: {self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        sys.exit(1 if self.failed or not self.passed + self.skipped else 0)


def run(command, **options):
    """Standard output of a command; its failure is an exception that shows what it wrote."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: status {done.returncode}\n"
                           f"{done.stdout}{done.stderr}")
    return done.stdout


def problem_of(command, **options):
    """What went wrong with a command, or None."""
    try:
        run(command, **options)
    except (RuntimeError, OSError) as error:
        return str(error)
    return None
