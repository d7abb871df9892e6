"""The artifacts of an SQLite store: where they lie, and what was recorded of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.entities import FileInfo
from mltrack.store import points, runs
from mltrack.store.artifact_folder import FileRecord
from mltrack.store.artifact_kinds import open_folder
from mltrack.store.base import SqlitePart, now_ms
from mltrack.store.concurrency import beside_others
from mltrack.store.upserts import upsert

if TYPE_CHECKING:
    from collections.abc import Mapping
    from sqlite3 import Connection

    from mltrack.store.artifact_folder import ArtifactFolder
    from mltrack.store.artifacts import SafePath


class SqliteArtifacts(SqlitePart):
    """Where the files of runs lie, and their sizes and digests."""

    def artifact_folder(self, run_id: str) -> ArtifactFolder:
        """Give the folder of a run's artifacts, which need not be there yet."""
        return open_folder(self._database.read(runs.read_info, run_id, self._locate).artifact_uri)

    def record_artifacts(self, run_id: str, files: Mapping[SafePath, tuple[int, str]]) -> None:
        """Keep the size and digest of files that are in place."""

        @beside_others
        def work(connection: Connection) -> None:
            number, _ = points.writable_run(connection, run_id)
            rows = [(number, path.text, size, digest, now_ms()) for path, (size, digest) in files.items()]
            query = upsert("artifacts", ("run_id", "path"), ("size", "digest", "created_at"))
            connection.executemany(query, rows)

        self._database.write(work)

    def forget_artifacts(self, run_id: str, path: SafePath) -> None:
        """Forget what was recorded of a file of a run, or of those below a folder, that is gone."""
        query = (
            "DELETE FROM artifacts WHERE run_id = (SELECT id FROM runs WHERE uuid = :owner)"
            " AND (path = :path OR (path > :path || '/' AND path < :path || '0'))"  # 0 follows /
        )
        values = {"owner": run_id, "path": path.text}
        self._database.write(lambda connection: connection.execute(query, values))

    def list_artifacts(self, run_id: str) -> list[FileInfo]:
        """Give the files that were recorded, by path."""
        query = "SELECT a.path, a.size FROM artifacts a JOIN runs r ON r.id = a.run_id WHERE r.uuid = ? ORDER BY a.path"
        rows = self._database.read(lambda connection: connection.execute(query, (run_id,)).fetchall())
        return [FileInfo(path, is_dir=False, file_size=size) for path, size in rows]

    def artifact_records(self, run_id: str, path: SafePath | None = None) -> dict[str, FileRecord]:
        """Give what was recorded of a run's files by path: all, one file, or those below a folder."""
        query = (
            "SELECT a.path, a.size, a.digest FROM artifacts a JOIN runs r ON r.id = a.run_id WHERE r.uuid = :run"
            " AND (CAST(:path AS TEXT) IS NULL OR a.path = :path"
            " OR (a.path > :path || '/' AND a.path < :path || '0'))"  # 0 follows /
        )
        values = {"run": run_id, "path": path.text if path else None}
        rows = self._database.read(lambda connection: connection.execute(query, values).fetchall())
        return {name: FileRecord(size, digest) for name, size, digest in rows}
