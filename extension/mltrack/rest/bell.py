"""What one thread wakes another with, and never waits itself."""

from __future__ import annotations

import threading
from contextlib import suppress


class Bell:
    """Rung by any number of threads, also within handlers and finalizers; heard by one."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def ring(self) -> None:
        """Let the thread that waits, or will, go on."""
        if self._lock.locked():
            with suppress(RuntimeError):  # another thread was as quick
                self._lock.release()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until it is rung, or so many seconds have passed."""
        self._lock.acquire(timeout=-1 if seconds is None else seconds)
