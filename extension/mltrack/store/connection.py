"""Connections to one SQLite file: one a process and thread, every write one immediate transaction.

The library is pysqlite3 where it is installed (its SQLite has no WAL-reset race), else Python's own. A fork finds no
connection open (see ``fork_gate``): parent and child open their own at their next use.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from mltrack.exceptions import (
    MltrackError,
    StoreBusyError,
    StoreError,
    StoreFormatError,
    StoreFullError,
    StoreReadOnlyError,
)
from mltrack.store.fork_gate import gate

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path
    from sqlite3 import Connection

    from mltrack.store.fork_gate import Opened
else:
    try:
        from pysqlite3 import dbapi2 as sqlite3
    except ImportError:
        import sqlite3

__all__ = ["Database", "open_file", "sqlite3", "translated"]
Result = TypeVar("Result")

BUSY_SECONDS = 5.0
WAL_LIMIT_BYTES = 1_000_000
_BUSY, _LOCKED, _READONLY, _IOERR, _CORRUPT, _FULL, _CANTOPEN, _NOTADB = 5, 6, 8, 10, 11, 13, 14, 26  # sqlite3.h


class _PerThread(threading.local):
    opened: Opened | None = None


class Database:
    """One SQLite file as this process sees it.

    Parameters
    ----------
    path
        The file; it must exist and hold a current schema (see ``opening``).
    read_only
        Open it without the right to write, as from a folder that this user cannot write to.
    immutable
        With ``read_only``: the folder cannot take SQLite's side files, so nothing is expected to change.
    """

    def __init__(self, path: Path, *, read_only: bool = False, immutable: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self.immutable = immutable
        self._threads = _PerThread()
        # Threads take turns here: SQLite's own waiting sleeps, and lets one that is unlucky wait for over a second.
        self._turn = threading.RLock()

    def connection(self) -> Connection:
        """Give this thread's connection, opened at first use and again after a fork."""
        opened = self._threads.opened
        if opened is None or opened.generation != gate.generation:
            try:
                connection = open_file(self.path, read_only=self.read_only, immutable=self.immutable)
            except sqlite3.Error as error:
                raise translated(error, self.path) from error
            self._threads.opened = opened = gate.keep(connection)
        return opened.connection

    def write(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Run ``work(connection, *arguments)`` in one immediate transaction: all of it is kept, or nothing.

        What it returned survives the death of this process. An interrupt or error inside rolls back.
        """
        me = gate.enter()
        try:
            connection = self.connection()
            if connection.in_transaction:  # an interrupt fell between two of our own lines
                connection.rollback()
            try:
                self._turn.acquire(timeout=BUSY_SECONDS)
                return self._transact(connection, work, arguments)
            finally:
                try:  # noqa: SIM105 - here an interrupt finds no call of Python's to fall into
                    self._turn.release()
                except RuntimeError:
                    pass  # another process holds up the thread whose turn it is, or an interrupt came first
        finally:
            gate.leave(me, None)

    def _transact(self, connection: Connection, work: Callable[..., Result], arguments: tuple[Any, ...]) -> Result:
        try:
            connection.execute("BEGIN IMMEDIATE")
            result = work(connection, *arguments)
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:
                connection.rollback()
            if isinstance(error, (sqlite3.Error, UnicodeDecodeError)):
                raise translated(error, self.path) from error
            raise
        return result

    def write_durably(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """As ``write``, and it survives a power failure as well: for what starts and ends things."""
        me = gate.enter()
        try:
            connection = self.connection()
            if connection.in_transaction:  # the pragma is refused inside one
                connection.rollback()
            connection.execute("PRAGMA synchronous = FULL")
            try:
                return self.write(work, *arguments)
            finally:
                connection.execute("PRAGMA synchronous = NORMAL")
        finally:
            gate.leave(me, None)

    def read(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Run ``work(connection, *arguments)`` on one unchanging view of the file."""
        me = gate.enter()
        try:
            connection = self.connection()
            if connection.in_transaction:
                return work(connection, *arguments)
            try:
                connection.execute("BEGIN")
                return work(connection, *arguments)
            except (sqlite3.Error, UnicodeDecodeError) as error:
                raise translated(error, self.path) from error
            finally:
                if connection.in_transaction:
                    connection.rollback()
        finally:
            gate.leave(me, None)

    def roll_back(self) -> None:
        """End a transaction that an interrupt left open on this thread, if there is one."""
        me = gate.enter()
        try:
            opened = self._threads.opened
            if opened is not None and opened.generation == gate.generation and opened.connection.in_transaction:
                opened.connection.rollback()
        finally:
            gate.leave(me, None)

    def shrink_log(self) -> None:
        """Move a large write-ahead log into the file and cut it, unless others are in the way."""
        log = f"{self.path}-wal"
        try:
            if os.stat(log).st_size >= WAL_LIMIT_BYTES:
                self._truncate_log()
        except OSError:
            return

    def _truncate_log(self) -> None:
        me = gate.enter()
        try:
            connection = self.connection()
            try:
                connection.execute("PRAGMA busy_timeout = 0")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except sqlite3.Error:
                pass  # a full disk or a busy reader: the log is moved at the next chance
            finally:
                connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
        finally:
            gate.leave(me, None)

    def close(self) -> None:
        """Close this thread's connection; other threads' go with their threads."""
        opened, self._threads.opened = self._threads.opened, None
        if opened is not None and opened.generation == gate.generation:
            opened.connection.close()


def open_file(path: Path, *, read_only: bool = False, immutable: bool = False) -> Connection:
    """Open a connection with mltrack's settings; raises the driver's own errors."""
    mode = "ro" if read_only else "rwc"
    uri = f"{path.as_uri()}?mode={mode}" + ("&immutable=1" if immutable else "")
    connection: Connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, cached_statements=256, check_same_thread=False
    )
    try:
        if not read_only:
            _use_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.create_function("mltrack_casefold", 1, _casefold, deterministic=True)
    except UnicodeDecodeError as error:
        connection.close()
        raise _unreadable(error) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _unreadable(error: UnicodeDecodeError) -> sqlite3.DatabaseError:
    # A message of SQLite's may quote the bytes of a damaged schema, which the driver cannot make text of.
    found = sqlite3.DatabaseError(f"malformed database schema: {error}")
    found.sqlite_errorcode = _CORRUPT
    return found


