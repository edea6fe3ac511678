# SPDX-License-Identifier: Apache-2.0
"""scripts/results.sh: does each run once, goes on after a stop, and makes its table.

usage: results_script.py S3REC SOURCE
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

from tool import SMALL, Tool

NAME = "two words"


class Script:
    def __init__(self, tool, source):
        self.tool = tool
        self.source = pathlib.Path(source)

    def start(self, out, checkpoint, runs, seeds=("42",)):
        environment = dict(os.environ, S3REC=self.tool.binary, THREADS="1", RUNS=runs,
                           CHECKPOINT=checkpoint)
        return subprocess.Popen([self.source / "scripts" / "results.sh", self.tool.folder, NAME, out,
                                 *seeds], cwd=self.tool.folder, env=environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run(self, what, *arguments, **options):
        process = self.start(*arguments, **options)
        text = process.communicate()[0]
        self.tool.report.check(what, process.returncode != 0 and text)
        return text

    def stopped(self, out, checkpoint, runs):
        """Interrupts the tool after its first epoch, as Ctrl-C does; (status, output)."""
        process = self.start(out, checkpoint, runs)
        text = ""
        for line in process.stdout:
            text += line
            if line.startswith("epoch 1/"):
                children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
                for child in children.read_text().split():
                    os.kill(int(child), signal.SIGINT)
                break
        text += process.stdout.read()
        return process.wait(), text


def rows(text):
    """The cells of the table's rows, its head aside."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def check(tool, script):
    tool.good("a model to begin with", "pretrain", *tool.data(NAME), *SMALL, "--epochs", "1", "--out",
              "start")
    text = script.run("two seeds", "whole", "start", "best-selected", seeds=("42", "43"))
    tool.equal("one row", [row[:3] for row in rows(text)], [["best-selected", "checkpoint", "2"]])
    weights = tool.path("whole/best-selected.checkpoint.42.safetensors").read_bytes()
    again = script.run("a second time", "whole", "start", "best-selected", seeds=("42", "43"))
    tool.equal("nothing is done again", again, tool.path("whole/table.md").read_text())
    tool.equal("the same table", rows(again), rows(text))

    status, text = script.stopped("parts", "start", "best-selected")
    tool.equal("stopped", (status, "state saved" in text), (130, True))
    text = script.run("called again", "parts", "start", "best-selected")
    tool.equal("goes on", "epoch 1/" in text, False)
    tool.equal("to the same weights",
               tool.path("parts/best-selected.checkpoint.42.safetensors").read_bytes() == weights, True)

    log = tool.path("parts/best-selected.checkpoint.42.safetensors.log").read_text()
    lines = log.splitlines(keepends=True)
    first = json.loads(lines[1])
    first["seconds"] = 1e6
    for name, content in (("empty", ""), ("killed", log[:-5]), ("running", "".join(lines[:3])),
                          ("twice", lines[0] + json.dumps(first) + "\n" + log)):
        tool.path(f"parts/{name}.checkpoint.42.safetensors.log").write_text(content)
    text = script.run("logs of runs that have not ended", "parts", "start", "")
    tool.equal("are left out", [row[0] for row in rows(text)], ["best-selected", "twice"])
    tool.equal("and so is what a new start gave up", rows(text)[0][1:], rows(text)[-1][1:])

    tool.path("fresh").mkdir()
    shutil.copy(tool.path("start"), tool.path("fresh/pretrained-42.safetensors"))
    tool.path("fresh/pretrained-42.safetensors.log").write_text('{"event":"done"}\n')
    text = script.run("an empty CHECKPOINT is none", "fresh", "", "best-selected")
    tool.equal("both weights", [row[1] for row in rows(text)], ["fresh", "pretrained"])


def main(binary, source):
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(binary, folder)
        tool.generate(NAME, "--users", "600", "--items", "300")
        check(tool, Script(tool, source))
        tool.report.finish()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
