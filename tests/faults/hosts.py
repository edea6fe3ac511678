# SPDX-License-Identifier: Apache-2.0
"""The library in hosts that are not plain: modes, locales, stacks, timers, fork, C++.

usage: hosts.py FLOW INTERPOSER LIBRARY [all]
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from faults import FUSED, Flow, Report
from compiling import problem_of_compiling

ROOT = pathlib.Path(__file__).resolve().parents[2]

SAMPLE = [("events", 1), ("dataset", 1), ("model", 1), ("hostile", 1), ("pretrain", 2),
          ("sampled_ce", 2), ("finetune_run", 2), ("train", 1), ("scorer", 1), ("recommender", 2)]
MODES = ["upward", "downward", "toward_zero"]
LOCALES = {"de_DE": "a decimal comma", "tr_TR": "other small letters",
           "ps_AF": "a decimal point of two bytes"}
TIMERS = ["alarm", "alarm,sigaltstack", "prof", "prof,sigaltstack"]


class Hosts:
    def __init__(self, report, flow):
        self.report = report
        self.flow = flow
        self.digests = {}
        self.runs = self.wrong = 0

    def plain(self, part, threads):
        if (part, threads) not in self.digests:
            self.digests[part, threads] = self.flow.plain(part, threads).stdout.split()
        return self.digests[part, threads]

    def run(self, part, threads, host, expected=None, environment=None):
        """The digest of a part in a host. With `expected` it must be that."""
        done = subprocess.run([self.flow.program, "host", self.flow.files, self.flow.work, part,
                               str(threads), str(FUSED), host], capture_output=True, text=True,
                              env=environment)
        digests = sorted(set(done.stdout.split()))
        problem = ""
        if done.returncode != 0:
            problem = f"  status {done.returncode}\n{done.stderr}"
        elif expected is not None and digests != expected:
            problem = f"  the bits are {digests}, not {expected}"
        self.count(f"{host}: {part}, threads {threads}", problem)
        return digests

    def count(self, what, problem):
        self.runs += 1
        self.wrong += bool(problem)
        self.report.check(what, problem)

    def modes(self, parts):
        """Other modes than those that programs begin with may give other bits, but the same at
        every thread count; the flow checks that they stay and that scans agree."""
        for part, threads in parts:
            for mode in ["ftz", *MODES]:
                digests = self.run(part, threads, mode)
                if threads == 2:
                    self.run(part, 1, mode, digests)

    def locales(self, parts, folder):
        if not shutil.which("localedef"):
            self.report.skip("locales: no localedef to make them")
            return
        environment = dict(os.environ, LOCPATH=str(folder))
        for name, what in LOCALES.items():
            made = subprocess.run(["localedef", "--no-archive", "-i", name, "-f", "UTF-8",
                                   folder / f"{name}.UTF-8"], capture_output=True, text=True)
            if not (folder / f"{name}.UTF-8/LC_NUMERIC").exists():
                self.report.skip(f"{name}, {what}: {made.stderr.strip()[:200]}")
                continue
            for part, threads in parts:
                for call in ("locale", "uselocale"):
                    self.run(part, threads, f"{call}={name}.UTF-8", self.plain(part, threads),
                             environment)

    def rest(self, parts):
        for part, threads in parts:
            self.run(part, threads, "stack=64", self.plain(part, threads))
            if threads == 2 or part == "scorer":
                for timer in TIMERS:
                    self.run(part, threads, timer, self.plain(part, threads))
        self.run("finetune_run", 2, "exec", self.plain("finetune_run", 2))
        self.run("model", 1, "fork")
        self.run("model", 1, "mapped")


    def cxx(self, library, folder):
        """A host in C++ that allows neither exceptions nor a failing operator new."""
        found = [name for name in ("g++", "clang++") if shutil.which(name)]
        if not found:
            self.report.skip("a C++ host: no C++ compiler")
        for compiler in found:
            program = pathlib.Path(folder, f"host-{compiler}")
            problem = problem_of_compiling(
                [compiler, "-std=c++17", "-fno-exceptions", "-Wall", "-Wextra", "-Werror",
                 f"-I{ROOT / 'include'}"], ["host.cpp"], program,
                [library, f"-Wl,-rpath,{pathlib.Path(library).resolve().parent}"],
                ROOT / "tests/faults")
            if not problem:
                done = subprocess.run([program, self.flow.files / "data.txt"], capture_output=True,
                                      text=True)
                problem = done.returncode != 0 and f"  status {done.returncode}\n{done.stderr}"
            self.count(f"a C++ host, {compiler}", problem)


def measure(report, flow, library, folder, every):
    hosts = Hosts(report, flow)
    parts = flow.parts() if every else SAMPLE
    made = pathlib.Path(folder, "locales")
    made.mkdir()
    hosts.modes(parts)
    hosts.locales(parts, made)
    hosts.rest(parts)
    hosts.cxx(library, folder)
    return [("hosts of other modes, locales, stacks, timers", hosts.runs, 0, 0, hosts.wrong)]


def main(program, interposer, library, every):
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        measure(report, Flow(program, interposer, folder), library, folder, every)
    report.finish()


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    main(*sys.argv[1:4], sys.argv[4:] == ["all"])
