# SPDX-License-Identifier: Apache-2.0
"""What the command line tool says to wrong commands and wrong files, and its status.

usage: cli_errors.py S3REC
"""
import math
import re
import shutil
import sys
import tempfile

from tool import SMALL, Tool

USAGE, BAD_DATA, FAILURE = 2, 3, 1


def commands(tool):
    data = tool.data()
    tool.refused("no command", USAGE, "a command is missing")
    tool.refused("unknown command", USAGE, "no command 'train'", "train")
    tool.refused("unknown option", USAGE, "unrecognized option '--speed'", "pretrain", "--speed", "9")
    tool.refused("option of another command", USAGE, "unrecognized option", "evaluate", *data,
                 "--lr", "0.1")
    tool.refused("no --out", USAGE, "--out FILE is missing", "pretrain", *data)
    tool.refused("no --data", USAGE, "--data DIR or --events FILE is missing", "evaluate", "--model", "m")
    tool.refused("no model", USAGE, "give one of --model and --popularity", "evaluate", *data)
    tool.refused("popularity has no scores", USAGE, "--seen must be exclude or include", "evaluate",
                 *data, "--popularity", "--seen", "zero")
    tool.refused("an argument too many", USAGE, "unexpected argument 'x'", "evaluate", *data, "x")
    tool.refused("user and history", USAGE, "give one of --user and --history", "recommend", *data, "--model", "m", "--user",
                 "1", "--history", "1 2")
    tool.refused("a user without data", USAGE, "--user needs --data", "recommend", "--model", "m",
                 "--user", "1")


def values(tool):
    common = ["pretrain", *tool.data(), "--out", "m.safetensors"]
    for option, value, said in (
            ("--epochs", "ten", r"'ten' is not a whole number; accepted: 0\.\.1000000"),
            ("--epochs", "1e3", "not a whole number"),
            ("--epochs", " 5", "not a whole number"),
            ("--epochs", "-1", r"not in range; accepted: 0\.\.1000000"),
            ("--epochs", "99999999999999999999", "not in range"),
            ("--seed", "-1", r"accepted: 0\.\.18446744073709551615"),
            ("--seed", "18446744073709551616", "not a number in range"),
            ("--lr", "0", "accepted: above 0"),
            ("--lr", "nan", "not a number"),
            ("--lr", "0x1p-3", "not a number"),
            ("--lr", "0,001", "not a number"),
            ("--mask-p", "1.5", r"not in range; accepted: 0\.\.1"),
            ("--adam-beta1", "1", "accepted: 0 to below 1"),
            ("--limits", "none", "accepted: default or strict"),
            ("--hidden-act", "tanh", "accepted: gelu, relu or swish"),
            ("--threads", "0", r"accepted: 1\.\.256"),
            ("--shards", "6", r"--shards is 6, must be a power of two: 1, 2, 4 \.\. 256"),
            ("--log", "", "the value is empty")):
        tool.refused(f"{option} '{value}'", USAGE, said, *common, f"{option}={value}")
    tool.refused("a size that is no multiple of the heads", USAGE, "hidden_size", *common,
                 "--hidden-size", "15")
    tool.refused("a list that holds no id", USAGE, "'x' is not an item id", "recommend", "--model",
                 "model.safetensors", "--history", "1 x")


def ranges(tool):
    """The bounds that a refusal and --help name are the ones accepted, and nothing beyond is."""
    found = 0
    for command, needed in (("pretrain", ["--out", "m"]), ("finetune", ["--out", "m"]),
                            ("recommend", [])):
        text = re.sub(r"\s+", " ", tool.good(f"{command} --help", command, "--help"))

        def said(option, value):
            return tool.run(command, f"--{option}={value}", "--data", "/proc/none", "--name", "x",
                            *needed).stderr

        for option, kind in sorted(set(re.findall(r" --([a-z0-9-]+)=(N|X)\b", text))):
            range_said = re.search(r"accepted: (.*)", said(option, "x")).group(1)
            low, high, beyond = bounds(range_said, kind)
            wrong = [f"  {value} is refused" for value in (low, high)
                     if "accepted:" in said(option, value)]
            wrong += [f"  {value} is accepted" for value in beyond
                      if "accepted:" not in said(option, value)]
            if option != "seed" and range_said not in text:
                wrong.append("  --help does not say it")
            tool.report.check(f"{command} --{option}: {range_said}", "\n".join(wrong))
            found += 1
    tool.report.check("numbers of all kinds", found < 30 and f"  only {found} ranges")


def bounds(text, kind):
    """(lowest, highest, values beyond) of an accepted range."""
    if text == "above 0, at most 1000":
        return "5e-324", "1000", ("0", "1000.0000000000002")
    if text == "0 to below 1":
        return "0", "0.9999999999999999", ("-5e-324", "1")
    if text == "any number or -inf":
        return "-inf", "1.7976931348623157e308", ("nan", "inf", "-infinity")
    low, high = text.split("..")
    if kind == "N":
        return low, high, (str(int(low) - 1), str(int(high) + 1))
    return low, high, [repr(math.nextafter(float(low), -math.inf)),
                       repr(math.nextafter(float(high), math.inf))]


