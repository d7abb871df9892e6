"""Transactions in a PostgreSQL database: reads of one moment, writes that are kept whole, once, or not at all.

Writes that only touch the run that they have locked go beside each other (``beside_others``); any other has the store
to itself, as every write of SQLite's has. Both hold a lock of the database's own for that, shared or not.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg

from mltrack.exceptions import StoreBusyError, StoreError
from mltrack.store.concurrency import is_beside, is_repeatable
from mltrack.store.postgres.connection import PostgresConnection
from mltrack.store.postgres.errors import is_conflict, is_crowded, is_lost, translated
from mltrack.store.postgres.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.store.postgres.pool import Lent

Result = TypeVar("Result")

PATIENCE_SECONDS = 5.0
"""How long a call goes on trying to reach the server, or to get past other writers."""
STORE_LOCK = 0x6D6C7472_0001  # "mltr"
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_BESIDE = f"BEGIN; SELECT pg_advisory_xact_lock_shared({STORE_LOCK})"
_ALONE = f"BEGIN; SELECT pg_advisory_xact_lock({STORE_LOCK})"
_NOTED = (
    "; INSERT INTO mltrack_writes (connection, number) VALUES ('{}', {}) ON CONFLICT (connection)"
    " DO UPDATE SET number = excluded.number, at = now()"
)
_IS_NOTED = "SELECT 1 FROM mltrack_writes WHERE connection = %s AND number = %s"


class PostgresDatabase:
    """One database as this process sees it, from any of its threads and from its forked children.

    A call within another one, as a signal handler's or a finalizer's, has a connection of its own.
    """

    def __init__(self, uri: str, *, read_only: bool = False) -> None:
        self.pool = Pool(uri)
        self.read_only = read_only

    def read(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Run ``work(connection, *arguments)`` on one unchanging view of the store."""
        return self._try_again(lambda lent: self._read(lent, work, arguments))

    def _read(self, lent: Lent, work: Callable[..., Result], arguments: tuple[Any, ...]) -> Result:
        lent.raw.execute(_READ, prepare=False)
        try:
            return work(PostgresConnection(lent.raw), *arguments)
        finally:
            _undo(lent)

    def write(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Run ``work(connection, *arguments)`` in one transaction: all of it is kept, or nothing.

        What it returned survives a power failure of the server. It is run again after a conflict with another writer,
        and after the connection was lost, unless it was kept by then.
        """
        return self._try_again(lambda lent: self._write(lent, work, arguments))

    write_durably = write

    def _write(self, lent: Lent, work: Callable[..., Result], arguments: tuple[Any, ...]) -> Result:
        begin = _BESIDE if is_beside(work) else _ALONE
        noted = not is_repeatable(work)
        if noted:
            lent.writes += 1
            begin += _NOTED.format(lent.key, lent.writes)
        lent.raw.execute(begin, prepare=False)
        try:
            result = work(PostgresConnection(lent.raw), *arguments)
        except BaseException:
            _undo(lent)
            raise
        try:
            kept = lent.raw.execute("COMMIT", prepare=False).statusmessage
        except psycopg.Error as error:
            if not noted or not is_lost(error) or not self._was_kept(lent):
                raise
            return result
        if kept != "COMMIT":
            raise StoreError(f"The store {self.pool.where} undid a write: an error in it was passed over.")
        return result

    def _was_kept(self, lost: Lent) -> bool:
        """Say whether the write that a lost connection was about to keep was kept."""
        deadline = time.monotonic() + 2 * PATIENCE_SECONDS
        self.pool.drop_idle()
        while True:
            lent = None
            try:
                lent = self.pool.take(deadline)
                # Behind the lock, the lost session has ended, one way or the other.
                lent.raw.execute(_ALONE, prepare=False)
                return lent.raw.execute(_IS_NOTED, (lost.key, lost.writes)).fetchone() is not None
            except psycopg.Error as error:
                if time.monotonic() > deadline or not (is_lost(error) or is_conflict(error)):
                    raise StoreBusyError(
                        f"The store {self.pool.where} was lost while it kept a write, and whether it was kept is not "
                        "known; look before you write it again."
                    ) from error
            finally:
                if lent is not None:
                    _undo(lent)
                    self.pool.give_back(lent)
            time.sleep(0.05)

    def _try_again(self, attempt: Callable[[Lent], Result]) -> Result:
        """Attempt something until it is done, or an error shows that it will not be."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        pause = 0.005
        while True:
            lent = None
            try:
                lent = self.pool.take(deadline)
                return attempt(lent)
            except psycopg.Error as error:
                lost = is_lost(error)
                if time.monotonic() > deadline or not (lost or is_conflict(error) or is_crowded(error)):
                    raise translated(error, self.pool.where, password=self.pool.password) from error
                if lost:
                    self.pool.drop_idle()
            finally:
                if lent is not None:
                    self.pool.give_back(lent)
            time.sleep(pause * (1 + random.random()))  # noqa: S311 - so that two who met do not meet again
            pause = min(2 * pause, 0.25)

    def roll_back(self) -> None:
        """Nothing is left open: a transaction that an interrupt ends is undone as it ends."""

    def shrink_log(self) -> None:
        """Nothing is to be done: the server looks after its log."""

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self.pool.drop_idle()


def _undo(lent: Lent) -> None:
    """End a transaction without keeping it; a connection that cannot do that any more is closed by the pool."""
    try:
        if not lent.raw.closed:
            lent.raw.execute("ROLLBACK", prepare=False)
    except psycopg.Error:
        lent.raw.close()
