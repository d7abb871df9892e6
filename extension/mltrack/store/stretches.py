"""A long series of a metric cut into stretches, of each of which the lowest and the highest point are kept.

Stretches are equally wide in steps, as the pixels of a chart are. Where steps were logged unevenly, or not at all, so
that many stretches are empty or some are crowded, the crowded ones are cut again, a single step by time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack.store.points import decode
from mltrack.store.summaries import Curve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from sqlite3 import Connection

    Point = tuple[int, int, float, int]  # step, timestamp, value, special

SPARE = 8  # stretches are cut again while one in so many may still be added
UNEVEN = 8  # times the mean, a stretch's number of points says that steps are spread unevenly
_SHRINK = 2.0**-64  # so many values cannot be too large together
_OF_STEPS = "FROM metrics WHERE run_id = ? AND key_id = ? AND step BETWEEN ? AND ?"
_OF_TIMES = "FROM metrics WHERE run_id = ? AND key_id = ? AND step = ? AND timestamp BETWEEN ? AND ?"
# SQLite gives the other columns of the row that has the extreme (https://www.sqlite.org/lang_select.html, 2.5).
_LOWEST = "SELECT step, timestamp, min(value), special, count(*), total(value)"
_HIGHEST = "SELECT step, timestamp, max(value), special"
_FIRST = "SELECT step, timestamp, value, special {} ORDER BY step, timestamp, value, special LIMIT 1"
_LAST = "SELECT step, timestamp, value, special {} ORDER BY step DESC, timestamp DESC, value DESC, special DESC LIMIT 1"
_IS_FINITE = "special <> 1 AND value BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308"


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one run from a step to a step, by the store's numbers and by the names outside."""

    run: int
    key: int
    low: int
    high: int
    names: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Range:
    """The points of a series from ``low`` to ``high``: steps, or timestamps of one step."""

    low: int
    high: int
    step: int | None = None

    @property
    def is_moment(self) -> bool:
        """True when all its points are of one step and time."""
        return self.step is not None and self.low == self.high

    def cut(self, parts: int) -> Iterator[Range]:
        """Give so many parts that are equally wide, or fewer when it is narrower than that."""
        width = self.high - self.low + 1
        parts = min(parts, width)
        for part in range(parts):
            yield Range(self.low + width * part // parts, self.low + width * (part + 1) // parts - 1, self.step)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The points of a range in short: their number, the lowest, the highest and the last, the mean of finite values."""

    range: Range
    count: int
    lowest: Point
    highest: Point
    last: Point
    mean: float

    @property
    def is_crowded(self) -> bool:
        """True when cutting it could show more."""
        return self.count > 2 and not self.range.is_moment


def thin(
    connection: Connection, series: Series, points: int, *, reader: type[StretchReader] | None = None
) -> Curve | None:
    """Read a series as a curve of at most ``points`` of its points, the first and last included; None without any."""
    stretch_reader = (reader or StretchReader)(connection, series)
    whole = Range(series.low, series.high)
    first = stretch_reader.point(_FIRST, whole)
    if first is None:
        return None
    most = (points - 2) // 2
    stretches = stretch_reader.cut(whole, most)
    if max(each.count for each in stretches) * len(stretches) > UNEVEN * sum(each.count for each in stretches):
        stretches = stretch_reader.cut(whole, max(1, most // 2))  # which leaves some for the crowded ones
    while (finer := stretch_reader.refined(stretches, most - len(stretches))) is not stretches:
        stretches = finer
    kept = {first, stretches[-1].last}.union(point for each in stretches for point in (each.lowest, each.highest))
    steps, times, values, specials = zip(*sorted(kept), strict=True)
    return Curve(
        *series.names,
        count=sum(each.count for each in stretches),
        steps=steps,
        timestamps=times,
        values=[decode(value, special) for value, special in zip(values, specials, strict=True)],
        trend_steps=[each.last[0] for each in stretches],
        trend_times=[each.last[1] for each in stretches],
        means=[each.mean for each in stretches],
        counts=[each.count for each in stretches],
    )


class StretchReader:
    """Reads what becomes of ranges of one series."""

    def __init__(self, connection: Connection, series: Series) -> None:
        self._connection = connection
        self._series = series

    def refined(self, stretches: list[Stretch], spare: int) -> list[Stretch]:
        """Cut the stretches with the most points into ``spare`` more; the same list when that is not worth it."""
        crowded = sum(each.count for each in stretches if each.is_crowded)
        if spare * SPARE < len(stretches) + spare or not crowded:
            return stretches
        finer: list[Stretch] = []
        for each in stretches:
            more = spare * each.count // crowded if each.is_crowded else 0
            finer += self.cut(each.range, more + 1) if more else [each]
        return finer if len(finer) > len(stretches) else stretches

    def cut(self, area: Range, parts: int) -> list[Stretch]:
        """Cut a range, from its first to its last point, into parts; those without points are left out."""
        first, last = self.point(_FIRST, area), self.point(_LAST, area)
        if first is None or last is None:
            return []
        area = Range(first[0], last[0]) if first[0] != last[0] else Range(first[1], last[1], first[0])
        return self.read(list(area.cut(parts)))

    def read(self, ranges: list[Range]) -> list[Stretch]:
        """Read the points of these ranges, leaving out those without any."""
        return [each for each in map(self._read, ranges) if each]

    def point(self, query: str, area: Range) -> Point | None:
        """Give the first or last point of a range."""
        where, values = self._where(area)
        row: Point | None = self._connection.execute(query.format(where), values).fetchone()
        return row

    def _read(self, area: Range) -> Stretch | None:
        where, values = self._where(area)
        last = self.point(_LAST, area)
        if last is None:
            return None
        *lowest, count, total = self._connection.execute(f"{_LOWEST} {where}", values).fetchone()
        highest = self._connection.execute(f"{_HIGHEST} {where}", values).fetchone()
        numbers = count
        if lowest[2] <= 0.0 <= highest[2]:  # else there is no NaN, which the store has as 0
            query = f"SELECT count(*) {where} AND special <> 1"
            numbers = self._connection.execute(query, values).fetchone()[0]
        if 0 < numbers < count:
            where += " AND special <> 1"
            lowest = self._connection.execute(f"{_LOWEST} {where}", values).fetchone()[:4]
            highest = self._connection.execute(f"{_HIGHEST} {where}", values).fetchone()
        is_finite = total is not None and math.isfinite(total)
        mean = math.nan if not numbers else total / numbers if is_finite else self._mean_of_finite(area)
        return Stretch(area, count, tuple(lowest), highest, last, mean)

    def _mean_of_finite(self, area: Range) -> float:
        where, values = self._where(area)
        query = f"SELECT total(value * {_SHRINK!r}), count(*) {where} AND {_IS_FINITE}"
        total, count = self._connection.execute(query, values).fetchone()
        return float(total / count / _SHRINK) if count else math.nan

    def _where(self, area: Range) -> tuple[str, tuple[int, ...]]:
        series = (self._series.run, self._series.key)
        if area.step is None:
            return _OF_STEPS, (*series, area.low, area.high)
        return _OF_TIMES, (*series, area.step, area.low, area.high)
