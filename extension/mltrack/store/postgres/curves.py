"""Curves of metrics in PostgreSQL: all short series in one query, and all stretches of a long one."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError
from mltrack.store.curves import FEWEST, asked_series, whole
from mltrack.store.postgres.connection import array
from mltrack.store.stretches import Range, Stretch, StretchReader, thin

if TYPE_CHECKING:
    from mltrack.store.postgres.connection import PostgresConnection
    from mltrack.store.summaries import Curve, CurveQuery

_SHORT = """
SELECT p.place, m.step, m.timestamp, m.value, m.special
FROM unnest(%(runs)s::bigint[], %(keys)s::bigint[]) WITH ORDINALITY AS p (run, key, place)
CROSS JOIN LATERAL (SELECT l.step, l.timestamp, l.value, l.special FROM metrics l
WHERE l.run_id = p.run AND l.key_id = p.key AND l.step BETWEEN %(low)s AND %(high)s
ORDER BY l.step, l.timestamp, l.value, l.special LIMIT %(most)s) m
ORDER BY p.place, m.step, m.timestamp, m.value, m.special
"""
_SHRINK = 2.0**-64  # so many values cannot be too large together
_LARGE = 1e280  # as many of them as there may be in a store have a sum
# Of each range: counts, the lowest and the highest value that is a number, and sums of the finite ones.
_STRETCHES = f"""
SELECT p.place, s.count, s.numbers, s.finite, s.total, s.large, low.*, high.*, last.*
FROM unnest(%(lows)s::bigint[], %(highs)s::bigint[]) WITH ORDINALITY AS p (low, high, place)
CROSS JOIN LATERAL (
    SELECT count(*) AS count, count(*) FILTER (WHERE special <> 1) AS numbers,
    count(*) FILTER (WHERE special <> 1 AND abs(value) < 'Infinity') AS finite,
    min(value) FILTER (WHERE special <> 1) AS lowest, max(value) FILTER (WHERE special <> 1) AS highest,
    coalesce(sum(value) FILTER (WHERE special <> 1 AND abs(value) < {_LARGE!r}), 0) AS total,
    coalesce(sum(value * {_SHRINK!r}) FILTER (WHERE abs(value) >= {_LARGE!r} AND abs(value) < 'Infinity'), 0) AS large
    FROM metrics WHERE {{where}}
) s
CROSS JOIN LATERAL (SELECT step, timestamp, value, special FROM metrics WHERE {{where}}
    AND (s.numbers = 0 OR value = s.lowest AND special <> 1) ORDER BY step, timestamp, value, special LIMIT 1) low
CROSS JOIN LATERAL (SELECT step, timestamp, value, special FROM metrics WHERE {{where}}
    AND (s.numbers = 0 OR value = s.highest AND special <> 1) ORDER BY step, timestamp, value, special LIMIT 1) high
CROSS JOIN LATERAL (SELECT step, timestamp, value, special FROM metrics WHERE {{where}}
    ORDER BY step DESC, timestamp DESC, value DESC, special DESC LIMIT 1) last
ORDER BY p.place
"""
_OF_STEPS = "run_id = %(run)s AND key_id = %(key)s AND step BETWEEN p.low AND p.high"
_OF_TIMES = "run_id = %(run)s AND key_id = %(key)s AND step = %(step)s AND timestamp BETWEEN p.low AND p.high"


def read_curves(connection: PostgresConnection, wanted: CurveQuery) -> list[Curve]:
    """Give the curves that there are, in the order of runs and keys, each asked for once."""
    if wanted.points < FEWEST:
        raise InvalidParameterError(f"A curve is asked for with at least {FEWEST} points; got {wanted.points!r}.")
    asked = asked_series(connection, wanted)  # type: ignore[arg-type]
    if not asked:
        return []
    values = {
        "runs": array([each.run for each in asked]),
        "keys": array([each.key for each in asked]),
        "low": asked[0].low,
        "high": asked[0].high,
        "most": wanted.points + 1,
    }
    curves: list[Curve | None] = []
    for place, rows in groupby(connection.ask(_SHORT, values), key=lambda row: row[0]):
        series, points = asked[place - 1], [row[1:] for row in rows]
        if len(points) <= wanted.points:
            curves.append(whole(series, points))
        else:
            curves.append(thin(connection, series, wanted.points, reader=PostgresStretchReader))  # type: ignore[arg-type]
    return [each for each in curves if each is not None]


class PostgresStretchReader(StretchReader):
    """Reads all parts of a range at once."""

    def read(self, ranges: list[Range]) -> list[Stretch]:
        """Read the points of these ranges, leaving out those without any."""
        series, step = self._series, ranges[0].step
        query = _STRETCHES.format(where=_OF_STEPS if step is None else _OF_TIMES)
        values = {
            "run": series.run,
            "key": series.key,
            "step": step,
            "lows": array([each.low for each in ranges]),
            "highs": array([each.high for each in ranges]),
        }
        rows = self._connection.ask(query, values)  # type: ignore[attr-defined]
        return [_stretch(ranges[place - 1], row) for place, *row in rows]


def _stretch(area: Range, row: list[object]) -> Stretch:
    count, _numbers, finite, total, large = row[:5]
    mean = total / finite + large / finite / _SHRINK if finite else math.nan  # type: ignore[operator]
    lowest, highest, last = (tuple(row[start : start + 4]) for start in (5, 9, 13))
    return Stretch(area, count, lowest, highest, last, mean)  # type: ignore[arg-type]
