# SPDX-License-Identifier: Apache-2.0
"""Recipes, schedules and the refit of fine-tuning by the command line tool.

usage: cli_recipe.py S3REC
"""
import json
import re
import shlex
import shutil
import signal
import sys
import tempfile

from tool import SMALL, Tool, entries, interrupt

USAGE, BAD_DATA = 2, 3
EPOCHS = 6
RUN = ["finetune", *SMALL, "--batch-size", "10", "--epochs", EPOCHS]


def tensors(path):
    """The weights of a model or a state, bytes by name."""
    raw = path.read_bytes()
    end = 8 + int.from_bytes(raw[:8], "little")
    head = json.loads(raw[8:end])
    return {name: raw[end + row["data_offsets"][0]:end + row["data_offsets"][1]]
            for name, row in head.items() if not name.startswith(("__", "state."))}


def same_files(tool, what, left, right):
    for suffix in ("", ".state"):
        tool.report.check(f"{what}: the same bytes (OUT{suffix})",
                          tool.path(left + suffix).read_bytes() !=
                          tool.path(right + suffix).read_bytes() and "  they differ")


def recipes(tool):
    small = ["finetune", *tool.data(), *SMALL, "--epochs", "2"]
    log = {}
    for name in ("best", "paper"):
        tool.good(f"recipe {name}", *small, "--recipe", name, "--log", f"{name}.log", "--out",
                  f"{name}.safetensors")
        log[name] = entries(tool.path(f"{name}.log"))[0]["options"]
    tool.good("no recipe", *small, "--log", "none.log", "--out", "none.safetensors")
    tool.equal("is best", entries(tool.path("none.log"))[0]["options"], log["best"])
    paper = {"recipe": "paper", "loss": "bce", "lr": "0.001", "schedule": "constant",
             "warmup-epochs": "0", "refit": "none", "patience": "10", "batch-size": "256",
             "hidden-dropout-prob": "0.5", "attention-probs-dropout-prob": "0.5",
             "weight-decay": "0", "decoupled-weight-decay": "0", "label-smoothing": "0"}
    tool.equal("paper: the authors' settings", {key: log["paper"].get(key) for key in paper}, paper)
    given = [f"--{key}={value}" for key, value in log["paper"].items()
             if value != log["best"][key] and key != "recipe"]
    tool.good("each option of paper given on top of best", *small, *given, "--out",
              "given.safetensors")
    tool.report.check("makes the same weights", tensors(tool.path("given.safetensors")) !=
                      tensors(tool.path("paper.safetensors")) and "  they differ")
    text = re.sub(r"\s+", " ", tool.good("finetune --help", "finetune", "--help"))
    said = {row.split("=")[0] for row in re.split(r" --(?=[a-z0-9-]+=)", text)
            if ", by recipe)" in row}
    missing = {option.split("=")[0][2:] for option in given} - said
    tool.equal("--help marks what differs between recipes", missing, set())
    tool.equal("and nothing else", said & {"recipe", "seed", "hidden-size", "threads"}, set())
    tool.good("pretraining by the paper", "pretrain", *tool.data(), *SMALL, "--recipe", "paper",
              "--epochs", "1", "--out", "start.safetensors")
    tool.refused("an unknown recipe", USAGE, "accepted: best or paper", *small, "--recipe", "good",
                 "--out", "none.safetensors")
    tool.refused("a state of another recipe", USAGE, "--recipe is best, but .* with paper",
                 "finetune", *tool.data(), "--resume", "paper.safetensors.state", "--recipe", "best",
                 "--out", "paper.safetensors")


def losses(tool):
    """An option of another loss is refused where it was given, not where a recipe set it."""
    small = ["finetune", *tool.data(), *SMALL, "--epochs", "1", "--out", "loss.safetensors"]
    count, smoothing = ["--negative-count", "5"], ["--label-smoothing", "0.2"]
    for loss in (["--loss", "bce"], ["--loss", "ce"], ["--recipe", "paper"]):
        tool.refused(f"{loss}: a draw of items", USAGE, "--negative-count needs --loss sampled-ce",
                     *small, *loss, *count)
        if loss[1] != "ce":
            tool.refused(f"{loss}: smoothing", USAGE, "--label-smoothing needs --loss ce or",
                         *small, *loss, *smoothing)
        tool.good(f"{loss}: none of these", *small, *loss)
    tool.good("sampled-ce: both", *small, *count, *smoothing)
    tool.good("ce: smoothing", *small, "--loss", "ce", *smoothing)


def dropouts(tool):
    """With --model they are the recipe's, not the file's, unless they are given."""
    tool.good("a model with dropouts of its own", "pretrain", *tool.data(), *SMALL, "--epochs", "0",
              "--hidden-dropout-prob", "0.3", "--out", "dropped.safetensors")
    run = ["finetune", *tool.data(), "--model", "dropped.safetensors", "--epochs", "1", "--out",
           "tuned.safetensors"]
    for options, hidden, attention in (([], .4, .4), (["--recipe", "paper"], .5, .5),
                                       (["--hidden-dropout-prob", "0.1"], .1, .4)):
        tool.good(f"fine-tuned {options}", *run, *options)
        config = tool.json("its configuration", "info", "tuned.safetensors")[-1].get("config", {})
        tool.equal("dropouts", (config.get("hidden_dropout_prob"),
                                config.get("attention_probs_dropout_prob")), (hidden, attention))


