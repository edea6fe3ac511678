# SPDX-License-Identifier: Apache-2.0
"""The command line tool on files in the shapes of MovieLens and of other shops: headers,
separators, gzip, dirty rows, names that hold anything.

usage: cli_movielens.py S3REC
"""
import csv
import gzip
import html
import json
import random
import re
import sys
import tempfile

from tool import SMALL, Tool

GENRES = ("Action", "Children's", "Comedy", "Drama", "Film-Noir", "Sci-Fi")
# What names of items may look like.
HOSTILE = ['<script>alert("x")</script>', "a & b", "it's 'quoted'", 'a "word", and more', "tab\there",
           "new\nline", "\x1b[31mred\x07", "snowman \u2603", "\U0001f3ac film", "\u05e9\u05dc\u05d5\u05dd",
           "=1+1", "back\\slash", "%s%n", " blanks ", "\u0085control", "x" * 300, "\u00e9" * 200]


def ratings(seed=7, users=60, items=40):
    """Rows (user, movie, rating, seconds), not in the order of time."""
    draw = random.Random(seed)
    rows = []
    for user in range(1, users + 1):
        seconds = 874_000_000 + draw.randrange(10**7)
        for movie in draw.sample(range(1, items + 1), draw.randrange(6, 16)):
            seconds += draw.randrange(1, 500)
            rows.append((user, movie * 11, draw.randrange(1, 6), seconds))
    draw.shuffle(rows)
    return rows


def title(movie):
    return f'Movie, The "Best" of {movie} (19{movie % 90 + 10})'


def write_shapes(tool, rows):
    """One data set in every shape: options by file name."""
    def lines(name, separator, order, head=()):
        with tool.path(name).open("w", newline="", encoding="utf-8") as stream:
            for row in (*head, *rows):
                stream.write(separator.join(str(row[i]) for i in order) + "\n")

    lines("ratings.csv", ",", (0, 1, 2, 3), [("userId", "movieId", "rating", "timestamp")])
    lines("u.data", "\t", (0, 1, 2, 3))
    lines("ratings.dat", "::", (0, 1, 2, 3))
    lines("semicolons.txt", ";", (3, 1, 0, 2), [("who", "what", "stars", "at")])
    lines("bare.tsv", "\t", (0, 1, 3))
    tool.path("ratings.csv.gz").write_bytes(gzip.compress(tool.path("ratings.csv").read_bytes()))
    # Compressed, and its name does not say so.
    tool.path("log.csv").write_bytes(gzip.compress(tool.path("ratings.csv").read_bytes()))
    crlf = tool.path("ratings.csv").read_bytes().replace(b"\n", b"\r\n")
    tool.path("windows.csv").write_bytes(b"\xef\xbb\xbf" + crlf)
    with tool.path("reviews.jsonl").open("w") as stream:
        for user, movie, rating, seconds in rows:
            stream.write(json.dumps({"reviewerID": str(user), "asin": str(movie), "overall": rating,
                                     "reviewText": 'a "text", \u00e9',
                                     "unixReviewTime": seconds}) + "\n")
    half = len(rows) // 2
    tool.path("first.csv").write_text("".join(
        tool.path("ratings.csv").read_text().splitlines(True)[:1 + half]))
    tool.path("second.csv").write_text("userId,movieId,rating,timestamp\n" + "".join(
        tool.path("ratings.csv").read_text().splitlines(True)[1 + half:]))
    numbers = ["--value-column", "3", "--timestamp-column", "4"]
    return {"ratings.csv": [], "ratings.csv.gz": [], "log.csv": [], "windows.csv": [],
            "u.data": [], "ratings.dat": numbers, "reviews.jsonl": [], "bare.tsv": [],
            "semicolons.txt": ["--delimiter", ";", "--user-column", "who", "--item-column", "what",
                               "--timestamp-column", "at", "--value-column", "stars"],
            "first.csv": ["--events", "second.csv"]}


