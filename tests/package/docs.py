# SPDX-License-Identifier: Apache-2.0
"""Doxygen accepts the public headers without a warning.

usage: docs.py DOXYFILE
"""
import pathlib
import re
import shutil
import subprocess
import sys

from report import Report


def main(doxyfile):
    report = Report()
    if shutil.which("doxygen") is None:
        report.skip("doxygen is not installed")
        report.finish()
    output = re.search(r"^OUTPUT_DIRECTORY\s*=\s*(.*)$", pathlib.Path(doxyfile).read_text(),
                       re.MULTILINE).group(1)
    shutil.rmtree(output, ignore_errors=True)
    pathlib.Path(output).mkdir(parents=True)
    done = subprocess.run(["doxygen", doxyfile], capture_output=True, text=True)
    report.check("doxygen is content", done.stderr or (done.returncode and "  it failed"))
    pages = len(list(pathlib.Path(output, "html").glob("*.html")))
    report.check("there are pages", pages < 10 and f"  only {pages}")
    report.finish()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
