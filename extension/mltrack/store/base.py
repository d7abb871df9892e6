"""What the parts of a ``SqliteStore`` share: the file, its connections, and the numbers of its metric names."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from mltrack.store import liveness
from mltrack.store.artifact_kinds import remove_unfinished
from mltrack.store.locator import Locator

if TYPE_CHECKING:
    from pathlib import Path

    from mltrack.store.connection import Database
    from mltrack.store.locator import ServedPlaces
    from mltrack.store.points import MetricKeys

SWEEP_SECONDS = 1.0


class SqlitePart:
    """One part of a store in an SQLite file; ``SqliteStore`` is made of several, and sets what they share."""

    path: Path
    uri: str
    _database: Database
    _keys: MetricKeys
    _next_sweep: float = 0.0
    _served: ServedPlaces | None = None
    _dead_runs = staticmethod(liveness.dead_runs)

    @property
    def is_read_only(self) -> bool:
        """True when the file cannot be written by this user."""
        return self._database.read_only

    def show_as_served(self, places: ServedPlaces) -> None:
        """Let searches find and give places as callers of a server see them, who are to know no others of it."""
        self._served = places

    @property
    def _locate(self) -> Locator:
        """Makes an artifact location absolute: one that is relative lies beside the file, wherever that is moved."""
        return Locator(str(self.path.parent), self._served)

    def _sweep(self) -> None:
        """Mark the runs of dead processes KILLED, at most once a second."""
        if self.is_read_only or time.monotonic() < self._next_sweep:
            return
        self._next_sweep = time.monotonic() + SWEEP_SECONDS
        dead = self._database.read(self._dead_runs)
        if dead:
            for place in self._database.write_durably(liveness.mark_killed, dead, self._locate):
                remove_unfinished(place)


def now_ms() -> int:
    """Give the present time in ms since 1970."""
    return time.time_ns() // 1_000_000