def write_movies(tool, rows):
    draw = random.Random(3)
    movies = {movie: draw.sample(GENRES, draw.randrange(1, 4)) for movie in
              sorted({row[1] for row in rows})}
    with tool.path("movies.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("movieId", "title", "genres"))
        for movie, genres in movies.items():
            writer.writerow((movie, title(movie), "|".join(genres)))
    tool.path("movies.dat").write_text("".join(
        f"{movie}::{title(movie)}::{'|'.join(genres)}\n" for movie, genres in movies.items()))
    return movies


def shapes(tool):
    rows = ratings()
    movies = write_movies(tool, rows)
    common = ["--min-user-events", "5", "--min-item-events", "5"]
    prints = {}
    for name, options in write_shapes(tool, rows).items():
        for how in ([], ["--min-value", "3"]):
            if name == "bare.tsv" and how:
                continue
            found = tool.json(f"{name} {' '.join(how)}", "info", "--events", name, *options, *common,
                              *how)[-1]
            prints.setdefault(len(how), {})[name] = found.get("fingerprint")
    for found in prints.values():
        tool.equal("every shape is the same data", set(found.values()), {found["ratings.csv"]})
    tool.report.check("--min-value makes other data",
                      prints[0]["ratings.csv"] == prints[2]["ratings.csv"] and "  it does not")
    events = ["--events", "ratings.csv", *common]
    tables = {"movies.csv": ["--attribute-columns", "genres"],
              "movies.dat": ["--attribute-columns", "3"]}
    prints = []
    for name, options in tables.items():
        found = tool.json(name, "convert", *events, "--attributes", name, *options,
                          *tool.data("ml"))[-1]
        prints.append(tool.path("ml_item2attributes.json").read_text())
        tool.equal(f"{name}: genres", (found["attributes"], found["events"]["attribute_rows"]),
                   (len(GENRES), len(movies)))
    tool.equal("both tables say the same", *prints)
    names = tool.path("ml_attributes.tsv").read_text().splitlines()[1:]
    tool.equal("movies.dat has no names of columns",
               sorted(name.split("\t")[1].split("=")[1] for name in names), sorted(GENRES))
    return events


def five_commands(tool, events):
    """From ratings to recommendations, as in docs/events.md."""
    attributes = ["--attributes", "movies.csv", "--attribute-columns", "genres"]
    tool.good("pretrain", "pretrain", *events, *attributes, *SMALL, "--epochs", "1", "--out",
              "movies.pre")
    tool.good("finetune", "finetune", *events, *attributes, "--model", "movies.pre", "--epochs", "2",
              "--out", "movies.tuned", "--report", "movies.html")
    found = tool.json("evaluate", "evaluate", *events, "--model", "movies.tuned")[-1]
    tool.equal("measured", (found["users"] > 50, found["name"]), (True, "ratings.csv"))
    rows = tool.json("recommend", "recommend", *events, *attributes, "--model", "movies.tuned",
                     "--user", "12")[-1]
    tool.equal("movies by their number",
               all(int(row["name"]) % 11 == 0 and row["name"] not in rows["history_names"]
                   for row in rows["recommended"]), True)
    page = tool.path("movies.html").read_text()
    tool.report.check("the page says where the data come from",
                      "Data set <bdi>ratings.csv</bdi>" not in page and "  it does not")


def dirty(tool):
    """Bad rows are refused with their place, or left out and counted."""
    rows = [f"{user},{movie},{rating},{seconds}" for user, movie, rating, seconds in ratings()]
    bad = {"7,11,4": "field", ",11,4,900": "user", "7,,4,900": "item", "7,11,4,yesterday": "timestamp",
           "7,11,good,900": "value: \"good\"", "7,11,4,900,extra": "field", "7,\udcff,4,900": "UTF-8"}

    def write(added):
        text = "\n".join(["userId,movieId,rating,timestamp", *rows[:10], *added, *rows[10:], ""])
        tool.path("dirty.csv").write_text(text, encoding="utf-8", errors="surrogateescape")

    clean = tool.json("clean", "info", "--events", "ratings.csv")[-1]
    for line, said in bad.items():
        write([line])
        tool.refused(f"refused: {line!a}", 3, rf"dirty\.csv:12: .*{said}", "info", "--events",
                     "dirty.csv")
        found = tool.json(f"left out: {line!a}", "info", "--events", "dirty.csv", "--bad-rows",
                          "1")[-1]
        tool.equal("the rest is as it was", (found["fingerprint"], found["events"]["bad_rows"]),
                   (clean["fingerprint"], 1))
    write(bad)
    done = tool.run("info", "--events", "dirty.csv", "--bad-rows", "9", "--json")
    tool.report.check("said in a line", not re.search(
        r"^warning: dirty\.csv: 7 bad rows left out, the first in line 12$", done.stderr,
        re.MULTILINE) and done.stderr)
    tool.report.check("so are the columns", f'dirty.csv: rows: {len(rows)}, left out: 7; columns: user '
                      '"userId", item "movieId", timestamp "timestamp", value "rating"' not in done.stderr
                      and done.stderr)
    tool.report.check("the first ones are shown, each with its line", not all(
        re.search(rf"warning: .*dirty\.csv:{line}: ", done.stderr) for line in range(12, 17)) and
        done.stderr)
    tool.report.check("not all of them", done.stderr.count("warning: ") > 6 and done.stderr)
    tool.refused("one too many", 3, r"dirty\.csv:18: ", "info", "--events", "dirty.csv",
                 "--bad-rows", "6")
    tool.path("short.csv.gz").write_bytes(tool.path("ratings.csv.gz").read_bytes()[:-40])
    tool.refused("a gzip file cut short", 1, r"short\.csv\.gz", "info", "--events", "short.csv.gz")
    tool.path("bad.jsonl").write_text('{"user":"a","item":"b","timestamp":1}\n{"user":"a",\n')
    tool.refused("a line that is no object", 3, r"bad\.jsonl:2: ", "info", "--events", "bad.jsonl")
    movies = tool.path("movies.csv").read_text()
    tool.path("worse.csv").write_text(movies + "11\n")
    tool.refused("a bad row of attributes", 3, rf"worse\.csv:{movies.count(chr(10)) + 1}: ", "info",
                 "--events", "ratings.csv", "--attributes", "worse.csv")


def hostile_names(tool):
    """Names are kept to the byte, and harm neither page nor terminal."""
    draw = random.Random(5)
    with tool.path("hostile.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("user", "item", "time"))
        for user in range(30):
            for time, item in enumerate(draw.sample(HOSTILE, 7)):
                writer.writerow((f"<b>{user}</b>\x1b\u2603", item, time))
    with tool.path("traits.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("item", "<i>"))
        for item in HOSTILE:
            writer.writerow((item, "</i>&\x1b"))
    data = ["--events", "hostile.csv", "--attributes", "traits.csv"]
    tool.good("train", "finetune", *data, *SMALL, "--epochs", "1", "--out", "hostile", "--log",
              "hostile.log", "--report", "hostile.html")
    tool.path("escape.csv").write_text("user,item,time\na,b,\x1bnow\n")
    done = tool.run("info", "--events", "escape.csv")
    tool.report.check("nor do messages", (done.returncode != 3 or "?now" not in done.stderr) and
                      repr(done.stderr))
    user = "<b>3</b>\x1b\u2603"
    command = ["recommend", *data, "--model", "hostile", "--user", user, "--k", "20"]
    found = tool.json("recommend", *command)[-1]
    names = [row["name"] for row in found["recommended"]] + found["history_names"]
    tool.equal("all names come back as they were", sorted(names), sorted(HOSTILE))
    tool.equal("the user's too", found["user_name"], user)
    text = tool.good("as text", *command)
    tool.report.check("nothing steers the terminal",
                      re.search("[\x00-\x09\x0b-\x1f\x7f\x80-\x9f]", text) and repr(text))
    quoted = " ".join('"' + name.replace('"', '""') + '"' for name in found["history_names"])
    same = tool.json("--history", "recommend", "--model", "hostile", "--k", "20", "--history",
                     quoted)[-1]
    tool.equal("quoted names", [row["item"] for row in same["recommended"]],
               [row["item"] for row in found["recommended"]])
    done = json.loads(tool.path("hostile.log").read_text().split("\n")[-2])
    answers = [example["answer"]["name"] for example in done["examples"]]
    tool.equal("the log has names", set(answers) <= set(HOSTILE), True)
    tool.equal("and users", all(example["user"].startswith("<b>") for example in done["examples"]),
               True)
    tool.equal("and attributes", done["examples"][0]["answer"]["attribute_names"],
               ["<i>=</i>&\x1b"])
    page = tool.path("hostile.html").read_text()
    shown = html.unescape(page)
    tool.report.check("the page shows names", not all(
        answer in shown for answer in answers if answer.isprintable() and len(answer) < 100) and
        str(answers))
    tool.report.check("names are no markup", re.search(r"<script|<b>|<i>|[\x00-\x09\x0b-\x1f]", page)
                      and "  they are")
    tool.good("convert", "convert", *data, *tool.data("hostile"))
    rows = tool.path("hostile_items.tsv").read_text().split("\n")[1:-1]
    escapes = {"\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\r": "\r"}
    tool.equal("the table of items", sorted(
        re.sub(r"\\.", lambda found: escapes[found.group()], row.split("\t")[1]) for row in rows),
        sorted(HOSTILE))


def main(binary):
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(binary, folder)
        events = shapes(tool)
        five_commands(tool, events)
        dirty(tool)
        hostile_names(tool)
        tool.report.finish()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
