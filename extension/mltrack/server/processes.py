"""Several processes that answer at one socket: started, started again when one dies, and ended."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

from mltrack.exceptions import MltrackError
from mltrack.serving.parent import die_with_parent, how_it_ended

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

TICK_SECONDS = 0.1
END_SECONDS = 9.0
"""So long processes may take to end; then they are killed."""

_ENDS = (signal.SIGTERM, signal.SIGINT)
_SHORT_LIFE = 5.0  # seconds: a process that ended sooner was of no use
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0


class Processes:
    """Forks of this process, each of which does the same work; this process must have no threads.

    ``on_death`` is told of one that died, its place and how; ``on_end`` is called when all are to end.
    """

    def __init__(self, count: int, work: Callable[[int, Callable[[], None]], None]) -> None:
        self._work = work
        self._began: dict[int, float] = {}
        self._places: dict[int, int] = {}
        self._free = list(range(count))
        self._deaths = 0  # in a row, of processes that were of no use
        self._ending: float | None = None
        self.on_death: Callable[[int, int, str], None] = lambda _pid, _place, _how: None
        self.on_end: Callable[[], None] = lambda: None

    def run(self, on_ready: Callable[[], None]) -> None:
        """Have them work until SIGTERM or SIGINT.

        ``work`` is done in each; it is given the number of its place, and what it calls when it is ready. ``on_ready``
        is called here after the first. Raises MltrackError when none gets ready.
        """
        for number in _ENDS:
            signal.signal(number, self._end)
        reading, writing = os.pipe()
        for _ in tuple(self._free):
            self._start(writing)
        os.close(writing)
        self._wait_for_first(reading)
        os.close(reading)
        if self._ending is None:
            on_ready()
        while self._began or self._ending is None:  # where all have died, others may be started a little later
            self._look()
            time.sleep(TICK_SECONDS)

    def _wait_for_first(self, reading: int) -> None:
        while self._ending is None:
            if not select.select([reading], [], [], TICK_SECONDS)[0]:
                continue
            if not os.read(reading, 1):
                self._reap()
                raise MltrackError("The server's processes ended before they were ready; what they wrote says why.")
            return

    def _look(self) -> None:
        """Start again what has died; kill what does not end."""
        ended = self._reap()
        if self._ending is None:
            for each in ended:
                self.on_death(*each)
            pause = min(_FIRST_PAUSE * 2 ** (self._deaths - 2), _LONGEST_PAUSE) if self._deaths > 1 else 0.0
            latest = max(self._began.values(), default=0.0)
            if self._free and time.monotonic() - latest >= pause:
                self._start()
        elif time.monotonic() > self._ending + END_SECONDS:
            self._signal(signal.SIGKILL)

    def _reap(self) -> list[tuple[int, int, str]]:
        """Take leave of processes that have ended; gives which, from which place, and how."""
        found = []
        for pid in tuple(self._began):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                lived = time.monotonic() - self._began.pop(pid)
                self._deaths = self._deaths + 1 if lived < _SHORT_LIFE else 1
                place = self._places.pop(pid)
                self._free.append(place)
                found.append((pid, place, how_it_ended("a process of the server", os.waitstatus_to_exitcode(status))))
        return found

    def _end(self, number: int, frame: object) -> None:
        """Have all end; the second time at once."""
        del number, frame
        self.on_end()
        self._signal(signal.SIGTERM if self._ending is None else signal.SIGKILL)
        self._ending = self._ending or time.monotonic()

    def _signal(self, number: signal.Signals) -> None:
        for pid in tuple(self._began):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _start(self, ready: int | None = None) -> None:
        if threading.active_count() > 1:
            raise RuntimeError("A fork would leave threads behind.")
        parent, place = os.getpid(), self._free[-1]
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)  # until the fork is known here, and is itself there
        try:
            pid = os.fork()
            if not pid:
                self._child(parent, place, ready)
            self._free.pop()
            self._began[pid], self._places[pid] = time.monotonic(), place
        except OSError:  # there are as many processes as there may be; it is tried again
            self._deaths += 1
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)

    def _child(self, parent: int, place: int, ready: int | None) -> NoReturn:
        status = 1
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the parent says what to do
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)
            die_with_parent()
            if os.getppid() == parent:
                self._work(place, lambda: _tell(ready))
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)


def _tell(pipe: int | None) -> None:
    if pipe is not None:
        with suppress(OSError):
            os.write(pipe, b".")
            os.close(pipe)
