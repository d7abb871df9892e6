"""What the core's tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import mltrack
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "mltrack.db")


@pytest.fixture
def run() -> Iterator[mltrack.ActiveRun]:
    with mltrack.start_run() as active:
        yield active
