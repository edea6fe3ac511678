# SPDX-License-Identifier: Apache-2.0
"""Every file names its licence and whose it is, in itself or in REUSE.toml (reuse.software)."""
import pathlib
import re
import shutil

from report import Report, problem_of, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
OLDEST = 4  # the first release that reads REUSE.toml


def reuse_program():
    """The one that scripts/setup.sh --tests fetched, or that of the system; None if it is too old."""
    fetched = ROOT / "build-tools/python-tests/bin/reuse"
    program = fetched if fetched.exists() else shutil.which("reuse")
    if not program:
        return None
    version = re.search(r"(\d+)\.\d+", run([program, "--version"]))
    return program if version and int(version[1]) >= OLDEST else None


def main():
    report = Report()
    texts = [(ROOT / name).read_bytes() for name in ("LICENSE", "LICENSES/Apache-2.0.txt")]
    report.check("LICENSE and LICENSES/Apache-2.0.txt are the same",
                 texts[0] != texts[1] and "they differ")
    program = reuse_program()
    if not (ROOT / ".git").exists():
        report.skip("reuse lint: without git it would look at what was built, too")
    elif not program:
        report.skip(f"reuse lint: there is no reuse {OLDEST}")
    else:
        report.check("reuse lint finds nothing", problem_of([program, "--root", ROOT, "lint"]))
    report.finish()


if __name__ == "__main__":
    main()