def schedules(tool):
    for command in ("pretrain", "finetune"):
        run = [command, *tool.data(), *SMALL, "--recipe", "paper", "--epochs", "2", "--out"]
        weights = []
        for name, options in (("plain", []), ("warm", ["--warmup-epochs", "0.5"]),
                              ("cosine", ["--schedule", "cosine"])):
            tool.good(f"{command}: {name}", *run, f"{name}.{command}", "--batch-size", "20", *options)
            weights.append(tensors(tool.path(f"{name}.{command}")))
        tool.equal(f"{command}: each schedule has weights of its own",
                   [a == b for a, b in zip(weights, weights[1:] + weights[:1])], [False] * 3)
        resume = [command, *tool.data(), "--out", f"cosine.{command}", "--resume",
                  f"cosine.{command}.state"]
        tool.refused(f"{command}: more epochs of a cosine", USAGE,
                     "--epochs is 3, but the learning rate of .* falls to 0 over 2 epochs", *resume,
                     "--epochs", "3")
        tool.good(f"{command}: as many epochs", *resume, "--epochs", "2")
        tool.good(f"{command}: more epochs of a constant", command, *tool.data(), "--epochs", "3",
                  "--resume", f"warm.{command}.state", "--out", f"warm.{command}")
        tool.refused(f"{command}: nothing but warm-up", USAGE,
                     "--warmup-epochs is 2; .* it must be below --epochs, 2", *run, "never", "--schedule",
                     "cosine", "--warmup-epochs", "2")
        tool.good(f"{command}: a single epoch by recipe", command, *tool.data(), *SMALL, "--epochs",
                  "1", "--out", f"one.{command}")


def longer(tool, name, count):
    """The data with `count` items more a user, so that as many fewer are held out."""
    lines = tool.path("small.txt").read_text().splitlines()
    tool.path(f"{name}.txt").write_text("".join(
        line + f" {line.split()[1]}" * count + "\n" for line in lines))
    shutil.copy(tool.path("small_item2attributes.json"),
                tool.path(f"{name}_item2attributes.json"))


def meaning(tool):
    """The refit is the training that longer sequences would have had."""
    run = [*RUN, "--recipe", "paper", "--loss", "ce"]
    report = {}
    for refit, more, held_out in (("none", 0, 2), ("valid", 1, 1), ("all", 2, 0)):
        out = f"{refit}.safetensors"
        *lines, done = tool.json(f"--refit {refit}", *run, *tool.data(), "--refit", refit, "--log",
                                 f"{refit}-refit.log", "--out", out)
        report[refit] = done
        best = done["best_epoch"]
        tool.equal("as many epochs as were best",
                   [line["epoch"] for line in lines if line["event"] == "refit"],
                   [] if refit == "none" else list(range(1, best + 1)))
        sequences = tool.sequences()
        targets = sum(min(len(items) - held_out, 21) - 1 for items in sequences)
        tool.equal("held-out items are targets", lines[-1]["targets"], targets)
        if refit == "none":
            continue
        longer(tool, refit, more)
        tool.good("the same from longer sequences", *run[:-4], "--epochs", best, "--recipe", "paper",
                  "--loss", "ce", *tool.data(refit), "--out", "long.safetensors")
        tool.report.check("makes the same weights",
                          tensors(tool.path("long.safetensors.state")) != tensors(tool.path(out)) and
                          "  they differ")
    selected = report["none"]
    for refit in ("valid", "all"):
        tool.equal(f"{refit}: the epoch is chosen as ever",
                   [line for line in entries(tool.path(f"{refit}-refit.log"))
                    if line["event"] == "epoch"], entries(tool.path("none-refit.log"))[1:-1])
    tool.equal("what is tested", {key: done["tested"] for key, done in report.items()},
               {"none": "best epoch", "valid": "refit", "all": "best epoch"})
    tool.equal("all: tested before the test items are trained on", report["all"]["test"],
               selected["test"])
    again = tool.json("valid: the file", "evaluate", *tool.data(), "--model", "valid.safetensors")[-1]
    tool.equal("is what was tested", again["mrr"], report["valid"]["test"]["mrr"])
    text = tool.good("in words", *run, *tool.data(), "--refit", "all", "--out", "words.safetensors")
    tool.report.check("all: says why", "the refit was trained on the test items" not in text and text)
    resume = ["finetune", *tool.data(), "--resume"]
    tool.equal("valid: resumed at its end", tool.json(
        "again", *resume, "valid.safetensors.state", "--out", "valid.safetensors")[-1],
        report["valid"])
    tool.equal("all: resumed at its end", tool.json(
        "all, again", *resume, "all.safetensors.state", "--out", "all.safetensors")[-1],
        report["all"])
    tool.refused("more epochs, when one is chosen", USAGE, "--epochs is 9, but .* is in its refit",
                 *resume, "valid.safetensors.state", "--out", "valid.safetensors", "--epochs", "9")


