"""Snapshots of executed cells for tests of the store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mltrack.store.code_index import unpack
from mltrack.store.notebooks import Blob, ExecutionWrite, Session, SnapshotWrite

if TYPE_CHECKING:
    from sqlite3 import Connection

    from mltrack.store.sqlite import SqliteStore


def saved(
    store: SqliteStore,
    run_id: str,
    *,
    kernel: str | None = None,
    cell: str = "key",
    cells: tuple[str, ...] = ("x = 1",),
    since: int = 0,
    file_cells: tuple[str, ...] = (),
) -> None:
    """Save a snapshot of a kernel (default: the run's own) that ran these cells, sending those from ``since``."""
    executions = [
        ExecutionWrite(number + 1, Blob.of(source), 1, f"c{number}", outputs=Blob.of(f"[{number}]"))
        for number, source in enumerate(cells)
        if number >= since
    ]
    blobs = tuple(Blob.of(source) for source in file_cells)
    manifest = {"cells": [{"type": "code", "source": blob.digest.hex()} for blob in blobs], "run": run_id}
    snapshot = SnapshotWrite(
        Session(kernel or run_id, 1),
        len(cells),
        cell,
        "how",
        executions,
        Blob.of(json.dumps(manifest)) if blobs else None,
        blobs,
    )
    store.save_snapshot(run_id, snapshot)


def texts_of(store: SqliteStore, run_id: str) -> list[str]:
    """The sources of a run's snapshot in their order."""
    snapshot = store.load_snapshot(run_id)
    assert snapshot is not None
    return [execution.source for execution in snapshot.executions]


def indexed(store: SqliteStore) -> set[str]:
    """The sources that a search for words of code looks at; each is a blob's."""

    def work(connection: Connection) -> set[str]:
        query = "SELECT b.encoding, b.data FROM code_index f LEFT JOIN blobs b ON b.id = f.rowid"
        return {unpack(*row) for row in connection.execute(query)}

    return store._database.read(work)
