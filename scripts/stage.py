# SPDX-License-Identifier: Apache-2.0
"""Shared by the stages of scripts/test.sh that meson does not run: they count checks, and record
them as in meson's logs, for count_tests.py."""
import json
import pathlib
import re
import shutil
import subprocess


class Stage:
    """folder: where commands run. work: a folder for files made by the stage; it is emptied."""

    def __init__(self, folder, work, environment):
        self.folder, self.work = folder, work
        self.environment = environment
        self.lines = []
        self.passed = self.failed = self.skipped = 0
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)

    def say(self, text):
        print(text, flush=True)
        self.lines.append(text)

    def run(self, *command, **options):
        """(whether the command succeeded, its output)"""
        try:
            done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  env=self.environment, cwd=self.folder, check=False, **options)
        except subprocess.TimeoutExpired as error:
            written = error.stdout or ""  # bytes, though text was asked for
            if isinstance(written, bytes):
                written = written.decode(errors="replace")
            return False, f"{written}\n{error}"
        return done.returncode == 0, done.stdout

    def check(self, what, good, output=""):
        if good:
            self.passed += 1
        else:
            self.failed += 1
        self.say(f"{'ok' if good else 'FAIL'}: {what}")
        if not good and output:
            self.say(output[-6000:])
        return good

    def skip(self, reason):
        self.skipped += 1
        self.say(f"SKIP: {reason}")

    def finish(self, name, result):
        """Writes the record to the file `result` and returns the exit status. Lines of checks in
        the output of commands count, too."""
        self.say(f"Checks: {self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        output = "\n".join(self.lines)
        failed = any(int(count) for count in re.findall(r"^Checks: .* (\d+) failed", output,
                                                        re.MULTILINE))
        pathlib.Path(result).write_text(json.dumps({
            "name": name, "result": "FAIL" if failed else "OK", "stdout": output}) + "\n")
        return 1 if failed else 0
