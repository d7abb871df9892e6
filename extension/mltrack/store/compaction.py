"""Giving back the room that deleted rows left in a store's file."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack.store.connection import open_file, sqlite3, translated
from mltrack.store.opening import stored_version

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Compaction:
    """The bytes of the file and its write-ahead log, before and after."""

    path: str
    bytes_before: int
    bytes_after: int

    @property
    def bytes_returned(self) -> int:
        """How much smaller it is now."""
        return self.bytes_before - self.bytes_after


def compact(path: Path) -> Compaction:
    """Rewrite the file without its gaps (SQLite's VACUUM); it needs as much free room as the store has.

    Others may read meanwhile; a StoreBusyError when one writes.
    """
    stored_version(path)  # a file of another program is left alone
    before = _bytes(path)
    try:
        with closing(open_file(path)) as connection:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.Error as error:
        raise translated(error, path) from error
    return Compaction(str(path), before, _bytes(path))


def _bytes(path: Path) -> int:
    log = path.with_name(path.name + "-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)
