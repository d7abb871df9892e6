"""One daemon thread for what may wait: packing outputs, reading the notebook's file, asking git."""

from __future__ import annotations

import os
import queue
import threading
import time
from typing import TYPE_CHECKING

from mltrack_magics.guard import warn_once

if TYPE_CHECKING:
    from collections.abc import Callable


class Background:
    """Does jobs one after the other, in the order they were given.

    A job that raises is reported in one line; the next one is done all the same. The thread starts with the first job.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[str, Callable[[], None]] | None] = queue.SimpleQueue()
        self._open = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    def submit(self, what: str, job: Callable[[], None]) -> None:
        """Do the job soon; ``what`` names it should it fail."""
        with self._changed:
            self._open += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="mltrack-background", daemon=True)
                self._thread.start()
        self._jobs.put((what, job))

    def wait(self, seconds: float) -> bool:
        """Wait until every job given so far is done, at most so long; False when some are not."""
        if self._pid != os.getpid() or threading.current_thread() is self._thread:
            return False  # in a forked child the thread is not there
        deadline = time.monotonic() + seconds
        with self._changed:
            while self._open and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            return not self._open

    def stop(self, seconds: float = 2.0) -> None:
        """Finish what was given, at most so long, and end the thread."""
        self.wait(seconds)
        thread, self._thread = self._thread, None
        if thread is not None and self._pid == os.getpid():
            self._jobs.put(None)
            thread.join(seconds)

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            what, job = item
            try:
                job()
            except Exception as error:
                warn_once(what, error)
            finally:
                with self._changed:
                    self._open -= 1
                    self._changed.notify_all()
