"""Moving a store from an SQLite file into a PostgreSQL database: copied, compared row by row, and gone on with."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Any

import psycopg

from mltrack.exceptions import NotFoundError, StateError, StoreError
from mltrack.store.artifacts import artifact_place
from mltrack.store.base import now_ms
from mltrack.store.connection import sqlite3, translated
from mltrack.store.moved_files import move_files
from mltrack.store.moved_rows import MovedRows, tables
from mltrack.store.opening import bring_up_to_date, open_for_reading, stored_version
from mltrack.store.postgres import errors
from mltrack.store.postgres.filling import ROWS_AT_ONCE, Filling
from mltrack.store.postgres.opening import open_database
from mltrack.store.tables import SCRIPTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from sqlite3 import Connection

    from mltrack.store.moved_files import MovedFiles
    from mltrack.store.moved_rows import Table

    Say = Callable[[str], object]

MOST_ROUNDS = 3
_TELL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Migration:
    """What was moved: rows by table, whose digests were found equal, and files when they were copied, too.

    ``replaced`` counts texts with NUL characters, which PostgreSQL does not keep; a picture of one is in its place.
    """

    source: str
    target: str
    rows: Mapping[str, int] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    files: MovedFiles | None = None
    replaced: int = 0


def migrate_store(path: Path, uri: str, *, artifacts: str | None = None, say: Say = lambda _: None) -> Migration:
    """Copy the store in the file at ``path`` into the database at ``uri``, which must be new, or left by a killed copy.

    The file stays as it is. Its artifacts stay where they are, unless ``artifacts`` names a place that they are copied
    to. Until all is copied and compared, the database opens as no store.

    Raises
    ------
    NotFoundError
        There is no such file.
    AlreadyExistsError
        The database has runs or models of its own, or is a copy of the store already.
    StateError
        Somebody went on writing to the file.
    StoreError
        One of both cannot be used, or a digest is not the same.
    """
    if not path.exists():
        raise NotFoundError(f"There is no store at {path}.")
    root = None if artifacts is None else artifact_place(artifacts)
    if 0 < stored_version(path) < len(SCRIPTS):
        bring_up_to_date(path, now_ms())
    database = open_database(uri, root or str(path.parent / "mlartifacts"), now=now_ms(), is_filled=True)
    try:
        lent = database.pool.take(time.monotonic())
        with closing(open_for_reading(path)) as source:
            return _Mover(source, path, Filling(lent.raw, database.pool), say, root).move(database.pool.where)
    except sqlite3.Error as error:
        raise translated(error, path) from error
    except psycopg.Error as error:
        raise errors.translated(error, database.pool.where, password=database.pool.password) from error
    finally:
        database.close()


class _Mover:
    def __init__(self, source: Connection, path: Path, target: Filling, say: Say, root: str | None) -> None:
        self._source, self._path, self._target, self._say, self._root = source, path, target, say, root
        self._tables = tables(source)
        self._told = time.monotonic()

    def move(self, where: str) -> Migration:
        meta = dict(self._source.execute("SELECT key, value FROM meta").fetchall())
        store_id = meta["store_id"]
        if self._target.begin(store_id):
            self._say("The database has what an earlier copy left; it is gone on with.")
        for table in self._tables:
            self._target.check_columns(table)
        rows, digests = self._copy()
        self._say("The words of executed code are indexed.")
        self._target.index_code()
        files = None
        if self._root is not None:
            files = move_files(self._source, MovedRows(self._source, self._path.parent, root=self._root), self._say)
        self._target.finish(meta, self._tables)
        return Migration(str(self._path), where, rows, digests, files, self._rows.replaced)

    def _copy(self) -> tuple[dict[str, int], dict[str, str]]:
        """Copy all tables, and those again that are not the same, as when the file was written to meanwhile."""
        for round_number in range(MOST_ROUNDS):
            version = self._version()
            self._source.execute("BEGIN")  # one view of the file
            self._rows = MovedRows(self._source, self._path.parent, root=self._root)
            for table in self._tables:
                self._add(table)
            self._rows.replaced = 0
            ours = {table.name: self._digest(table, self._rows.rows(table), "compared") for table in self._tables}
            theirs = {table.name: self._digest(table, self._target.rows(table), "compared") for table in self._tables}
            counts = {table.name: self._rows.count(table) for table in self._tables}
            self._source.execute("ROLLBACK")
            differing = [table for table in self._tables if ours[table.name] != theirs[table.name]]
            if not differing and self._version() == version:
                return counts, ours
            names = ", ".join(table.name for table in differing) or "none"
            self._say(f"Round {round_number + 1}: the file was written to meanwhile, or rows differ ({names}).")
            for table in differing:
                self._target.clear(table)
        if self._version() != version:
            raise StateError(
                f"Somebody goes on writing to {self._path}, so that the copy is never the same. End those runs and "
                "servers, then run the same command again."
            )
        raise StoreError(f"The rows of {names} differ from those of {self._path} after they were copied; see both.")

    def _version(self) -> int:
        return int(self._source.execute("PRAGMA data_version").fetchone()[0])

    def _add(self, table: Table) -> None:
        """Copy the rows that lack, by batches."""
        count, done = self._rows.count(table), 0
        rows = self._rows.rows(table, self._target.last(table))
        while batch := list(islice(rows, ROWS_AT_ONCE)):
            self._target.add(table, batch)
            done += len(batch)
            self._tell(f"{table.name}: {done:,} rows copied, of {count:,}")

    def _digest(self, table: Table, rows: Iterable[tuple[Any, ...]], what: str) -> str:
        digest, done = sha256(), 0
        for row in rows:
            digest.update(repr(row).encode("utf-8", "surrogatepass"))
            done += 1
            if not done % 100_000:
                self._tell(f"{table.name}: {done:,} rows {what}")
        return f"{done}:{digest.hexdigest()}"

    def _tell(self, text: str) -> None:
        if time.monotonic() > self._told + _TELL_SECONDS:
            self._told = time.monotonic()
            self._say(text)
