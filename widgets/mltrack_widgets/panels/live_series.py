"""One metric of a run that is being written: thinned to what can be seen, with what the page does not have yet."""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mltrack.store.news import Mark

Row = tuple[int, int, float]
"""A point: its step, its time (ms since 1970) and its value."""

MOST_POINTS = 300
_STRETCHES = 66
"""A stretch keeps three points at most: its lowest, its highest, and one that is not finite."""


class Addition(NamedTuple):
    """What the page is to do with a curve: keep so many points, then add these (float64)."""

    kept: int
    across: array[float]
    up: array[float]


class LiveSeries:
    """A metric's points so far.

    ``mark`` is the last point read, ``count`` how many were read; ``low`` and ``high`` are the extremes of the finite
    values, None while there is none. ``rows`` never has more than ``MOST_POINTS``.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget all points, as when some came before those read already."""
        self.mark: Mark | None = None
        self.count = 0
        self.rows: list[Row] = []
        self.low: float | None = None
        self.high: float | None = None
        self.by_time = False
        self._sent = 0

    @property
    def last(self) -> Row | None:
        """The last point."""
        return self.rows[-1] if self.rows else None

    def add(self, rows: Sequence[Row], mark: Mark, *, count: int) -> None:
        """Take in points that follow those there are; ``count`` is how many they stand for."""
        self.mark = mark
        self.count += count
        self.rows.extend(rows)
        values = [value for _, _, value in rows if math.isfinite(value)]
        if values:
            self.low = min(values) if self.low is None else min(self.low, *values)
            self.high = max(values) if self.high is None else max(self.high, *values)
        by_time = self.count > 1 and self.rows[0][0] == self.rows[-1][0]
        if by_time != self.by_time:
            self.by_time, self._sent = by_time, 0
        if len(self.rows) > MOST_POINTS:
            self.rows, self._sent = thinned(self.rows, across=self.across(self.rows)), 0

    def across(self, rows: Iterable[Row]) -> list[float]:
        """Give where points stand from left to right: their steps; seconds since the first where all have one step."""
        if not self.by_time:
            return [float(step) for step, _, _ in rows]
        began = self.rows[0][1]
        return [(time - began) / 1000 for _, time, _ in rows]

    def addition(self) -> Addition:
        """Give what the page does not have yet, and take it for sent."""
        kept, self._sent = self._sent, len(self.rows)
        rows = self.rows[kept:]
        return Addition(kept, array("d", self.across(rows)), array("d", [value for _, _, value in rows]))

    def forget_sent(self) -> None:
        """Send everything the next time."""
        self._sent = 0


def thinned(rows: Sequence[Row], *, across: Sequence[float]) -> list[Row]:
    """Keep the first and last point, and of each stretch the lowest, the highest, and one that is not finite."""
    left, width = across[0], across[-1] - across[0]
    stretches: dict[int, list[int]] = {}
    for index, place in enumerate(across):
        stretch = int((place - left) / width * _STRETCHES) if width > 0 else 0
        stretches.setdefault(stretch, []).append(index)
    kept = {0, len(rows) - 1}
    for indices in stretches.values():
        finite = [index for index in indices if math.isfinite(rows[index][2])]
        if finite:
            kept.add(min(finite, key=lambda index: rows[index][2]))
            kept.add(max(finite, key=lambda index: rows[index][2]))
        if len(finite) < len(indices):
            kept.add(next(index for index in indices if not math.isfinite(rows[index][2])))
    return [rows[index] for index in sorted(kept)]
