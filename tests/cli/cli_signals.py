# SPDX-License-Identifier: Apache-2.0
"""What ends a run of the tool, and a second run beside it: signals, kills, limits of the shell,
locks. Files are whole, and nothing is left beside them.

usage: cli_signals.py S3REC
"""
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time

from tool import SMALL, Tool, entries

FAILURE, INTERRUPTED = 1, 130
KILLS = 12


def command(tool, epochs, *rest):
    """A run of many short epochs, each of which saves."""
    return ["finetune", *tool.data(), *SMALL, "--recipe", "paper", "--batch-size", "20",
            "--threads", "1", "--epochs", str(epochs), *rest]


def start(tool, arguments, **how):
    return subprocess.Popen([tool.binary, *map(str, arguments)], stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True, cwd=tool.folder, **how)


def read_to_epoch(process, epoch=1):
    """The messages up to the one about an epoch, or to the end."""
    text = ""
    for line in process.stderr:
        text += line
        if line.startswith(f"epoch {epoch}/"):
            break
    return text


def temporaries(tool):
    return sorted(path.name for path in tool.folder.iterdir() if "s3rec-" in path.name)


def contents(tool, *names):
    return [tool.path(name).read_bytes() for name in names]


def asked_to_end(tool):
    """Each signal saves the state and ends the run; from the state it goes on to the same end."""
    tool.good("a run without a signal", *command(tool, 6, "--out", "whole", "--log", "whole.log"))
    for name, sent in {"SIGHUP": [signal.SIGHUP], "SIGHUP twice": [signal.SIGHUP] * 2,
                       "SIGXCPU": [signal.SIGXCPU], "SIGXCPU twice": [signal.SIGXCPU] * 2,
                       "SIGTERM": [signal.SIGTERM], "SIGHUP, then SIGINT":
                       [signal.SIGHUP, signal.SIGINT]}.items():
        process = start(tool, command(tool, 100000, "--out", "ended"))
        text = read_to_epoch(process)
        for number in sent:
            process.send_signal(number)
        text += process.stderr.read()
        tool.report.check(f"{name}: status {INTERRUPTED}, state saved", (
            process.wait() != INTERRUPTED or "; state saved to ended.state" not in text or
            "continue with:" not in text) and f"  status {process.returncode}\n{text}")
        tool.good(f"{name}: the state can be read", "info", "ended.state")
        tool.equal(f"{name}: no temporary file", temporaries(tool), [])
    for name in ("ended", "ended.state"):
        tool.path(name).unlink()


