# SPDX-License-Identifier: Apache-2.0
"""Runs the command line tool and reads what it wrote."""
import json
import pathlib
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "package"))
from report import Report  # noqa: E402

# A network that trains in no time.
SMALL = ["--hidden-size", "16", "--num-hidden-layers", "1", "--num-attention-heads", "2",
         "--max-seq-length", "20"]


class Tool:
    def __init__(self, binary, folder):
        self.binary = str(pathlib.Path(binary).resolve())
        self.catalogue = str(pathlib.Path(self.binary).parents[1] /
                             "examples/catalogue/s3rec-catalogue")
        self.folder = pathlib.Path(folder)
        self.report = Report()

    def data(self, name="small"):
        return ["--data", str(self.folder), "--name", name]

    def path(self, name):
        return self.folder / name

    def run(self, *arguments, program=None):
        return subprocess.run([program or self.binary, *map(str, arguments)], capture_output=True,
                              text=True, cwd=self.folder)

    def generate(self, name, *options):
        """Makes up data files."""
        self.good(f"generate {name}", "generate", *self.data(name), *options,
                  program=self.catalogue)

    def good(self, what, *arguments, program=None):
        """Runs a command that must succeed; its standard output."""
        done = self.run(*arguments, program=program)
        self.report.check(what, done.returncode != 0 and f"  status {done.returncode}\n"
                          f"{done.stdout}{done.stderr}")
        return done.stdout

    def json(self, what, *arguments):
        """The objects that a command prints with --json, one a line."""
        output = self.good(what, *arguments, "--json")
        try:
            return [json.loads(line) for line in output.split("\n") if line]
        except ValueError as error:
            self.report.check(f"{what}: JSON", f"  {error}\n{output}")
            return [{}]

    def refused(self, what, status, pattern, *arguments, program=None):
        """A command must end with `status`, say what the pattern says, and print no result."""
        done = self.run(*arguments, program=program)
        problems = ""
        if done.returncode != status:
            problems += f"  status {done.returncode}, not {status}\n"
        if not re.search(pattern, done.stderr):
            problems += f"  no '{pattern}' in the message\n"
        self.report.check(what, problems and f"{problems}{done.stdout}{done.stderr}")

    def equal(self, what, left, right):
        self.report.check(what, left != right and f"  {left!r}\n  {right!r}")

    def sequences(self, name="small"):
        lines = self.path(f"{name}.txt").read_text().splitlines()
        return [list(map(int, line.split()))[1:] for line in lines]

    def names(self, name="small"):
        head, *rows = self.path(f"{name}_names.tsv").read_text().splitlines()
        columns = head.split("\t")
        return {int(row.split("\t")[0]): dict(zip(columns, row.split("\t"))) for row in rows}


def metrics_of(ranks):
    """Hit rates and MRR by their definition; -1 is a skipped user."""
    ranks = [rank for rank in ranks if rank >= 0]
    found = {f"hr@{k}": sum(rank < k for rank in ranks) / len(ranks) for k in (1, 5, 10, 20)}
    found["mrr"] = sum(1 / (rank + 1) for rank in ranks) / len(ranks)
    found["users"] = len(ranks)
    return found


def close(metrics, expected):
    """What differs by more than rounding, or None."""
    wrong = [f"  {name}: {metrics.get(name)} is not {value}" for name, value in expected.items()
             if not abs(metrics.get(name, -1) - value) <= 1e-12]
    return "\n".join(wrong)


def interrupt(tool, arguments, after, pause, number=signal.SIGINT, phase="epoch"):
    """Starts training, sends a signal `pause` seconds after the line of epoch `after` of the phase;
    (status, stderr)."""
    process = subprocess.Popen([tool.binary, *arguments], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True, cwd=tool.folder)
    text = ""
    for line in process.stderr:
        text += line
        if line.startswith(f"{phase} {after}/"):
            time.sleep(pause)
            process.send_signal(number)
            break
    text += process.stderr.read()
    return process.wait(), text


def entries(path):
    """The parts of a log that must not depend on when and where it was written."""
    return [{key: value for key, value in json.loads(line).items()
             if "second" not in key and key not in ("model", "state")}
            for line in path.read_text().splitlines()]
