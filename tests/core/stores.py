"""Runs and experiments for tests of the store."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

import pytest

from mltrack.entities import RunStatus
from mltrack.store.connection import open_file
from mltrack.store.protocol import NewRun, RunChange
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

    from mltrack.store.sql_store import SqlStore

ON_SQLITE = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
"""Marks tests of what only a file has."""
FINISHED = RunChange(status=RunStatus.FINISHED, end_time=10)


def begin(store: SqlStore, name: str = "run", **options: object) -> str:
    fields = {"experiment_id": "0", "run_name": name, "start_time": 1, **options}
    return store.create_run(NewRun(**fields)).run_id  # type: ignore[arg-type]


def open_again(store: SqliteStore) -> SqliteStore:
    """Another store on the same data."""
    return type(store)(store.path if isinstance(store, SqliteStore) else store.uri)


def delete_run(store: SqlStore, run_id: str) -> None:
    store.set_run_lifecycle(run_id, "deleted")


def delete_experiment(store: SqlStore, experiment_id: str) -> None:
    store.update_experiment(experiment_id, lifecycle_stage="deleted")


def bits(value: float) -> bytes:
    return b"nan" if math.isnan(value) else struct.pack(">d", value)


def pragma(path: Path, name: str) -> object:
    connection = open_file(path, read_only=True)
    try:
        row = connection.execute(f"PRAGMA {name}").fetchone()
        return row[0] if row else None
    finally:
        connection.close()