def without_a_terminal(tool):
    """nohup has SIGHUP ignored, and so it stays."""
    process = start(tool, command(tool, 6, "--out", "nohup"),
                    preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    text = read_to_epoch(process)
    process.send_signal(signal.SIGHUP)
    text += process.stderr.read()
    tool.report.check("nohup: goes on to its end", process.wait() != 0 and text)
    tool.equal("nohup: as without", contents(tool, "nohup", "nohup.state"),
               contents(tool, "whole", "whole.state"))


def limited(tool, name, bytes_, arguments, said):
    """A command that may not write a file of more than so many bytes."""
    limits = (bytes_, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    process = start(tool, arguments,
                    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits))
    text = process.stderr.read()
    tool.report.check(f"{name}: status {FAILURE} and a text", (
        process.wait() != FAILURE or said not in text) and f"  {process.returncode}\n{text}")
    tool.equal(f"{name}: no temporary file", temporaries(tool), [])


def file_limits(tool):
    """ulimit -f: SIGXFSZ would end the process within a write."""
    tool.good("a run that goes on", *command(tool, 2, "--out", "limited", "--log", "limited.log"))
    names = "limited", "limited.state"
    before = contents(tool, *names)
    resume = ["finetune", *tool.data(), "--epochs", "6", "--resume", "limited.state", "--out",
              "limited"]
    limited(tool, "the state is too long", 50000, resume,
            "limited.state: cannot write: File too large")
    tool.equal("the old files are whole", contents(tool, *names), before)
    tool.path("long.log").write_bytes(tool.path("limited.log").read_bytes() * 500)
    (long,) = contents(tool, "long.log")
    tool.report.check("a log longer than a state", len(long) < 300000 and f"  {len(long)}")
    for room in (0, 10, 2500):  # none, for a part of the first line, for a part of a later one
        tool.path("long.log").write_bytes(long)
        limited(tool, f"room for {room} bytes of log", len(long) + room,
                command(tool, 50, "--out", "free", "--log", "long.log"),
                "long.log: writing failed: File too large")
        (found,) = contents(tool, "long.log")
        tool.equal(f"room for {room} bytes: whole lines", (found[:len(long)] == long, found[-1:]),
                   (True, b"\n"))
        tool.equal(f"room for {room} bytes: more lines", len(found) > len(long), room > 1000)
    limited(tool, "the page is too long", 1000, ["report", "whole.log", "--out", "page"],
            "page: writing failed: File too large")
    tool.equal("no page", tool.path("page").exists(), False)
    tool.path("few.csv").write_text("user,item\n" + "".join(f"{user},{item}\n" for user in range(60)
                                                            for item in range(60)))
    limited(tool, "the data are too long", 1000,
            ["convert", "--events", "few.csv", "--data", ".", "--name", "few"], "File too large")
    tool.equal("no data", [path.name for path in tool.folder.glob("few*")], ["few.csv"])


def kills(tool):
    """Killed at any moment, again and again; the next run leaves nothing of it."""
    draw = random.Random(7)
    files = ["--out", "killed", "--log", "killed.log"]
    names = ["killed", "killed.state", "killed.log"]
    killed, most = 0, 0
    for attempt in range(KILLS):
        resumes = tool.path("killed.state").exists()
        process = start(tool, ["finetune", *tool.data(), "--resume", "killed.state", *files]
                        if resumes else command(tool, 60, *files))
        if not resumes:
            read_to_epoch(process)
        time.sleep(draw.uniform(0, 0.15))
        process.kill()
        text = process.stderr.read()
        killed += process.wait() == -signal.SIGKILL
        tool.report.check(f"kill {attempt}: it did not end otherwise", process.returncode not in
                          (0, -signal.SIGKILL) and f"  {process.returncode}\n{text}")
        most = max(most, len(temporaries(tool)))
    tool.report.check("runs were killed", killed == 0 and "  none was")
    tool.report.check("temporary files do not pile up", most > len(names) and f"  {most}")
    # One for each file, and one of a second writer, as a kill at the worst moment leaves them.
    for name in (".killed.s3rec-tmp", ".killed.state.s3rec-tmp", ".killed.state.s3rec-tmp-2"):
        tool.path(name).write_bytes(b"x" * 100000)
    tool.good("goes on to its end", "finetune", *tool.data(), "--resume", "killed.state", *files)
    tool.equal("nothing is left", temporaries(tool), [])
    tool.good("a run that is not killed", *command(tool, 60, "--out", "kept", "--log", "kept.log"))
    tool.equal("the same files", contents(tool, *names[:2]), contents(tool, "kept", "kept.state"))
    tool.equal("the same log", entries(tool.path("killed.log")), entries(tool.path("kept.log")))


def one_run_at_a_time(tool):
    """While a run lives, whatever it does, no other one writes its files."""
    os.symlink(".", tool.path("folder"))
    process = start(tool, command(tool, 100000, "--out", "held", "--log", "held.log"))
    read_to_epoch(process, 2)  # the files of the first one are there
    process.send_signal(signal.SIGSTOP)
    os.waitpid(process.pid, os.WUNTRACED)
    os.link(tool.path("held.log"), tool.path("hard.log"))
    before = contents(tool, "held", "held.state", "held.log")
    for option, path, rest in (("out", "held", []), ("out", "./held.state", []),
                               ("state", "folder/held", ["--out", "free"]),
                               ("state", "held.state", ["--out", "free"]),
                               ("log", str(tool.path("held.log")), ["--out", "free"]),
                               ("report", "held.log", ["--out", "free"])):
        tool.refused(f"--{option} {path}, which a run has", FAILURE,
                     f"--{option}: {path}: another run, process {process.pid}, is writing it",
                     *command(tool, 1, f"--{option}", path, *rest))
    tool.refused("its state resumed", FAILURE, f"process {process.pid}, is writing it", "finetune",
                 *tool.data(), "--resume", "held.state", "--out", "free")
    tool.refused("another name of its log", FAILURE, r"--log: hard\.log: another run is writing it",
                 *command(tool, 1, "--out", "free", "--log", "hard.log"))
    tool.equal("its files are as they were", contents(tool, "held", "held.state", "held.log"), before)
    tool.good("its state is read", "info", "held.state")
    tool.good("its log is read", "report", "held.log", "--out", "held.html")
    tool.good("its model is read", "evaluate", *tool.data(), "--model", "held")
    tool.good("its state begins another run", "finetune", *tool.data(), "--resume", "held.state",
              "--epochs", "2", "--state", "free.state", "--out", "free")
    for _ in range(2):
        tool.good("a device is for all", *command(tool, 1, "--out", "free", "--log", "/dev/null"))
    process.kill()
    process.wait()
    tool.path("held").unlink()
    tool.good("after a kill the files are free", "finetune", *tool.data(), "--resume", "held.state",
              "--epochs", "2", "--out", "held", "--log", "held.log")
    tool.equal("without a file for the lock", temporaries(tool), [])


def started_at_once(tool):
    """Of two runs that start at the same time one gets the files."""
    for attempt in range(6):
        pair = [start(tool, command(tool, 100000, "--out", "pair", "--log", "pair.log"))
                for _ in range(2)]
        texts = [read_to_epoch(process) for process in pair]
        for process in pair:
            process.send_signal(signal.SIGINT)
        texts = [text + process.stderr.read() for process, text in zip(pair, texts)]
        ends = sorted(process.wait() for process in pair)
        tool.report.check(f"pair {attempt}: one runs, one is refused",
                          ends != [FAILURE, INTERRUPTED] and f"  {ends}\n" + "\n".join(texts))
        events = [entry["event"] for entry in entries(tool.path("pair.log"))]
        tool.equal(f"pair {attempt}: a log of one run", events.count("begin"), 1)
        for name in ("pair", "pair.state", "pair.log"):
            tool.path(name).unlink()


def main(binary):
    # Whoever starts the tests in the background may have set these.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(binary, folder)
        tool.generate("small", "--users", "200", "--items", "300")
        asked_to_end(tool)
        without_a_terminal(tool)
        file_limits(tool)
        kills(tool)
        one_run_at_a_time(tool)
        started_at_once(tool)
        tool.report.finish()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
