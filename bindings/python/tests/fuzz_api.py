# SPDX-License-Identifier: Apache-2.0
"""Random programs over the whole public interface: only exceptions may come out of them.

usage: fuzz_api.py [--seed N] [--programs N] [--seconds N] [--one]

Every seed is a program. It calls what s3rec.__all__ and its classes have, found by inspection,
with arguments that fit the annotations and others that do not: closed and half-made objects, wrong
types, subclasses that lie, huge numbers, arrays of every kind. It also deletes and sets attributes,
copies and pickles, derives classes, raises in callbacks and signal handlers, abandons generators,
forks, and does all of that in several threads at once.

The programs run in processes of their own. When one crashes, hangs or lets another exception out
than those that fuzz_program.py accepts, the seed is told and the status is 1. --one runs programs
in this process, for a debugger. With a library of -Db_sanitize=address, in S3REC_LIBRARY, and
LD_PRELOAD=libasan.so they find what a crash does not show.
"""
from __future__ import annotations

import argparse
import faulthandler
import os
import resource
import subprocess
import sys
import tempfile
import time

HANG = 900  # seconds that one program never takes
MEMORY = 6 << 30
AT_ONCE = 25  # programs of one process


def supervise(arguments: argparse.Namespace) -> int:
    """Runs programs in processes until time or number are used up."""
    seed, until = arguments.seed, time.monotonic() + arguments.seconds
    last = None if arguments.programs is None else seed + arguments.programs
    totals: dict[str, list[int]] = {}
    while (last is None or seed < last) and (not arguments.seconds or time.monotonic() < until):
        count = AT_ONCE if last is None else min(AT_ONCE, last - seed)
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as log:
            status = subprocess.run(
                [sys.executable, os.path.abspath(__file__), "--one", "--seed", str(seed),
                 "--programs", str(count)], cwd=folder, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, check=False).returncode
            log.seek(0)
            text = log.read()
        for words in map(str.split, text.splitlines()):
            if words and words[0] == "member":
                found = totals.setdefault(words[1], [0, 0])
                found[0], found[1] = found[0] + int(words[2]), found[1] + int(words[3])
        if status or "all programs ended" not in text:
            lines = text.splitlines()
            begun = [line for line in lines if line.startswith("program ")]
            print(f"{begun[-1] if begun else 'no program'}: status {status}")
            print("\n".join(line for line in lines
                            if not line.startswith(("program ", "member ")))[-20000:])
            return 1
        seed += count
    for name, (calls, good) in sorted(totals.items()):
        print("member", name, calls, good)
    print("programs", seed - arguments.seed)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(usage=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--programs", type=int)
    parser.add_argument("--seconds", type=int, default=0)
    parser.add_argument("--one", action="store_true")
    arguments = parser.parse_args()
    if not arguments.one:
        if arguments.programs is None and not arguments.seconds:
            arguments.programs = 100
        return supervise(arguments)
    faulthandler.enable()
    if "asan" not in os.environ.get("LD_PRELOAD", ""):  # the sanitizer reserves terabytes
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    from fuzz_program import Program, report  # imports s3rec
    good = True
    for seed in range(arguments.seed, arguments.seed + (arguments.programs or 1)):
        print("program", seed, flush=True)
        faulthandler.dump_traceback_later(HANG, exit=True)
        good = Program(seed).run() and good
        faulthandler.cancel_dump_traceback_later()
        if not good:
            break
    report()
    print("all programs ended" if good else "a program failed")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
