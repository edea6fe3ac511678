# SPDX-License-Identifier: Apache-2.0
"""Memory fails in each command of the tool, from the begin of its process to the end.

usage: tool_memory.py FLOW INTERPOSER S3REC [COUNT]

COUNT, 16 without it, is how many requests of each command fail one by one; half as many runs have
requests that fail by chance. A command must end with a status, and a text where it is not 0; one
that ends well has written what it writes without a fault. Files are the old or the new ones, whole.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from faults import MODES, Flow, Report
from training import SMALL, spread

CHANCES = (1000, 100, 20)
TRAINING = [*SMALL, "--recipe", "paper", "--batch-size", "20", "--epochs", "1"]
LIMIT = 600  # seconds, for hangs only


def commands(files):
    """(name, arguments, files that it writes)."""
    data = ["--data", str(files), "--name", "data"]
    events = ["--events", str(files / "events.jsonl"), "--attributes", str(files / "items.csv")]
    trained = ["--model", "old.safetensors"]
    written = ["out.safetensors", "out.safetensors.state", "run.log"]
    outputs = ["--out", written[0], "--log", written[2]]
    return [
        ("info of a model", ["info", "old.safetensors", "--json"], []),
        ("info of a state", ["info", "old.safetensors.state"], []),
        ("info of data", ["info", *events, "--json"], []),
        ("convert", ["convert", *events, "--data", ".", "--name", "made"],
         ["made.txt", "made_item2attributes.json", "made_attributes.tsv", "made_items.tsv",
          "made_users.tsv"]),
        ("pretrain", ["pretrain", *data, *TRAINING, *outputs, "--json"], written),
        ("finetune", ["finetune", *data, *TRAINING, *outputs, "--report", "run.html"],
         [*written, "run.html"]),
        ("evaluate", ["evaluate", *data, *trained, "--json"], []),
        ("recommend", ["recommend", *data, *trained, "--user", "3", "--k", "5", "--json"], []),
        ("recommend a history",
         ["recommend", *trained, "--history", "1 2 3", "--exclude", "4"], []),
        ("report", ["report", "old.log", "--out", "page.html"], ["page.html"]),
    ]


class ToolMemory:
    def __init__(self, flow, tool, folder):
        self.flow, self.tool, self.folder = flow, str(pathlib.Path(tool).resolve()), folder
        self.counts = folder.parent / "counts.txt"
        self.runs = self.hits = self.failures = 0
        self.names = set()

    def call(self, arguments, faults=None):
        environment = dict(os.environ)
        if faults:
            mode, at, seed = faults
            environment |= {"LD_PRELOAD": self.flow.interposer,
                            "S3_FAULTS": f"memory 0 0 0 {MODES[mode]} {at} {seed} {self.counts}"}
        return subprocess.run([self.tool, *arguments], cwd=self.folder, capture_output=True,
                              timeout=LIMIT, env=environment)

    def prepare(self):
        """What commands read: a model, its state and log."""
        done = self.call(["finetune", "--data", str(self.flow.files), "--name", "data", *TRAINING,
                          "--out", "old.safetensors", "--log", "old.log"])
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode())
        (self.folder / "old.txt").write_bytes(b"old")
        self.names = {path.name for path in self.folder.iterdir()}

    def clear(self, written):
        """Puts old files where the command writes; a log goes on."""
        for path in self.folder.iterdir():
            if path.name not in self.names:
                path.unlink()
        for name in written:
            old = self.folder / ("old.log" if name.endswith(".log") else "old.txt")
            shutil.copyfile(old, self.folder / name)

    def files(self, written):
        return {name: self.normal((self.folder / name).read_bytes())
                for name in written if (self.folder / name).exists()}

    @staticmethod
    def normal(text):
        """Without what differs between runs: times."""
        return re.sub(rb'("[a-z_]*second[a-z_]*": ?)[0-9.e+-]+|[0-9.]+ ?s\b|[0-9.]+ [a-z]+/s',
                      b"", text)

    def problem(self, arguments, written, whole, faults):
        self.clear(written)
        self.counts.unlink(missing_ok=True)
        done = self.call(arguments, faults)
        self.runs += 1
        if self.counts.exists():
            self.hits += int(self.counts.read_text().split()[1])
        self.failures += done.returncode != 0
        output, files = whole
        found = self.files(written)
        if done.returncode not in (0, 1, 2, 3):
            return f"status {done.returncode}: {done.stderr.decode(errors='replace')}"
        if done.returncode != 0 and not done.stderr:
            return f"status {done.returncode} without a text"
        if done.returncode == 0 and (self.normal(done.stdout) != output or found != files):
            differs = [name for name in files if found.get(name) != files[name]]
            return f"status 0, but other results: {differs or 'output'}"
        for name, content in found.items():
            if name.endswith(".log"):
                old = self.normal((self.folder / "old.log").read_bytes())
                if not (content.startswith(old) and files[name].startswith(content)):
                    return f"{name} has other lines"
            elif content not in (b"old", files[name]) and not name.endswith(".state"):
                return f"{name} is neither old nor new"
        left = [path.name for path in self.folder.iterdir()
                if path.name not in self.names and path.name not in written]
        return f"left over: {left}" if left else ""

    def measure(self, report, count):
        for name, arguments, written in commands(self.flow.files):
            self.clear(written)
            plain = self.call(arguments, ("none", 1, 0))
            report.check(f"{name} without a fault", plain.returncode != 0 and
                         f"  status {plain.returncode}: {plain.stderr.decode()}")
            whole = self.normal(plain.stdout), self.files(written)
            requests = int(self.counts.read_text().split()[0])
            faults = [("once", at, 0) for at in spread(count, requests)]
            faults += [("chance", CHANCES[seed % 3], seed) for seed in range((count + 1) // 2)]
            before, problems = self.failures, []
            for fault in faults:
                found = self.problem(arguments, written, whole, fault)
                if found:
                    problems.append(f"  {fault[0]} {fault[1]}, seed {fault[2]}: {found}")
            report.check(f"{name}: {requests} requests, {len(faults)} runs, "
                         f"{self.failures - before} of them failed", "\n".join(problems))
        print(f"runs {self.runs}, requests that failed {self.hits}, commands that failed "
              f"{self.failures}")


def main(program, interposer, tool, count):
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        flow = Flow(program, interposer, folder)
        run = pathlib.Path(folder, "run")
        run.mkdir()
        measured = ToolMemory(flow, tool, run)
        measured.prepare()
        measured.measure(report, count)
        shutil.rmtree(run)
    report.finish()


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    main(*sys.argv[1:4], int(sys.argv[4]) if len(sys.argv) == 5 else 16)
