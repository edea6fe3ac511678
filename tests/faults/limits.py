# SPDX-License-Identifier: Apache-2.0
"""Limits of a process: address space, descriptors, stack, file size; and missing standard streams.

usage: limits.py FLOW INTERPOSER S3REC [all]

Each run ends with success, or with a status and a text; never by a signal.
"""
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile

from faults import FUSED, Flow, Report
from training import Training, spread

STREAMS = ("stdin", "stdout", "stderr")
KIB, MIB = 1 << 10, 1 << 20
PARTS = [("events", 1), ("model", 1), ("pretrain", 2), ("finetune_run", 2), ("recommender", 2),
         ("train", 1)]
REACH = 96 * MIB  # above what a program needs to start; two threads have room within it


class Limits:
    def __init__(self, report, flow, training):
        self.report = report
        self.flow = flow
        self.training = training
        self.rows = []

    def flow_run(self, part, threads, **options):
        return subprocess.run([self.flow.program, "plain", self.flow.files, self.flow.work, part,
                               str(threads), str(FUSED)], capture_output=True, text=True, **options)

    def tool_run(self, *arguments, **options):
        return subprocess.run([self.training.tool, *arguments], capture_output=True, text=True,
                              cwd=self.training.folder, **options)

    def commands(self):
        """(what, function that runs it) of everything that is run under limits."""
        for part, threads in PARTS:
            yield (f"{part}, threads {threads}",
                   lambda part=part, threads=threads, **more: self.flow_run(part, threads, **more))
        for threads in ("1", "2"):
            yield f"tool, threads {threads}", lambda threads=threads, **more: self.tool_run(
                "finetune", *self.training.data, *self.training.run_options, "--threads", threads,
                *self.training.outputs, **more)
        model = str(self.flow.files / "named.safetensors")
        yield "tool, evaluate", lambda **more: self.tool_run(
            "evaluate", *self.training.data, "--model", model, **more)

    def sweep(self, what, name, values, **more):
        """Everything under each value of a limit."""
        runs = failures = wrong = 0
        for title, command in self.commands():
            problems = []
            for value in values:
                self.training.clear()
                done = command(preexec_fn=lambda value=value: resource.setrlimit(
                    name, (value, value)), **more)
                runs += 1
                failures += done.returncode != 0
                if done.returncode < 0 or (done.returncode != 0 and not done.stderr):
                    problems.append(f"  {value}: status {done.returncode} {done.stderr!r}")
            wrong += len(problems)
            self.report.check(f"{what}: {title} ({len(values)} limits)", "\n".join(problems))
        self.rows.append((what, runs, failures, 0, wrong))

    def least_address_space(self):
        """The first limit under which the programs start."""
        for limit in range(8 * MIB, 1024 * MIB, MIB):
            def set_limit(limit=limit):
                resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            started = [subprocess.run([program, option], preexec_fn=set_limit,
                                      capture_output=True).returncode == 0
                       for program, option in ((self.flow.program, "parts"),
                                               (self.training.tool, "--version"))]
            if all(started):
                return limit
        raise RuntimeError("no limit under which the programs start")

    def streams(self):
        """Without standard streams no file is taken for one of them."""
        self.training.clear()
        self.training.start()
        whole = self.training.results()
        wrong = 0
        for closed in range(1, 8):
            def close(closed=closed):
                for descriptor in range(3):
                    if closed >> descriptor & 1:
                        os.close(descriptor)
            self.training.clear()
            done = subprocess.run(
                [self.training.tool, "finetune", *self.training.data, *self.training.run_options,
                 *self.training.outputs], preexec_fn=close, cwd=self.training.folder,
                **{name: subprocess.DEVNULL for bit, name in enumerate(STREAMS)
                   if not closed >> bit & 1})
            names = [name for bit, name in enumerate(STREAMS) if closed >> bit & 1]
            problem = ""
            if done.returncode < 0:
                problem = f"  status {done.returncode}"
            elif whole != self.training.results_or_text():
                problem = "  other bits or another log"
            wrong += bool(problem)
            self.report.check(f"closed: {', '.join(names)}", problem)
        self.rows.append(("closed standard streams", 7, 0, 0, wrong))


def measure(report, flow, tool, folder, every):
    run = pathlib.Path(folder, "limits")
    run.mkdir()
    limits = Limits(report, flow, Training(flow, tool, run))
    least = limits.least_address_space()
    count = 192 if every else 8
    limits.sweep("address space", resource.RLIMIT_AS,
                 [least + REACH * (step - 1) // count for step in spread(count, count)])
    # The programs themselves need descriptor 3 to start.
    limits.sweep("descriptors", resource.RLIMIT_NOFILE, range(4, 21, 1 if every else 4))
    limits.sweep("stack", resource.RLIMIT_STACK, [64 * KIB, 256 * KIB])
    limits.sweep("file size", resource.RLIMIT_FSIZE,
                 [64 * step for step in range(0, 400, 4 if every else 100)],
                 restore_signals=False)
    limits.streams()
    return limits.rows


def main(program, interposer, tool, every):
    report = Report()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with tempfile.TemporaryDirectory() as folder:
        measure(report, Flow(program, interposer, folder), tool, folder, every)
    report.finish()


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    main(*sys.argv[1:4], sys.argv[4:] == ["all"])
