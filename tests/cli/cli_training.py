# SPDX-License-Identifier: Apache-2.0
"""Training by the command line tool: stop, resume, early stop, logs.

usage: cli_training.py S3REC
"""
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time

from tool import SMALL, Tool, entries, interrupt

EPOCHS = 5


def stop_and_resume(tool, command, options, data="small"):
    """A run that was stopped inside an epoch ends with the bytes of one that was not."""
    report = tool.report
    common = [command, *tool.data(data), *options, "--epochs", str(EPOCHS)]
    tool.good(f"{command}: a run without a stop", *common, "--threads", "1", "--log",
              "straight.log", "--out", "straight.safetensors")
    inside = False
    # The pause only makes an end inside an epoch likely; what counts is where the tool says it was.
    for attempt in range(8):
        tool.path("stopped.log").unlink(missing_ok=True)
        status, text = interrupt(tool, [*common, "--threads", "2", "--log", "stopped.log", "--out",
                                        "stopped.safetensors"], after=1, pause=0.02 * (1 + attempt))
        found = re.search(r"interrupted in epoch (\d+) of \d+ before step (\d+) of (\d+); "
                          r"state saved to stopped\.safetensors\.state", text)
        resume = re.search(r"^  s3rec (.*)$", text, re.MULTILINE)
        report.check(f"{command}: interrupted with status 130 and a way to go on",
                     (status != 130 or not found or not resume) and f"  status {status}\n{text}")
        if not found or not resume:
            return
        inside = int(found.group(2)) > 1
        if inside:
            break
    report.check(f"{command}: stopped inside an epoch", not inside and f"{text}")
    if command == "pretrain":
        tool.equal("pretrain: no model before the end", tool.path("stopped.safetensors").exists(),
                   False)
    tool.good(f"{command}: resumed by the printed command", *shlex.split(resume.group(1)))
    for suffix in ("", ".state"):
        report.check(f"{command}: the same bytes with and without a stop (OUT{suffix})",
                     tool.path(f"straight.safetensors{suffix}").read_bytes() !=
                     tool.path(f"stopped.safetensors{suffix}").read_bytes() and "  they differ")
    straight = entries(tool.path("straight.log"))
    tool.equal(f"{command}: the same log", straight, entries(tool.path("stopped.log")))
    tool.equal(f"{command}: configuration, an epoch a line, result",
               [entry.get("epoch", entry["event"]) for entry in straight],
               ["begin", *range(1, EPOCHS + 1), "done"])


def contradictions(tool):
    state = ["pretrain", *tool.data(), "--resume", "straight.safetensors.state", "--out",
             "other.safetensors"]
    tool.refused("an option that contradicts the state", 2, r"--lr is 0\.01, .*with 0\.001",
                 *state, "--lr", "0.01")
    tool.refused("a network that contradicts the state", 2, "--hidden-size is 32", *state,
                 "--hidden-size", "32")
    tool.refused("fewer epochs than done", 2, "--epochs is 1, but", *state, "--epochs", "1")
    tool.refused("a state of another command", 2, "is a state of s3rec pretrain", "finetune",
                 *state[1:])
    tool.refused("a state of other data", 3, ".", *state[:1], *tool.data("other"), *state[5:],
                 "--epochs", "9")
    tool.refused("a model file is not a state", 3, "straight.safetensors", "pretrain",
                 *tool.data(), "--resume", "straight.safetensors", "--out", "other.safetensors")
    tool.good("options that agree with the state", *state, "--lr", "1e-3", "--hidden_size", "16",
              "--epochs", "6", "--state", "more.state")
    tool.good("the model of that", "info", "other.safetensors")


def other_states(tool):
    """A state of an older release, and an option that contradicts one of this."""
    run = ["finetune", *tool.data(), *SMALL, "--recipe", "paper", "--loss", "sampled-ce",
           "--negative-count", "30"]
    out = ["--out", "sampled.safetensors"]
    last = tool.json("the sampled softmax", *run, "--epochs", "2", *out)[-1]
    tool.equal("learns", last.get("epochs"), 2)
    path = tool.path("sampled.safetensors.state")
    resume = ["finetune", *tool.data(), "--resume", path.name, "--epochs", "3", *out]
    tool.refused("another number", 2, "--negative-count is 31, but .* was trained with 30",
                 *resume, "--negative-count", "31")
    tool.good("the same number", *resume, "--negative-count", "30")
    state = path.read_bytes()
    tool.equal("its format", state.count(rb'\"format\":1'), 1)
    path.write_bytes(state.replace(rb'\"format\":1', rb'\"former\":1'))
    tool.refused("an older state", 3, "is of a release before 0.3 .*start the training again", *resume)


