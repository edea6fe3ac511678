#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the single checks in meson's test logs.

usage: count_tests.py LOG.json...

A log has one JSON object for each test program. The summary of a program says how many
checks it made: libcheck's "100%: Checks: 5, Failures: 0, Errors: 0" or "Checks: 5
passed, 0 failed, 0 skipped". libcheck cannot skip. So under libcheck a line "SKIP: reason"
turns a passed check into a skipped one, and a line "SKIP CASE: reason" adds a skipped one. A
program without a summary is one check. A program that failed without naming a failed check is
one failure. The last line is the sum. The status is 1 if a check failed or none ran.
"""
import json
import pathlib
import re
import sys

LIBCHECK = re.compile(r"^\s*\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)", re.MULTILINE)
SUMMARY = re.compile(r"^Checks: (\d+) passed, (\d+) failed, (\d+) skipped", re.MULTILINE)
SKIP = re.compile(r"^SKIP: ", re.MULTILINE)
SKIP_CASE = re.compile(r"^SKIP CASE: ", re.MULTILINE)


def count(program):
    """(passed, failed, skipped) of one program's record."""
    output = program.get("stdout") or ""
    passed = failed = skipped = 0
    libcheck, summary = LIBCHECK.findall(output), SUMMARY.findall(output)
    for checks, failures, errors in libcheck:
        failed += int(failures) + int(errors)
        passed += int(checks) - int(failures) - int(errors)
    for good, bad, left in summary:
        passed, failed, skipped = passed + int(good), failed + int(bad), skipped + int(left)
    if libcheck:
        marks = min(len(SKIP.findall(output)) - skipped, passed)
        passed, skipped = passed - marks, skipped + marks + len(SKIP_CASE.findall(output))
    result = program["result"]
    if result == "SKIP":
        skipped = max(skipped, 1)
    elif result != "OK":
        failed = max(failed, 1)
    elif not libcheck and not summary:
        passed = 1
    return passed, failed, skipped


def main(logs):
    total = [0, 0, 0]
    for log in map(pathlib.Path, logs):
        programs = [json.loads(line) for line in log.read_text().splitlines() if line.strip()]
        counts = [count(program) for program in programs]
        sums = [sum(column) for column in zip(*counts)] or [0, 0, 0]
        total = [left + right for left, right in zip(total, sums)]
        print(f"{log.stem:24} {sums[0]:6} passed {sums[1]:4} failed {sums[2]:4} skipped")
        for program, (_, failed, skipped) in zip(programs, counts):
            if failed:
                print(f"  failed: {program['name']} ({program['result']}, {failed})")
            elif skipped:
                print(f"  skipped: {program['name']} ({skipped})")
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
