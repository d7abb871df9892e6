"""One daemon thread for what may wait: packing outputs, reading the notebook's file, asking git, telling a server."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from mltrack.exceptions import UNREACHED
from mltrack_magics import opened_files
from mltrack_magics.guard import warn_once

if TYPE_CHECKING:
    from collections.abc import Callable


MOST_UNSENT = 500
AGAIN_SECONDS = 5.0
"""So long after a server could not be reached it is tried again."""


class Background:
    """Does jobs one after the other, in the order they were given.

    A job that raises is reported in one line; the next one is done all the same. One that could not reach a server is
    done again, after those before it that could not, until the server answers. The thread starts with the first job.
    """

    def __init__(self) -> None:
        self._unsent: deque[tuple[str, Callable[[], None]]] = deque(maxlen=MOST_UNSENT)
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
        if self._unsent:
            self.submit("trying again", _nothing)
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
        opened_files.leave_out_this_thread()
        while (item := self._next()) is not None:
            what, job = item
            try:
                self._do(what, job)
            except Exception as error:
                warn_once(what, error)
            finally:
                with self._changed:
                    self._open -= 1
                    self._changed.notify_all()

    def _next(self) -> tuple[str, Callable[[], None]] | None:
        """Give the next job, which while some wait for a server comes after a while by itself."""
        while True:
            try:
                return self._jobs.get(timeout=AGAIN_SECONDS if self._unsent else None)
            except queue.Empty:
                self._send_unsent()

    def _do(self, what: str, job: Callable[[], None]) -> None:
        """Do a job, after those that wait for a server."""
        self._send_unsent()
        try:
            job()
        except UNREACHED:  # what is logged in the meantime says so
            self._unsent.append((what, job))

    def _send_unsent(self) -> bool:
        while self._unsent:
            what, job = self._unsent[0]
            try:
                job()
            except UNREACHED:
                return False
            except Exception as error:
                warn_once(what, error)
            self._unsent.popleft()
        return True


def _nothing() -> None:
    """Do nothing; what waits is done before it."""
