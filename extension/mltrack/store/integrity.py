"""A check of a store's file, page by page and row by row, for ``mltrack db check``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mltrack.exceptions import StoreFormatError
from mltrack.store.connection import sqlite3, translated
from mltrack.store.opening import SCHEMA_VERSION, open_for_reading, stored_version

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from sqlite3 import Connection

MOST_PROBLEMS = 20
# A message of SQLite's may quote bytes of a damaged page, which the driver cannot make text of.
_DAMAGE = (sqlite3.DatabaseError, UnicodeDecodeError)
COUNTED = ("experiments", "runs", "params", "run_tags", "metrics", "artifacts", "blobs")


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check found: the first problems of each kind, and how many rows the tables have."""

    path: str
    schema_version: int
    integrity: tuple[str, ...] = ()
    foreign_keys: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """True when nothing was found wrong."""
        return not self.integrity and not self.foreign_keys


def check_store(path: Path) -> CheckReport:
    """Check every page and every reference of the store at ``path`` without writing to it.

    Damage is what is reported, also where it is such that nothing can be read. A StoreError is raised when the file
    cannot be looked at: it is locked, or this user may not read it.
    """
    try:
        version = stored_version(path)
    except StoreFormatError as error:
        return CheckReport(str(path), 0, (str(error),))
    if version == 0:
        return CheckReport(str(path), 0, (f"The file {path} is empty; a store has tables.",))
    try:
        connection = open_for_reading(path)
        try:
            return _check(connection, path, version)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise translated(error, path) from error


def _check(connection: Connection, path: Path, version: int) -> CheckReport:
    connection.execute("BEGIN")  # one view of the file for all the questions
    problems = _integrity(connection)
    references: tuple[str, ...] = ()
    counts: dict[str, int] = {}
    try:
        references = _foreign_keys(connection)
        counts = {name: _count(connection, name) for name in COUNTED if version <= SCHEMA_VERSION}
    except _DAMAGE as error:  # the pages that hold these are among those that are damaged
        problems = problems or (str(error),)
    return CheckReport(str(path), version, problems, references, counts)


def _integrity(connection: Connection) -> tuple[str, ...]:
    try:
        rows = connection.execute(f"PRAGMA integrity_check({MOST_PROBLEMS})").fetchall()
    except _DAMAGE as error:
        return (str(error),)
    found = tuple(str(row[0]) for row in rows)
    return () if found == ("ok",) else found


def _foreign_keys(connection: Connection) -> tuple[str, ...]:
    rows = connection.execute("PRAGMA foreign_key_check").fetchmany(MOST_PROBLEMS)
    return tuple(f"a row of {table} ({row}) belongs to none in {parent}" for table, row, parent, _ in rows)


def _count(connection: Connection, table: str) -> int:
    amount: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return amount
