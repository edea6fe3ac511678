# SPDX-License-Identifier: Apache-2.0
"""Memory that fails below a call becomes MemoryError: the short form of memory_program.py.

S3REC_INTERPOSER names the library of tests/faults that makes it fail. With CPython's own small
objects left alone (as is its default: they come from its arenas) the process must not end.
"""
from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import pytest

HANG = 600  # seconds, far beyond what a flow takes on a machine under load


@pytest.mark.parametrize("mode, at, rounds", [
    ("once", 1, 24), ("from", 40, 3), ("chance", 20, 12), ("chance", 100, 8), ("chance", 1000, 8)])
def test_memory_fails(mode: str, at: int, rounds: int, tmp_path: pathlib.Path) -> None:
    interposer = os.environ.get("S3REC_INTERPOSER")
    if interposer is None:
        pytest.skip("S3REC_INTERPOSER does not name the library that makes memory fail")
    program = pathlib.Path(__file__).with_name("memory_program.py")
    environment = {**os.environ, "LD_PRELOAD": interposer}
    environment.pop("PYTHONMALLOC", None)
    found = subprocess.run(
        [sys.executable, str(program), str(tmp_path), mode, str(at), "1", str(rounds)],
        capture_output=True, text=True, timeout=HANG, env=environment)
    counts = re.fullmatch(rf"rounds {rounds} requests \d+ faults (\d+) calls \d+ failed \d+\n",
                          found.stdout)
    assert found.returncode == 0 and counts is not None, (found.returncode, found.stdout,
                                                          found.stderr)
    assert int(counts[1]) > 0
