# SPDX-License-Identifier: Apache-2.0
"""What the scripts of this folder share: inputs of the flow, the interposer, its numbers."""
import errno
import gzip
import json
import os
import pathlib
import random
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "package"))
from report import Report  # noqa: E402,F401

MODES = {"none": 0, "once": 1, "from": 2, "chance": 3}
ACTIONS = {"error": 1, "short": 2, "kill before": 3, "kill half": 4, "kill after": 5}
KINDS = {name: 1 << bit for bit, name in enumerate(
    ["open", "read", "write", "sync", "rename", "stat", "map", "close", "mode", "truncate",
     "unlink", "lock", "flush", "thread", "random"])}
ALL = 10 ** 9  # more faults than any part has requests
FUSED, ONEDNN = 1, 2


def kinds(text):
    return sum(KINDS[name] for name in text.split())


class Flow:
    """The program `flow` with the interposer loaded, and its inputs in a folder."""

    def __init__(self, program, interposer, folder):
        self.program = str(pathlib.Path(program).resolve())
        self.interposer = str(pathlib.Path(interposer).resolve())
        self.files = pathlib.Path(folder, "files")
        self.work = pathlib.Path(folder, "work")
        self.files.mkdir()
        self.work.mkdir()
        write_inputs(self.files)
        done = self.run("plain", self.files, self.files, "fixture", 1, FUSED)
        if done.returncode != 0:
            raise RuntimeError(f"the inputs could not be made: {done.returncode}\n{done.stderr}")

    def run(self, *arguments, preload=False, **options):
        environment = dict(os.environ)
        if preload:
            environment["LD_PRELOAD"] = self.interposer
        environment.pop("MALLOC_PERTURB_", None)
        return subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True,
                              env=environment, **options)

    def parts(self):
        """(name, threads) of each part that is measured."""
        lines = self.run("parts").stdout.split("\n")
        listed = [line.split() for line in lines if line and not line.startswith("fixture")]
        return [(name, threads) for name, most in listed for threads in range(1, int(most) + 1)]

    def sweep(self, part, threads, well, mode, most, *more):
        """The outcome of a part under faults: the JSON that `flow sweep` prints."""
        done = self.run("sweep", self.files, self.work, part, threads, FUSED, well, MODES[mode],
                        most, *more, preload=True)
        try:
            return json.loads(done.stdout)
        except ValueError:
            return {"part": part, "threads": threads, "requests": 0, "runs": 0, "hits": 0,
                    "failures": 0, "kills": 0, "wrong": 1, "problems": [
                        {"fault": "all", "what": f"status {done.returncode}\n{done.stdout}\n"
                                                 f"{done.stderr}"}]}

    def plain(self, part, threads=1, **options):
        return self.run("plain", self.files, self.work, part, threads, FUSED, **options)


def problems_of(outcome):
    """What is wrong in the outcome of a sweep, or nothing."""
    shown = "\n".join(f"  {problem['fault']}: {problem['what']}"
                      for problem in outcome["problems"])
    return outcome["wrong"] and f"  {outcome['wrong']} of {outcome['runs']}\n{shown}"


def write_inputs(folder):
    """A small event log in every format, and the reference's texts."""
    draw = random.Random(7)
    users = [[draw.randint(1, 30) for _ in range(draw.randint(4, 11))] for _ in range(48)]
    events = [(f"u{user}", f"i{item}", 1000 * user + place, draw.randint(1, 5))
              for user, items in enumerate(users) for place, item in enumerate(items)]
    head = "user,item,timestamp,rating\n"
    table = head + "".join(f"{u},{i},{t},{r}.5\n" for u, i, t, r in events)
    (folder / "events.csv").write_text(table)
    with gzip.GzipFile(folder / "events.csv.gz", "wb", mtime=0) as stream:
        stream.write(table.encode())
    (folder / "events.jsonl").write_text("".join(
        json.dumps({"user": u, "item": i, "timestamp": t, "rating": r + 0.25,
                    "more": {"deep": [1, [2, "caf\u00e9"]]}}) + "\n" for u, i, t, r in events))
    (folder / "items.csv").write_text("item,genre\n" + "".join(
        f"i{item},{'Drama|Crime' if item % 3 else 'Comedy'}\n" for item in range(1, 31)))
    (folder / "data.txt").write_text("".join(
        f"{user + 1} {' '.join(map(str, items))}\n" for user, items in enumerate(users)))
    (folder / "data_item2attributes.json").write_text(json.dumps(
        {str(item): sorted({item % 4, item % 6}) for item in range(1, 31)}))
    (folder / "data_sample.txt").write_text("".join(
        f"{user + 1} {' '.join(str(1 + (user + place) % 30) for place in range(99))}\n"
        for user in range(len(users))))


    for depth in (500, 513, 100000):
        nested = "[" * depth + "]" * depth
        (folder / f"deep{depth}.jsonl").write_text(
            f'{{"user": "u", "item": "i", "x": {nested}}}\n')
        (folder / f"deep{depth}.json").write_text(f'{{"1": {nested}}}')
        header = f'{{"__metadata__": {nested}}}'.encode()
        (folder / f"deep{depth}.safetensors").write_bytes(
            len(header).to_bytes(8, "little") + header + bytes(64))


def table_row(what, outcomes):
    """Sums of several sweeps, as (what, runs, failed calls, kills, wrong)."""
    return (what, sum(outcome["runs"] for outcome in outcomes),
            sum(outcome["failures"] for outcome in outcomes),
            sum(outcome["kills"] for outcome in outcomes),
            sum(outcome["wrong"] for outcome in outcomes))


ERRORS = {name: getattr(errno, name) for name in
          ("ENOSPC", "EIO", "EINTR", "EDQUOT", "ENOMEM", "EMFILE", "EAGAIN", "ENOSYS")}
