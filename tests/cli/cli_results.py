# SPDX-License-Identifier: Apache-2.0
"""The command line tool's data, metrics, recommendations and descriptions.

usage: cli_results.py S3REC
"""
import csv
import hashlib
import json
import re
import sys
import tempfile

from tool import SMALL, Tool, close, metrics_of

COMMANDS = ("generate", "convert", "pretrain", "finetune", "evaluate", "recommend", "info")

# generate --users 200 --items 300 --seed 42: the same on every machine.
PINNED = {
    "small.txt": "86173374c0b146e44b78b77dde867cdb8aed944265e6203f968ba35af9a8a364",
    "small_item2attributes.json": "f365a3868815b5f4029ae0c59bdfb8e07ef51bbfed93f0f3819aa64bd0718070",
    "small_sample.txt": "55435647a559a9251b1d12cb4e2ac52ef4d2b90c4968e394a2dd1b93a973da10",
    "small_names.tsv": "d6aebec9e8c0cc566c8b9adf76b5d3bde9163fbe3d737ab0b531246ba5b029bc",
    "small_events.csv": "ba825a1d9e683f16e8f5173e5ba0cad28f3997cf7c87de06457e710d6cb21067",
    "small_attributes.csv": "7cc1a3421299f4a7e9b242affc680638d71484c47f336f984dbdf0c37a6f1b49",
}


def help_texts(tool):
    tool.report.check("--version", not re.fullmatch(r"s3rec \d+\.\d+\.\d+\n",
                                                    tool.good("--version runs", "--version")) and
                      "  not a release")
    overview = tool.good("--help", "--help")
    for command in COMMANDS:
        text = tool.good(f"{command} --help", command, "--help")
        tool.report.check(f"{command}: options, examples, exit codes",
                          not all(word in text for word in ("Usage:", "Examples:", "Exit codes:")) and
                          text)
        examples = text[text.index("Examples:"):].split("\n\n")[0].splitlines()[1:]
        tool.equal(f"{command}: examples are not wrapped",
                   [line for line in examples if not line.startswith("  ")], [])
        tool.report.check(f"{command} is in the overview", f"  {command} " not in overview and overview)


def catalogue(tool):
    for name, digest in PINNED.items():
        tool.equal(f"{name} is what it always was",
                   hashlib.sha256(tool.path(name).read_bytes()).hexdigest(), digest)
    tool.good("generate with another seed", "generate", *tool.data("other"), "--users", "200",
              "--items", "300", "--seed", "43")
    tool.report.check("another seed gives other data",
                      tool.path("other.txt").read_text() == tool.path("small.txt").read_text() and
                      "  it does not")
    tool.good("generate more viewers", "generate", *tool.data("more"), "--users", "201", "--items",
              "300")
    tool.equal("more viewers leave the others as they were",
               tool.path("more.txt").read_text().splitlines()[:200],
               tool.path("small.txt").read_text().splitlines())
    sequences, names = tool.sequences(), tool.names()
    tool.equal("every item has a name, and only one",
               (sorted(names), len({row["title"] for row in names.values()})),
               (list(range(1, 301)), 300))
    tool.report.check("no viewer watches twice", any(len(set(s)) != len(s) for s in sequences) and
                      "  one does")
    parts = [(names[item]["series"], int(names[item]["part"])) for s in sequences for item in s
             if names[item]["series"]]
    tool.report.check("sequels are watched", not any(part > 1 for _, part in parts) and "  none is")
    for sequence in sequences:
        seen = {}
        for item in sequence:
            series, part = names[item]["series"], int(names[item]["part"] or 0)
            if series and part != seen.get(series, 0) + 1 and seen.get(series) is not None:
                tool.report.check("series are watched in order", f"  {sequence}")
                return
            if series:
                seen[series] = part
    tool.report.check("series are watched in order")


def event_log(tool):
    """The event log and the attribute table say what the other files say."""
    with tool.path("small_events.csv").open(newline="") as stream:
        events = list(csv.DictReader(stream))
    sequences = {}
    for event in sorted(events, key=lambda event: event["timestamp"]):
        item = int(event["item"].rsplit("-", 1)[1])
        sequences.setdefault(event["user"], []).append(item)
    tool.equal("the views are those of NAME.txt",
               [sequences[f"viewer-{user}"] for user in range(1, 201)], tool.sequences())
    tool.equal("ratings are 1 to 5", sorted({event["rating"] for event in events}), list("12345"))
    with tool.path("small_attributes.csv").open(newline="") as stream:
        rows = {int(row["item"].rsplit("-", 1)[1]): row for row in csv.DictReader(stream)}
    names = tool.names()
    tool.equal("the items are those of NAME_names.tsv",
               [(rows[item]["genre"].split("|"), rows[item]["kind"], rows[item]["director"],
                 rows[item]["series"], rows[item]["decade"]) for item in sorted(rows)],
               [(names[item]["genres"].split(", "), names[item]["kind"], names[item]["director"],
                 names[item]["series"], names[item]["year"][:3] + "0s") for item in sorted(names)])


