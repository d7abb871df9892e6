"""What the core's tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

import mltrack
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqliteStore]:
    """A new, empty store of each kind."""
    if request.param == "sqlite":
        yield SqliteStore(tmp_path / "mltrack.db")
        return
    from tests.core import postgres_server  # a second to start, and the fast tests do without

    with postgres_server.new_store(tmp_path) as store:
        yield store  # type: ignore[misc]


@pytest.fixture
def run() -> Iterator[mltrack.ActiveRun]:
    with mltrack.start_run() as active:
        yield active


PLACES = ("local", "memory", "s3")


@pytest.fixture
def make_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Gives a new, empty place for artifacts of a kind of PLACES."""

    def make(kind: str) -> str:
        name = uuid4().hex
        if kind == "s3":
            from tests.core import s3_server  # a second to start, and few tests need it

            for variable, value in s3_server.environment().items():
                monkeypatch.setenv(variable, value)
            s3_server.client()
            return f"s3://{s3_server.BUCKET}/{name}"
        return f"memory://tests/{name}" if kind == "memory" else str(tmp_path / "places" / name)

    return make


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, make_place: Callable[[str], str]) -> str:
    """A new, empty place for artifacts, one of each kind."""
    return make_place(request.param)
