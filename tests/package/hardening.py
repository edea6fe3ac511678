# SPDX-License-Identifier: Apache-2.0
"""What the linker and the compiler did to make a bug of ours harder to use.

usage: hardening.py SHARED_LIBRARY PROGRAM HARDENED(true|false)
"""
import re
import sys

from report import Report, run


def problems_of_file(path, program):
    headers = run(["readelf", "--wide", "--file-header", "--program-headers", path])
    dynamic = run(["readelf", "--wide", "--dynamic", path])
    needed = set(re.findall(r" UND (\w+)", run(["readelf", "--wide", "--dyn-syms", path])))
    stack = re.search(r"GNU_STACK(?:\s+0x\w+){5}\s+([RWE]+)", headers)
    yield "the stack is not executable", not stack or "E" in stack[1]
    yield "no segment is both writable and executable", re.search(r"LOAD.*\bRWE\b", headers)
    yield "relocations become read-only (RELRO)", "GNU_RELRO" not in headers
    yield "all symbols are bound at the start", not re.search(r"BIND_NOW|Flags:.*\bNOW\b", dynamic)
    yield "code has no relocations", "TEXTREL" in dynamic
    yield "functions check their stack", "__stack_chk_fail" not in needed
    fortified = [name for name in needed if re.fullmatch(r"__\w+_chk", name)]
    glibc = "GLIBC_" in run(["readelf", "--wide", "--version-info", path])
    yield "library calls check their buffers", glibc and not fortified
    if program:
        yield "the program can be anywhere in memory", not re.search(r"Type:\s+DYN", headers)


def main(library, program, hardened):
    report = Report()
    if not hardened:
        report.skip("hardening: this build was made without it")
    else:
        for path in (library, program):
            for what, wrong in problems_of_file(path, path == program):
                report.check(f"{path}: {what}", wrong and "  it is not so")
    report.finish()


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3] == "true")