def metrics(tool):
    common = ["evaluate", *tool.data(), "--model", "model.safetensors"]
    for split in ("test", "valid"):
        for protocol in ("full", "sampled"):
            found = tool.json(f"evaluate {split}, {protocol}", *common, "--split", split, "--protocol",
                              protocol, "--ranks", "ranks.txt")[-1]
            ranks = list(map(int, tool.path("ranks.txt").read_text().split()))
            tool.report.check(f"metrics of {split}, {protocol} follow from the ranks",
                              close(found, metrics_of(ranks)))
            tool.equal(f"stamp of {split}, {protocol}",
                       [found.get(key) for key in ("split", "protocol", "seen", "skipped", "ties")],
                       [split, protocol, "exclude", 0, "lower id first"])
    one = tool.json("one thread", *common, "--threads", "1")
    tool.equal("threads do not matter", one, tool.json("two threads", *common, "--threads", "2"))
    found = tool.json("seen items at score 0", *common, "--seen", "zero")[-1]
    tool.equal("the stamp says so", found.get("seen"), "zero")
    table = tool.good("a table", *common)
    tool.report.check("the table has its stamp",
                      not re.search("split test, protocol full, seen items: exclude, ties: lower id",
                                    table) and table)


def popularity(tool):
    """Compared with the definition, written down a second time."""
    sequences = tool.sequences()
    counts = {item: 0 for item in range(1, 301)}
    for sequence in sequences:
        for item in sequence[:-2]:
            counts[item] += 1
    ranks = []
    for sequence in sequences:
        answer, history = sequence[-1], set(sequence[:-1])
        ranks.append(sum((-counts[item], item) < (-counts[answer], answer)
                         for item in counts if item not in history))
    found = tool.json("popularity", "evaluate", *tool.data(), "--popularity")[-1]
    tool.report.check("popularity ranks by definition", close(found, metrics_of(ranks)))


def repeats(tool):
    """A test item that was in the history counts as missed, by a model and by popularity."""
    sequences = tool.sequences()
    for sequence in sequences[:50]:
        sequence[-1] = sequence[0]
    tool.path("again.txt").write_text("".join(
        f"{user} {' '.join(map(str, sequence))}\n" for user, sequence in enumerate(sequences, 1)))
    out = ["--ranks", "ranks.txt"]
    for what in (["--model", "model.safetensors"], ["--popularity"]):
        found = tool.json("evaluate repeats", "evaluate", *tool.data("again"), *what, *out)[-1]
        ranks = list(map(int, tool.path("ranks.txt").read_text().split()))
        tool.equal("they have left the ranking", set(ranks[:50]), {2**63 - 1})
        tool.report.check("the others are in it", max(ranks[50:]) >= 300 and ranks[50:])
        tool.report.check("misses count", close(found, metrics_of(ranks)))
        all_ranked = tool.json("ranked too", "evaluate", *tool.data("again"), *what, *out, "--seen",
                               "include")[-1]
        tool.report.check("unless the history is ranked, too",
                          not found["hr@20"] < all_ranked["hr@20"] and (found, all_ranked))
    for split, count in (("test", 1), ("valid", 0)):
        result = tool.run("evaluate", *tool.data("again"), "--popularity", "--split", split)
        tool.equal(f"{split}: said", result.stderr.count("50 of the 200 measured users had"), count)


def recommendations(tool):
    history = tool.sequences()[4]
    common = ["recommend", *tool.data(), "--model", "model.safetensors", "--k", "12"]
    found = tool.json("recommend --user 5", *common, "--user", "5")[-1]
    items = [row["item"] for row in found["recommended"]]
    scores = [row["score"] for row in found["recommended"]]
    tool.equal("the history is the user's line", found["history"], history)
    tool.equal("k items, best first, no repeats",
               (len(set(items)), scores), (12, sorted(scores, reverse=True)))
    tool.equal("nothing watched is recommended", set(items) & set(history), set())
    text = " ".join(map(str, history))
    same = tool.json("recommend --history", *common, "--history", text)[-1]
    tool.equal("a history gives what its user gets", same["recommended"], found["recommended"])
    left = tool.json("--exclude", *common, "--user", "5", "--exclude", f"{items[0]},{items[2]}")[-1]
    tool.equal("what is excluded is left out",
               [row["item"] for row in left["recommended"]][:10], [items[1], *items[3:]])
    few = tool.json("--candidates", *common, "--user", "5", "--candidates",
                    f"{items[3]} {items[1]} {history[0]}")[-1]
    tool.equal("only candidates are ranked", [row["item"] for row in few["recommended"]],
               [items[1], items[3]])
    bare = tool.json("without data", "recommend", "--model", "model.safetensors", "--history", text,
                     "--k", "12")[-1]
    tool.equal("the same without data", [row["item"] for row in bare["recommended"]], items)
    table = tool.good("a table", *common, "--user", "5")
    names = tool.names()
    tool.report.check("the table has titles", not all(names[item]["title"] in table for item in items)
                      and table)
    reasons(tool, names)


