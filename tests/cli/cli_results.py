# SPDX-License-Identifier: Apache-2.0
"""The command line tool's metrics, recommendations and descriptions.

usage: cli_results.py S3REC
"""
import json
import re
import sys
import tempfile

from tool import SMALL, Tool, close, metrics_of

COMMANDS = ("convert", "pretrain", "finetune", "evaluate", "recommend", "info")

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
    wrong, given = "", 0
    attributes = json.loads(tool.path("small_item2attributes.json").read_text())
    for user, history in enumerate(tool.sequences()[:40], 1):
        found = tool.json(f"reasons for user {user}", "recommend", *tool.data(), "--model",
                          "model.safetensors", "--user", user, "--k", "20")[-1]
        for row in found["recommended"]:
            shared = [(len(set(attributes.get(str(row["item"]), [])) &
                           set(attributes.get(str(i), []))), names[i]["title"])
                      for i in history[-20:]]
            most = max(shared)[0]
            given += most > 0
            if row["reason"] not in ([f"shares {most} attribute{'s' * (most > 1)} with {title}"
                                      for count, title in shared if count == most]
                                     if most else [""]):
                wrong += f"  user {user}, item {row['item']}: {row['reason']}\n"
    tool.report.check("reasons are true", wrong)
    tool.report.check("there are reasons", given == 0 and "  none")


def learning(tool):
    """A trained model must be far better than popularity and than an untrained one."""
    tool.generate("learn", "--users", "600", "--items", "300")
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
        tool.generate("small", "--users", "200", "--items", "300")
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
