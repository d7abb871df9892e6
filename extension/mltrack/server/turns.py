"""Whose turn it is to take the next connection, among processes that listen at one socket.

The system gives a connection to whoever asks first, and that is mostly the same process. So each says in memory that
all share how many it has, and one that has more than another leaves the next to that, for a moment.
"""

from __future__ import annotations

import mmap
import time
from typing import TYPE_CHECKING

from mltrack.server.handshakes import Listener

if TYPE_CHECKING:
    import socket

PATIENCE = 0.005
"""Seconds that a connection is left to a process that has fewer: it may be at work."""

_BYTES = 4
_GONE = 2**32 - 1


class Turns:
    """The numbers of connections that some processes have; made before they are forked."""

    def __init__(self, count: int) -> None:
        self._counts = memoryview(mmap.mmap(-1, _BYTES * count)).cast("I")

    def begin(self, place: int) -> None:
        """Say that a process takes a place, and has none."""
        self._counts[place] = 0

    def end(self, place: int) -> None:
        """Say that nobody is at a place."""
        self._counts[place] = _GONE

    def note(self, place: int, count: int) -> None:
        """Say how many one has."""
        self._counts[place] = count

    def is_fewest(self, place: int) -> bool:
        """Say whether none has fewer."""
        return self._counts[place] <= min(self._counts)


class Shared(Listener):
    """A socket that listens already, and other processes at it."""

    def __init__(self, taken: socket.socket, turns: Turns, place: int) -> None:
        super().__init__(taken)
        self._turns, self._place = turns, place
        self._waits_since: float | None = None

    def accept(self) -> tuple[socket.socket, object]:
        """Take a connection; BlockingIOError where there is none, or where it is for another to take."""
        if not self._may_take():
            raise BlockingIOError
        return super().accept()

    def _may_take(self) -> bool:
        if self._turns.is_fewest(self._place):
            self._waits_since = None
            return True
        now = time.monotonic()
        self._waits_since = self._waits_since or now
        if now - self._waits_since < PATIENCE:
            return False
        self._waits_since = None
        return True
