# SPDX-License-Identifier: Apache-2.0
"""Installs into a DESTDIR and builds a program against that with what pkg-config says alone.

usage: consumer.py BUILD_FOLDER VERSION PREFIX LIBRARY_FOLDER COMPILER...
"""
import os
import pathlib
import shutil
import sys
import tempfile

from report import Report, problem_of, run
from tree import dead_links

SOURCE = pathlib.Path(__file__).with_name("consumer.c")
CPP_SOURCE = SOURCE.parents[2] / "examples/end_to_end.cpp"


def main(build, version, prefix, library_folder, compiler):
    report = Report()
    destination = pathlib.Path(build, "tests/destdir").resolve()
    shutil.rmtree(destination, ignore_errors=True)
    report.check("meson install", problem_of(
        ["meson", "install", "-C", build, "--no-rebuild", "--quiet"],
        env={**os.environ, "DESTDIR": str(destination)}))
    root = destination / prefix.lstrip("/")
    libraries = root / library_folder
    for name in ("include/s3rec/s3rec.h", "include/s3rec/s3rec.hpp", f"{library_folder}/libs3rec.so",
                 f"{library_folder}/libs3rec.a", f"{library_folder}/pkgconfig/s3rec.pc",
                 "share/doc/s3rec/LICENSE"):
        report.check(f"{name} is installed", not (root / name).exists() and "  it is not")

    pages = sorted((root / "share/doc/s3rec").rglob("*.md"))
    dead = [f"  {page.relative_to(root)}: {problem}" for page in pages
            for problem in dead_links(page)]
    report.check(f"links of the {len(pages)} installed pages lead somewhere",
                 "\n".join(dead) or (len(pages) < 20 and "  pages are missing"))
    report.check("the installed tool finds the library by itself", problem_of(
        [root / "bin/s3rec", "--version"], env={}))

    made = pathlib.Path(build, "docs/api/html/index.html").is_file()
    installed = (root / "share/doc/s3rec/html/index.html").is_file()
    report.check("API pages are installed if they were made",
                 made != installed and f"  made: {made}, installed: {installed}")

    environment = {**os.environ, "PKG_CONFIG_PATH": str(libraries / "pkgconfig"),
                   "PKG_CONFIG_SYSROOT_DIR": str(destination)}

    def pkg_config(*options):
        return run(["pkg-config", *options, "s3rec"], env=environment).split()

    report.check("pkg-config knows the version",
                 pkg_config("--modversion") != [version] and f"  not {version}")
    with tempfile.TemporaryDirectory() as outside:  # nothing of the tree is in reach there
        shutil.copy(SOURCE, outside)
        found = {**os.environ, "LD_LIBRARY_PATH": str(libraries)}
        compiled = problem_of([*compiler, "-o", "shared", SOURCE.name,
                               *pkg_config("--cflags", "--libs")], cwd=outside)
        report.check("a program builds with pkg-config --cflags --libs s3rec", compiled)
        if not compiled:
            output = run([f"{outside}/shared"], env=found)
            print(output, end="")
            report.check("it runs and prints the version",
                         output.split("\n")[0] != version and f"  not {version}")

        for name in ("g++", "clang++"):
            if shutil.which(name) is None:
                report.skip(f"no {name}")
                continue
            report.check(f"a C++ program builds with {name}", problem_of(
                [name, "-std=c++17", "-o", name, CPP_SOURCE,
                 *pkg_config("--cflags", "--libs")], cwd=outside))

        # The static library: the same with the archive's full name in place of -ls3rec.
        words = [str(libraries / "libs3rec.a") if word == "-ls3rec" else word
                 for word in pkg_config("--static", "--cflags", "--libs")]
        words = [word.replace(str(destination), "") if word.startswith("-L") and
                 not word.startswith(f"-L{libraries}") else word for word in words]
        runpath = [f"-Wl,-rpath,{word[2:]}" for word in words if word.startswith("-L")]
        compiled = problem_of([*compiler, "-o", "static", SOURCE.name, *words, *runpath],
                              cwd=outside)
        report.check("a program builds with pkg-config --static", compiled)
        if not compiled:
            output = run([f"{outside}/static"])
            report.check("it runs too", output.split("\n")[0] != version and f"  not {version}")
    report.finish()


if __name__ == "__main__":
    if len(sys.argv) < 6:
        sys.exit(__doc__)
    main(*sys.argv[1:5], sys.argv[5:])