def stopped(tool, refit, number):
    """A run stopped inside its refit ends with the bytes of one that was not."""
    run = [*RUN, *tool.data(), "--model", "start.safetensors", "--refit", refit]
    what = f"{refit}, {number.name}"
    for name in ("straight.log", "stopped.log"):
        tool.path(name).unlink(missing_ok=True)
    tool.good(f"{what}: a run without a stop", *run, "--threads", "1", "--log",
              "straight.log", "--out", "straight.safetensors")
    out = ["--log", "stopped.log", "--out", "stopped.safetensors"]
    status, text = interrupt(tool, [*map(str, run), "--threads", "2", *out], after=1, pause=0,
                             number=number, phase="refit, epoch")
    resume = ["finetune", *tool.data(), *out, "--resume", "stopped.safetensors.state"]
    if number == signal.SIGINT:
        found = re.search(r"interrupted in refit, epoch \d+ of \d+ before step", text)
        tool.report.check(f"{what}: stopped there", (status != 130 or not found) and text)
        resume = shlex.split(re.search(r"^  s3rec (.*)$", text, re.MULTILINE).group(1))
    else:
        tool.equal(f"{what}: killed", status, -number)
    tool.good(f"{what}: resumed", *resume)
    same_files(tool, what, "straight.safetensors", "stopped.safetensors")
    tool.equal(f"{what}: the same log", entries(tool.path("straight.log")),
               entries(tool.path("stopped.log")))


def start_again(tool):
    """The file that a run began with must be there when its refit begins."""
    run = [*RUN, *tool.data(), "--model", "moving.safetensors"]
    start = tool.path("start.safetensors").read_bytes()
    other = tool.path("dropped.safetensors").read_bytes()
    moving = tool.path("moving.safetensors")
    moving.write_bytes(start)
    status, text = interrupt(tool, [*map(str, run), "--out", "moved.safetensors"], after=1, pause=0)
    tool.report.check("interrupted before the refit", status != 130 and text)
    resume = ["finetune", *tool.data(), "--out", "moved.safetensors", "--resume",
              "moved.safetensors.state"]
    said = r"moving\.safetensors must be the file that .* began with"
    moving.write_bytes(other)
    tool.refused("another file in its place", USAGE, said + ".*holds other weights", *resume)
    tool.refused("a page in its place", USAGE, "--model and --report are both moving.safetensors",
                 *resume, "--report", "moving.safetensors")
    tool.equal("which stays", moving.read_bytes(), other)
    moving.unlink()
    tool.refused("no file in its place", USAGE, said + ".*No such file", *resume)
    tool.path("there.safetensors").write_bytes(start)
    tool.good("named where it is now", *resume, "--model", "there.safetensors")
    tool.report.check("makes the same weights", tool.path("moved.safetensors").read_bytes() !=
                      tool.path("straight.safetensors").read_bytes() and "  they differ")
    for option in ("out", "state"):
        names = {"out": "lost.safetensors", option: "there.safetensors"}
        tool.refused(f"--{option} over --model", USAGE,
                     f"--{option}: there.safetensors is the file of --model", *RUN, *tool.data(),
                     "--model", "there.safetensors",
                     *(f"--{key}={value}" for key, value in names.items()))
    tool.equal("which stays", tool.path("there.safetensors").read_bytes(), start)
    tool.good("without a refit it may be", *RUN, *tool.data(), "--model", "there.safetensors",
              "--refit", "none", "--out", "there.safetensors")
    tool.refused("the reference's draws", USAGE, "no refit is possible; add --refit none", *RUN,
                 *tool.data(), "--reference-draws", "--out", "lost.safetensors")


def fresh_again(tool):
    """Without --model it begins with the weights of a seed, which must be the same here."""
    run = [*RUN, *tool.data(), "--out", "seeded.safetensors"]
    status, text = interrupt(tool, list(map(str, run)), after=1, pause=0)
    tool.report.check("fresh weights: interrupted before the refit", status != 130 and text)
    resume = ["finetune", *tool.data(), "--out", "seeded.safetensors", "--resume",
              "seeded.safetensors.state"]
    path = tool.path("seeded.safetensors.state")
    state = path.read_bytes()
    other, count = re.subn(rb'(first_weights[\\"]+:[\\"]+)(.)',
                           lambda found: found[1] + (b"0" if found[2] != b"0" else b"1"), state)
    tool.equal("their hash is in the state", count, 1)
    path.write_bytes(other)
    tool.refused("others from the same seed", BAD_DATA, "this machine makes other fresh weights", *resume)
    path.write_bytes(state)
    tool.good("the same", *resume)


def main(binary):
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(binary, folder)
        tool.generate("small", "--users", "200", "--items", "300")
        recipes(tool)
        losses(tool)
        dropouts(tool)
        schedules(tool)
        meaning(tool)
        for refit, number in (("valid", signal.SIGINT), ("all", signal.SIGINT),
                              ("all", signal.SIGKILL), ("valid", signal.SIGKILL)):
            stopped(tool, refit, number)
        start_again(tool)
        fresh_again(tool)
        tool.report.finish()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
