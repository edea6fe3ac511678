# SPDX-License-Identifier: Apache-2.0
"""A fine-tuning of the tool that can be made to fail, killed and resumed."""
import json
import os
import pathlib
import subprocess
import sys

from faults import MODES

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from tool import SMALL, entries  # noqa: E402


class Training:
    def __init__(self, flow, tool, folder):
        self.flow = flow
        self.tool = str(pathlib.Path(tool).resolve())
        self.folder = pathlib.Path(folder)
        self.data = ["--data", str(flow.files), "--name", "data"]
        self.run_options = [*SMALL, "--recipe", "paper", "--batch-size", "20", "--epochs", "3"]
        self.outputs = ["--out", "out.safetensors", "--log", "run.log"]

    def start(self, faults=None):
        resume = ["--resume", "out.safetensors.state"]
        given = resume if (self.folder / resume[1]).exists() else self.run_options
        return self.call("finetune", *self.data, *given, *self.outputs, faults=faults)

    def call(self, *arguments, faults=None):
        environment = dict(os.environ)
        if faults:
            environment |= {"LD_PRELOAD": self.flow.interposer, "S3_FAULTS": faults}
        return subprocess.run([self.tool, *arguments], cwd=self.folder, capture_output=True,
                              text=True, env=environment)

    def clear(self):
        for path in self.folder.iterdir():
            path.unlink()

    def temporaries(self):
        return sorted(path.name for path in self.folder.iterdir()
                      if "s3rec-" in path.name or path.name.endswith(".tmp"))

    def results(self):
        return ([(self.folder / name).read_bytes()
                 for name in ("out.safetensors", "out.safetensors.state")],
                entries(self.folder / "run.log"))

    def results_or_text(self):
        """The results; a text where a file cannot be read."""
        try:
            return self.results()
        except (OSError, ValueError) as error:
            return str(error)

    def count(self, well, mask):
        """How many requests of these kinds a run makes."""
        self.clear()
        report = self.folder.parent / "report.txt"
        done = self.start(f"{well} {mask} 1 5 {MODES['none']} 0 0 {report}")
        if done.returncode != 0:
            raise RuntimeError(f"the run without faults: {done.returncode}\n{done.stderr}")
        return int(report.read_text().split()[0 if well == "memory" else 2])

    def problems(self, whole):
        """What is wrong after a kill: in the files as they are, and after the run was resumed."""
        for name in ("out.safetensors", "out.safetensors.state"):
            if (self.folder / name).exists() and self.call("info", name).returncode != 0:
                yield f"{name} does not load: {self.call('info', name).stderr}"
        log = self.folder / "run.log"
        for line in (log.read_text() if log.exists() else "").splitlines(keepends=True):
            if line.endswith("\n") and not is_json(line):
                yield f"the log has the line {line!r}"
        left = self.temporaries()
        if len(left) > 2:
            yield f"temporary files: {left}"
        if not (self.folder / "out.safetensors.state").exists():
            log.unlink(missing_ok=True)  # nothing to resume: the run begins anew
        done = self.start()
        if done.returncode != 0:
            yield f"resumed: status {done.returncode}\n{done.stderr}"
        elif self.results() != whole:
            yield "the resumed run ends with other bits or another log"
        if self.temporaries():
            yield f"left after the resumed run: {self.temporaries()}"


def is_json(line):
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def spread(most, total):
    """Up to `most` numbers of 1..total."""
    return [1 + place * total // most for place in range(most)] if most < total else range(
        1, total + 1)


def tool_problem(training, done, whole, invisible=False):
    """What is wrong with a run of the tool under a fault."""
    if done.returncode < 0 or (done.returncode != 0 and not done.stderr):
        return f"  status {done.returncode} {done.stderr!r}"
    if done.returncode == 0:
        same = training.results_or_text() == whole
        return "" if same else "  success with other bits or another log"
    if invisible:
        return f"  status {done.returncode}: {done.stderr}"
    return "\n".join(training.problems(whole))


def measure_faults(report, training, name, numbers, faults, whole, invisible=False):
    """One training for each number, with the fault that `faults` makes of it, and a check of all.
    A row for the table of the long form."""
    failures, problems = 0, []
    for at in numbers:
        training.clear()
        done = training.start(faults(at))
        failures += done.returncode != 0
        problem = tool_problem(training, done, whole, invisible)
        if problem:
            problems.append(f"  number {at}: {problem}")
    if numbers:
        report.check(f"tool: {name} ({len(numbers)} runs, {failures} failed)", "\n".join(problems))
    return (f"tool: {name}", len(numbers), failures, 0, len(problems))
