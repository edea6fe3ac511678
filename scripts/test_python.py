#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds and installs the Python package, and tests it as installed.

usage: test_python.py WORK RESULT.json [SETUP_ARGUMENT...]

Run it with the Python of the virtual environment that scripts/setup.sh --tests made: the wheel is
installed there. WORK is a folder for the files that are made. RESULT.json gets a record as in
meson's logs, for count_tests.py. SETUP_ARGUMENTs are options of meson setup.
"""
import os
import pathlib
import sys
import tarfile
import zipfile

from stage import Stage

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "bindings/python"
BUILD_TOOLS = ROOT / "scripts/requirements/build.txt"  # with numpy, which the package needs
# A build uses the tools of its environment, which are pinned, and fetches no newer ones.
OFFLINE = ("--no-build-isolation", "--no-index")


class PythonStage(Stage):
    def __init__(self, work, setup_arguments):
        environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1",
                       "PYTHONDONTWRITEBYTECODE": "1"}
        for name in ("PYTHONPATH", "S3REC_LIBRARY"):
            environment.pop(name, None)
        super().__init__(work, work, environment)
        self.use_tools(pathlib.Path(sys.executable).parent)
        self.settings = [f"-Csetup-args={argument}" for argument in setup_arguments]

    def use_tools(self, folder):
        """Builds find meson and ninja in this folder before those of the system."""
        self.environment["PATH"] = f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"

    def pip(self, python, *arguments):
        return self.run(python, "-m", "pip", "--quiet", *arguments)

    def wheel(self):
        """Path of the wheel made of the source tree, or None."""
        folder = self.work / "wheel"
        built, output = self.pip(sys.executable, "wheel", *OFFLINE, "--no-deps", "--wheel-dir",
                                 folder, *self.settings, ROOT)
        wheels = list(folder.glob("*.whl"))
        if not self.check("the wheel builds", built and len(wheels) == 1, output):
            return None
        name = wheels[0].name
        self.check("its tag is py3-none-PLATFORM", name.split("-")[2:4] == ["py3", "none"] and
                   not name.endswith("-any.whl"), name)
        with zipfile.ZipFile(wheels[0]) as archive:
            everything = archive.namelist()
        self.check("it has the licence", any(
            name.endswith(".dist-info/licenses/LICENSE") for name in everything))
        names = [name for name in everything if ".dist-info/" not in name]
        modules = {f"s3rec/{path.name}" for path in (PACKAGE / "s3rec").iterdir()
                   if path.suffix in (".py", ".typed")}
        found = {name.partition(".data/purelib/")[2] for name in names} - {""}
        others = [name for name in names if ".data/purelib/" not in name]
        self.check("it holds the modules and the library, once, and nothing else",
                   found == modules and len(others) == 1 and "libs3rec.so" in others[0],
                   f"{sorted(found ^ modules)}, {others}")
        return wheels[0]

    def tests(self, wheel):
        installed, output = self.pip(sys.executable, "install", "--no-index", "--force-reinstall",
                                     "--no-deps", wheel)
        if not self.check("the wheel installs", installed, output):
            return
        good, output = self.run(sys.executable, "-X", "faulthandler", "-m", "pytest", "-q", "-rs",
                                "-p", "no:cacheprovider", PACKAGE / "tests", timeout=3600)
        self.say(output)  # pytest's line of checks is counted too
        if not good and "Checks: " not in output:
            self.check("pytest ends", False)
        self.check("mypy --strict finds nothing", *self.run(
            sys.executable, "-m", "mypy", "--strict", "--cache-dir", self.work / "mypy",
            "--config-file", ROOT / "pyproject.toml", PACKAGE / "s3rec", PACKAGE / "tests",
            timeout=3600))

    def source_distribution(self):
        if not (ROOT / ".git").exists():
            self.skip("a source distribution is made of a git checkout only")
            return
        folder = self.work / "sdist"
        built, output = self.run(sys.executable, "-m", "build", "--sdist", "--no-isolation",
                                 "--outdir", folder, *self.settings, ROOT)
        archives = list(folder.glob("*.tar.gz"))
        if not self.check("the source distribution builds", built and len(archives) == 1, output):
            return
        with tarfile.open(archives[0]) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
        needed = {"pyproject.toml", "meson.build", "LICENSE", "bindings/python/README.md"}
        self.check("it holds what a build needs", needed <= names, str(sorted(needed - names)))
        clean = self.work / "clean"
        made, output = self.run(sys.executable, "-m", "venv", clean)
        self.use_tools(clean / "bin")
        if made:
            made, output = self.pip(clean / "bin/python", "install", "--require-hashes",
                                    "--no-deps", "--only-binary", ":all:", "-r", BUILD_TOOLS)
        if made:
            made, output = self.pip(clean / "bin/python", "install", *OFFLINE, *self.settings,
                                    archives[0])
        if made:
            made, output = self.run(
                clean / "bin/python", "-c", "import s3rec; m = s3rec.Model.create(item_size=9); "
                "assert len(m.recommend([1, 2], 3).items) == 3")
        if self.check("it installs and runs in a new environment", made, output):
            self.editable(clean / "bin/python", archives[0])

    def editable(self, python, archive):
        """An editable install, which builds in the source tree and again when that has changed."""
        with tarfile.open(archive) as content:
            content.extractall(self.work)
        source = self.work / archive.name[:-len(".tar.gz")]
        wheels = self.work / "tools"
        _, output = self.pip(python, "download", "--require-hashes", "--no-deps",
                                   "--only-binary", ":all:", "-r", BUILD_TOOLS, "--dest", wheels)
        for what, arguments in (("without isolation", OFFLINE),
                                ("with isolation", ("--no-index", "--find-links", wheels))):
            made, said = self.pip(python, "install", *arguments, "--force-reinstall", "--no-deps",
                                  *self.settings, "--editable", source)
            if made:
                made, said = self.run(
                    python, "-c", "import s3rec, pathlib; m = s3rec.Model.create(item_size=9); "
                    "assert len(m.recommend([1, 2], 3).items) == 3; "
                    f"assert pathlib.Path(s3rec.__file__).is_relative_to({str(source)!r})")
            self.check(f"an editable install {what} works", made, f"{output}\n{said}")


def main(work, result, *setup_arguments):
    stage = PythonStage(pathlib.Path(work).resolve(), setup_arguments)
    wheel = stage.wheel()
    if wheel is not None:
        stage.tests(wheel)
        stage.source_distribution()
    return stage.finish("python package", result)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
