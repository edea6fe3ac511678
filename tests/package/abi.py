# SPDX-License-Identifier: Apache-2.0
"""Programs that were built against the headers of the last release still fit these: libabigail
compares what the headers declare with s3rec.abi, which was written at that release.

usage: abi.py COMPILER...            compares
       abi.py --accept COMPILER...   compares, and writes s3rec.abi anew when nothing breaks,
                                     or when S3REC_ABI_VERSION is another than its
"""
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

from exports import ROOT
from report import Report, run

sys.path.insert(0, str(ROOT / "scripts"))
import interface  # noqa: E402

BASELINE = pathlib.Path(__file__).with_name("s3rec.abi")
WRITE = ["abidw", "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--no-elf-needed",
         "--no-parameter-names", "--no-write-default-sizes", "--type-id-style", "hash"]
COMPARE = ["abidiff", "--leaf-changes-only", "--impacted-interfaces", "--harmless",
           "--no-added-syms", "--no-show-locs"]


def soname():
    return "libs3rec.so." + run([sys.executable, ROOT / "scripts/version.py", "abi"]).strip()


def library(compiler, folder, *definitions):
    """A shared library of empty functions with all that the headers declare, and debug
    information: the compiler itself sees to it that the true functions are no different."""
    lines = [f'#include "s3rec/{header}"' for header in interface.header_names()]
    for header in interface.header_names():
        text = interface.plain((interface.HEADERS / header).read_text())
        lines += [f"{declaration} {{ for (;;) {{}} }}" for declaration in
                  re.findall(r"^(S3REC_API\b[^;]*);", text, re.MULTILINE)]
    source, made = pathlib.Path(folder, "interface.c"), pathlib.Path(folder, "libs3rec.so")
    source.write_text("\n".join(lines) + "\n")
    run([*compiler, "-std=c11", "-g", "-fPIC", "-shared", f"-I{ROOT / 'include'}", *definitions,
         source, "-o", made, f"-Wl,-soname,{soname()}"])
    return made


def harmless(block):
    """Whether a change of one type is that a struct with a struct_size has more fields at its
    end, or an enumeration more values."""
    header, *details = [line.strip() for line in block.splitlines()]
    found = re.fullmatch(r"'(struct|enum) (\w+)' changed:", header)
    if not found:
        return False
    sized = {symbol.name for here in interface.symbols().values() for symbol in here
             if symbol.fields and symbol.fields[0].name == "struct_size"}
    size = 0
    for line in details:
        grown = re.fullmatch(r"type size changed from (\d+) to (\d+) \(in bits\)", line)
        added = re.fullmatch(r"'[^']*', at offset (\d+) \(in bits\)", line)
        if re.fullmatch(r"\d+ impacted interfaces?:", line):
            break
        if found[1] == "struct" and grown and found[2] in sized:
            size = int(grown[1])
        elif found[1] == "struct" and added and size and int(added[1]) >= size:
            continue
        elif found[1] == "enum" and re.fullmatch(r"'[\w:]+' value '-?\d+'", line):
            continue
        elif not re.fullmatch(r"type size hasn't changed|\d+ data member insertions?:|"
                              r"\d+ enumerator insertions?:", line):
            return False
    return True


def breaks(made):
    """What libabigail reports and old programs would notice; "" when there is nothing."""
    done = subprocess.run([*COMPARE, BASELINE, made], capture_output=True, text=True)
    if done.returncode & 3:  # it failed itself
        return done.stdout + done.stderr
    blocks = re.split(r"\n\s*\n|\n(?='(?:struct|enum|union|typedef) )", done.stdout.strip())
    blocks = [block.rstrip() for block in blocks if block.strip() and "summary:" not in block]
    return "\n".join(block for block in blocks if not harmless(block))


def accept(compiler):
    with tempfile.TemporaryDirectory() as folder:
        made = library(compiler, folder)
        if BASELINE.exists() and f"soname='{soname()}'" in BASELINE.read_text():
            broken = breaks(made)
            if broken:
                sys.exit(f"{broken}\n\nThis needs another S3REC_ABI_VERSION (CONTRIBUTING.md).")
        BASELINE.write_text(run([*WRITE, made]))


def main(compiler):
    report = Report()
    if shutil.which("abidw") is None or shutil.which("abidiff") is None:
        report.skip("libabigail (abigail-tools) is not installed")
    elif platform.machine() != "x86_64":
        report.skip(f"s3rec.abi is of x86_64, this is {platform.machine()}")
    else:
        baseline = BASELINE.read_text()
        report.check("s3rec.abi is of this ABI number", f"soname='{soname()}'" not in baseline and
                     "  python3 tests/package/abi.py --accept cc")
        with tempfile.TemporaryDirectory() as folder:
            functions = baseline.count("<elf-symbol ")
            report.check(f"programs built against {functions} functions of the last release fit",
                         breaks(library(compiler, folder)))
            # A field and a function that are called otherwise: would it be noticed?
            found = breaks(library(compiler, folder, "-Dtarget_count=other_count",
                                   "-Ds3rec_version=s3rec_other"))
            report.check("a change is noticed and named", "\n".join(
                f"  {name} is not named" for name in ("s3rec_losses", "s3rec_batch_info_get",
                                                      "s3rec_version") if name not in found))
    report.finish()


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] == "--accept":
        accept(sys.argv[2:])
    elif len(sys.argv) > 1:
        main(sys.argv[1:])
    else:
        sys.exit(__doc__)
