# SPDX-License-Identifier: Apache-2.0
"""The C++ interface: each header alone, and its test program, by every compiler and standard, with
and without exceptions; nothing of the C interface is missing in it.

usage: cpp.py SHARED_LIBRARY SANITIZER COMPILER...
"""
import pathlib
import re
import shutil
import sys
import tempfile

from compiling import problem_of_compiling
from exports import ROOT, declared_symbols
from report import Report, run

WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Werror", "-pedantic"]
STANDARDS = ("c++17", "c++20")
HEADERS = sorted((ROOT / "include/s3rec").glob("*.hpp"))
# What the C++ interface reaches by the longer call, whose options have defaults there.
OTHER_NAME = {"s3rec_scorer_create": "s3rec_scorer_create_with"}


def compilers(sanitizer, c_compiler):
    """C++ compilers that are here; with a sanitizer the one that belongs to the C compiler."""
    found = [name for name in ("g++", "clang++") if shutil.which(name)]
    if sanitizer != "none":
        wanted = "clang++" if any("clang" in word for word in c_compiler) else "g++"
        found = [name for name in found if name == wanted]
    return found


def completeness(report):
    """Every function and every enumerator of the C headers has its place in the C++ ones."""
    text = "".join(header.read_text() for header in HEADERS)
    words = set(re.findall(r"\w+", text))
    missing = [name for name in declared_symbols() if OTHER_NAME.get(name, name) not in words]
    for header in sorted((ROOT / "include/s3rec").glob("*.h")):
        plain = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.DOTALL)
        for body in re.findall(r"typedef enum \w+ \{(.*?)\}", plain, re.DOTALL):
            missing += [name for name in re.findall(r"\b(S3REC_\w+)", body) if name not in words]
    report.check("the C++ headers have all of the C interface", "\n".join(missing))


def headers(report, compiler, folder):
    for header in HEADERS:
        problems = [problem_of_compiling([compiler, *mode, *WARNINGS,
                                          f"-I{ROOT / 'include'}", "-x", "c++"],
                                         [header], pathlib.Path(folder, "header.o"))
                    for mode in (["-std=c++17"], ["-std=c++20", "-fno-exceptions"])]
        report.check(f"{header.name} alone, {compiler}", "\n".join(filter(None, problems)))


def programs(report, compiler, library, flags, folder):
    """The test program in both standards; the part of it that needs no exceptions without them."""
    sources = sorted((ROOT / "tests/cpp").glob("*.cpp"))
    without = [path for path in sources if path.stem in ("main", "failures", "ownership")]
    for standard, mode, chosen in (*((standard, [], sources) for standard in STANDARDS),
                                   ("c++17", ["-fno-exceptions"], without),
                                   ("c++20", ["-DS3REC_NO_EXCEPTIONS"], without)):
        what = " ".join([compiler, standard, *mode])
        program = pathlib.Path(folder, "program")
        optimized = "-O0" if mode or compiler != "g++" else "-O2"  # gcc warns of more then
        problem = problem_of_compiling(
            [compiler, f"-std={standard}", optimized, *WARNINGS, *mode, *flags,
             f"-I{ROOT / 'include'}"],
            chosen, program, [library, f"-Wl,-rpath,{library.parent}"])
        report.check(f"the test program compiles, {what}", problem)
        if problem:
            continue
        try:
            output = run([program], cwd=folder)
        except RuntimeError as error:
            report.check(f"the test program, {what}", str(error))
            continue
        passed = int(re.search(r"^Checks: (\d+) passed", output, re.MULTILINE).group(1))
        report.passed += passed
        print(f"ok: {passed} checks of the test program, {what}")


def main(shared, sanitizer, c_compiler):
    report = Report()
    completeness(report)
    found = compilers(sanitizer, c_compiler)
    for name in ("g++", "clang++"):
        if name not in found:
            report.skip(f"no {name}" if sanitizer == "none" else f"{name} with {sanitizer}")
    flags = [] if sanitizer == "none" else [f"-fsanitize={sanitizer}"]
    with tempfile.TemporaryDirectory() as folder:
        for compiler in found:
            headers(report, compiler, folder)
            programs(report, compiler, pathlib.Path(shared).resolve(), flags, folder)
    report.finish()


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
