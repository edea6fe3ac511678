# SPDX-License-Identifier: Apache-2.0
"""The command line tool on event logs: what becomes of the events, names in and out, resuming.

usage: cli_events.py S3REC
"""
import csv
import json
import re
import shlex
import sys
import tempfile

from tool import SMALL, Tool, entries, interrupt

EVENTS = ["--events", "small_events.csv"]
BOTH = [*EVENTS, "--attributes", "small_attributes.csv"]


def read_log(tool, name="small_events.csv"):
    """(user, item, time, rating) in the order of the file."""
    with tool.path(name).open(newline="") as stream:
        return [(row["user"], row["item"], row["timestamp"], float(row["rating"]))
                for row in csv.DictReader(stream)]


def select(events, min_value=-1, repeats="keep", min_user=1, min_item=1, max_length=0, min_length=1):
    """The sequences by user, and what was left out, by the definition written down a second time."""
    left = {"low_value": sum(event[3] < min_value for event in events)}
    events = [event for event in events if event[3] >= min_value]
    order = list(dict.fromkeys(event[0] for event in events))
    users = {user: [] for user in order}
    for user, item, _, _ in sorted(events, key=lambda event: event[2]):
        taken = users[user]
        if repeats == "drop" and item in taken or repeats == "runs" and taken[-1:] == [item]:
            continue
        taken.append(item)
    left["repeats"] = len(events) - sum(map(len, users.values()))
    before = sum(map(len, users.values()))
    while True:
        counts = {}
        for items in users.values():
            for item in items:
                counts[item] = counts.get(item, 0) + 1
        kept = {user: [item for item in items if counts[item] >= min_item]
                for user, items in users.items() if len(items) >= min_user}
        if kept == users:
            break
        users = kept
    left["core"] = before - sum(map(len, users.values()))
    before = sum(map(len, users.values()))
    users = {user: items[-max_length:] if max_length else items for user, items in users.items()}
    left["cut"] = before - sum(map(len, users.values()))
    before = sum(map(len, users.values()))
    users = {user: items for user, items in users.items() if len(items) >= max(min_length, 1)}
    left["short"] = before - sum(map(len, users.values()))
    return users, left


def table(tool, name):
    """An id table: name by id."""
    head, *rows = tool.path(name).read_text().splitlines()
    tool.equal(f"{name}: columns", head, "id\tname")
    return dict((int(row.split("\t")[0]), row.split("\t")[1]) for row in rows)


def converted(tool, name):
    """The sequences of converted files, by names."""
    items, users = table(tool, f"{name}_items.tsv"), table(tool, f"{name}_users.tsv")
    return {users[line + 1]: [items[item] for item in sequence]
            for line, sequence in enumerate(tool.sequences(name))}


def selections(tool):
    """What stays is what the definition says, and what is left out is counted."""
    events = read_log(tool)
    again = [(user, item, time, rating) for number, (user, item, time, rating) in enumerate(events)
             if number % 3 == 0]
    rows = [event for event in events for _ in range(1 + (event in again))] + again[:400]
    tool.path("repeats.csv").write_text("user,item,timestamp,rating\n" + "".join(
        f"{user},{item},{time},{rating:g}\n" for user, item, time, rating in rows))
    rows = read_log(tool, "repeats.csv")
    for chosen in ({}, {"min_value": 4}, {"repeats": "drop"}, {"repeats": "runs"},
                   {"min_user": 8, "min_item": 9}, {"min_length": 12}, {"max_length": 6},
                   {"min_value": 3, "repeats": "drop", "min_user": 6, "min_item": 6,
                    "max_length": 9, "min_length": 7}):
        words = {"min_user": "min-user-events", "min_item": "min-item-events"}
        options = [word for key, value in chosen.items()
                   for word in (f"--{words.get(key, key.replace('_', '-'))}", value)]
        found = tool.json(f"convert {' '.join(map(str, options))}", "convert", "--events",
                          "repeats.csv", *options, *tool.data("chosen"))[-1]
        users, left = select(rows, **chosen)
        tool.equal("the sequences", converted(tool, "chosen"), users)
        report = found["events"]
        tool.equal("what is left out", {key: report[key] for key in left}, left)
        tool.equal("all rows", (report["rows"], report["bad_rows"], report["kept"]),
                   (len(rows), 0, sum(map(len, users.values()))))


