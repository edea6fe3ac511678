#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up what gcov counted of lib.

usage: coverage.py BUILD_FOLDER UNCOVERED.txt [HTML_FOLDER]

Prints lines, functions and branches by folder. A file that is compiled several times, once for
each level of kernels, counts once: a branch was taken if any of them took it. UNCOVERED.txt gets
one line for each line of code with branches that were never taken. Branches that nothing can take
are named in coverage_unreachable.txt, with the reason, and are left out of the sum.
"""
import collections
import html
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
UNREACHABLE = pathlib.Path(__file__).with_name("coverage_unreachable.txt")


class File:
    def __init__(self, name):
        self.source = (ROOT / name).read_text().splitlines()
        self.lines = collections.Counter()  # {line: times run}
        self.functions = collections.Counter()  # {(line, name): times called}
        self.branches = collections.Counter()  # {(line, place in the line): times taken}

    def add(self, found):
        for function in found["functions"]:
            self.functions[function["start_line"], function["name"]] += function["execution_count"]
        for line in found["lines"]:
            number = line["line_number"]
            self.lines[number] += line["count"]
            for place, branch in enumerate(line["branches"]):
                self.branches[number, place] += branch["count"]

    def leave_out(self, text):
        """Forgets branches of lines with this text that were never taken; says how many."""
        gone = [branch for branch, count in self.branches.items()
                if not count and text in self.source[branch[0] - 1]]
        for branch in gone:
            del self.branches[branch]
        return len(gone)

    def counts(self):
        return [number for kind in (self.lines, self.functions, self.branches)
                for number in (sum(count > 0 for count in kind.values()), len(kind))]

    def uncovered(self):
        """{line: [branches never taken, branches]}"""
        missing = {}
        for (line, _), count in self.branches.items():
            both = missing.setdefault(line, [0, 0])
            both[0] += not count
            both[1] += 1
        return {line: both for line, both in sorted(missing.items()) if both[0]}

    def page(self, name):
        missing, rows = self.uncovered(), []
        for number, text in enumerate(self.source, 1):
            kind = ("" if number not in self.lines else "never" if not self.lines[number] else
                    "partly" if number in missing else "run")
            rows.append(f'<span class="{kind}">{number:5} {self.lines.get(number, ""):>9}  '
                        f"{html.escape(text)}</span>")
        return ("<!doctype html><meta charset=utf-8><title>" + html.escape(name) + "</title>"
                "<style>.never{background:#fbb}.partly{background:#fe9}.run{background:#dfd}</style>"
                "<pre>" + "\n".join(rows) + "</pre>\n")


def measured_files(build):
    """{name below the root: File} of everything in lib that was compiled."""
    notes = sorted(str(path) for path in build.rglob("*.gcno"))
    written = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", *notes],
                             cwd=build, capture_output=True, check=True, text=True).stdout
    files = {}
    for line in written.splitlines():
        record = json.loads(line)
        for found in record["files"]:
            path = pathlib.Path(record["current_working_directory"], found["file"]).resolve()
            if ROOT / "lib" in path.parents and path.exists():  # objects of removed files stay
                name = str(path.relative_to(ROOT))
                files.setdefault(name, File(name)).add(found)
    return files


def leave_out_unreachable(files):
    """How many branches are left out."""
    count = 0
    for line in UNREACHABLE.read_text().splitlines():
        if line and not line.startswith("#"):
            name, text, _ = (part.strip() for part in line.split(" | "))
            found = files[name].leave_out(text) if name in files else 0
            if not found:
                print(f"{UNREACHABLE.name}: {name}: {text}: no such branch, or it was taken")
            count += found
    return count


def main(build, uncovered, pages=None):
    files = measured_files(pathlib.Path(build).resolve())
    left_out = leave_out_unreachable(files)
    folders = collections.defaultdict(lambda: [0] * 6)
    with open(uncovered, "w", encoding="utf-8") as out:
        for name, file in sorted(files.items()):
            for total in (folders[name.rsplit("/", 1)[0]], folders["lib, in all"]):
                total[:] = [left + right for left, right in zip(total, file.counts())]
            for line, (missing, count) in file.uncovered().items():
                out.write(f"{name}:{line}: {missing} of {count}: {file.source[line - 1].strip()}\n")
            if pages:
                page = pathlib.Path(pages, name + ".html")
                page.parent.mkdir(parents=True, exist_ok=True)
                page.write_text(file.page(name))
    print(f"{'':16}{'lines':>20}{'functions':>20}{'branches':>20}")
    for folder, numbers in sorted(folders.items(), key=lambda item: (" " in item[0], item[0])):
        row = "".join(f"{part:7}/{whole:5}{100 * part / max(whole, 1):6.1f}%"
                      for part, whole in zip(numbers[::2], numbers[1::2]))
        print(f"{folder:16}{row}")
    print(f"left out because nothing can take them: {left_out} branches; never taken: {uncovered}")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