def files(tool):
    model = ["--model", "model.safetensors"]
    tool.refused("no such data", FAILURE, r"nothing\.txt", "evaluate", *tool.data("nothing"), *model)
    tool.refused("no such model", FAILURE, "none.safetensors", "evaluate", *tool.data(), "--model",
                 "none.safetensors")
    tool.refused("a model that cannot be written", FAILURE, "missing/m", "pretrain", *tool.data(),
                 *SMALL, "--epochs", "0", "--out", "missing/m.safetensors")
    tool.refused("a log that cannot be written", FAILURE, "missing/log", "pretrain", *tool.data(),
                 *SMALL, "--epochs", "1", "--log", "missing/log", "--out", "m.safetensors")
    tool.path("notes.log").write_text("no log\n")
    tool.refused("a log that is something else", BAD_DATA, r"notes\.log:1: not a line of a training",
                 "pretrain", *tool.data(), *SMALL, "--epochs", "1", "--log", "notes.log", "--out",
                 "m.safetensors")
    tool.path("notes.log").write_text('{"event":"begin"}\nnot ended')
    tool.refused("a log that ends with something else", BAD_DATA, r"notes\.log:2: not a line",
                 "pretrain", *tool.data(), *SMALL, "--epochs", "1", "--log", "notes.log", "--out",
                 "m.safetensors")
    tool.equal("which stays as it was", tool.path("notes.log").read_text(),
               '{"event":"begin"}\nnot ended')
    for first, second in (("out", "state"), ("out", "log"), ("out", "report"), ("state", "log"),
                          ("log", "report"), ("model", "report"), ("model", "log")):
        names = {"out": "new.safetensors", first: "same", second: "same"}
        tool.refused(f"one file for --{first} and --{second}", USAGE,
                     f"--{first} and --{second} are both same", "finetune", *tool.data(),
                     *(f"--{option}={name}" for option, name in names.items()))
    tool.refused("the state by its default name", USAGE, "--state and --log are both m.state",
                 "pretrain", *tool.data(), "--out", "m", "--log", "m.state")
    tool.refused("a page that cannot be written", FAILURE, "missing/page", "finetune", *tool.data(),
                 *SMALL, "--epochs", "2", "--report", "missing/page.html", "--out", "m.safetensors")
    tool.refused("a user after the last", USAGE, r"has users 1\.\.200", "recommend", *tool.data(),
                 *model, "--user", "201")

    def data(text, *lines):
        tool.path("bad.txt").write_text(text)
        return ["evaluate", *tool.data("bad"), *model, *lines]

    tool.refused("a word in a sequence", BAD_DATA, r"bad\.txt:2:5: ", *data("1 5 6 7\n2 3 x 4\n"))
    tool.refused("item id 0", BAD_DATA, r"bad\.txt:1:3: ", *data("1 0 6 7\n"))
    tool.refused("no sequence at all", BAD_DATA, r"bad\.txt", *data("\n\n"))
    tool.refused("an item id beyond the strict limits", BAD_DATA, r"bad\.txt.*items",
                 *data("1 5 6 1048577\n", "--limits", "strict"))
    tool.refused("an item the model does not know", BAD_DATA, r"items 1\.\.300, .* up to 301",
                 *data("1 5 6 301\n"))
    tool.path("torn_item2attributes.json").write_text('{"1": [2,')
    tool.path("torn.txt").write_text("1 5 6 7\n")
    tool.refused("a torn attribute file", BAD_DATA, r"torn_item2attributes\.json:1:\d+: ",
                 "pretrain", *tool.data("torn"), "--out", "m.safetensors")
    tool.path("noise.safetensors").write_bytes(bytes(range(200)))
    tool.refused("noise for a model", BAD_DATA, r"noise\.safetensors", "info", "noise.safetensors")
    tool.refused("a sampled protocol without samples", FAILURE, r"lone_sample\.txt", "evaluate",
                 *tool.data("lone"), *model, "--protocol", "sampled")
    tool.path("small_names.tsv").write_text("id\ttitle\n1\tone\nx\ttwo\n")
    tool.refused("a wrong names file", BAD_DATA, r"small_names\.tsv:3: id 'x'", "recommend",
                 *tool.data(), *model, "--user", "1")


def remarks(tool):
    done = tool.run("pretrain", *tool.data("lone"), *SMALL, "--epochs", "1", "--out", "lone.safetensors")
    tool.report.check("without attributes: a remark, and on it goes",
                      (done.returncode != 0 or "without item attributes" not in done.stderr) and
                      done.stderr)
    tool.path("brief.txt").write_text("1 5 6 7\n2 3\n")
    done = tool.run("evaluate", *tool.data("brief"), "--model", "model.safetensors", "--json")
    tool.report.check("short users: a warning, beside the result",
                      (done.returncode != 0 or "\n" in done.stdout[:-1] or
                       not done.stderr.startswith("warning: dataset: users with fewer than 3 items: "
                                                  "1 of 2;")) and f"{done.stdout}{done.stderr}")
    tool.path("small_names.tsv").write_text("id\ttitle\n1\tone\x1b[31m\n")
    done = tool.run("recommend", *tool.data(), "--model", "model.safetensors", "--history", "1 2")
    tool.report.check("a name cannot steer the terminal",
                      (done.returncode != 0 or "\x1b" in done.stdout or "one?[31m" not in done.stdout)
                      and repr(done.stdout))
    tool.path("small_names.tsv").unlink()
    done = tool.run("recommend", *tool.data(), "--model", "model.safetensors", "--user", "1")
    tool.report.check("without names: ids and shared attributes",
                      (done.returncode != 0 or not re.search(r"shares \d+ attributes? with \d+$",
                                                             done.stdout, re.MULTILINE)) and
                      f"{done.stdout}{done.stderr}")


def main(binary):
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(binary, folder)
        tool.generate("small", "--users", "200", "--items", "300")
        shutil.copy(tool.path("small.txt"), tool.path("lone.txt"))
        tool.good("an untrained model", "pretrain", *tool.data(), *SMALL, "--epochs", "0", "--out",
                  "model.safetensors")
        commands(tool)
        values(tool)
        ranges(tool)
        files(tool)
        remarks(tool)
        tool.report.finish()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
