# SPDX-License-Identifier: Apache-2.0
"""Runs the programs of examples/ and the one in README.md on a made-up catalogue.

usage: examples.py S3REC SOURCE_ROOT LIBRARY EXAMPLE_PROGRAM... -- COMPILER...
The compiler is left out where a foreign program cannot link the library (sanitizers).
"""
import pathlib
import re
import subprocess
import sys
import tempfile

from tool import Tool


def run(tool, what, *command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=tool.folder)
    tool.report.check(what, done.returncode != 0 and f"  status {done.returncode}\n"
                      f"{done.stdout}{done.stderr}")
    return done.stdout


def whole_way(tool, program):
    output = run(tool, "05_run", program, "small.txt", "small_item2attributes.json",
                 "all.safetensors").splitlines()
    epochs = [line.split(":")[0] for line in output if "epoch" in line]
    tool.equal("05_run: epochs of both stages", epochs[:6], [
        *(f"pretraining, epoch {epoch}" for epoch in (1, 2)),
        *(f"fine-tuning, epoch {epoch}" for epoch in (1, 2, 3, 4))])
    tool.equal("05_run: the refit after them", epochs[6:],
               [f"refit, epoch {epoch + 1}" for epoch in range(len(epochs) - 6)] or "none")
    found = tool.json("evaluate", "evaluate", *tool.data(), "--model", "all.safetensors")[-1]
    rows = tool.json("recommend", "recommend", *tool.data(), "--model", "all.safetensors",
                     "--user", "1", "--k", "5")[-1]["recommended"]
    tool.equal("05_run measures and recommends what s3rec does", output[len(epochs):], [
        f"test: HR@10 {found['hr@10']:.6f}, NDCG@10 {found['ndcg@10']:.6f}, MRR {found['mrr']:.6f}",
        *(f"{row['item']} {row['score']:.6f}" for row in rows)])


def wrong_usage(tool, programs):
    for name, program in programs.items():
        done = subprocess.run([program], capture_output=True, text=True)
        tool.report.check(f"{name} without arguments", (done.returncode != 1 or
                                                        "usage:" not in done.stderr) and done.stderr)
    done = subprocess.run([programs["01_score_from_file"], "none.safetensors", "1"],
                          capture_output=True, text=True)
    tool.report.check("01_score_from_file names a missing file",
                      (done.returncode != 1 or "none.safetensors" not in done.stderr) and done.stderr)


def readme(tool, root, library, compiler):
    """The C program in README.md, compiled as it stands."""
    text = (root / "README.md").read_text()
    found = re.search(r"```c\n(.*?)```", text, re.DOTALL)
    tool.report.check("README.md has a C program", not found and "  none")
    if not found:
        return
    if not compiler:
        tool.report.skip("README.md's program cannot link a library with sanitizers")
        return
    # It reads "tuned.safetensors" from the folder it runs in.
    tool.path("readme.c").write_text(found.group(1))
    run(tool, "README.md's program compiles", *compiler, "-std=c11", "-Wall", "-Wextra", "-Werror",
        f"-I{root}/include", "readme.c", library, f"-Wl,-rpath,{library.parent}", "-o", "readme")
    output = run(tool, "README.md's program runs", tool.path("readme"))
    tool.report.check("it prints recommendations", not re.fullmatch(
        r"(\s*\d+ +-?\d+\.\d+\n)+", output) and repr(output))


def measured_losses(tool, program):
    output = run(tool, "08_losses", program, "small.txt", "small_item2attributes.json", "5",
                 "pretrained.safetensors", "tuned.safetensors", "pretrained.safetensors")
    first, tuned, again = ([float(x) for x in re.findall(r"(?:aap|mip|map|sp) ([\d.]+)", line)]
                           for line in output.splitlines())
    tool.equal("a model's losses are the same beside others", again, first)
    tool.report.check("fine-tuning for the next item costs the others", not (
        len(first) == len(tuned) == 4 and first[2] < tuned[2]) and output)


def main(binary, root, library, programs, compiler):
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(binary, folder)
        programs = {pathlib.Path(program).name: str(pathlib.Path(program).resolve())
                    for program in programs}
        tool.generate("small", "--users", "200", "--items", "300")
        output = run(tool, "02_pretrain", programs["02_pretrain"], "small.txt",
                     "small_item2attributes.json", "pretrained.safetensors")
        losses = list(map(float, re.findall(r"loss ([\d.]+)", output)))
        tool.report.check("the loss falls", not (len(losses) == 2 and losses[1] < losses[0]) and output)
        output = run(tool, "03_finetune", programs["03_finetune"], "small.txt",
                     "pretrained.safetensors", "tuned.safetensors")
        test = re.search(r"test NDCG@10 ([\d.]+)", output)
        found = tool.json("evaluate", "evaluate", *tool.data(), "--model", "tuned.safetensors")[-1]
        tool.equal("03_finetune measures what s3rec evaluate measures", test and test.group(1),
                   f"{found['ndcg@10']:.4f}")
        measured_losses(tool, programs["08_losses"])
        output = run(tool, "01_score_from_file", programs["01_score_from_file"], "tuned.safetensors",
                     *tool.sequences()[0])
        rows = tool.json("recommend", "recommend", *tool.data(), "--model", "tuned.safetensors",
                         "--user", "1", "--k", "5")[-1]["recommended"]
        tool.equal("it recommends what s3rec recommend does", output.split("\n")[:-1],
                   [f"{row['item']} {row['score']:.4f}" for row in rows])
        output = run(tool, "04_threads", programs["04_threads"], "small.txt", "tuned.safetensors")
        lines = output.splitlines()
        tool.equal("04_threads: a line a user, the first as above",
                   (len(lines), lines and lines[0]), (200, f"1 {rows[0]['item']}"))
        whole_way(tool, programs["05_run"])
        wrong_usage(tool, programs)
        readme(tool, pathlib.Path(root), pathlib.Path(library).resolve(), compiler)
        tool.report.finish()


if __name__ == "__main__":
    if "--" not in sys.argv[4:]:
        sys.exit(__doc__)
    split = sys.argv.index("--")
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:split], sys.argv[split + 1:])
