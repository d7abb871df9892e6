"""A look at a store's file for ``mltrack doctor``: integrity, sizes, schema, and the runs that are open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack.process import Owner
from mltrack.store.connection import open_file, sqlite3, translated

if TYPE_CHECKING:
    from pathlib import Path
    from sqlite3 import Connection


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that has not ended; ``process`` says who writes it."""

    run_id: str
    name: str
    process: str


@dataclass(frozen=True, slots=True)
class StoreReport:
    """How a store's file stands. ``integrity`` is "ok" or the first thing SQLite found wrong."""

    schema: int
    integrity: str
    file_bytes: int
    log_bytes: int
    open_runs: tuple[OpenRun, ...]


def inspect_store(path: Path) -> StoreReport:
    """Examine the store at ``path`` without writing to it; a StoreError when it cannot be read."""
    try:
        connection = open_file(path, read_only=True)
        try:
            return _report(connection, path)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise translated(error, path) from error


def _report(connection: Connection, path: Path) -> StoreReport:
    log = path.with_name(path.name + "-wal")
    rows = connection.execute(
        "SELECT uuid, name, owner FROM runs WHERE status = 'RUNNING' AND lifecycle_stage = 'active' ORDER BY id"
    )
    return StoreReport(
        schema=connection.execute("PRAGMA user_version").fetchone()[0],
        integrity=connection.execute("PRAGMA integrity_check(1)").fetchone()[0],
        file_bytes=path.stat().st_size,
        log_bytes=log.stat().st_size if log.exists() else 0,
        open_runs=tuple(OpenRun(run_id, name, _process(owner)) for run_id, name, owner in rows),
    )


def _process(owner: str | None) -> str:
    found = Owner.parse(owner) if owner else None
    return f"{found.pid} on {found.machine.partition('/')[0]}" if found else "not known (made by a client)"