def conversion(tool):
    """Training on converted files is training on the events."""
    tool.good("convert", "convert", *BOTH, *tool.data("files"), "--min-item-events", "5")
    events = [*BOTH, "--min-item-events", "5"]
    info = [tool.json(f"info {data[0]}", "info", *data)[-1] for data in (tool.data("files"), events)]
    same = ("users", "interactions", "item_size", "attribute_size", "fingerprint")
    tool.equal("the same data", *({key: one[key] for key in same} for one in info))
    names = table(tool, "files_attributes.tsv")
    items = table(tool, "files_items.tsv")
    attributes = json.loads(tool.path("files_item2attributes.json").read_text())
    with tool.path("small_attributes.csv").open(newline="") as stream:
        rows = {row.pop("item"): row for row in csv.DictReader(stream)}
    tool.equal("attributes are those of the table",
               {items[int(item)]: sorted(names[a] for a in found)
                for item, found in attributes.items()},
               {item: sorted(f"{column}={value}" for column, cell in rows[item].items()
                             for value in cell.split("|") if value) for item in items.values()})
    for command, options in (("pretrain", []), ("finetune", ["--refit", "none"])):
        for name, data in (("a", tool.data("files")), ("b", events)):
            start = ["--model", f"{name}.pretrain"] if command == "finetune" else []
            tool.path(f"{name}.log").unlink(missing_ok=True)
            tool.good(f"{command} {data[0]}", command, *data, *(SMALL if not start else []), *start,
                      *options, "--epochs", "2", "--log", f"{name}.log", "--out",
                      f"{name}.{command}")
        numbers = [[{key: value for key, value in entry.items() if key != "examples"}
                    for entry in entries(tool.path(f"{name}.log")) if entry["event"] != "begin"]
                   for name in "ab"]
        tool.equal(f"{command}: the same numbers", *numbers)
    scores = [tool.json(f"evaluate {data[0]}", "evaluate", *data, "--model", f"{name}.finetune",
                        "--ranks", f"{name}.ranks")[-1] for name, data in
              (("a", tool.data("files")), ("b", events))]
    tool.equal("the same metrics", *({key: value for key, value in one.items()
                                      if key not in ("model", "name", "events")} for one in scores))
    users = table(tool, "files_users.tsv")
    plain = tool.path("a.ranks").read_text().splitlines()
    tool.equal("ranks have the users' names", tool.path("b.ranks").read_text().splitlines(),
               [f"{rank}\t{users[line]}" for line, rank in enumerate(plain, 1)])


def recommendations(tool):
    """Names go in and come out, and say the same as numbers."""
    items, users = table(tool, "files_items.tsv"), table(tool, "files_users.tsv")
    ids = {name: number for number, name in items.items()}
    model = ["--model", "b.finetune"]
    events = [*BOTH, "--min-item-events", "5"]
    found = tool.json("by name", "recommend", *events, *model, "--user", "viewer-7", "--k", "8")[-1]
    line = next(number for number, name in users.items() if name == "viewer-7")
    plain = tool.json("by number", "recommend", *tool.data("files"), "--model", "a.finetune",
                      "--user", line, "--k", "8")[-1]
    tool.equal("the same", *([(row["item"], row["score"]) for row in one["recommended"]]
                             for one in (found, plain)))
    tool.equal("the user", (found["user"], found["user_name"]), (line, "viewer-7"))
    tool.equal("ids and names", [row["name"] for row in found["recommended"]],
               [items[row["item"]] for row in found["recommended"]])
    tool.equal("the history", found["history_names"], [items[item] for item in found["history"]])
    tool.report.check("numbers have no names", "name" in plain["recommended"][0] and str(plain))
    names = [row["name"] for row in found["recommended"]]
    history = ", ".join(found["history_names"])
    bare = ["recommend", *model, "--k", "8"]
    rows = tool.json("--history", *bare, "--history", history)[-1]["recommended"]
    tool.equal("a history gives what its user gets", [row["name"] for row in rows], names)
    rows = tool.json("--exclude", *bare, "--history", history, "--exclude",
                     f'"{names[0]}" {names[2]}')[-1]["recommended"]
    tool.equal("what is excluded is left out", [row["name"] for row in rows][:6],
               [names[1], *names[3:]])
    rows = tool.json("--candidates", *bare, "--history", history, "--candidates",
                     f"{names[3]} {names[1]}")[-1]["recommended"]
    tool.equal("only candidates are ranked", [row["item"] for row in rows],
               [ids[names[1]], ids[names[3]]])
    text = tool.good("as text", "recommend", *events, *model, "--user", "viewer-7", "--k", "8")
    tool.report.check("text has the names", not all(name in text for name in names) and text)
    tool.report.check("reasons name attributes", "shares genre=" not in text and
                      "=" not in text and text)
    wrong = names[0].replace("e", "", 1).upper()
    tool.refused("a misspelt item", 2, rf"--history: the model has no item '{wrong}'; similar: "
                 rf".*'{re.escape(names[0])}'", *bare, "--history", wrong)
    tool.refused("an item that is like no other", 2, r"no item 'qqqqqqqq'\n", *bare, "--history",
                 "qqqqqqqq")
    tool.refused("a misspelt user", 2, r"--user: small_events\.csv has no user 'viewer-7x'; similar: "
                 r"'viewer-7\d?'(, 'viewer-\d+')*\n", "recommend", *EVENTS, *model, "--user",
                 "viewer-7x")
    tool.refused("an open quote", 2, "a quote is not closed", *bare, "--history", f'"{names[0]}')
    tool.refused("a number is no name", 2, "no item '12'", *bare, "--exclude", "12", "--history",
                 names[0])


