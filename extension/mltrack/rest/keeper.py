"""What was logged a moment ago, in memory; and the thread that writes it to the spool."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from mltrack import config
from mltrack.rest import records
from mltrack.rest.bell import Bell
from mltrack.rest.spool import SpoolFullError, folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.entities import Metric
    from mltrack.rest.notices import Notices
    from mltrack.rest.spool import Place, Spool

GATHER_SECONDS = 0.25
"""The time that points are gathered in memory."""
MANY, MOST = 250, 1000
"""The points in memory that are written at once, and those at which a caller leaves the writer some time."""
_YIELD_SECONDS = 0.0003
_ITEMS = 200  # calls that are looked at in one go
_MOST_MARKS = 1000


class Keeper:
    """Takes what is logged without a lock, and writes it to the spool four times a second, or once there are many."""

    def __init__(self, spool: Spool, notices: Notices, *, told: Callable[[], None]) -> None:
        self.lost = 0
        self.idle = True
        self._spool, self._notices, self._told = spool, notices, told
        self._fresh: deque[tuple[str, tuple[Metric, ...], bytes | None]] = deque()
        self._level = 0
        self._news, self._many = Bell(), Bell()
        self._lock = threading.Lock()
        self._is_over = False
        # Where what was logged to each run last stands in the spool; ordered: of what must keep its order.
        self._marks: dict[str, Place] = {}
        self._ordered: dict[str, Place] = {}

    def add(self, run_id: str, metrics: tuple[Metric, ...]) -> None:
        """Take points."""
        self._fresh.append((run_id, metrics, None))
        level = self._level = self._level + len(metrics)  # threads may miscount it: it only says when to write
        if self.idle:  # after the append: the thread looks at both the other way round
            self._news.ring()
        if level >= MANY:
            self._many.ring()
            if level >= MOST:
                time.sleep(_YIELD_SECONDS)

    def put(self, run_id: str, record: bytes) -> None:
        """Take a record that keeps its order, behind all points, and write it at once."""
        self._fresh.append((run_id, (), record))
        self.keep()

    def unsent(self, run_id: str | None, *, ordered: bool = False) -> Place | None:
        """Give the place behind what waits of a run, or of all; None when nothing does, as far as it was written."""
        marks = self._ordered if ordered else self._marks
        place = marks.get(run_id) if run_id is not None else max(tuple(marks.values()), default=None)
        return place if place is not None and place > self._spool.sent else None

    def has_news(self) -> bool:
        """Tell whether something is in memory only."""
        return bool(self._fresh)

    def run(self) -> None:
        """Write what comes, until ``stop``; the work of a thread."""
        while not self._is_over:
            self.idle = True
            if not self._fresh:
                self._news.wait()
            self.idle = False
            self._many.wait(GATHER_SECONDS)
            try:
                self.keep()
            except Exception as error:  # a fault of ours must not end the thread
                self._notices.once("fault", f"What was logged could not be written to {folder()}: {error!r}.")
            self._told()

    def stop(self) -> None:
        """Let the thread end."""
        self._is_over = True
        self._news.ring()
        self._many.ring()

    def keep(self) -> None:
        """Write what is in memory to the spool, on whatever thread."""
        with self._lock:
            self._level = 0
            while self._fresh:
                self._write()
            sent = self._spool.sent
            for marks in (self._marks, self._ordered):
                if len(marks) > _MOST_MARKS:
                    for run_id in [each for each, place in marks.items() if place <= sent]:
                        del marks[run_id]
        self._say_problem()

    def _write(self) -> None:
        """Write the oldest calls; they are forgotten afterwards, so an interrupt has them written twice, not never."""
        count, payloads, runs = self._oldest()
        is_points = self._fresh[0][2] is None
        try:
            place = self._spool.append(payloads, may_drop=is_points)
        except SpoolFullError:
            self._drop(count)
        else:
            for run_id in runs:
                self._marks[run_id] = place
                if not is_points:
                    self._ordered[run_id] = place
        for _ in range(count):
            self._fresh.popleft()

    def _oldest(self) -> tuple[int, list[bytes], list[str]]:
        """Give how many calls are next, their records and runs: one that keeps its order, or some with points."""
        fresh = self._fresh
        run_id, _, record = fresh[0]
        if record is not None:
            return 1, [record], [run_id]
        points: dict[str, list[Metric]] = {}
        count = total = 0
        while count < min(len(fresh), _ITEMS) and total < MANY:
            run_id, metrics, record = fresh[count]
            if record is not None:
                break
            points.setdefault(run_id, []).extend(metrics)
            total += len(metrics)
            count += 1
        return count, [each for run, found in points.items() for each in _records(run, found)], list(points)

    def _drop(self, count: int) -> None:
        self.lost += sum(len(self._fresh[place][1]) or 1 for place in range(count))
        self._notices.once(
            "full",
            f"No more can wait for {self._spool.server}: from now on points are LOST until it answers. What waits is "
            f"in {folder()}; `mltrack sync` sends it.",
        )

    def _say_problem(self) -> None:
        problem = self._spool.problem
        if problem is None:
            self._notices.over("memory")
            return
        self._notices.once(
            "memory",
            f"{folder()} cannot be written ({problem.strerror}). What waits for {self._spool.server} is in memory "
            f"until it can, and would be lost with the process. Make room, or name a folder by {config.DATA_DIR.name}.",
        )


def _records(run_id: str, points: list[Metric]) -> list[bytes]:
    return [
        records.of_points(run_id, points[start : start + records.POINTS])
        for start in range(0, len(points), records.POINTS)
    ]
