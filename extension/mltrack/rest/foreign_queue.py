"""Writes to an MLflow server that nobody waits for: in the background, in order, again when it could not answer."""

from __future__ import annotations

import atexit
import os
import threading
import time
from typing import TYPE_CHECKING
from weakref import WeakSet

from mltrack.backlog import warn
from mltrack.exceptions import UNREACHED, MltrackError

if TYPE_CHECKING:
    from collections.abc import Callable

    Key = tuple[str, str]

MOST = 1000
"""Jobs that wait; the oldest is given up for the next."""
AGAIN_SECONDS, SAID_SECONDS, EXIT_SECONDS = 2.0, 20.0, 10.0
IDLE_SECONDS = 30.0


class Queue:
    """Does jobs one after the other; a job takes the place of one with the same key that waits still."""

    def __init__(self) -> None:
        self._jobs: dict[Key, Callable[[], object]] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._failing_since: float | None = None
        self._is_said = False
        self._is_ending = False
        _queues.add(self)

    def submit(self, key: Key, job: Callable[[], object]) -> None:
        """Do a job soon."""
        with self._changed:
            self._jobs.pop(key, None)
            if len(self._jobs) >= MOST:
                first = next(iter(self._jobs))
                del self._jobs[first]
                warn(f"{first[1]} of run {first[0]} could not be sent and is lost: too much waits for the server.")
            self._jobs[key] = job
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="mltrack-foreign", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until nothing waits any more, or, without a timeout, until a job fails; False when some still do."""
        if threading.current_thread() is self._thread:
            return False
        deadline = time.monotonic() + (60.0 if timeout is None else timeout)
        with self._changed:
            while self._jobs and (left := deadline - time.monotonic()) > 0:
                if self._failing_since is not None and timeout is None:
                    break
                self._changed.wait(left)
            return not self._jobs

    def close(self, timeout: float) -> None:
        """Do what waits, at most so long, and end the thread."""
        is_done = self.flush(timeout)
        with self._changed:
            if not is_done and self._jobs:
                warn(f"{len(self._jobs)} files of runs could not be sent to the server and are lost.")
            self._jobs.clear()
            self._is_ending = True
            self._changed.notify_all()

    def end(self) -> None:
        """Do what waits at the end of the process, for a while where the server answers."""
        self.close(EXIT_SECONDS if self._failing_since is None else AGAIN_SECONDS)

    def forget_parent(self) -> None:
        """In a forked child: what waits is the parent's, and so is the thread."""
        self.__init__()  # type: ignore[misc]

    def _work(self) -> None:
        while (found := self._next()) is not None:
            key, job = found
            try:
                job()
            except UNREACHED as error:
                self._failed(error)
                continue
            except MltrackError as error:
                warn(f"{key[1]} of run {key[0]} could not be kept on the server: {error}")
            except Exception as error:
                warn(f"{key[1]} of run {key[0]} could not be kept on the server: {type(error).__name__}: {error}")
            with self._changed:
                self._failing_since, self._is_said = None, False
                if self._jobs.get(key) is job:
                    del self._jobs[key]
                self._changed.notify_all()

    def _next(self) -> tuple[Key, Callable[[], object]] | None:
        """Give the first job, which stays until it is done; None once there was nothing to do for long."""
        with self._changed:
            deadline = time.monotonic() + IDLE_SECONDS
            while not self._jobs and not self._is_ending and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            if not self._jobs:
                self._thread, self._is_ending = None, False
                return None
            return next(iter(self._jobs.items()))

    def _failed(self, error: MltrackError) -> None:
        now = time.monotonic()
        with self._changed:
            since = self._failing_since = self._failing_since or now
            if now - since > SAID_SECONDS and not self._is_said:  # sooner, what is logged says it
                self._is_said = True
                warn(f"{error} Snapshots and the like wait in memory until then.")
            self._changed.notify_all()
            self._changed.wait(AGAIN_SECONDS)


_queues: WeakSet[Queue] = WeakSet()


def _at_exit() -> None:
    for queue in list(_queues):
        queue.end()


def _in_child() -> None:
    for queue in list(_queues):
        queue.forget_parent()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_in_child)