def unknown_items(tool):
    """Items that came after the model are left out, with a warning and a count."""
    lines = tool.path("small_events.csv").read_text().splitlines()
    new = [re.sub(r",[^,]*,", f",new-item-{number % 3},", line, count=1)
           for number, line in enumerate(lines[1:50])]
    tool.path("newer.csv").write_text("\n".join(lines + new) + "\n")
    for what, command in (("evaluate", ["evaluate"]), ("recommend", ["recommend", "--user", "viewer-1"]),
                          ("finetune", ["finetune", "--epochs", "1", "--out", "newer.tuned"]),
                          ("convert", ["convert", *tool.data("newer")])):
        done = tool.run(*command, "--events", "newer.csv", "--model", "b.pretrain")
        known = len(table(tool, "files_items.tsv"))
        tool.equal(f"{what}: status", done.returncode, 0)
        tool.report.check(f"{what}: says so", not re.search(
            r"warning: \d+ events are left out: the model does not know", done.stderr) and
            done.stderr)
    tool.equal("the model's numbers", table(tool, "newer_items.tsv"), table(tool, "files_items.tsv"))
    tool.equal("no new ones", len(table(tool, "newer_items.tsv")), known)
    tool.path("alien.csv").write_text("user,item,timestamp\na,x,1\na,y,2\n")
    tool.refused("no item is known", 3, ".", "evaluate", "--events", "alien.csv", "--model",
                 "b.pretrain")


def resuming(tool):
    """A run of events that was stopped ends with the bytes of one that was not."""
    common = [*BOTH, "--min-value", "2", "--repeats", "drop", "--user-column", "user",
              "--attribute-columns", "genre,director", "--timestamp-column", "timestamp"]
    tool.good("a run without a stop", "pretrain", *common, *SMALL, "--epochs", "3", "--log",
              "straight.log", "--out", "straight")
    tool.good("half a run", "pretrain", *common, *SMALL, "--epochs", "1", "--log", "half.log",
              "--out", "half")
    go_on = ["pretrain", *BOTH, "--resume", "half.state", "--out", "half"]
    tool.good("the other half", *go_on, "--epochs", "3", "--log", "half.log")
    tool.equal("the same model", tool.path("straight").read_bytes(), tool.path("half").read_bytes())
    # The state holds how many epochs were asked for, which is the same now.
    tool.equal("the same state", tool.path("straight.state").read_bytes(),
               tool.path("half.state").read_bytes())
    # "begin" and epoch 1 say how many epochs were asked for before.
    tool.equal("the same log", entries(tool.path("straight.log"))[2:],
               entries(tool.path("half.log"))[2:])
    recorded = entries(tool.path("straight.log"))[0]["options"]
    tool.equal("the log has the options", [recorded.get(key) for key in (
        "min-value", "repeats", "user-column", "attribute-columns", "item-column")],
        ["2", "drop", "user", "genre,director", None])
    tool.refused("another choice of events", 2, r"--min-value is 3, but half\.state was trained with 2",
                 *go_on, "--min-value", "3")
    tool.refused("another column", 2, r"--item-column is x, but half\.state was trained with the def",
                 *go_on, "--item-column", "x")
    tool.refused("files instead", 2, r"half\.state was trained from events", "pretrain",
                 *tool.data("files"), "--resume", "half.state", "--out", "half")
    tool.good("a run of files", "pretrain", *tool.data("files"), *SMALL, "--epochs", "1", "--out",
              "plain")
    tool.refused("events instead", 2, r"plain\.state was trained from --data", "pretrain", *BOTH,
                 "--resume", "plain.state", "--out", "plain")
    lines = tool.path("small_events.csv").read_text().splitlines()
    tool.path("fewer.csv").write_text("\n".join(lines[:-40]) + "\n")
    tool.refused("other events", 3, ".", "pretrain", "--events", "fewer.csv", *BOTH[2:], "--resume",
                 "half.state", "--epochs", "9", "--out", "half")


