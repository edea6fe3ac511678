# SPDX-License-Identifier: Apache-2.0
"""Runs examples/06_serving or examples/07_host_hooks on a made-up catalogue.

usage: serving.py S3REC PROGRAM
"""
import pathlib
import re
import subprocess
import sys
import tempfile

from tool import Tool

SERVING = (r"(version [0123]: \d+ answers\n){4}calls: \d+, failed: 0, scorers: [1-4]\n"
           r"half of them within \d+\.\d us, 99 of 100 within \d+\.\d us\nwrong: 0\n")
HOOKS = (r"child: 0\ninterrupted while training: yes\n"
         r"training within 1 KiB more: S3REC_ERROR_MEMORY\nthe model is as before: yes\n"
         r"\d+ allocations, peak \d+ bytes, 1 refused, 0 bytes left\n")
EXPECTED = {"06_serving": SERVING, "07_host_hooks": HOOKS}


def main(binary, program):
    program = pathlib.Path(program).resolve()
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(binary, folder)
        tool.generate("small", "--users", "200", "--items", "300")
        files = ["served.safetensors"] if program.name == "06_serving" else []
        done = subprocess.run([program, "small.txt", *files], capture_output=True, text=True,
                              cwd=folder)
        output = f"{done.stdout}{done.stderr}"
        tool.report.check(f"{program.name} runs", done.returncode != 0 and
                          f"  status {done.returncode}\n{output}")
        tool.report.check("it prints what it should",
                          not re.fullmatch(EXPECTED[program.name], done.stdout) and output)
        if program.name == "06_serving":
            answers = list(map(int, re.findall(r": (\d+) answers", done.stdout)))
            tool.report.check("every version answered", (len(answers) != 4 or min(answers) < 100)
                              and output)
        else:
            lines = done.stderr.splitlines()
            tool.report.check("log lines come whole, in the host's format", (
                len(lines) < 3 or not all(re.match(r"\[recommender\] (INFO|WARN) \S", line)
                                          for line in lines)) and output)
        done = subprocess.run([program], capture_output=True, text=True)
        tool.report.check("without arguments", (done.returncode != 1 or
                                                "usage:" not in done.stderr) and done.stderr)
        tool.report.finish()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
