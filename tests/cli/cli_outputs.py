# SPDX-License-Identifier: Apache-2.0
"""What the tool writes: over which files, with which mode, and refused before any work is done.

usage: cli_outputs.py S3REC
"""
import os
import stat
import sys
import tempfile

from tool import SMALL, Tool

FAILURE, USAGE = 1, 2


def writers(tool):
    """Commands by what they write, to the path that is put in the place of None."""
    return {"pretrain --out": ["pretrain", *tool.data(), *SMALL, "--epochs", "0", "--out", None],
            "pretrain --state": ["pretrain", *tool.data(), *SMALL, "--epochs", "1", "--out", "m",
                                 "--state", None],
            "evaluate --ranks": ["evaluate", *tool.data(), "--popularity", "--ranks", None],
            "report --out": ["report", "run.log", "--out", None],
            "finetune --report": ["finetune", *tool.data(), *SMALL, "--epochs", "1", "--out", "m",
                                  "--log", "page.log", "--report", None]}


def with_path(command, path):
    return [path if word is None else word for word in command]


def special_files(tool):
    """Whatever is no regular file is refused and stays what it is."""
    folder, fifo, device = (tool.path(name) for name in ("folder", "fifo", "device"))
    folder.mkdir()
    os.mkfifo(fifo)
    kinds = {folder: stat.S_ISDIR, fifo: stat.S_ISFIFO}
    try:
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        kinds[device] = stat.S_ISCHR
    except PermissionError:
        tool.report.skip("a device: only root can make one")
    for what, command in writers(tool).items():
        option = command[command.index(None) - 1]
        for path, is_kind in kinds.items():
            tool.refused(f"{what}, a {path.name}", FAILURE,
                         f"{option}: {path.name}: .*not a regular file", *with_path(command, path.name))
            tool.report.check(f"{what}: the {path.name} stays", not is_kind(os.lstat(path).st_mode) and
                              "  it does not")
    for path in (fifo, device):
        path.unlink(missing_ok=True)
    folder.rmdir()


def links_and_modes(tool):
    """A link is followed and stays; the file keeps its mode."""
    for number, (what, command) in enumerate(writers(tool).items()):
        target, link = tool.path(f"target{number}"), tool.path(f"link{number}")
        link.symlink_to(target.name)
        tool.good(f"{what}, a link to nothing yet", *with_path(command, link.name))
        size = target.stat().st_size if target.exists() else 0
        tool.report.check(f"{what}: makes its target", (size == 0 or not link.is_symlink()) and size)
        target.chmod(0o600)
        tool.good(f"{what}, a link to a private file", *with_path(command, link.name))
        tool.equal(f"{what}: private as before", (stat.S_IMODE(target.stat().st_mode),
                                                  link.is_symlink()), (0o600, True))
    mask = os.umask(0o027)
    tool.good("a new file", *with_path(writers(tool)["report --out"], "new.html"))
    os.umask(mask)
    tool.equal("has the mode of the mask", stat.S_IMODE(tool.path("new.html").stat().st_mode), 0o640)


def at_once(tool):
    """No data set is there, but the place of the output is what is refused: it is looked at first."""
    data = ["--data", "nowhere", "--name", "none"]
    places = [("pretrain", ["--out", "m"], ("out", "state", "log")),
              ("finetune", ["--out", "m"], ("out", "state", "log", "report")),
              ("evaluate", ["--popularity"], ("ranks",))]
    for command, needed, options in places:
        for option in options:
            given = [] if option == needed[0][2:] else needed
            tool.refused(f"{command} --{option}", FAILURE,
                         f"--{option}: missing/file: cannot open its folder", command, *data, *given,
                         f"--{option}=missing/file")
    tool.refused("report --out", FAILURE, "--out: missing/page: cannot open", "report", "none.log",
                 "--out", "missing/page")
    tool.refused("a log in a folder's place", FAILURE, "--log: .: is a folder", "pretrain", *data,
                 "--out", "m", "--log", ".")
    converting = ["convert", "--events", "none.csv", "--name", "x", "--data"]
    tool.refused("convert: a folder that cannot be made", FAILURE,
                 "--data: missing/folder: folder cannot be made", *converting, "missing/folder")
    tool.path("x.txt").mkdir()
    tool.refused("convert: a folder in a file's place", FAILURE,
                 r"--data: \./x\.txt: .*not a regular file", *converting, ".")
    tool.path("x.txt").rmdir()
    tool.refused("convert: no such events", FAILURE, r"none\.csv", *converting, "fresh")
    tool.equal("leaves no folder", tool.path("fresh").exists(), False)
    tool.equal("nothing was written", [path.name for path in tool.folder.iterdir()
                                       if path.name in ("m", "m.state", "x.txt")], [])