def best_weights(tool):
    """A fine-tuning state has its best weights, and replaces no file that has others."""
    run = ["finetune", *tool.data(), *SMALL, "--recipe", "paper", "--batch-size", "20", "--lr", "0.01"]
    last = tool.json("until an epoch is no better", *run, "--epochs", "200", "--patience", "1",
                     "--out", "best.safetensors")[-1]
    best = last.get("best_epoch")
    tool.equal("the last epoch is not the best", last.get("epochs"), best + 1)
    resume = ["finetune", *tool.data(), "--resume", "best.safetensors.state"]
    again = tool.json("resumed at its end", *resume, "--out", "best.safetensors")[-1]
    tool.equal("says the same", again, last)
    said = rf"must be the file with the best weights so far \(epoch {best}\), but "
    again = tool.json("resumed without the file of the best weights", *resume, "--out",
                      "lost.safetensors")[-1]
    tool.equal("says the same but for the file", {**again, "model": last["model"]}, last)
    tool.equal("and writes it again", tool.path("lost.safetensors").read_bytes(),
               tool.path("best.safetensors").read_bytes())
    tool.good("another model", "pretrain", *tool.data(), *SMALL, "--epochs", "0", "--out",
              "lost.safetensors")
    other = tool.path("lost.safetensors").read_bytes()
    tool.refused("resumed with other weights", 2, said + "it holds other weights", *resume, "--out",
                 "lost.safetensors")
    tool.equal("which stay as they are", tool.path("lost.safetensors").read_bytes(), other)
    # The state of the best epoch itself has the weights.
    tool.good("a state of the best epoch", *run, "--epochs", "2", "--out", "first.safetensors")
    first = tool.path("first.safetensors").read_bytes()
    tool.path("first.safetensors").unlink()
    tool.good("resumed without its file", *resume[:-1], "first.safetensors.state", "--out",
              "first.safetensors")
    tool.report.check("writes it again",
                      tool.path("first.safetensors").read_bytes() != first and "  it differs")


def killed(tool):
    """A run that is killed goes on from its last state, whatever was being written."""
    run = ["finetune", *tool.data(), *SMALL, "--recipe", "paper", "--batch-size", "20", "--epochs",
           "40"]
    log = ["--log", "killed.log"]
    tool.good("a run that is not killed", *run, "--out", "whole.safetensors", "--log", "whole.log")
    for pause in (0, 0.001, 0.004):
        tool.path("killed.log").write_bytes(b"")
        status, text = interrupt(tool, [*run, "--out", "killed.safetensors", *log], after=3,
                                 pause=pause, number=signal.SIGKILL)
        tool.report.check("killed", status != -signal.SIGKILL and f"  status {status}\n{text}")
        resume = ["finetune", *tool.data(), "--resume", "killed.safetensors.state", "--out",
                  "killed.safetensors", *log]
        with open(tool.path("killed.log"), "a") as stream:
            stream.write('{"event":"epoch","comm')  # a line that was not written to its end
        tool.good("resumed", *resume)
        tool.equal("killed: the same log", entries(tool.path("killed.log")),
                   entries(tool.path("whole.log")))
        tool.good("resumed at its end", *resume)
        tool.equal("killed: the same log again", entries(tool.path("killed.log")),
                   entries(tool.path("whole.log")))
        for suffix in ("", ".state"):
            tool.report.check(f"killed: the same bytes (OUT{suffix})",
                              tool.path(f"whole.safetensors{suffix}").read_bytes() !=
                              tool.path(f"killed.safetensors{suffix}").read_bytes() and "  differ")


def catches_interrupts(process):
    """Whether a process has a handler for SIGINT."""
    with open(f"/proc/{process.pid}/status") as status:
        caught = re.search(r"^SigCgt:\s*([0-9a-f]+)", status.read(), re.MULTILINE).group(1)
    return int(caught, 16) >> (signal.SIGINT - 1) & 1 == 1


def wait_until(process, condition):
    while process.poll() is None and not condition():
        time.sleep(0.001)


