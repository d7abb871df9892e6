"""The connections of one process to a database: lent to one transaction at a time, never shared with a child."""

from __future__ import annotations

import atexit
import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakSet

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from mltrack.exceptions import StoreBusyError, StoreError
from mltrack.store.postgres.connection import set_up
from mltrack.store.postgres.uri import libpq_uri, masked

if TYPE_CHECKING:
    from mltrack.store.postgres.connection import Raw

MOST = 16
"""Connections of one process to one database; further transactions wait for one."""
SPARE = 8
"""Idle ones that are kept."""
_LOOK_SECONDS = 0.02
_DEFAULTS = {
    "application_name": "mltrack",
    "client_encoding": "UTF8",
    "connect_timeout": "5",
    # A server that is gone without a word is noticed within half a minute.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
_SESSION = (
    "SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '60s'; SET jit = off;"
    " SET random_page_cost = 1.1;"  # as of what has no arm to move: plans go by indexes, as SQLite's do
    " SET default_transaction_isolation = 'read committed'; SET standard_conforming_strings = on"
)
_inherited: list[object] = []  # a parent's connections, which a child must not end


class Lent:
    """A connection that a transaction has; ``writes`` counts what it wrote under the name of ``key``."""

    __slots__ = ("__weakref__", "key", "raw", "writes")

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        self.key = os.urandom(16).hex()
        self.writes = 0


class Pool:
    """Opens connections as they are needed, and keeps some for the next transactions."""

    def __init__(self, uri: str) -> None:
        try:
            given = conninfo_to_dict(libpq_uri(uri))
        except psycopg.Error as error:
            raise StoreError(f"{masked(uri)!r} is no address of a PostgreSQL database: {_first_line(error)}") from None
        self.where = masked(uri)
        self.password = str(given.get("password") or "") or None
        self._address = {**_DEFAULTS, **given}
        self._begin_anew()
        _pools.add(self)

    def _begin_anew(self) -> None:
        self._lock = threading.RLock()  # a signal handler's call may come within another one
        self._idle: list[Lent] = []
        self._lent: WeakSet[Lent] = WeakSet()
        self._process = os.getpid()

    def take(self, deadline: float) -> Lent:
        """Lend a connection, waiting for one until the deadline; raises the driver's own errors."""
        while True:
            with self._lock:
                if self._idle:
                    lent = self._idle.pop()
                    self._lent.add(lent)
                    return lent
                if len(self._lent) < MOST:
                    break
            if time.monotonic() > deadline:
                raise StoreBusyError(
                    f"The store {self.where} is busy: all {MOST} connections of this process are in use. Try again."
                )
            time.sleep(_LOOK_SECONDS)
        lent = Lent(self._connect())
        self._lent.add(lent)
        return lent

    def _connect(self) -> Raw:
        raw: Raw = psycopg.connect(**self._address, autocommit=True)  # type: ignore[arg-type]
        try:
            set_up(raw)
            raw.execute(_SESSION, prepare=False)
        except BaseException:
            raw.close()
            raise
        return raw

    def give_back(self, lent: Lent) -> None:
        """Take a connection back; one that is not as it was is closed."""
        self._lent.discard(lent)
        if self._process != os.getpid():
            _inherited.append(lent)
            return
        raw = lent.raw
        if raw.closed or raw.info.transaction_status is not TransactionStatus.IDLE:
            with suppress(psycopg.Error):
                raw.close()
            return
        with self._lock:
            if len(self._idle) < SPARE:
                self._idle.append(lent)
                return
        raw.close()

    def drop_idle(self) -> None:
        """Close the connections that nobody uses, as when the server was found to be gone."""
        with self._lock:
            idle, self._idle = self._idle, []
        for lent in idle:
            with suppress(psycopg.Error):
                lent.raw.close()

    def forget(self) -> None:
        """In a forked child: leave the parent's connections alone, and let go of their sockets."""
        for lent in (*self._idle, *self._lent):
            _inherited.append(lent)
            with suppress(psycopg.Error, OSError):
                os.close(lent.raw.pgconn.socket)
        self._begin_anew()


_pools: WeakSet[Pool] = WeakSet()


@atexit.register
def _close_all() -> None:
    for pool in list(_pools):
        pool.drop_idle()


def _forget_all() -> None:
    for pool in list(_pools):
        pool.forget()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_forget_all)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
