"""What tracked cells leave in an SQLite store: failures, captured names, environments and notebook snapshots."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING

from mltrack.entities import CapturedName
from mltrack.store import notebooks, points
from mltrack.store.base import SqlitePart
from mltrack.store.concurrency import beside_others
from mltrack.store.protocol import Failure
from mltrack.store.upserts import upsert

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from sqlite3 import Connection

    from mltrack.store.notebooks import Snapshot, SnapshotWrite


class SqliteCells(SqlitePart):
    """What a tracked cell leaves beside its params and metrics."""

    def record_failure(self, run_id: str, failure: Failure) -> None:
        """Keep the exception that ended a run."""

        @beside_others
        def work(connection: Connection) -> None:
            number, _ = points.writable_run(connection, run_id)
            row = (number, failure.name, failure.message, failure.traceback)
            connection.execute(upsert("failures", ("run_id",), ("name", "message", "traceback")), row)

        self._database.write(work)

    def get_failure(self, run_id: str) -> Failure | None:
        """Give the exception that ended a run, or None."""
        query = "SELECT f.name, f.message, f.traceback FROM failures f JOIN runs r ON r.id = f.run_id WHERE r.uuid = ?"
        row = self._database.read(lambda connection: connection.execute(query, (run_id,)).fetchone())
        return Failure(*row) if row else None

    def record_captured(self, run_id: str, names: Sequence[CapturedName]) -> None:
        """Keep where in the cell each captured value stands."""

        @beside_others
        def work(connection: Connection) -> None:
            number, _ = points.writable_run(connection, run_id)
            rows = {
                (n.kind, n.name): (number, n.kind, n.name, n.origin, n.line, n.column, n.end_line, n.end_column)
                for n in names
            }
            places = ("origin", "line", '"column"', "end_line", "end_column")
            query = upsert("captured_names", ("run_id", "kind", "name"), places)
            connection.executemany(query, list(rows.values()))

        self._database.write(work)

    def get_captured(self, run_id: str) -> list[CapturedName]:
        """Give what was captured from the run's cell."""
        query = (
            'SELECT c.kind, c.name, c.origin, c.line, c."column", c.end_line, c.end_column FROM captured_names c'
            " JOIN runs r ON r.id = c.run_id WHERE r.uuid = ? ORDER BY c.line IS NULL, c.line, c.name"
        )
        rows = self._database.read(lambda connection: connection.execute(query, (run_id,)).fetchall())
        return [CapturedName(*row) for row in rows]

    def set_environment(self, run_id: str, document: Mapping[str, object]) -> None:
        """Keep the environment a run had; equal ones are kept once."""
        text = json.dumps(document, sort_keys=True, ensure_ascii=False).encode()
        digest = blake2b(text, digest_size=16).digest()

        @beside_others
        def work(connection: Connection) -> None:
            number, _ = points.writable_run(connection, run_id)
            query = "INSERT INTO environments (digest, document) VALUES (?, ?) ON CONFLICT DO NOTHING"
            connection.execute(query, (digest, text))
            query = "UPDATE runs SET environment_id = (SELECT id FROM environments WHERE digest = ?) WHERE id = ?"
            connection.execute(query, (digest, number))

        self._database.write(work)

    def get_environment(self, run_id: str) -> dict[str, object] | None:
        """Give the environment a run had, or None."""
        query = "SELECT e.document FROM environments e JOIN runs r ON r.environment_id = e.id WHERE r.uuid = ?"
        row = self._database.read(lambda connection: connection.execute(query, (run_id,)).fetchone())
        return json.loads(row[0]) if row else None

    def save_snapshot(self, run_id: str, snapshot: SnapshotWrite) -> None:
        """Keep the notebook as a run had executed it; saving again adds what came later."""
        self._database.write(notebooks.write_snapshot, run_id, snapshot)

    def load_snapshot(self, run_id: str) -> Snapshot | None:
        """Give the notebook as a run had executed it, or None."""
        return self._database.read(notebooks.read_snapshot, run_id)

    def cell_sources(self, run_id: str) -> dict[str, bytes]:
        """Give the digest of the last source that each cell of the run's snapshot ran, by cell."""
        return self._database.read(notebooks.read_sources, run_id)

    def previous_run_of_cell(self, run_id: str) -> str | None:
        """Give the id of the last run of the same cell before this one, or None."""
        return self._database.read(notebooks.read_previous_run, run_id)
