# SPDX-License-Identifier: Apache-2.0
"""Rules of the source tree that a compiler does not check."""
import pathlib
import re
import shutil
import subprocess

from report import Report

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAXIMUM_LINES = 500
MAXIMUM_COLUMNS = 100
MAXIMUM_PROSE_COLUMNS = 110  # of pages, whose table rows cannot be cut

# Who may include whom: a folder may include itself and every folder of an earlier step.
STEPS = [["base"], ["names"], ["tables"], ["data", "model"], ["events", "sampling"], ["backend"],
         ["kernels", "dnnl"], ["encoder"], ["objectives"], ["optimizer"],
         ["training", "scoring"], ["run", "serving"], ["api"]]

WITHOUT_CIRCLES = ["lib", "cli"]  # in these, no two files include each other, directly or through others
# What the tool uses of the library's inside: how a file is written (s3_files in lib/meson.build).
TOOL_SHARES = ("base/atomic_file.h", "base/error.h", "base/file_place.h")

# What fuzz targets look at from inside; all else they reach through the public headers.
FUZZ_SHARES = ("base/json_reader.h", "base/json_writer.h", "base/utf8.h")


def source_files():
    """The files under version control; all files when there is no git."""
    if shutil.which("git"):
        listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True,
                                text=True)
        if listed.returncode == 0 and listed.stdout:
            names = listed.stdout.strip("\0").split("\0")
            return [ROOT / name for name in names if (ROOT / name).is_file()]
    return [path for path in ROOT.rglob("*") if path.is_file() and
            not re.match(r"(build|out|\.git)", path.relative_to(ROOT).parts[0])]


def includes(path):
    return re.findall(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', path.read_text(), re.MULTILINE)


def forbidden_includes(path):
    parts = path.relative_to(ROOT).parts
    for name in includes(path):
        folder = name.split("/")[0]
        if ((folder == "oneapi" or re.match(r"dnnl\w*\.h", name)) and
                parts[:2] not in (("lib", "dnnl"), ("bench", "sgemm.c"),
                                  ("tests", "failing_onednn.c"))):
            yield (f"{name}: oneDNN is known in lib/dnnl, bench/sgemm.c and "
                   "tests/failing_onednn.c only")
        if name == "omp.h":
            yield "omp.h: no OpenMP of our own"
        if parts[0] == "include" and "/" in name and folder != "s3rec":
            yield f"{name}: a public header includes public headers only"
        if parts[0] == "cli" and name in TOOL_SHARES:
            continue
        if parts[0] == "fuzz" and name in FUZZ_SHARES:
            continue
        inside = (ROOT / "lib" / folder).is_dir() and "/" in name
        if parts[0] in ("cli", "examples", "fuzz") and inside:
            yield f"{name}: this program uses the public headers only"
        if parts[0] != "lib" or len(parts) < 3 or "/" not in name:
            continue
        step = {member: number for number, members in enumerate(STEPS) for member in members}
        if folder in step and folder != parts[1] and step[folder] >= step[parts[1]]:
            yield f"{name}: lib/{parts[1]} may not include lib/{folder}"


def included_rooms(path):
    """The rooms of lib or cli that a file includes. A room is a .c file and its header."""
    top = path.relative_to(ROOT).parts[0]
    for name in includes(path):
        for target in (ROOT / top / name, path.parent / name):
            if target.is_file():
                yield str(target.resolve().relative_to(ROOT).with_suffix(""))
                break


def include_circles(paths):
    """Each circle of rooms that include each other, once, as "a -> b -> a"."""
    included = {}
    for path in paths:
        room = str(path.relative_to(ROOT).with_suffix(""))
        included.setdefault(room, set()).update(set(included_rooms(path)) - {room})
    for first in sorted(included):
        # The shortest way back to `first`, through rooms whose names come after it.
        ways = [[first]]
        seen = set()
        for way in ways:
            if way[-1] in included and first in included[way[-1]]:
                yield " -> ".join(way + [first])
                break
            for room in sorted(included.get(way[-1], ())):
                if room > first and room not in seen:
                    seen.add(room)
                    ways.append(way + [room])


def dead_links(page):
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", prose):
        if not (page.parent / target).exists():
            yield f"{target} is not there"


def main():
    report = Report()
    files = source_files()
    code = [path for path in files if path.suffix in (".c", ".h", ".cpp", ".hpp", ".py", ".sh",
                                                      ".go") or
            path.name in ("meson.build", "meson_options.txt", ".clang-format") or
            path.suffix in (".in", ".dict") or path.parent.name in (".ci", "oss-fuzz")]
    c_files = [path for path in code if path.suffix in (".c", ".h", ".cpp", ".hpp")]

    def check(what, chosen, problems_of):
        found = [f"  {path.relative_to(ROOT)}: {problem}" for path in chosen
                 for problem in problems_of(path)]
        report.check(f"{what} ({len(chosen)} files)", "\n".join(found))

    def licence(path):
        if not any("SPDX-License-Identifier: Apache-2.0" in line
                   for line in path.read_text().splitlines()[:3]):
            yield "no SPDX line"

    def length(path):
        lines = path.read_text().count("\n")
        if lines > MAXIMUM_LINES:
            yield f"{lines} lines, more than {MAXIMUM_LINES}"

    def layout(path):
        text = path.read_text()
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > MAXIMUM_COLUMNS:
                yield f"line {number} has {len(line)} columns"
            if "\t" in line:
                yield f"line {number} has a tab"
            if line != line.rstrip():
                yield f"line {number} ends with a space"
        if text and not text.endswith("\n"):
            yield "no line end at its end"

    def open_work(path):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
                yield f"line {number}: unfinished work"

    def openmp(path):
        for line in re.findall(r"^\s*#\s*pragma\s+omp\s+(.*)$", path.read_text(), re.MULTILINE):
            if not line.startswith(("simd", "declare simd")):
                yield f"pragma omp {line}: only simd needs no run-time library"

    def first_sizes(path):
        """A struct's minimum size must not grow with the struct."""
        for call in re.findall(r"s3_(?:options_copy|output_check)\([^;]*;", path.read_text()):
            if path.parent == ROOT / "lib/api" and "S3_SIZE_UNTIL(" not in call:
                yield f"{' '.join(call.split())}: no S3_SIZE_UNTIL"

    def width(path):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if len(line) > MAXIMUM_PROSE_COLUMNS:
                yield f"line {number} has {len(line)} columns"

    index = ROOT / "docs/README.md"
    listed = {(index.parent / target).resolve()
              for target in re.findall(r"\]\(([^)#]+)", index.read_text())}

    def unlisted(path):
        if path != index and path.resolve() not in listed:
            yield "docs/README.md does not list it"

    pages = [path for path in files if path.suffix == ".md"]
    check("links of pages lead somewhere", pages, dead_links)
    check("layout of pages", pages, width)
    check("pages are listed", pages, unlisted)
    check("licence named", code, licence)
    check("length", code, length)
    check("layout", c_files, layout)
    check("nothing left to do", c_files, open_work)
    check("includes follow the layers", c_files, forbidden_includes)
    for top in WITHOUT_CIRCLES:
        chosen = [path for path in c_files if path.relative_to(ROOT).parts[0] == top]
        report.check(f"no include circles in {top} ({len(chosen)} files)",
                     "\n".join(f"  {circle}" for circle in include_circles(chosen)))
    check("no OpenMP but simd", c_files, openmp)
    check("sizes of the first release", c_files, first_sizes)
    report.finish()


if __name__ == "__main__":
    main()
