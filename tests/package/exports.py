# SPDX-License-Identifier: Apache-2.0
"""What the library exports and needs.

usage: exports.py SHARED_LIBRARY STATIC_LIBRARY ABI_NUMBER SANITIZED(true|false)
"""
import pathlib
import re
import sys

from report import Report, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
SYMBOLS = ROOT / "lib/s3rec.symbols"

# A library may not end, print to its host's streams, or change what belongs to the process.
FORBIDDEN = set("""abort exit _exit _Exit quick_exit atexit printf vprintf puts putchar perror
    fprintf vfprintf fputs fputc fwrite_unlocked __printf_chk __fprintf_chk stdout stderr signal
    sigaction sigprocmask raise kill setlocale uselocale setenv putenv unsetenv rand srand random
    strtok strtod strtof strtold atof fesetround fesetenv chdir umask fork system
    __assert_fail omp_set_dynamic omp_set_nested""".split())
# Writing files is the library's job: these are forbidden only towards the standard streams.
FILE_OUTPUT = {"fprintf", "vfprintf", "fputs", "fputc", "__fprintf_chk"}
# Exceptions: (object, symbol).
ALLOWED = {
    ("base_number.c.o", "strtod"),  # puts the locale's own decimal point in first
    ("base_number.c.o", "fesetround"),  # around a conversion; the host's rounding is put back
}
# Static variables that change, each with the reason why it may: (object, symbol).
MUTABLE = {
    ("base_error.c.o", "key_once"),  # makes the key below, once
    ("base_error.c.o", "text_key"),  # gives a thread's failure text back at its end
    ("base_error.c.o", "has_key"),
    ("dnnl_door.c.o", "openmp_once"),  # looks OpenMP's functions up, once
    ("dnnl_door.c.o", "openmp"),  # the functions found by that look-up
}


def listed_symbols():
    lines = [line.split("#")[0].strip() for line in SYMBOLS.read_text().splitlines()]
    return [line for line in lines if line]


def declared_symbols():
    found = []
    for header in sorted((ROOT / "include/s3rec").glob("*.h")):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.DOTALL)
        found += re.findall(r"^S3REC_API\b[^;(]*?\b(s3rec_\w+)\s*\(", text, re.MULTILINE)
    return found


def difference(left_name, left, right_name, right):
    lines = [f"  only in {left_name}: {name}" for name in sorted(set(left) - set(right))]
    lines += [f"  only in {right_name}: {name}" for name in sorted(set(right) - set(left))]
    return "\n".join(lines)


def undefined_by_object(archive):
    """{object: set of names it needs from elsewhere}"""
    needs, current = {}, None
    for line in run(["nm", "-u", archive]).splitlines():
        if line.endswith(":"):
            current = line[:-1]
        elif line.strip():
            needs.setdefault(current, set()).add(line.split()[-1])
    return needs


def defined_by_object(archive):
    """{object: set of s3rec_ functions it defines}"""
    defines, current = {}, None
    for line in run(["nm", "--defined-only", archive]).splitlines():
        if line.endswith(":"):
            current = line[:-1]
        elif re.search(r" T s3rec_", line):
            defines.setdefault(current, set()).add(line.split()[-1])
    return defines


def mutable_variables(archive):
    """(object, variable) of everything in .data and .bss; const tables live elsewhere."""
    found, current = [], None
    for line in run(["objdump", "-t", archive]).splitlines():
        if ":     file format" in line:
            current = line.split(":")[0]
        match = re.match(r"^\S+ .{7} (\.data|\.bss|\*COM\*)(?:\.\S+)?\t\S+ (?:\.\w+ )?(\S+)$", line)
        if match and not match.group(2).startswith("."):
            if ".data.rel.ro" not in line:
                found.append((current, match.group(2).split(".")[0]))
    return found


def main(shared, static, abi, sanitized):
    report = Report()
    listed, declared = listed_symbols(), declared_symbols()
    dynamic = run(["nm", "-D", "--defined-only", shared])
    exported = [line.split()[-1] for line in dynamic.splitlines()]
    report.check("lib/s3rec.symbols is sorted and has no repeats",
                 listed != sorted(set(listed)) and "  sort -u lib/s3rec.symbols")
    report.check("headers declare what lib/s3rec.symbols lists",
                 difference("headers", declared, "lib/s3rec.symbols", listed))
    report.check("the shared library exports what lib/s3rec.symbols lists",
                 difference("library", exported, "lib/s3rec.symbols", listed))

    soname = re.findall(r"SONAME.*\[(.*)\]", run(["readelf", "-d", shared]))
    wanted = f"libs3rec.so.{abi}"
    report.check(f"soname is {wanted}",
                 soname != [wanted] and f"  it is {soname}")

    outside = {name for name, found in defined_by_object(static).items()
               if found and not name.startswith("api_")}
    report.check("exported functions are defined in lib/api only",
                 "\n".join(f"  not in {name}" for name in sorted(outside)))

    needs = undefined_by_object(static)
    problems = []
    for name, needed in sorted(needs.items()):
        bad = needed & FORBIDDEN
        if not needed & {"stdout", "stderr"}:
            bad -= FILE_OUTPUT
        problems += [f"  {name} needs {symbol}" for symbol in sorted(bad)
                     if (name, symbol) not in ALLOWED]
    report.check("no object ends, prints or changes the process", "\n".join(problems))

    openmp = {symbol for needed in needs.values() for symbol in needed
              if symbol.startswith(("GOMP_", "__kmpc_", "omp_"))}
    report.check("no object needs an OpenMP runtime", "\n".join(sorted(openmp)))
    needed_libraries = re.findall(r"NEEDED.*\[(.*)\]", run(["readelf", "-d", shared]))
    report.check("no OpenMP runtime is linked by ourselves",
                 [name for name in needed_libraries if "omp" in name])

    if sanitized:
        report.skip("mutable static variables: a sanitizer moves them")
    else:
        unknown = set(mutable_variables(static)) - MUTABLE
        report.check("static variables that change are the ones known",
                     "\n".join(f"  {name}: {variable}" for name, variable in sorted(unknown)))
    report.finish()


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4] == "true")