def second_interrupt(tool):
    """The first Ctrl-C waits for the end of the step, the second one for nothing."""
    if not os.path.exists("/proc/self/status"):
        tool.report.skip("second interrupt: no /proc to see handlers in")
        return
    # The one step of this epoch takes seconds: the library is in it when both signals come.
    process = subprocess.Popen([tool.binary, "pretrain", *tool.data("many"), "--batch-size", "65536",
                                "--epochs", "2", "--out", "twice.safetensors"], cwd=tool.folder,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wait_until(process, lambda: catches_interrupts(process))
    process.send_signal(signal.SIGINT)
    wait_until(process, lambda: not catches_interrupts(process))
    process.send_signal(signal.SIGINT)
    text = process.stderr.read()
    tool.equal("a second interrupt ends the process by the signal",
               (process.wait(), text), (-signal.SIGINT, ""))
    tool.equal("without a file", tool.path("twice.safetensors.state").exists(), False)


def early_stop(tool):
    common = ["finetune", *tool.data(), *SMALL, "--recipe", "paper", "--batch-size", "50"]
    # A learning rate below the resolution of float changes nothing: no epoch is better.
    last = tool.json("no improvement", *common, "--lr", "1e-30", "--patience", "2", "--epochs", "50",
                     "--out", "still.safetensors")[-1]
    tool.equal("stopped when patience ran out", (last.get("epochs"), last.get("best_epoch")), (3, 1))
    lines = tool.json("sampled protocol", *common, "--stop-protocol", "sampled", "--epochs", "3", "--out", "bce.safetensors")
    tool.equal("an object an epoch, then the result", [line.get("event") for line in lines],
               ["epoch"] * 3 + ["done"])
    last = lines[-1]
    tool.equal("mrr decides in the sampled protocol",
               (last.get("stop_metric"), last.get("test", {}).get("protocol")), ("mrr", "sampled"))
    best = max(line["valid"]["mrr"] for line in lines[:-1])
    tool.equal("the best epoch is kept", last.get("best_value"), best)
    again = tool.json("the file of --out", "evaluate", *tool.data(), "--model", "bce.safetensors",
                      "--split", "valid", "--protocol", "sampled")[-1]
    tool.equal("it is that epoch's", again.get("mrr"), best)


def dropouts(tool):
    tool.good("fine-tuning a pretrained model with other dropouts", "finetune", *tool.data(),
              "--model", "straight.safetensors", "--hidden-dropout-prob", "0.1", "--epochs", "1",
              "--out", "dropped.safetensors")
    config = tool.json("its configuration", "info", "dropped.safetensors")[-1].get("config", {})
    tool.equal("has the new dropout, the old size",
               (config.get("hidden_dropout_prob"), config.get("hidden_size")), (0.1, 16))
    tool.refused("another size than the model's", 2, "--hidden-size is 32, but the model",
                 "finetune", *tool.data(), "--model", "straight.safetensors", "--hidden-size", "32",
                 "--out", "dropped.safetensors")


def terminal(tool):
    """The bar, seen on a pseudo terminal."""
    try:
        parent, child = pty.openpty()
    except OSError as error:  # a container without devpts
        tool.report.skip(f"the bar on a terminal: {error}")
        return
    process = subprocess.Popen([tool.binary, "pretrain", *tool.data(), "--epochs", "2", "--out",
                                "bar.safetensors"], stdout=subprocess.DEVNULL, stderr=child,
                               cwd=tool.folder)
    os.close(child)
    text = b""
    try:
        while piece := os.read(parent, 4096):
            text += piece
    except OSError:  # the child's end is closed
        pass
    os.close(parent)
    tool.equal("pretraining on a terminal", process.wait(), 0)
    tool.report.check("a bar with rate, time left and losses",
                      not re.search(rb"\[#*\.*\] \d+/\d+  \d+ seq/s  ETA \d+:\d\d  loss [\d.]+", text)
                      and f"  {text!r}")


def main(binary):
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(binary, folder)
        tool.generate("small", "--users", "200", "--items", "300")
        tool.generate("other", "--users", "150", "--items", "300")
        tool.generate("many", "--users", "3000", "--items", "300")
        # Enough users that no run ends before it is interrupted.
        stop_and_resume(tool, "finetune", [*SMALL, "--batch-size", "2", "--refit", "none"], "many")
        for name in ("stopped.safetensors", "straight.log"):
            tool.path(name).unlink()
        stop_and_resume(tool, "pretrain", [*SMALL, "--batch-size", "10"])
        contradictions(tool)
        other_states(tool)
        early_stop(tool)
        best_weights(tool)
        killed(tool)
        second_interrupt(tool)
        dropouts(tool)
        terminal(tool)
        tool.equal("no temporary file is left",
                   [path.name for path in tool.folder.iterdir() if re.search(
                       r"\.(txt|json|tsv|safetensors|state|log)$", path.name) is None], [])
        tool.report.finish()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
