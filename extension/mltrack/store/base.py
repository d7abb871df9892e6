"""What the parts of a ``SqliteStore`` share: the file, its connections, and the numbers of its metric names."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from mltrack.store import liveness
from mltrack.store.artifact_kinds import remove_unfinished
from mltrack.store.artifacts import is_remote

if TYPE_CHECKING:
    from pathlib import Path

    from mltrack.store.connection import Database
    from mltrack.store.points import MetricKeys

SWEEP_SECONDS = 1.0


class SqlitePart:
    """One part of a store in an SQLite file; ``SqliteStore`` is made of several, and sets what they share."""

    path: Path
    uri: str
    _database: Database
    _keys: MetricKeys
    _next_sweep: float = 0.0

    @property
    def is_read_only(self) -> bool:
        """True when the file cannot be written by this user."""
        return self._database.read_only

    def _locate(self, place: str) -> str:
        """Make an artifact location absolute: one that is relative lies beside the file, wherever that is moved."""
        return place if is_remote(place) else str(self.path.parent / place)

    def _sweep(self) -> None:
        """Mark the runs of dead processes KILLED, at most once a second."""
        if self.is_read_only or time.monotonic() < self._next_sweep:
            return
        self._next_sweep = time.monotonic() + SWEEP_SECONDS
        dead = self._database.read(liveness.dead_runs)
        if dead:
            for place in self._database.write_durably(liveness.mark_killed, dead, self._locate):
                remove_unfinished(place)


def now_ms() -> int:
    """Give the present time in ms since 1970."""
    return time.time_ns() // 1_000_000
