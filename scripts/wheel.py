#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a wheel for machines without oneDNN and the like, with the licences of what is in it.

usage: wheel.py OUT [--licence LIBRARY=FILE]... [PIP_ARGUMENT...]

Builds the wheel of the source tree, has `auditwheel repair` bundle the libraries that it needs, and
adds to dist-info/licenses the copyright file of each bundled library. Those are taken from the
packages of Debian or Ubuntu that the libraries are from (/usr/share/doc); for others, such as a
oneDNN of one's own, name a file. A library without one ends the script with status 1. The wheel is
written to OUT. PIP_ARGUMENTs go to `pip wheel`, such as -Csetup-args=-Ddnnl_root=PREFIX. auditwheel
and patchelf must be installed.
"""
import base64
import csv
import hashlib
import io
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUNDLED = re.compile(r"\.libs/(lib.+)-[0-9a-f]{6,}(\.so[.0-9]*)$")


def output_of(*command):
    return subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE,
                          text=True).stdout


def needed_libraries(wheel, folder):
    """Paths of all libraries that the wheel's own needs, by file name, directly or not."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if "libs3rec.so" in name)
        library = archive.extract(name, folder)
    return {name: pathlib.Path(path) for name, path in re.findall(
        r"^\s*(\S+) => (/\S+)", output_of("ldd", library), re.MULTILINE)}


def copyright_file(library):
    """The copyright file of the package that a library is from, or None."""
    for path in (library, library.resolve()):
        for form in (path, pathlib.Path(str(path).removeprefix("/usr"))):
            found = subprocess.run(["dpkg", "-S", str(form)], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True, check=False).stdout
            package = found.partition(":")[0]
            file = pathlib.Path("/usr/share/doc", package, "copyright")
            if package and file.is_file():
                return file
    return None


def licences(wheel, needed, given):
    """(name in the wheel, content) of the licence of each bundled library."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    folder = next(name for name in names if name.endswith(".dist-info/RECORD"))[:-len("RECORD")]
    if not any(name.startswith(f"{folder}licenses/") for name in names):
        sys.exit("wheel.py: the wheel lacks the licence of s3rec itself")
    found = {}
    for stem, suffix in filter(None, (match and match.groups() for match in
                                      map(BUNDLED.search, names))):
        name = stem + suffix
        if stem == "libs3rec":
            continue
        # The bundled file is named after the library's soname.
        path = needed.get(name) or next((path for other, path in needed.items()
                                         if other.startswith(f"{stem}.so")), None)
        file = given.get(stem) or (path and copyright_file(path))
        if not file:
            sys.exit(f"wheel.py: no licence of {name}, which the wheel bundles: name a file with "
                     f"--licence {stem}=FILE")
        print(f"{name}: {file}")
        found[f"{folder}licenses/{stem}.copyright"] = pathlib.Path(file).read_bytes()
    return folder, found


def add_files(wheel, folder, files):
    """Writes the wheel again with more files, and with their lines in RECORD."""
    with zipfile.ZipFile(wheel) as archive:
        entries = [(entry, archive.read(entry)) for entry in archive.infolist()]
    made = wheel.with_suffix(".part")
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, content in entries:
            if entry.filename == f"{folder}RECORD":
                lines = io.StringIO(content.decode())
                rows = list(csv.reader(lines))
                for name, added in files.items():
                    digest = base64.urlsafe_b64encode(hashlib.sha256(added).digest()).rstrip(b"=")
                    rows.insert(0, [name, f"sha256={digest.decode()}", str(len(added))])
                text = io.StringIO()
                csv.writer(text, lineterminator="\n").writerows(rows)
                content = text.getvalue().encode()
            archive.writestr(entry, content)
        for name, added in files.items():
            archive.writestr(name, added)
    made.replace(wheel)


def main(out, *arguments):
    given, others = {}, list(arguments)
    while "--licence" in others:
        at = others.index("--licence")
        library, _, file = others[at + 1].partition("=")
        given[library] = file
        del others[at:at + 2]
    with tempfile.TemporaryDirectory() as work:
        subprocess.run([sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", work,
                        *others, str(ROOT)], check=True)
        plain = next(pathlib.Path(work).glob("s3rec-*.whl"))
        repaired = pathlib.Path(work, "repaired")
        subprocess.run([sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", str(repaired),
                        str(plain)], check=True)
        wheel = next(repaired.glob("*.whl"))
        add_files(wheel, *licences(wheel, needed_libraries(plain, work), given))
        target = pathlib.Path(out, wheel.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(wheel.read_bytes())
    print(target)


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
