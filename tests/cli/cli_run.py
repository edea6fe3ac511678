# SPDX-License-Identifier: Apache-2.0
"""s3rec_run by hand leaves the weights that the tool leaves, and reports the same epochs; each of
them goes on from the states of the other.

usage: cli_run.py S3REC RUN_PROGRAM
"""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

from tool import SMALL, Tool, interrupt

PRETRAIN, FINETUNE = 1, 2
BEST, PAPER = 1, 2
FULL, SAMPLED = 1, 2
REFITS = {-1: [], 2: ["--refit", "none"], 1: ["--refit", "valid"], 0: ["--refit", "all"]}


def weights(path):
    """{name: (shape, bytes)} of a model file."""
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:8 + length])
    header.pop("__metadata__", None)
    return {name: (entry["shape"], content[8 + length + entry["data_offsets"][0]:
                                           8 + length + entry["data_offsets"][1]])
            for name, entry in header.items()}


class Comparison:
    def __init__(self, tool, program):
        self.tool = tool
        self.program = program

    def compare(self, what, stage, recipe=BEST, seed=42, epochs=0, patience=0, held_out=-1,
                protocol=FULL, model=None, threads=1, stop=0):
        """The same run by both; the model file of the tool."""
        tool = self.tool
        command = ["pretrain" if stage == PRETRAIN else "finetune", *tool.data(),
                   "--out", "tool.safetensors", "--seed", seed,
                   "--recipe", "best" if recipe == BEST else "paper", "--threads", 1]
        command += SMALL if model is None else ["--model", model]
        command += ["--epochs", epochs] if epochs else []
        if stage == FINETUNE:
            command += ["--patience", patience] if patience else []
            command += REFITS[held_out] + ["--stop-protocol",
                                           "sampled" if protocol == SAMPLED else "full"]
        rows = [row for row in tool.json(f"{what}: tool", *command)
                if row.get("event") in ("epoch", "refit")]
        done = subprocess.run(
            [self.program, tool.folder, "small", model or "-", "run.safetensors",
             *map(str, (stage, recipe, seed, epochs, patience, held_out, protocol, threads, stop)),
             "-", "0"], capture_output=True, text=True, cwd=tool.folder)
        tool.report.check(f"{what}: run", done.returncode != 0 and done.stdout + done.stderr)
        ours = [json.loads(line) for line in done.stdout.splitlines()]
        metric = "mrr" if protocol == SAMPLED else "ndcg@20"
        tool.equal(f"{what}: epochs", [
            (row["refit"], row["epoch"], row["epochs"], row["loss"], row["valid"],
             row["sequences"], row["targets"]) for row in ours], [
            (int(row["event"] == "refit"), row["epoch"], row["epochs"], row["loss"],
             row["valid"][metric] if "valid" in row else 0, row["sequences"], row["targets"])
            for row in rows])
        if done.returncode == 0:
            left, right = (weights(tool.path(name)) for name in ("tool.safetensors",
                                                                 "run.safetensors"))
            tool.report.check(f"{what}: weights", left != right and "  they differ: " + ", ".join(
                name for name in left if left[name] != right.get(name)))
        return len(ours)


def exchange(tool, program, stage, model, epochs, leave, in_refit=False):
    """A run that begins with one of the two and ends with the other one."""
    command = ["pretrain" if stage == PRETRAIN else "finetune", *tool.data()]
    begin = [*(["--model", model] if model else SMALL), "--epochs", str(epochs)]
    what = f"{command[0]}, {epochs} epochs, left after {leave} steps"

    def run(*rest):
        done = subprocess.run([program, tool.folder, "small", model or "-", *map(str, rest)],
                              capture_output=True, text=True, cwd=tool.folder)
        tool.report.check(f"{what}: run", done.returncode != 0 and done.stdout + done.stderr)

    def same(how):
        tool.report.check(f"{what}: {how}, the same weights", weights(tool.path("whole")) !=
                          weights(tool.path("parts")) and "  they differ")

    tool.good(f"{what}: by the tool alone", *command, *begin, "--out", "whole")
    run("parts", stage, BEST, 42, epochs, 0, -1, FULL, 1, 0, "-", leave)
    # Only a refit that is ahead needs the model that the run began with.
    first = ["--model", model] if model and not in_refit else []
    tool.path("parts").unlink(missing_ok=True)
    tool.good(f"{what}: the tool goes on", *command, *first, "--resume", "parts.state", "--out",
              "parts")
    same("by hand, then by the tool")
    # Stopped by a first epoch that is asked for alone, or within the run by a signal.
    tool.path("parts").unlink()
    if stage == PRETRAIN:
        tool.good(f"{what}: one epoch by the tool", *command, *begin[:-1], "1", "--out", "parts")
    else:
        interrupt(tool, list(map(str, [*command, *begin, "--out", "parts"])), after=1, pause=0)
    state = json.loads(header(tool.path("parts.state"))["s3rec_state"])
    tool.equal(f"{what}: the tool's note", json.loads(state["note"])["program"], "s3rec")
    run("parts", stage, BEST, 42, epochs if stage == PRETRAIN else 0, 0, -1, FULL, 1, 0,
        "parts.state", 0)
    same("by the tool, then by hand")


def header(path):
    content = path.read_bytes()
    return json.loads(content[8:8 + struct.unpack("<Q", content[:8])[0]])["__metadata__"]


def main(binary, program):
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(binary, folder)
        tool.generate("small", "--users", "600", "--items", "300")
        compare = Comparison(tool, str(pathlib.Path(program).resolve())).compare
        compare("pretraining", PRETRAIN, epochs=2)
        tool.path("tool.safetensors").rename(tool.path("pretrained.safetensors"))
        compare("pretraining, stops", PRETRAIN, PAPER, seed=7, epochs=2, threads=2, stop=5)
        compare("fine-tuning", FINETUNE, model="pretrained.safetensors")
        compare("fine-tuning, one epoch", FINETUNE, epochs=1)
        compare("fine-tuning, short, stops", FINETUNE, seed=3, epochs=5, held_out=0, threads=2,
                stop=1, model="pretrained.safetensors")
        compare("fine-tuning, no refit", FINETUNE, epochs=5, held_out=2, stop=4)
        epochs = compare("fine-tuning, authors' recipe", FINETUNE, PAPER, seed=5, epochs=30,
                         patience=1, threads=2, stop=2)
        tool.report.check("it stops early", epochs >= 30 and f"  {epochs} epochs")
        compare("fine-tuning, sampled negatives, authors' recipe", FINETUNE, PAPER, epochs=4,
                held_out=1, protocol=SAMPLED, model="pretrained.safetensors", stop=1)
        host = str(pathlib.Path(program).resolve())
        exchange(tool, host, PRETRAIN, None, 3, 7)
        exchange(tool, host, FINETUNE, "pretrained.safetensors", 4, 5)
        exchange(tool, host, FINETUNE, "pretrained.safetensors", 2, 8, in_refit=True)
        exchange(tool, host, FINETUNE, None, 4, 2)
        tool.report.finish()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
