# SPDX-License-Identifier: Apache-2.0
"""Runs examples/end_to_end in C, C++, Python and Go on one event log: what they print and the model
files they write must be equal byte by byte.

usage: end_to_end.py S3REC SOURCE_ROOT LIBRARY C_PROGRAM [FOREIGN]
With FOREIGN the other languages may load the library, which has no sanitizer in it. Python is the
first that has numpy: S3REC_PYTHON, the one that runs this, those below build-tools.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from tool import Tool  # also makes tests/package a place to import from

from compiling import problem_of_compiling
from report import problem_of

USERS = ("viewer-1", "viewer-2", "viewer-17")
NUMBER = r"-?[\d.]+(e-\d+)?"
EXPECTED = re.compile(
    r"events \d+, kept \d+, items with attributes \d+\n"
    rf"(pretrain [12]: loss {NUMBER}, valid 0\n){{2}}"
    rf"(finetune [123]: loss {NUMBER}, valid {NUMBER}\n){{3}}"
    rf"(refit [123]: loss {NUMBER}, valid 0\n){{1,3}}"
    rf"test, \d+ users: HR@10 {NUMBER}, NDCG@10 {NUMBER}, MRR {NUMBER}\n"
    rf"(viewer-(1|2|17): [a-z0-9-]+ {NUMBER}\n){{15}}")


def python_with_numpy(root):
    named = os.environ.get("S3REC_PYTHON")
    beside = sorted((root / "build-tools").glob("*/bin/python3"))
    for python in [*([named] if named else []), sys.executable, *beside]:
        if problem_of([python, "-c", "import numpy"]) is None:
            return str(python)
    return None


def pkg_config_folder(tool, root, library):
    """A folder with the s3rec.pc of a library that is not installed."""
    folder = tool.path("pkgconfig")
    folder.mkdir()
    (folder / "s3rec.pc").write_text(
        f"Name: s3rec\nDescription: build folder\nVersion: 0\nCflags: -I{root}/include\n"
        f"Libs: -L{library.parent} -ls3rec\n")
    return folder


class Comparison:
    """Programs that must do what the first one did."""

    def __init__(self, tool):
        self.tool, self.output, self.model = tool, None, None

    def add(self, language, command, **environment):
        path = self.tool.path(f"{re.sub('[^a-z0-9]', '', language.lower())}.safetensors")
        done = subprocess.run(
            [*map(str, command), "shop_events.csv", "shop_attributes.csv", path, *USERS],
            capture_output=True, cwd=self.tool.folder, env={**os.environ, **environment})
        report = self.tool.report
        report.check(f"{language} runs", done.returncode != 0 and
                     f"  status {done.returncode}\n{done.stderr.decode(errors='replace')}")
        if done.returncode != 0:
            return
        if self.output is None:
            self.output, self.model = done.stdout, path.read_bytes()
            report.check(f"{language} prints what it should",
                         not EXPECTED.fullmatch(done.stdout.decode()) and done.stdout.decode())
            return
        report.check(f"{language} prints the same", done.stdout != self.output and
                     f"{self.output.decode()}and\n{done.stdout.decode(errors='replace')}")
        report.check(f"{language} writes the same model", path.read_bytes() != self.model and
                     "  another")


def add_cpp(comparison, root, library):
    compilers = [name for name in ("g++", "clang++") if shutil.which(name)]
    for name in compilers:
        program = comparison.tool.path(f"end_to_end_{name}")
        problem = problem_of_compiling(
            [name, "-std=c++17", "-Wall", "-Wextra", "-Werror", f"-I{root}/include"],
            [root / "examples/end_to_end.cpp"], program,
            [library, f"-Wl,-rpath,{library.parent}"])
        comparison.tool.report.check(f"C++ compiles, {name}", problem)
        if not problem:
            comparison.add(f"C++ ({name})", [program])
    if not compilers:
        comparison.tool.report.skip("C++: no compiler")


def add_python(comparison, root, library):
    python = python_with_numpy(root)
    if python is None:
        comparison.tool.report.skip("Python: no numpy")
        return
    comparison.add("Python", [python, root / "examples/end_to_end.py"],
                   PYTHONPATH=str(root / "bindings/python"), S3REC_LIBRARY=str(library))


def add_go(comparison, root, library):
    tool = comparison.tool
    if not shutil.which("go") or not shutil.which("pkg-config"):
        tool.report.skip("Go: not installed")
        return
    program = tool.path("end_to_end_go")
    environment = {**os.environ, "GOPROXY": "off", "GOFLAGS": "", "CGO_ENABLED": "1",
                   "PKG_CONFIG_PATH": str(pkg_config_folder(tool, root, library))}
    for what in (["vet"], ["build", "-o", str(program)]):
        problem = problem_of(["go", *what, "./end_to_end"], cwd=root / "examples/go",
                             env=environment)
        tool.report.check(f"go {what[0]}", problem)
        if problem:
            return
    comparison.add("Go", [program], LD_LIBRARY_PATH=str(library.parent))


def main(binary, root, library, c_program, foreign):
    root, library = pathlib.Path(root).resolve(), pathlib.Path(library).resolve()
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(binary, folder)
        tool.generate("shop", "--events", "--users", "200", "--items", "300")
        comparison = Comparison(tool)
        comparison.add("C", [pathlib.Path(c_program).resolve()])
        if foreign:
            add_cpp(comparison, root, library)
            add_python(comparison, root, library)
            add_go(comparison, root, library)
        else:
            tool.report.skip("C++, Python and Go cannot load a library with sanitizers")
        tool.report.finish()


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    main(*sys.argv[1:5], len(sys.argv) == 6)