def reasons(tool, names):
    """What a reason says must be true."""
    wrong, kinds = "", set()
    attributes = json.loads(tool.path("small_item2attributes.json").read_text())
    for user, history in enumerate(tool.sequences()[:40], 1):
        found = tool.json(f"reasons for user {user}", "recommend", *tool.data(), "--model",
                          "model.safetensors", "--user", user, "--k", "20")[-1]
        for row in found["recommended"]:
            item, reason = names[row["item"]], row["reason"]
            series = [names[i] for i in history if item["series"] and
                      names[i]["series"] == item["series"]]
            directed = sum(names[i]["director"] == item["director"] for i in history)
            genre = re.fullmatch(r"(.+), as (\d+) of the last (\d+)", reason)
            kinds.add("genre" if genre else reason.split(" ")[0])
            if reason.startswith("next in the series"):
                good = int(item["part"]) - 1 in [int(row["part"]) for row in series]
            elif reason.startswith("part"):
                good = reason == f"part {item['part']} of a series begun" and bool(series)
            elif reason.startswith("director"):
                good = not series and reason == f"director of {directed} watched before"
            elif series or directed:
                good = False
            elif genre:
                lately = [genre.group(1) in names[i]["genres"].split(", ") for i in history[-20:]]
                good = (genre.group(1) in item["genres"].split(", ") and
                        reason.endswith(f", as {sum(lately)} of the last {len(lately)}"))
            else:
                shared = [(len(set(attributes.get(str(row["item"]), [])) &
                               set(attributes.get(str(i), []))), names[i]["title"])
                          for i in history[-20:]]
                most = max(shared)[0]
                good = most == 0 and reason == "" or reason in [
                    f"shares {most} attribute{'s' * (most > 1)} with {title}"
                    for count, title in shared if count == most]
            if not good:
                wrong += f"  user {user}, item {row['item']}: {reason}\n"
    tool.report.check("reasons are true", wrong)
    tool.report.check("there are reasons of several kinds", len(kinds) < 3 and f"  {kinds}")


def learning(tool):
    """A trained model must be far better than popularity and than an untrained one."""
    tool.good("generate", "generate", *tool.data("learn"), "--users", "600", "--items", "300")
    network = [*tool.data("learn"), *SMALL, "--hidden-size", "32"]
    tool.good("an untrained model", "pretrain", *network, "--epochs", "0", "--out", "fresh.safetensors")
    tool.good("a trained model", "finetune", *network, "--lr", "0.005", "--batch-size", "50",
              "--hidden-dropout-prob", "0.2", "--attention-probs-dropout-prob", "0.2", "--epochs", "8",
              "--out", "learned.safetensors")
    found = {}
    for what in (["--popularity"], ["--model", "fresh.safetensors"], ["--model", "learned.safetensors"]):
        metrics = tool.json(f"evaluate {what[-1]}", "evaluate", *tool.data("learn"), *what)[-1]
        found[what[-1]] = metrics["ndcg@10"]
    trained = found.pop("learned.safetensors")
    for baseline, value in found.items():
        tool.report.check(f"trained NDCG@10 is over 4 times that of {baseline}",
                          not trained > 4 * value and f"  {trained}, {value}")


def descriptions(tool):
    data = tool.json("info of data", "info", *tool.data())[-1]
    tool.equal("users, items, negatives",
               (data["users"], data["item_size"], data["negatives_per_user"]), (200, 302, 99))
    model = tool.json("info of a model", "info", "model.safetensors")[-1]
    state = tool.json("info of a state", "info", "model.safetensors.state")[-1]
    tool.equal("what they are", (model["kind"], state["kind"]), ("model", "state"))
    tool.equal("the same network", model["config"], state["config"])
    size = sum((p["shape"] + [1])[0] * (p["shape"] + [1])[1] for p in model["parameters"])
    tool.equal("values are counted", model["values"], size)
    tool.good("info as text", "info", "model.safetensors")
    tool.report.check("info of the build", "build" not in tool.json("info", "info")[-1] and "  none")


def main(binary):
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(binary, folder)
        help_texts(tool)
        tool.good("generate", "generate", *tool.data(), "--users", "200", "--items", "300",
                  "--events")
        catalogue(tool)
        event_log(tool)
        tool.good("pretrain", "pretrain", *tool.data(), *SMALL, "--epochs", "1", "--out",
                  "model.safetensors")
        metrics(tool)
        popularity(tool)
        repeats(tool)
        recommendations(tool)
        descriptions(tool)
        learning(tool)
        tool.report.finish()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
