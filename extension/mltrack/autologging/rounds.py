"""The rounds of a training that tells its metrics again and again, and how they are written while it goes on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from mltrack.entities import Metric
from mltrack.values import make_metric

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mltrack.autologging.fits import Fit

WRITE_SECONDS = 0.2
"""How long a point waits at most for the next round to write it; a write costs 15 µs and 1 µs for each point."""


class Rounds:
    """Collects the metrics of rounds and writes many of them at once, so that short rounds are not slowed down.

    The first round is written at once, and a round that took longer than ``WRITE_SECONDS`` too, so that a curve can be
    watched while it grows. ``flush`` must be called at the end, whatever the end is.
    """

    def __init__(self, fit: Fit) -> None:
        self._fit = fit
        self._keys: dict[str, str] = {}
        self._waiting: list[Metric] = []
        self._next_write = 0.0
        self._history: dict[int, dict[str, float]] = {}

    def __len__(self) -> int:
        return len(self._history)

    def add(self, step: int, values: Iterable[tuple[str, Any]]) -> None:
        """Take the metrics of one round, ``("eval-auc", 0.9)`` each."""
        now = time.time()
        timestamp = int(now * 1000)
        kept = self._history[step] = dict(values)
        for name, value in kept.items():
            self._waiting.append(self._point(name, value, timestamp, step))
        if now >= self._next_write or now < self._next_write - WRITE_SECONDS:  # later, or the clock was set back
            self.flush()
            self._next_write = now + WRITE_SECONDS

    def _point(self, name: str, value: Any, timestamp: int, step: int) -> Metric:
        key = self._keys.get(name)
        if key is None:
            key = self._keys[name] = self._fit.key(name)
        if isinstance(value, float) and type(step) is int:
            return Metric(key, float(value), timestamp, step)  # as make_metric would, which takes four times as long
        return make_metric(key, value, step, timestamp)

    def flush(self) -> None:
        """Write what waits."""
        points, self._waiting = self._waiting, []
        self._fit.write_points(points)

    def at(self, step: int) -> dict[str, float]:
        """Give the metrics of one round by their names; nothing for one that was not told."""
        return self._history.get(step, {})