def interrupted(tool):
    """The command that an interrupted run prints has the files of the events."""
    second = tool.path("more events.csv")
    second.write_text("user,item,timestamp,rating\nviewer-1,the-extra-one,2030-01-01,5\n")
    common = ["finetune", *BOTH, "--events", second.name, *SMALL, "--refit", "none", "--epochs", "200",
              "--patience", "200"]
    tool.good("a run without a stop", *common, "--out", "whole")
    status, text = interrupt(tool, [*common, "--out", "cut"], after=1, pause=0.01)
    found = re.search(r"^  s3rec (.*)$", text, re.MULTILINE)
    tool.report.check("interrupted", (status != 130 or not found) and f"  status {status}\n{text}")
    if found:
        tool.report.check("the command names all files", found.group(1).count("--events") != 2 and text)
        tool.good("resumed by the printed command", *shlex.split(found.group(1)))
        tool.equal("the same model", tool.path("whole").read_bytes(), tool.path("cut").read_bytes())


def usage(tool):
    model = ["--model", "a.pretrain"]
    for what, said, arguments in (
            ("both ways at once", "give --data or --events, not both",
             ["evaluate", *tool.data(), *EVENTS, *model]),
            ("neither way", "--data DIR or --events FILE is missing", ["evaluate", *model]),
            ("attributes of files", "--attributes needs --events",
             ["evaluate", *tool.data(), "--attributes", "small_attributes.csv", *model]),
            ("columns of files", "--item-column needs --events",
             ["info", *tool.data(), "--item-column", "x"]),
            ("a choice without events", "--min-user-events needs --events",
             ["evaluate", *tool.data(), *model, "--min_user_events", "5"]),
            ("negatives of events", "--protocol sampled needs --data",
             ["evaluate", *EVENTS, "--model", "b.pretrain", "--protocol", "sampled"]),
            ("negatives of events in training", "--stop-protocol sampled needs --data",
             ["finetune", *EVENTS, "--out", "x", "--stop-protocol", "sampled"]),
            ("convert what", "--events FILE is missing", ["convert", *tool.data("x")]),
            ("a long delimiter", r"'123456789' is not short enough; accepted: 1\.\.8 bytes",
             ["info", *EVENTS, "--delimiter", "123456789"]),
            ("an empty column", "--user-column: the value is empty",
             ["info", *EVENTS, "--user-column="]),
            ("an unknown format", "accepted: auto, csv, tsv or jsonl",
             ["info", *EVENTS, "--format", "xml"])):
        tool.refused(what, 2, said, *arguments)
    for command in ("evaluate", "finetune"):
        rest = ["--out", "x"] if command == "finetune" else []
        tool.refused(f"{command}: a model without names", 3,
                     r"a\.pretrain: the model has no item names", command, *EVENTS, *model, *rest)
    tool.refused("no such events", 1, r"none\.csv", "info", "--events", "none.csv")
    tool.refused("no such column", 3, r"small_events\.csv:1: .*stars", "info", *EVENTS,
                 "--value-column", "stars")
    tool.refused("nothing is left", 3, ".", "info", *EVENTS, "--min-user-events", "9999")


def descriptions(tool):
    found = tool.json("info of a model", "info", "b.finetune")[-1]["names"]
    items = table(tool, "files_items.tsv")
    tool.equal("names of items", found["items"],
               {"count": len(items), "kind": "text", "examples": [items[i] for i in range(1, 6)]})
    tool.equal("names of attributes", found["attributes"]["count"],
               len(table(tool, "files_attributes.tsv")))
    tool.equal("no names", tool.json("info of another", "info", "a.finetune")[-1]["names"],
               {"items": None, "attributes": None})
    text = tool.good("info as text", "info", "b.finetune")
    tool.report.check("info has examples", f"names of items: {len(items)}, text: {items[1]}," not in text
                      and text)
    tool.good("info of events as text", "info", *BOTH)


def main(binary):
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(binary, folder)
        tool.generate("small", "--users", "200", "--items", "300", "--events")
        selections(tool)
        conversion(tool)
        recommendations(tool)
        unknown_items(tool)
        resuming(tool)
        interrupted(tool)
        usage(tool)
        descriptions(tool)
        tool.report.finish()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
