# SPDX-License-Identifier: Apache-2.0
"""examples/catalogue: the made-up data are what they always were, and the reasons are true.

usage: catalogue.py S3REC
"""
import csv
import hashlib
import re
import sys
import tempfile

from tool import SMALL, Tool

# generate --users 200 --items 300 --seed 42: the same on every machine.
PINNED = {
    "small.txt": "86173374c0b146e44b78b77dde867cdb8aed944265e6203f968ba35af9a8a364",
    "small_item2attributes.json": "f365a3868815b5f4029ae0c59bdfb8e07ef51bbfed93f0f3819aa64bd0718070",
    "small_sample.txt": "55435647a559a9251b1d12cb4e2ac52ef4d2b90c4968e394a2dd1b93a973da10",
    "small_names.tsv": "d6aebec9e8c0cc566c8b9adf76b5d3bde9163fbe3d737ab0b531246ba5b029bc",
    "small_events.csv": "ba825a1d9e683f16e8f5173e5ba0cad28f3997cf7c87de06457e710d6cb21067",
    "small_attributes.csv": "7cc1a3421299f4a7e9b242affc680638d71484c47f336f984dbdf0c37a6f1b49",
}


def catalogue(tool):
    for name, digest in PINNED.items():
        tool.equal(f"{name} is what it always was",
                   hashlib.sha256(tool.path(name).read_bytes()).hexdigest(), digest)
    tool.generate("other", "--users", "200", "--items", "300", "--seed", "43")
    tool.report.check("another seed gives other data",
                      tool.path("other.txt").read_text() == tool.path("small.txt").read_text() and
                      "  it does not")
    tool.generate("more", "--users", "201", "--items", "300")
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


def recommend(tool, user, *options, seed="42"):
    return ["recommend", *tool.data(), "--items", "300", "--seed", seed, "--model",
            "model.safetensors", "--user", user, *options]


def recommendations(tool):
    """What the program prints is what the tool recommends; what a reason says must be true."""
    wrong, kinds = "", set()
    names = tool.names()
    for user, history in enumerate(tool.sequences()[:40], 1):
        text = tool.good(f"recommend to viewer {user}", *recommend(tool, user, "--k", "20"),
                         program=tool.catalogue)
        rows = [re.split(r"  +", line.strip()) for line in
                text.partition("recommended next:\n")[2].splitlines()[1:]]
        found = tool.json(f"the tool for user {user}", "recommend", *tool.data(), "--model",
                          "model.safetensors", "--user", user, "--k", "20")[-1]["recommended"]
        tool.equal(f"items, scores, places of viewer {user}",
                   [(int(row[1]), row[0], row[6]) for row in rows],
                   [(row["item"], f"{row['score']:.3f}", f"#{row['popularity_place']}")
                    for row in found])
        for row in rows:
            item, reason = names[int(row[1])], row[7] if len(row) > 7 else ""
            if row[2:6] != [item[key] for key in ("title", "year", "genres", "director")]:
                wrong += f"  user {user}: {row} is not {item}\n"
            kinds.add(true_reason(names, history, item, reason))
            if None in kinds:
                wrong += f"  user {user}, item {row[1]}: {reason}\n"
                kinds.discard(None)
    tool.report.check("titles and reasons are true", wrong)
    tool.report.check("there are reasons of several kinds", len(kinds) < 4 and f"  {kinds}")


def true_reason(names, history, item, reason):
    """The kind of a reason; None when it is not true, or not the strongest."""
    series = [names[i] for i in history if item["series"] and names[i]["series"] == item["series"]]
    directed = sum(names[i]["director"] == item["director"] for i in history)
    lately = [names[i] for i in history[-20:]]
    genres = {genre: sum(genre in other["genres"].split(", ") for other in lately)
              for genre in item["genres"].split(", ")}
    alike = [other["title"] for other in lately
             if (other["kind"], other["year"][:3]) == (item["kind"], item["year"][:3])]
    if series:
        part = int(item["part"])
        below = max((int(row["part"]) for row in series if int(row["part"]) < part), default=0)
        kind, good = "series", [f"next in the series after part {below}" if below == part - 1 > 0
                                else f"part {part} of a series begun"]
    elif directed:
        kind, good = "director", [f"director of {directed} watched before"]
    elif any(genres.values()):
        most = max(genres.values())
        kind, good = "genre", [f"{genre}, as {most} of the last {len(lately)}"
                               for genre in genres if genres[genre] == most]
    elif alike:
        kind, good = "decade", [f"{item['kind']} of the {item['year'][:3]}0s, like {alike[-1]}"]
    else:
        kind, good = "none", [""]
    return kind if reason in good else None


def refusals(tool):
    """The bounds that a refusal names are the ones that hold."""
    for option, low, high in (("items", 300, 20000), ("users", 1, 10**7), ("seed", 0, 2**64 - 1),
                              ("k", 1, 1000), ("user", 1, 2**31 - 1)):
        for value in (low - 1, high + 1, "x", "", "1 "):
            tool.refused(f"--{option} '{value}'", 2, rf"accepted: {low}\.\.{high}$", "generate",
                         *tool.data("new"), f"--{option}={value}", program=tool.catalogue)
    for what, said, arguments in (
            ("no command", "not a command", []),
            ("another command", "'train' is not a command", ["train"]),
            ("no name", "--data and --name", ["generate", "--data", "x"]),
            ("no model", "--model and --user", ["recommend", *tool.data()]),
            ("an argument", "unexpected argument 'y'", ["generate", *tool.data("new"), "y"]),
            ("another catalogue", "--items and the --seed", recommend(tool, "1", seed="43")),
            ("a viewer that does not exist", r"--user: small\.txt has no line 201",
             recommend(tool, "201"))):
        tool.refused(what, 2, said, *arguments, program=tool.catalogue)
    tool.equal("nothing was written", list(tool.folder.glob("new*")), [])
    tool.refused("a folder that cannot be made", 1, "/proc/none", "generate", "--data",
                 "/proc/none", "--name", "x", program=tool.catalogue)
    tool.refused("a model that is not there", 1, "none.safetensors",
                 *recommend(tool, "1", "--model", "none.safetensors"), program=tool.catalogue)
    tool.report.check("--help", "Usage:" not in tool.good("--help runs", "--help",
                                                          program=tool.catalogue) and "  none")


def main(binary):
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(binary, folder)
        tool.generate("small", "--users", "200", "--items", "300", "--events")
        catalogue(tool)
        event_log(tool)
        tool.good("pretrain", "pretrain", *tool.data(), *SMALL, "--epochs", "1", "--out",
                  "model.safetensors")
        recommendations(tool)
        refusals(tool)
        tool.report.finish()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
