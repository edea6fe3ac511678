# SPDX-License-Identifier: Apache-2.0
"""Pages about training runs: what they show is what the log says, and they stand alone.

usage: cli_report.py S3REC
"""
import collections
import html.parser
import json
import math
import re
import sys
import tempfile

from tool import SMALL, Tool

USAGE, FAILURE, BAD_DATA = 2, 1, 3
NASTY = "a'b<i>&\"x"
METRICS = ["hr@1", "hr@5", "hr@10", "hr@20", "ndcg@5", "ndcg@10", "ndcg@20", "mrr"]
VOID = {"meta", "line", "circle", "polyline"}


class Page(html.parser.HTMLParser):
    """Tags that are balanced, text by tag, tables as rows of cells."""

    def __init__(self, text):
        super().__init__()
        self.open, self.problems, self.tags = [], [], collections.Counter()
        self.ids, self.texts, self.tables = [], collections.defaultdict(list), []
        self.references = []
        self.feed(text)
        self.close()
        if self.open:
            self.problems.append(f"  left open: {self.open}")

    def handle_starttag(self, tag, attributes):
        self.tags[tag] += 1
        values = dict(attributes)
        if "id" in values:
            self.ids.append(values["id"])
        for name, value in attributes:
            if name in ("href", "src", "action", "srcset", "data") or name.startswith("on"):
                self.references.append(f"{tag} {name}={value}")
        if tag == "svg" and "aria-hidden" not in values:
            if values.get("role") != "img" or "viewbox" not in values:
                self.problems.append(f"  a chart without role or viewBox: {attributes}")
            self.references += [name for name in values["aria-labelledby"].split()
                                if f'id="{name}"' not in self.rawdata]
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags[tag] += 1
        if tag not in VOID:
            self.problems.append(f"  <{tag}/>")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"  </{tag}> at {self.getpos()}")

    def handle_data(self, text):
        if self.open:
            self.texts[self.open[-1]].append(text)
        if self.open and {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += text

    def rows(self, title):
        """The rows of the table with that first column title, the head left out."""
        for table in self.tables:
            if table[0][0] == title:
                return table[1:]
        return []


def read(tool, name, what):
    text = tool.path(name).read_text(encoding="utf-8")
    page = Page(text)
    tool.report.check(f"{what}: tags are balanced", "\n".join(page.problems))
    tool.equal(f"{what}: ids are unique", len(page.ids), len(set(page.ids)))
    tool.equal(f"{what}: nothing is loaded", page.references, [])
    tool.equal(f"{what}: no script, no address",
               (page.tags["script"], re.findall(r"https?:|url\(|@import", text)), (0, []))
    tool.equal(f"{what}: charts have title and words",
               (page.tags["title"] - 1, page.tags["desc"]), (page.tags["figure"],) * 2)
    tool.report.check(f"{what}: numbers only", re.search(r"\bnan\b|\binf\b", text) and "  not one")
    return text, page


def log_of(tool, name):
    return [json.loads(line) for line in tool.path(name).read_text().splitlines()]


def four(value):
    return f"{value:.4f}"


def groups(tool, log, page):
    """Groups against ranks and counts taken from the files themselves."""
    sequences = tool.sequences(NASTY)
    ranks = list(map(int, tool.path("ranks").read_text().split()))
    counts = collections.Counter(item for sequence in sequences for item in sequence[:-2])
    keys = {"by_history_length": [len(sequence) - 1 for sequence in sequences],
            "by_popularity": [counts[sequence[-1]] for sequence in sequences]}
    for name, title in (("by_history_length", "Items before"), ("by_popularity", "Occurrences")):
        found = log[-1][name]
        tool.equal(f"{name}: every user once", sum(group["users"] for group in found), len(sequences))
        wrong = []
        for group in found:
            inside = [rank for rank, key in zip(ranks, keys[name])
                      if group["from"] <= key <= group.get("to", math.inf)]
            hits = [rank for rank in inside if rank < 10]
            expected = (len(inside), len(hits) / len(inside),
                        sum(1 / math.log2(rank + 2) for rank in hits) / len(inside))
            if any(abs(a - b) > 1e-12 for a, b in
                   zip(expected, (group["users"], group["hr@10"], group["ndcg@10"]))):
                wrong.append(f"  {group} is not {expected}")
        tool.report.check(f"{name}: as the ranks have it", "\n".join(wrong))
        tool.equal(f"{name}: the page has these numbers",
                   [(row[1], row[2], row[4], row[5]) for row in page.rows(title)],
                   [(str(group["users"]), four(group["hr@10"]), four(group["ndcg@10"]),
                     "few users" if group["users"] < 100 else "") for group in found])


def examples(tool, log, page):
    sequences, names = tool.sequences(NASTY), tool.names(NASTY)
    ranks = list(map(int, tool.path("ranks").read_text().split()))
    users = log[-1]["examples"]
    tool.equal("five examples, from the best to the worst",
               ([user["rank"] for user in users]),
               sorted(ranks)[len(ranks) // 10::len(ranks) // 5][:5])
    for user in users:
        sequence = sequences[user["line"] - 1]
        line = f"example on line {user['line']}"
        tool.equal(f"{line}: rank, answer, history",
                   (user["rank"], user["answer"]["item"], user["history_length"],
                    [item["item"] for item in user["history"]]),
                   (ranks[user["line"] - 1], sequence[-1], len(sequence) - 1, sequence[-9:-1]))
        ids = [item["item"] for item in user["recommended"]]
        again = tool.json(f"{line}: the same from recommend", "recommend", "--model",
                          "tuned.safetensors", "--history", " ".join(map(str, sequence[:-1])),
                          "--k", "5")[-1]
        tool.equal(f"{line}: recommended", ids, [item["item"] for item in again["recommended"]])
        tool.equal(f"{line}: named", user["answer"]["title"], names[sequence[-1]]["title"])
    heads = [text for text in page.texts["h3"]]
    tool.equal("each in the page", heads,
               [f"User on line {user['line']}: the held-out item came at place {user['rank'] + 1}"
                for user in users])


def one_run(tool):
    tool.good("pretraining with a log", "pretrain", *tool.data(NASTY), *SMALL, "--epochs", "2",
              "--log", "first.log", "--out", "first.safetensors")
    run = ["finetune", *tool.data(NASTY), "--model", "first.safetensors", "--epochs", "3",
           "--loss", "ce", "--refit", "none"]
    tool.good("finetune --report", *run, "--report", "page.html", "--out", "tuned.safetensors")
    tool.good("its ranks", "evaluate", *tool.data(NASTY), "--model", "tuned.safetensors", "--ranks",
              "ranks")
    log = log_of(tool, "tuned.safetensors.log")
    tool.equal("the log beside the model", [entry["event"] for entry in log],
               ["begin", *["epoch"] * 3, *["refit"] * log[-1]["refit_epochs"], "done"])
    text, page = read(tool, "page.html", "one run")
    tool.equal("the data's name is text", (page.texts["h1"], page.tags["i"]),
               ([f"Fine-tuning on {NASTY}"], 0))
    test = log[-1]["test"]
    rows = page.rows("Split")
    tool.equal("test metrics", rows and rows[0], ["test", *(four(test[key]) for key in METRICS)])
    tool.equal("epochs", [row[:5] for row in page.rows("Epoch")],
               [[str(entry["epoch"]), four(entry["loss"]),
                 *(four(entry["valid"][key]) for key in ("hr@10", "ndcg@10", "mrr"))]
                for entry in log if entry["event"] == "epoch"])
    options = {row[0]: row[1] for row in page.rows("Option")}
    tool.equal("configuration", {key: options.get(key) for key in log[0]["options"]},
               log[0]["options"])
    tool.equal("charts", page.tags["figure"], 4)
    groups(tool, log, page)
    examples(tool, log, page)
    tool.good("the same from the log", "report", "tuned.safetensors.log", "--out", "again.html")
    tool.equal("is the same page", tool.path("again.html").read_text(), text)
    titles = tool.path(f"{NASTY}_names.tsv").read_text().replace("\t", "\t<script>x</script>&", 1)
    tool.path(f"{NASTY}_names.tsv").write_text(re.sub(
        r"(?m)^(\d+\t)", "\\1</td><script>x</script>\u202e", titles.replace("<script>x</script>&", "")))
    tool.good("titles that are markup", *run, "--epochs", "1", "--report", "page.html", "--out",
              "tuned.safetensors")
    text, page = read(tool, "page.html", "titles that are markup")
    tool.equal("are text", "<script>x</script>" in "".join(page.texts["bdi"]), True)


def resumed_refits(tool, lines):
    """Pages of a run that was stopped in its refit, and of one whose log begins there."""
    tool.path("stopped.log").write_text("".join(lines[:5]))
    tool.good("a refit not ended", "report", "stopped.log", "--out", "stopped.html")
    text, page = read(tool, "stopped.html", "a refit not ended")
    tool.equal("nothing was tested", "test metrics are those" in text, False)
    begin = {**json.loads(lines[0]), "model": "a", "epochs_before": 3, "refit_epochs_before": 1}
    tool.path("late.log").write_text("".join([json.dumps(begin) + "\n", *lines[5:]]))
    tool.good("a log from within a refit", "report", "late.log", "--out", "late.html")
    text, page = read(tool, "late.html", "a log from within a refit")
    tool.equal("says so", "after 3 epochs, in the refit" in text, True)
    tool.equal("has all epochs counted", re.findall(r"<dt>Epochs</dt><dd>(\d+)", text), ["3"])
    tool.equal("and shows those it has", [row[0] for row in page.rows("Epoch")],
               [f"refit {json.loads(line)['epoch']}" for line in lines[5:-1]])


def refits(tool):
    """A run of two phases: curves of both, and which weights the test metrics belong to."""
    for refit, said in (("valid", "test metrics are those of the refit"),
                        ("all", "test metrics are those of the best epoch before the refit")):
        tool.good(f"a refit on {refit} items", "finetune", *tool.data(NASTY), *SMALL, "--epochs", "3",
                  "--refit", refit, "--log", f"{refit}.log", "--report", "refit.html", "--out",
                  f"{refit}.safetensors")
        log = log_of(tool, f"{refit}.log")
        text, page = read(tool, "refit.html", f"refit on {refit} items")
        tool.equal("says what was tested", said in text, True)
        tool.equal("epochs of both phases", [row[:2] for row in page.rows("Epoch")],
                   [[("refit " if line["event"] == "refit" else "") + str(line["epoch"]),
                     four(line["loss"])] for line in log[1:-1]])
        tool.equal("a line for each in the legend",
                   [name for name in ("choosing the epoch", "refit") if f">{name}<" in text],
                   ["choosing the epoch", "refit"])
        rows = page.rows("Split")
        tool.equal("test metrics", rows[0][1:], [four(log[-1]["test"][key]) for key in METRICS])
        best = log[log[-1]["best_epoch"]]
        tool.equal("valid metrics of the best epoch", rows[1][1:],
                   [four(best["valid"][key]) for key in METRICS])
        trained = [sequence[:-1 if refit == "valid" else -2] for sequence in tool.sequences(NASTY)]
        counts = collections.Counter(item for sequence in trained for item in sequence)
        unseen = sum(counts[sequence[-1]] == 0 for sequence in tool.sequences(NASTY))
        tool.equal("users of items never trained on", unseen, sum(
            group["users"] for group in log[-1]["by_popularity"] if group["from"] == 0))
        tool.equal("whose", [row[0] for row in rows],
                   ["test, refit", "valid, best epoch"] if refit == "valid" else ["test", "valid"])
    tool.good("beside a run without", "report", "valid.log", "all.log", "--out", "refit.html")
    text, page = read(tool, "refit.html", "two refits")
    tool.equal("are not compared", ("These metrics cannot be compared" in text,
                                    [(row[2]) for row in page.rows("Run")]),
               (True, ["refit", "best epoch"]))
    lines = tool.path("valid.log").read_text().splitlines(keepends=True)
    resumed_refits(tool, lines)
    for what, said, parts in (
            ("an epoch after the refit", ':6: event "epoch" after the refit', [*lines[:5], lines[1]]),
            ("a refit epoch twice", ":6: epoch 1 after epoch 1", [*lines[:5], lines[4]]),
            ("a refit without a loss", ':5: "loss" is missing',
             [*lines[:4], '{"event":"refit","command":"finetune","epoch":1}\n'])):
        tool.path("bad.log").write_text("".join(parts))
        tool.refused(what, BAD_DATA, r"bad\.log" + said, "report", "bad.log", "--out", "bad.html")


def several_runs(tool):
    tool.good("another loss", "finetune", *tool.data(NASTY), *SMALL, "--epochs", "2", "--recipe", "paper",
              "--log", "paper.log", "--out", "paper.safetensors")
    tool.good("a page of three", "report", "tuned.safetensors.log", "paper.log", "first.log", "--out",
              "all.html")
    text, page = read(tool, "all.html", "several runs")
    rows = page.rows("Run")
    tool.equal("a row a run", [(row[0], row[1]) for row in rows],
               [("tuned.safetensors.log, run 1", "finetune"),
                ("tuned.safetensors.log, run 2", "finetune"), ("paper.log", "finetune"),
                ("first.log", "pretrain")])
    test = log_of(tool, "paper.log")[-1]["test"]
    tool.report.check("with its metrics", four(test["hr@10"]) not in rows[2] and f"  {rows[2]}")
    for line in log_of(tool, "first.log")[1:-1]:
        tool.equal("epochs of pretraining have all losses",
                   all(line[key] > 0 for key in ("loss", "aap", "mip", "map", "sp")), True)
    tool.equal("losses of one kind in a chart", [title for title in page.texts["figcaption"]][:2],
               ["Training loss (ce)", "Training loss (bce)"])
    options = [row[0] for row in page.rows("Option")]
    tool.equal("options that differ come first", options.index("loss") < options.index("seed"), True)
    tool.generate("other", "--users", "50", "--items", "300")
    tool.good("on other data", "finetune", *tool.data("other"), *SMALL, "--epochs", "1", "--log",
              "other.log", "--out", "other.safetensors")
    tool.good("a page of both", "report", "paper.log", "other.log", "--out", "two.html")
    text, page = read(tool, "two.html", "other data")
    tool.equal("are not compared", "These metrics cannot be compared" in text, True)


def unfinished(tool):
    lines = tool.path("paper.log").read_text().splitlines(keepends=True)
    for count, what in ((1, "just begun"), (2, "one epoch")):
        tool.path("cut.log").write_text("".join(lines[:count]) + '{"event":"epo')
        tool.good(f"a log {what}", "report", "cut.log", "--out", "cut.html")
        text, page = read(tool, "cut.html", what)
        tool.equal(f"{what}: says so", "The run has not ended." in text, True)
    tool.path("later.log").write_text(lines[0] + '{"event":"new","in":"a later release"}\n' +
                                      "".join(lines[1:]))
    tool.good("an event of a later release", "report", "later.log", "--out", "cut.html")


def broken(tool):
    lines = tool.path("paper.log").read_text().splitlines(keepends=True)
    epoch, done = json.loads(lines[1]), json.loads(lines[-1])
    tool.path("kept.html").write_text("kept")

    def refused(what, pattern, *parts):
        tool.path("bad.log").write_text("".join(
            part if isinstance(part, str) else json.dumps(part) + "\n" for part in parts))
        tool.refused(what, BAD_DATA, r"bad\.log" + pattern, "report", "bad.log", "--out", "kept.html")

    refused("an empty log", ": holds no run")
    refused("no JSON", ":2: not JSON", lines[0], "epoch 1\n", *lines[1:])
    refused("no object", ":1: not an object", "[1]\n")
    refused("a key twice", ":1: not JSON: duplicate", '{"event":"begin","event":"begin"}\n')
    refused("no event", ':1: "event" is missing', "{}\n")
    refused("an epoch without a beginning", r":1: .*before the begin of its run", lines[1])
    refused("an epoch twice", ":3: epoch 1 after epoch 1", *lines[:2], lines[1])
    refused("an epoch after the end", ":5: .*after the end of its run", *lines, lines[1])
    refused("a loss that is text", ':2: "loss" is not a number', lines[0], {**epoch, "loss": "x"})
    refused("a loss beyond all axes", ':2: "loss" is 1e\\+300; accepted', lines[0],
            {**epoch, "loss": 1e300})
    refused("no metrics", ':2: "valid" is missing', lines[0],
            {key: value for key, value in epoch.items() if key != "valid"})
    refused("a share above 1", ':2: "mrr" is 2; accepted: 0 to 1', lines[0],
            {**epoch, "valid": {**epoch["valid"], "mrr": 2}})
    refused("groups that are none", ':4: "by_popularity" is not a list', *lines[:3],
            {**done, "by_popularity": 5})
    refused("a group that is none", ':4: "from" is missing', *lines[:3],
            {**done, "by_popularity": [5]})
    refused("an example that is none", ':4: "line" is missing', *lines[:3], {**done, "examples": [5]})
    refused("another command", ':1: "command" is neither', {"event": "begin", "command": "<b>"})
    tool.equal("the page stays", tool.path("kept.html").read_text(), "kept")
    tool.refused("no log", USAGE, "a LOG is missing", "report", "--out", "kept.html")
    tool.refused("no --out", USAGE, "--out FILE is missing", "report", "paper.log")
    tool.refused("a log that is not there", FAILURE, r"none\.log: cannot be read", "report",
                 "none.log", "--out", "kept.html")
    tool.refused("too many logs", USAGE, "more than 24 logs", "report", *["paper.log"] * 25, "--out",
                 "kept.html")
    tool.path("own.log").write_text("".join(lines))
    tool.refused("a log as the page", USAGE, r"own\.log is the log \./own\.log", "report",
                 "paper.log", "./own.log", "--out", "own.log")
    tool.equal("the log stays", tool.path("own.log").read_text(), "".join(lines))
    tool.refused("a page from what cannot be read again", USAGE, "/dev/null is not a regular file",
                 "finetune", *tool.data(NASTY), *SMALL, "--log", "/dev/null", "--report", "n.html",
                 "--out", "n.safetensors")
    tool.path("long.log").write_text("".join(lines) * 25)
    tool.refused("too many runs", USAGE, "25 runs: one page compares at most 24", "report", "long.log",
                 "--out", "kept.html")


def main(binary):
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(binary, folder)
        tool.generate(NASTY, "--users", "300", "--items", "300")
        one_run(tool)
        refits(tool)
        several_runs(tool)
        unfinished(tool)
        broken(tool)
        tool.report.finish()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
