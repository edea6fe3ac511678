# SPDX-License-Identifier: Apache-2.0
"""What a run shows while it goes on: tqdm's bar where that is installed, else a line."""
from __future__ import annotations

import sys
import time
from typing import Any, Optional

from s3rec._reports import Progress

_INTERVAL = 0.1  # seconds between two changes of the line


class Bar:
    """Shows nothing."""

    def show(self, at: Progress) -> None:
        """Called after each step."""

    def close(self) -> None:
        """Called at the end, whatever it was."""


def _title(at: Progress) -> str:
    refit = ", refit" if at.refit else ""
    return f"{at.stage}{refit} {at.epoch}/{at.epochs}"


def _figures(at: Progress) -> dict[str, str]:
    figures = {"loss": f"{at.loss:.4f}"}
    if at.best_epoch:
        figures["best"] = f"{at.best_value:.4f} (epoch {at.best_epoch})"
    return figures


class LineBar(Bar):
    """One line of a terminal, written over and over."""

    def __init__(self) -> None:
        self._last, self._width = 0.0, 0

    def show(self, at: Progress) -> None:
        now = time.monotonic()
        if at.event == "step" and now - self._last < _INTERVAL:
            return
        self._last = now
        figures = ", ".join(f"{name} {value}" for name, value in _figures(at).items())
        line = f"{_title(at)}, step {at.step}/{at.steps}, {figures}"
        sys.stderr.write("\r" + line.ljust(self._width))
        sys.stderr.flush()
        self._width = len(line)

    def close(self) -> None:
        if self._width:
            sys.stderr.write("\n")
            sys.stderr.flush()


class TqdmBar(Bar):
    """A bar of tqdm over the steps of an epoch."""

    def __init__(self, tqdm: Any) -> None:
        self._tqdm, self._bar = tqdm, None  # type: Any, Any

    def show(self, at: Progress) -> None:
        if self._bar is None:
            self._bar = self._tqdm(total=at.steps, unit="step")
        if at.step == 1:
            self._bar.reset(total=at.steps)
        self._bar.n = at.step
        self._bar.set_description(_title(at), refresh=False)
        self._bar.set_postfix(_figures(at), refresh=at.event == "epoch")
        self._bar.update(0)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def bar_for(stage: str, progress: Optional[bool]) -> Bar:
    """The bar that fits: none when it was not asked for and nobody would see it."""
    if progress is None:
        terminal = sys.stderr is not None and sys.stderr.isatty()
        progress = terminal or "ipykernel" in sys.modules
    if not progress or sys.stderr is None:
        return Bar()
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return LineBar()
    return TqdmBar(tqdm)