def one_file(tool):
    """Paths are compared by the file that they lead to, whether it is there or not."""
    tool.path("there.log").write_text("")
    tool.path("events.csv").write_text("user,item,timestamp\na,x,1\n")
    os.link(tool.path("there.log"), tool.path("hard.log"))
    tool.path("soft").symlink_to("a")
    tool.path("softer").symlink_to("inside/soft")
    tool.path("inside").symlink_to(".")
    tool.path("deep").mkdir()
    tool.path("deep/a").symlink_to("../soft")
    absolute = str(tool.path("a"))
    data = tool.data()
    for what, options in {
            "out and state": ["--out", "a", "--state", "./a"],
            "out and state, absolute": ["--out", "a", "--state", absolute],
            "out and log": ["--out", "soft", "--log", "a"],
            "out and page": ["--out", "a", "--report", "./a"],
            "state and log": ["--out", "b", "--state", "a", "--log", "inside/inside/a"],
            "state and page": ["--out", "b", "--state", "inside/a", "--report", "deep/../a"],
            "log and page": ["--out", "b", "--log", "softer", "--report", "deep/a"],
            "two links to what is not there": ["--out", "soft", "--state", "deep/a"],
            "a folder by a link": ["--out", "inside/a", "--state", absolute],
            "the default log": ["--out", "a", "--report", "inside/a.log"],
            "the default state by a link": ["--out", "soft", "--report", "inside/soft.state"],
            "the model and the page": ["--model", "there.log", "--out", "a", "--report", "hard.log"],
            "hard links": ["--out", "there.log", "--log", "hard.log"],
            "the default state": ["--out", "a", "--log", "./a.state"],
            "the model and the log": ["--model", "there.log", "--out", "a", "--log", "./hard.log"]}.items():
        tool.refused(what, USAGE, "which is the same file; they must be different files", "finetune",
                     *data, *options)
    for option in ("out", "state", "log"):
        names = {"out": "a", option: "./events.csv"}
        tool.refused(f"events and {option}", USAGE, "same file", "pretrain", "--events", "events.csv",
                     *(f"--{key}={value}" for key, value in names.items()))
    names = tool.path("small_names.tsv")
    content = tool.path("small.txt").read_bytes(), names.read_bytes()
    tool.refused("data and out", USAGE, "--data and --out are both .*small.txt", "pretrain", *data,
                 "--out", f"{data[1]}/small.txt")
    tool.refused("data and state", USAGE, "same file", "pretrain", *data, "--out", "a", "--state",
                 "small_sample.txt")
    tool.refused("data and page", USAGE, "same file", "finetune", *data, "--out", "a", "--report",
                 names.name)
    tool.refused("data and ranks", USAGE, "same file", "evaluate", *data, "--popularity", "--ranks",
                 "small_item2attributes.json")
    tool.equal("the data stay", (tool.path("small.txt").read_bytes(), names.read_bytes()), content)
    for option, name in (("events", "x_users.tsv"), ("attributes", "x.txt"), ("model", "x_items.tsv")):
        read = {"events": "events.csv", option: name}
        tool.path(name).write_text("user,item\na,x\n")
        tool.refused(f"convert, data and {option}", USAGE, "same file", "convert", "--data", ".",
                     "--name", "x", *(f"--{key}={value}" for key, value in read.items()))
        tool.equal(f"convert: the {option} stay", tool.path(name).read_text(), "user,item\na,x\n")
        tool.path(name).unlink()
    for here, there in (("x_items.tsv", "x.txt"), ("x_users.tsv", "inside/x_items.tsv"),
                        ("x_attributes.tsv", "./x_item2attributes.json")):
        tool.path(here).symlink_to(there)
        tool.refused(f"convert, {here} and {there}", USAGE, f"{here} is the same file as|is the same "
                     f"file as ./{here}", "convert", "--data", ".", "--name", "x", "--events",
                     "events.csv", "--attributes", "none.csv")
        tool.path(here).unlink()
    tool.refused("what is resumed and the log", USAGE, "same file; they must be", "pretrain", *data,
                 "--resume", "first.state", "--out", "a", "--log", "inside/first.state")
    tool.refused("a temporary file's name", FAILURE, r"--state: \.a\.s3rec-tmp: names of this form",
                 "pretrain", *data, "--out", "a", "--state", ".a.s3rec-tmp")
    tool.refused("ranks and model", USAGE, "same file", "evaluate", *data, "--model", "there.log",
                 "--ranks", "hard.log")
    tool.refused("page and log", USAGE, "is the log run.log", "report", "run.log", "--out",
                 str(tool.path("run.log")))
    tool.refused("page and log by a link", USAGE, "is the log run.log", "report", "run.log", "--out",
                 "inside/run.log")
    tool.path("page.html").symlink_to("run.log")
    tool.refused("page that leads to the log", USAGE, "is the log run.log", "report", "run.log",
                 "--out", "page.html")
    for name in ("softer", "inside", "deep/a", "page.html"):
        tool.path(name).unlink()
    tool.path("deep").rmdir()
    tool.equal("nothing was made", [name for name in ("a", "a.state", "a.log", "b", "b.state", "x.txt")
                                    if tool.path(name).exists()], [])
    tool.equal("the events stay", tool.path("events.csv").read_text(),
               "user,item,timestamp\na,x,1\n")


def main(binary):
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(binary, folder)
        tool.generate("small", "--users", "200", "--items", "300")
        tool.good("a log", "pretrain", *tool.data(), *SMALL, "--epochs", "1", "--log", "run.log",
                  "--out", "first")
        at_once(tool)
        one_file(tool)
        special_files(tool)
        links_and_modes(tool)
        tool.equal("no temporary file is left",
                   [path.name for path in tool.folder.iterdir() if "s3rec-" in path.name], [])
        tool.report.finish()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
