#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the files of this release that later releases must read: a part of the made-up catalogue
in both forms, a tiny model, states of a trainer and of runs, and what they say (figures.txt).

usage: release_files.py BUILD_FOLDER tests/files-RELEASE

Each release runs this once, as its last step. The files are never made again: they stay as that
release wrote them, and release_files_test.c always reads them.
"""
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

ITEMS, USERS, LEAST, NEGATIVES = 112, 16, 5, 99


def cut(made, folder):
    """The first items of the catalogue, and the first viewers who saw enough of them."""
    users, negatives = [], []
    for line in (made / "demo.txt").read_text().splitlines():
        user, *items = line.split()
        items = [item for item in items if int(item) <= ITEMS]
        others = [str(item) for item in range(1, ITEMS + 1) if str(item) not in items]
        if len(items) >= LEAST and len(others) >= NEGATIVES and len(users) < USERS:
            users.append([user, *items])
            negatives.append([user, *others[:NEGATIVES]])
    for name, rows in (("data.txt", users), ("data_sample.txt", negatives)):
        (folder / name).write_text("".join(" ".join(row) + "\n" for row in rows))
    attributes = json.loads((made / "demo_item2attributes.json").read_text())
    (folder / "data_item2attributes.json").write_text(json.dumps(
        {item: attributes[item] for item in attributes if int(item) <= ITEMS}) + "\n")

    with open(made / "demo_attributes.csv", newline="") as file:
        rows = list(csv.reader(file))[:ITEMS + 1]
    with open(folder / "attributes.csv", "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    items = {row[0] for row in rows[1:]}
    viewers = {f"viewer-{row[0]}" for row in users}
    with open(made / "demo_events.csv", newline="") as file:
        header, *events = csv.reader(file)
    with open(folder / "events.csv", "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [header] + [row for row in events if row[0] in viewers and row[1] in items])


def main(build, folder):
    build, folder = pathlib.Path(build), pathlib.Path(folder)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as made:
        subprocess.run([build / "examples/catalogue/s3rec-catalogue", "generate", "--data", made,
                        "--name", "demo", "--events", "--users", "400", "--items", "300",
                        "--seed", "3"], check=True)
        cut(pathlib.Path(made), folder)
    subprocess.run([build / "tests/release_files", folder], check=True)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
