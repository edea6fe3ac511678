# SPDX-License-Identifier: Apache-2.0
"""Doxygen accepts the public headers without a warning.

usage: docs.py DOXYFILE
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

from report import Report


def main(doxyfile):
    report = Report()
    if shutil.which("doxygen") is None:
        report.skip("doxygen is not installed")
        report.finish()
    with tempfile.TemporaryDirectory() as output:
        settings = pathlib.Path(doxyfile).read_text() + f"\nOUTPUT_DIRECTORY = {output}\n"
        done = subprocess.run(["doxygen", "-"], input=settings, capture_output=True, text=True)
        report.check("doxygen is content", done.stderr or (done.returncode and "  it failed"))
        pages = len(list(pathlib.Path(output, "html").glob("*.html")))
        report.check("there are pages", pages < 10 and f"  only {pages}")
    report.finish()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
