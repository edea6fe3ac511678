# SPDX-License-Identifier: Apache-2.0
"""Random programs crash and hang nothing: the short form of fuzz_api.py, with fixed seeds."""
from __future__ import annotations

import os
import pathlib
import subprocess
import sys

FUZZER = pathlib.Path(__file__).with_name("fuzz_api.py")
PROGRAMS = 100


def test_random_programs() -> None:
    """S3REC_FUZZ_SECONDS lets them go on for longer, with other seeds."""
    seconds = os.environ.get("S3REC_FUZZ_SECONDS")
    length = ["--seconds", seconds, "--seed", "10000"] if seconds else [
        "--programs", str(PROGRAMS)]
    done = subprocess.run([sys.executable, str(FUZZER), *length], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stdout
    from fuzz_program import reachable

    called = {words[1]: int(words[3]) for words in map(str.split, done.stdout.splitlines())
              if words[0] == "member"}
    assert [name for name in reachable() if name not in called] == []
    # Most have succeeded too: the arguments are not all nonsense.
    assert sum(map(bool, called.values())) > 0.7 * len(called), called
