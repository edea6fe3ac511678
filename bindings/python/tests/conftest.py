# SPDX-License-Identifier: Apache-2.0
"""Small data and models, and the count of checks that scripts/count_tests.py reads."""
from __future__ import annotations

import os
import pathlib
from typing import Any

import numpy as np
import pytest

import s3rec

ROOT = pathlib.Path(__file__).resolve().parents[3]
ITEMS, USERS = 60, 120


def pytest_terminal_summary(terminalreporter: Any) -> None:
    counts = {word: len(terminalreporter.stats.get(word, []))
              for word in ("passed", "failed", "error", "skipped")}
    terminalreporter.write_line(
        f"Checks: {counts['passed']} passed, {counts['failed'] + counts['error']} failed, "
        f"{counts['skipped']} skipped")


@pytest.fixture(scope="session")
def shared() -> pathlib.Path:
    """The folder of recorded values and real data."""
    folder = pathlib.Path(os.environ.get("S3REC_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there (S3REC_SHARED)")
    return folder


@pytest.fixture(scope="session")
def sequences() -> list[np.ndarray[Any, np.dtype[np.int32]]]:
    rng = np.random.default_rng(7)
    return [rng.integers(1, ITEMS + 1, size=rng.integers(4, 20)).astype(np.int32)
            for _ in range(USERS)]


@pytest.fixture(scope="session")
def dataset(sequences: Any) -> s3rec.Dataset:
    """Numbers without names."""
    rng = np.random.default_rng(8)
    return s3rec.Dataset.from_arrays(
        sequences, attributes={item: [item % 5, 5 + item % 3] for item in range(1, ITEMS + 1)},
        negatives=rng.integers(1, ITEMS + 1, size=(USERS, 99)))


@pytest.fixture()
def model(dataset: s3rec.Dataset) -> s3rec.Model:
    return s3rec.Model.create(dataset, hidden_size=16, seed=3)


@pytest.fixture(scope="session")
def named(sequences: Any) -> s3rec.Dataset:
    """The same with text ids."""
    users = np.repeat(np.arange(USERS), [len(row) for row in sequences])
    return s3rec.Dataset.from_events(
        user=[f"user {user}" for user in users.tolist()],
        item=[f"film {item}" for item in np.concatenate(sequences).tolist()],
        attributes={f"film {item}": [f"genre={item % 5}"] for item in range(1, ITEMS + 1)})


@pytest.fixture()
def named_model(named: s3rec.Dataset) -> s3rec.Model:
    return s3rec.Model.create(named, hidden_size=16, seed=3)
