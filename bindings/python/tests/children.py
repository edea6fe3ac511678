# SPDX-License-Identifier: Apache-2.0
"""Runs programs in processes of their own, which may crash or hang."""
from __future__ import annotations

import subprocess
import sys
import tempfile

HANG = 600

PRELUDE = """
import os, signal, sys, threading, time, warnings
warnings.simplefilter("ignore")  # of Python 3.12, about fork beside threads
import numpy as np
import s3rec

data = s3rec.Dataset.from_events(user=["u%d" % (i // 8) for i in range(800)],
                                 item=["x%d" % ((i * 7 + i // 8) % 60) for i in range(800)])
model = s3rec.Model.create(data, hidden_size=16, hidden_dropout_prob=0.1,
                           attention_probs_dropout_prob=0.1)

def together(count, work):
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

def in_child(work):
    child = os.fork()
    if child == 0:
        code = 3
        try:
            work()
            code = 0
        except s3rec.StateError:
            code = 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""


def run(script: str) -> str:
    with tempfile.TemporaryDirectory() as folder:  # for files of random calls
        found = subprocess.run(
            [sys.executable, "-X", "faulthandler", "-c", PRELUDE + script], cwd=folder,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG)
    assert found.returncode == 0, (found.returncode, found.stderr)
    return found.stdout
