# SPDX-License-Identifier: Apache-2.0
"""Every public header compiled alone, as C11 and as C++17, without a warning; every exported
function addressed from C and linked.

usage: headers.py SHARED_LIBRARY SANITIZER COMPILER...
"""
import os
import pathlib
import shutil
import sys
import tempfile

from exports import ROOT, declared_symbols, listed_symbols
from report import Report, problem_of

WARNINGS = ["-Wall", "-Wextra", "-Werror", "-pedantic"]


def addresses(names):
    """C text of a program that takes the address of each function and prints their number."""
    entries = "\n".join(f"  (function)&{name}," for name in names)
    return f"""#include <stdio.h>
#include "s3rec/s3rec.h"
typedef void (*function)(void);
static const function functions[] = {{
{entries}
}};
int main(void) {{
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {{
    if (functions[i] == NULL) return 1;
  }}
  printf("%zu\\n", sizeof functions / sizeof *functions);
  return 0;
}}
"""


def main(shared, sanitizer, compiler):
    report = Report()
    include = f"-I{ROOT / 'include'}"
    cxx = next((found for found in map(shutil.which, ("c++", "g++", "clang++")) if found), None)
    headers = sorted((ROOT / "include/s3rec").glob("*.h"))
    for header in headers:
        report.check(f"{header.name} alone as C11", problem_of(
            [*compiler, "-std=c11", *WARNINGS, include, "-fsyntax-only", "-x", "c", header]))
        if cxx is None:
            report.skip(f"{header.name} as C++17: no C++ compiler")
        else:
            report.check(f"{header.name} alone as C++17", problem_of(
                [cxx, "-std=c++17", *WARNINGS, include, "-fsyntax-only", "-x", "c++", header]))
    umbrella = "".join((ROOT / "include/s3rec" / name).read_text()
                       for name in ("s3rec.h", "workshop.h"))
    report.check("s3rec.h includes every other header", "\n".join(
        f"  not {header.name}" for header in headers
        if header.name != "s3rec.h" and f'#include "s3rec/{header.name}"' not in umbrella))

    with tempfile.TemporaryDirectory() as folder:
        source, program = pathlib.Path(folder, "addresses.c"), pathlib.Path(folder, "addresses")
        source.write_text(addresses(listed_symbols()))
        flags = [] if sanitizer == "none" else [f"-fsanitize={sanitizer}"]
        library = pathlib.Path(shared).resolve()
        problem = problem_of([*compiler, "-std=c11", *WARNINGS, *flags, include, source,
                              "-o", program, library, f"-Wl,-rpath,{library.parent}"])
        report.check(f"{len(declared_symbols())} functions can be addressed and linked", problem)
        if not problem:
            # The count of entries is all it does: leaks are not its subject.
            environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
            report.check("that program runs", problem_of([program], env=environment))
    report.finish()


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
