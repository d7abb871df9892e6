"""Opening a store's file: made when new, brought up to date when old, left untouched when it is not ours to write."""

from __future__ import annotations

import os
import shlex
import stat
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from mltrack.config import ARTIFACT_FOLDER
from mltrack.exceptions import StoreBusyError, StoreError, StoreFormatError, StoreReadOnlyError, StoreVersionError
from mltrack.store.connection import BUSY_SECONDS, Database, open_file, sqlite3, translated
from mltrack.store.fork_gate import gate
from mltrack.store.tables import SCRIPTS, statements

if TYPE_CHECKING:
    from pathlib import Path
    from sqlite3 import Connection

SCHEMA_VERSION = len(SCRIPTS)
APPLICATION_ID = 0x6D6C7472  # "mltr", in SQLite's header, so that another program's database is known as such
MIGRATION_SECONDS = 60
HEADER_BYTES = 100


def open_database(path: Path, *, now: int) -> Database:
    """Open the store at ``path``, making or migrating it as needed; ``now`` is ms since 1970.

    Raises
    ------
    StoreFormatError
        The file is no database, or another program's.
    StoreVersionError
        A newer mltrack wrote it; its bytes are left as they are.
    StoreReadOnlyError
        It is new or old, and cannot be written here.
    """
    me = gate.enter()
    try:
        return _open_database(path, now)
    finally:
        gate.leave(me, None)


def _open_database(path: Path, now: int) -> Database:
    version = stored_version(path)
    if version > SCHEMA_VERSION:
        raise StoreVersionError(
            f"The store {path} has schema {version} and this mltrack knows {SCHEMA_VERSION}: a newer mltrack wrote it. "
            "Upgrade with `pip install -U jupyter-mltrack`; the file was left as it is."
        )
    try:
        if version < SCHEMA_VERSION:
            bring_up_to_date(path, now)
        database = Database(path)
        _try_writing(database)
    except StoreReadOnlyError:
        if version < SCHEMA_VERSION:
            raise
        return _open_read_only(path)
    return database


def stored_version(path: Path) -> int:
    """Read the schema version of a file without changing a byte of it; 0 when there is none yet."""
    # The file is looked at through SQLite only: closing it by any other way would let go of every lock that this
    # process holds on it (https://www.sqlite.org/howtocorrupt.html, 2.2), and another store may have it open.
    try:
        status = path.stat()
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise StoreReadOnlyError(f"The store {path} cannot be read: {error.strerror}.") from error
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
        raise StoreFormatError(f"The store {path} is {kind}; give the path of a file, such as mltrack.db.")
    if not os.access(path, os.R_OK):
        raise StoreReadOnlyError(f"The store {path} cannot be read by this user. Give the file read permission.")
    if status.st_size == 0:
        return 0
    if status.st_size < HEADER_BYTES:  # SQLite takes a file of one byte for an empty one
        raise StoreFormatError(
            f"The store {path} is not an SQLite database. It was left as it is; choose another path."
        )
    version, application, tables, is_mlflows = _read_pragmas(path)
    if application != APPLICATION_ID and (tables or version):
        raise StoreFormatError(_refusal(path, is_mlflows=is_mlflows))
    return version


def _refusal(path: Path, *, is_mlflows: bool) -> str:
    """Say whose the database is and what to do: one of MLflow's may hold the runs that are looked for."""
    if is_mlflows:
        return (
            f"The store {path} is a database of MLflow's, not an mltrack store. It was left as it is; choose another "
            f"path, and bring its runs in there with `mltrack import mlflow {shlex.quote(str(path))}`."
        )
    return (
        f"The store {path} is an SQLite database of another program, not an mltrack store. It was left as it is; "
        "choose another path."
    )


def _read_pragmas(path: Path) -> tuple[int, int, int, bool]:
    """Read (user_version, application_id, number of tables, whether MLflow's are there), writing nothing."""
    try:
        connection = open_for_reading(path)
        try:
            connection.execute("BEGIN")  # all of one moment: another process may be making the tables
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            tables, mlflows = connection.execute(
                "SELECT count(*), total(type = 'table' AND name IN ('alembic_version', 'experiments', 'runs'))"
                " FROM sqlite_master"
            ).fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise translated(error, path) from error
    return version, application, tables, mlflows == 3


def open_for_reading(path: Path) -> Connection:
    """Open a connection that cannot write, also where SQLite cannot make its side files; raises its own errors."""
    try:
        connection = open_file(path, read_only=True)
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except sqlite3.OperationalError:
        return open_file(path, read_only=True, immutable=not _has_log(path))
    return connection


def _has_log(path: Path) -> bool:
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


def _open_read_only(path: Path) -> Database:
    database = Database(path, read_only=True)
    try:
        database.read(lambda connection: connection.execute("SELECT 1 FROM runs LIMIT 1").fetchone())
    except StoreError:
        database.close()
        return Database(path, read_only=True, immutable=not _has_log(path))
    return database


def _try_writing(database: Database) -> None:
    """Raise a StoreReadOnlyError where the file cannot be written; that another process writes shows that it can."""
    connection = database.connection()
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        with suppress(StoreBusyError):
            database.write(lambda _: None)  # BEGIN IMMEDIATE needs the write lock, so a read-only file fails here
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")


def bring_up_to_date(path: Path, now: int) -> None:
    """Run the migrations that are missing, all or none, after a backup of a file that had some."""
    try:
        connection = open_file(path)
    except sqlite3.Error as error:
        raise translated(error, path) from error
    try:
        connection.execute(f"PRAGMA busy_timeout = {MIGRATION_SECONDS * 1000}")
        _migrate(connection, path, now)
    except sqlite3.Error as error:
        raise translated(error, path) from error
    finally:
        connection.close()


def _back_up(path: Path, version: int) -> None:
    """Copy the file beside itself, whole or not at all, through a connection that sees what was committed."""
    backup = path.with_name(f"{path.name}.backup-v{version}")
    if backup.exists():
        return
    unfinished = path.with_name(f"{backup.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    connection = open_file(path, read_only=True)
    try:
        connection.execute("VACUUM INTO ?", (str(unfinished),))
    finally:
        connection.close()
    unfinished.replace(backup)


def _migrate(connection: Connection, path: Path, now: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version < SCHEMA_VERSION:
            _make_tables(connection) if version == 0 else _upgrade(connection, path, version)
            _fill_in(connection, now)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.rollback()
        raise


def _make_tables(connection: Connection) -> None:
    for script in SCRIPTS:
        for statement in statements(script):
            connection.execute(statement)


def _upgrade(connection: Connection, path: Path, version: int) -> None:
    # sqlite-utils brings pandas along (half a second), so only an old file waits for it.
    from mltrack.store.schema import migrate

    _back_up(path, version)  # under the write lock: one process does it, and no one writes meanwhile
    migrate(connection, version)


def _fill_in(connection: Connection, now: int) -> None:
    connection.execute("INSERT INTO meta VALUES ('store_id', ?) ON CONFLICT DO NOTHING", (uuid.uuid4().hex,))
    connection.execute("INSERT INTO meta VALUES ('created_at', ?) ON CONFLICT DO NOTHING", (str(now),))
    connection.execute(
        "INSERT INTO experiments (id, name, artifact_location, created_at, updated_at)"
        " VALUES (0, 'Default', ?, ?, ?) ON CONFLICT DO NOTHING",
        (f"{ARTIFACT_FOLDER}/0", now, now),
    )
