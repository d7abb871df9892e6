"""The store in one SQLite file, with the artifacts in a folder beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.config import store_uri
from mltrack.store.base import now_ms
from mltrack.store.opening import open_database
from mltrack.store.points import MetricKeys
from mltrack.store.sql_store import SqlStore

if TYPE_CHECKING:
    from pathlib import Path


class SqliteStore(SqlStore):
    """A store in one SQLite file; usable from any thread, and from a forked child.

    Parameters
    ----------
    path
        The file. It is made when it is not there, and migrated when it is older.

    Raises
    ------
    StoreFormatError, StoreVersionError, StoreReadOnlyError, StoreFullError
        When the file cannot be used; it is then left as it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.uri = store_uri(self.path)
        self._database = open_database(self.path, now=now_ms())
        self._keys = MetricKeys()