def _casefold(value: object) -> str | None:
    return None if value is None else str(value).casefold()


def _use_write_ahead_log(connection: Connection) -> None:
    # SQLite does not wait for a lock on the way into WAL, so two processes that create one file must take turns here.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if _code(error) not in (_BUSY, _LOCKED) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _code(error: sqlite3.Error) -> int:
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def translated(error: sqlite3.Error | UnicodeDecodeError, path: Path) -> MltrackError:
    """Turn a driver's error into one that says what to do."""
    if isinstance(error, UnicodeDecodeError):
        error = _unreadable(error)
    code = _code(error)
    if code in (_FULL, _IOERR):  # a file size limit shows as an I/O error, not as a full disk
        return StoreFullError(
            f"The store {path} could not be written: {error}. Free some space on that disk; "
            "what was acknowledged before is safe."
        )
    if code in (_BUSY, _LOCKED):
        return StoreBusyError(
            f"The store {path} was locked by another process for over {BUSY_SECONDS:.0f} s: {error}. "
            "Stop the process that holds it (`mltrack doctor` names open runs), then try again."
        )
    if code == _READONLY or (code == _CANTOPEN and path.exists()):
        return StoreReadOnlyError(
            f"The store {path} cannot be written by this user: {error}. Give the file and its folder write permission, "
            "or choose another place with mltrack.set_tracking_uri."
        )
    if code in (_CORRUPT, _NOTADB):
        return StoreFormatError(
            f"The store {path} is damaged or no SQLite database: {error}. It was left as it is; "
            "`mltrack doctor` checks it."
        )
    if code == _CANTOPEN:
        return StoreReadOnlyError(
            f"The store {path} cannot be made: {error}. Make its folder, give it write permission, "
            "or choose another place with mltrack.set_tracking_uri."
        )
    return StoreError(f"The store {path} failed: {error}. `mltrack doctor` checks it.")
