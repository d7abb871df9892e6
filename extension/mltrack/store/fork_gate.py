"""Forking beside SQLite: while this process forks, no thread is inside the library and no connection is open.

SQLite keeps in global memory which locks this process holds, and its own mutexes. A child inherits that memory but none
of the locks, so a file it opens while an inherited connection to it exists is not locked at all, and another process
may delete the log it writes to. A mutex that another thread held would never be released in the child.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
import time
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from sqlite3 import Connection

PATIENCE_SECONDS = 6.0  # a little more than a thread may wait for a lock inside SQLite
_LOOK_SECONDS = 0.0005


class Opened:
    """A connection of one thread, good until this process forks."""

    __slots__ = ("__weakref__", "connection", "generation", "thread")

    def __init__(self, connection: Connection, generation: int) -> None:
        self.connection = connection
        self.generation = generation
        self.thread = threading.get_ident()


class ForkGate:
    """Lets threads into SQLite, except while this process forks. ``generation`` counts the forks.

    Go in with ``me = gate.enter()`` and out, in a ``finally``, with ``gate.leave(me, None)``: that is a dict's own
    ``pop``, so that an interrupt cannot fall inside it.
    """

    def __init__(self) -> None:
        self.generation = 0
        self._inside: dict[int, None] = {}
        self.leave = self._inside.pop
        self._opened: WeakSet[Opened] = WeakSet()
        self._passing = threading.RLock()
        self._shut_by: int | None = None

    def enter(self) -> int:
        """Wait out a fork and go in; gives what ``leave`` needs, 0 when this thread is inside already."""
        me = threading.get_ident()
        if me in self._inside:  # a signal handler's or a finalizer's call within ours
            return 0
        while True:
            self._inside[me] = None  # first this, then the look: the forking thread does both the other way round
            if self._shut_by is None or self._shut_by == me:
                return me
            self.leave(me, None)
            with self._passing:
                pass

    def keep(self, connection: Connection) -> Opened:
        """Note a connection that this thread has opened inside the gate."""
        opened = Opened(connection, self.generation)
        self._opened.add(opened)
        return opened

    def shut(self) -> None:
        """Before a fork: wait until the other threads are out, then close every connection."""
        self._passing.acquire()
        self._shut_by = me = threading.get_ident()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._inside.keys() - {me} and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
        self.generation += 1
        for opened in list(self._opened):
            if opened.thread in self._inside:  # in use: the child must not close it
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(opened.connection))
            else:
                with contextlib.suppress(Exception):  # the log of a full disk cannot be moved; it stays
                    opened.connection.close()
        self._opened = WeakSet()

    def reopen(self) -> None:
        """In the parent, after a fork."""
        self._shut_by = None
        with contextlib.suppress(RuntimeError):  # an interrupt kept ``shut`` from taking it
            self._passing.release()

    def begin_anew(self) -> None:
        """In the child, after a fork: its other threads are gone, with what they held."""
        for other in self._inside.keys() - {threading.get_ident()}:
            del self._inside[other]
        self._passing = threading.RLock()
        self._shut_by = None


gate = ForkGate()
if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(before=gate.shut, after_in_parent=gate.reopen, after_in_child=gate.begin_anew)
