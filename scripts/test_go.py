#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests the Go package against an installation of a build.

usage: test_go.py BUILD_FOLDER WORK RESULT.json

WORK is a folder for the files that are made. RESULT.json gets a record as in meson's logs, for
count_tests.py. Every test is one check; of a test with subtests, every subtest is one.
"""
import json
import os
import pathlib
import re
import shutil
import sys

from stage import Stage

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "bindings/go"
OLDEST = (1, 19)
STATICCHECK = "honnef.co/go/tools/cmd/staticcheck"
STATICCHECK_MODULE = ROOT / "scripts/requirements/staticcheck"  # pins it by version and hash
STATICCHECK_OLDEST = (1, 26)  # the Go that this version needs
RACE = ("x86_64", "aarch64", "ppc64le")


class GoStage(Stage):
    def version(self):
        """Release of the installed Go, (0, 0) without Go."""
        if not shutil.which("go"):
            return (0, 0)
        found = re.search(r"go version go(\d+)\.(\d+)", self.run("go", "version")[1])
        return (int(found[1]), int(found[2])) if found else (0, 0)

    def install(self, build):
        """Installs the library below `self.work` and makes Go's environment point there."""
        good, output = self.run("meson", "install", "-C", build, "--no-rebuild", "--quiet",
                                "--destdir", self.work)
        found = list(self.work.rglob("s3rec.pc"))
        if not self.check("the library installs", good and len(found) == 1, output):
            return False
        libraries = str(found[0].parent.parent)
        older = self.environment.get("LD_LIBRARY_PATH")
        self.environment.update({
            "PKG_CONFIG_PATH": str(found[0].parent), "PKG_CONFIG_SYSROOT_DIR": str(self.work),
            "LD_LIBRARY_PATH": f"{libraries}:{older}" if older else libraries,
            "CGO_ENABLED": "1", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"})
        interposer = build / "tests/faults/libs3_faults.so"
        if interposer.is_file():
            self.environment["S3REC_INTERPOSER"] = str(interposer)
        if os.environ.get("S3REC_SETUP") == "no":
            self.environment["GOPROXY"] = "off"  # only modules that are there already
        if "HOME" not in os.environ:
            self.environment["GOCACHE"] = str(self.work / "cache")
        return True

    def staticcheck(self, version):
        if version < STATICCHECK_OLDEST:
            self.skip(f"staticcheck: needs Go {STATICCHECK_OLDEST[0]}.{STATICCHECK_OLDEST[1]}")
            return
        built, output = self.run("go", "-C", STATICCHECK_MODULE, "build", "-mod=readonly", "-o",
                                 self.work / "staticcheck", STATICCHECK, timeout=3600)
        if built:
            self.check("staticcheck finds nothing",
                       *self.run(self.work / "staticcheck", "./...", timeout=3600))
        elif "SECURITY ERROR" in output:
            self.check("staticcheck is what go.sum says", False, output)
        else:
            self.skip("staticcheck: the module proxy is out of reach")

    def tests(self, version):
        if version >= (1, 21):
            self.environment["GOEXPERIMENT"] = "cgocheck2"
        else:
            self.environment["GODEBUG"] = "cgocheck=2"
        race = ["-race"] if os.uname().machine in RACE else []
        good, output = self.run("go", "test", *race, "-count=1", "-timeout=60m", "-json", "./...",
                                timeout=4200)
        failed = self.failed
        self.count(output)
        if not good and self.failed == failed:
            self.check("go test", False, output)

    def count(self, output):
        """Counts a log of go test -json."""
        results, texts = {}, {}
        for line in output.splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            name = event.get("Test")
            if not name:
                continue
            texts[name] = texts.get(name, "") + event.get("Output", "")
            if event["Action"] in ("pass", "fail", "skip"):
                results[name] = event["Action"]
        for name in texts:
            results.setdefault(name, "fail")  # the program ended during this test
        for name, result in sorted(results.items()):
            below = [results[other] for other in results if other.startswith(name + "/")]
            if below and (result != "fail" or "fail" in below):
                continue
            if result == "skip":
                self.skip(f"{name}: {' '.join(texts[name].split())}")
            else:
                self.check(name, result == "pass", texts[name])


def main(build, work, result):
    build, work = pathlib.Path(build).resolve(), pathlib.Path(work).resolve()
    stage = GoStage(PACKAGE, work, dict(os.environ))
    version = stage.version()
    if version < OLDEST:
        stage.skip(f"the Go package: no Go {OLDEST[0]}.{OLDEST[1]} or later")
    elif stage.install(build):
        good, output = stage.run("gofmt", "-l", ".")
        stage.check("gofmt changes nothing", good and not output, output)
        if stage.check("go vet finds nothing", *stage.run("go", "vet", "./...", timeout=3600)):
            stage.staticcheck(version)
            stage.tests(version)
    return stage.finish("go package", result)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
