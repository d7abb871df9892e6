"""Follows a run while it is written: what its metrics are, which of them are shown, and what is new."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from mltrack.store.news import NewsQuery
from mltrack.store.summaries import CurveQuery
from mltrack_widgets.panels.live_progress import LENGTHS
from mltrack_widgets.panels.live_series import MOST_POINTS, LiveSeries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.store.news import Mark, RunNews, Tail
    from mltrack.store.protocol import Store

MOST_CHARTS = 6
MACHINE = "system/"
RECOUNT_SECONDS, RECOUNT_COST = 5.0, 400
"""Points are counted again after so long, or so many times what counting them took."""


class LiveReader:
    """One run as it is known so far. ``read`` is called on one thread at a time.

    Metrics are shown in the order in which they appeared, losses first, those with one point last; what samples the
    machine is left out unless it is asked for by name.
    """

    def __init__(self, store: Store, run_id: str, *, wanted: Sequence[str] = ()) -> None:
        self.store, self.run_id = store, run_id
        self.news: RunNews | None = None
        self._wanted = tuple(wanted)
        self._series: dict[str, LiveSeries] = {}
        self._recount_at = time.monotonic() + RECOUNT_SECONDS

    @property
    def is_open(self) -> bool:
        """Whether the run may still be written to."""
        return self.news is None or self.news.status == "RUNNING"

    @property
    def series(self) -> list[LiveSeries]:
        """Those that are shown, in their order."""
        found = [each for each in self._series.values() if each.rows]
        curves = [each for each in found if each.count > 1]
        return (curves + [each for each in found if each.count == 1])[: self._most]

    @property
    def _most(self) -> int:
        return max(MOST_CHARTS, len(self._wanted))

    @property
    def others(self) -> int:
        """How many metrics the run has that are not shown."""
        return len(self.news.keys) - len(self.series) if self.news else 0

    def read(self) -> bool:
        """Read what was logged since the last time; tells whether something is new."""
        seen: dict[str, Mark | None] = {key: each.mark for key, each in self._series.items()}
        counted = self._to_count()
        began = time.monotonic()
        news = self.store.run_news(NewsQuery(self.run_id, seen, tuple(LENGTHS), counted=counted))
        before, self.news = self.news, news
        anew = self._note_counts(news, time.monotonic() - began) if counted else set()
        for key, tail in news.tails.items():
            if key not in anew:
                self._take(self._series[key], tail)
        if self._choose(news) or anew:
            self.read()
            return True
        return bool(news.tails) or before is None or before.status != news.status

    def _choose(self, news: RunNews) -> bool:
        """Look at metrics until enough of them are curves; tells whether there are some that were not looked at."""
        if not self._wanted and sum(each.count > 1 for each in self._series.values()) >= MOST_CHARTS:
            self._series = {each.key: each for each in self.series}
            return False
        wanted = self._wanted or sorted((key for key in news.keys if not key.startswith(MACHINE)), key=_telling)
        new = [key for key in wanted if key in news.keys and key not in self._series]
        self._series.update({key: LiveSeries(key) for key in new})
        return bool(new)

    def _take(self, series: LiveSeries, tail: Tail) -> None:
        if not tail.is_cut:
            series.add(tail.rows, tail.last, count=len(tail.rows))
            return
        wanted = CurveQuery((self.run_id,), (series.key,), points=MOST_POINTS, high=tail.last[0])
        for curve in self.store.metric_curves(wanted):
            series.begin_anew()
            rows = list(zip(curve.steps, curve.timestamps, curve.values, strict=True))
            series.add(rows, tail.last, count=curve.count)

    def _to_count(self) -> tuple[str, ...]:
        if time.monotonic() < self._recount_at:
            return ()
        return tuple(each.key for each in self.series)

    def _note_counts(self, news: RunNews, seconds: float) -> set[str]:
        """Begin metrics anew of which points came that lie before those that were read, as after steps began anew."""
        self._recount_at = time.monotonic() + max(RECOUNT_SECONDS, seconds * RECOUNT_COST)
        anew = {key for key, count in news.counts.items() if count != self._series[key].count}
        for key in anew:
            self._series[key].begin_anew()
        return anew


def _telling(key: str) -> tuple[bool, str]:
    """Order metrics that appear together: losses first, then by name."""
    return "loss" not in key.lower(), key
