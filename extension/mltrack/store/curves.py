"""Metrics of runs as curves: short series whole, long ones thinned, those on two threads."""

from __future__ import annotations

import json
import math
from collections import deque
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError
from mltrack.store.points import HOP, decode
from mltrack.store.stretches import Series, thin
from mltrack.store.summaries import Curve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from sqlite3 import Connection

    from mltrack.store.connection import Database
    from mltrack.store.summaries import CurveQuery

FEWEST = 4  # points of a thinned series: its first and last, its lowest and highest
_LEAST, _MOST = -(2**63), 2**63 - 1
_ACTIVE = "r.lifecycle_stage = 'active' AND r.uuid IN (SELECT value FROM json_each(:runs))"
_CURVE_KEYS = f"""
{HOP.format(which=_ACTIVE)}
SELECT k.name FROM hop JOIN metric_keys k ON k.id = hop.key_id
WHERE EXISTS (SELECT 1 FROM metrics m WHERE m.run_id = hop.run_id AND m.key_id = hop.key_id LIMIT 1 OFFSET 1)
GROUP BY k.id ORDER BY count(*) DESC, k.name
"""
_RUNS = f"SELECT r.uuid, r.id FROM runs r WHERE {_ACTIVE}"
_KEYS = "SELECT name, id FROM metric_keys WHERE name IN (SELECT value FROM json_each(?))"
_POINTS = """
SELECT step, timestamp, value, special FROM metrics WHERE run_id = ? AND key_id = ? AND step BETWEEN ? AND ?
ORDER BY step, timestamp, value, special LIMIT ?
"""


def read_curve_keys(connection: Connection, run_ids: Sequence[str]) -> list[str]:
    """Give the metrics of which one of these runs has more than one point, those of most runs first, then by name."""
    return [row[0] for row in connection.execute(_CURVE_KEYS, {"runs": json.dumps(list(run_ids))})]


def read_curves(database: Database, wanted: CurveQuery) -> list[Curve]:
    """Give the curves that there are, in the order of runs and keys, each asked for once."""
    if wanted.points < FEWEST:
        raise InvalidParameterError(f"A curve is asked for with at least {FEWEST} points; got {wanted.points!r}.")
    found = database.read(_read_short, wanted)
    thinned = _thin_all(database, [each for each in found if isinstance(each, Series)], wanted.points)
    curves = (thinned[each] if isinstance(each, Series) else each for each in found)
    return [each for each in curves if each is not None]


def _read_short(connection: Connection, wanted: CurveQuery) -> list[Curve | Series]:
    """Read the series that have no more points than wanted; of the longer ones say which they are."""
    found: list[Curve | Series] = []
    for series in asked_series(connection, wanted):
        bounds = (series.run, series.key, series.low, series.high, wanted.points + 1)
        rows = connection.execute(_POINTS, bounds).fetchall()
        if rows:
            found.append(whole(series, rows) if len(rows) <= wanted.points else series)
    return found


def asked_series(connection: Connection, wanted: CurveQuery) -> list[Series]:
    """Give the series of the runs and names that there are, each once; a series may have no points."""
    runs = dict(connection.execute(_RUNS, {"runs": json.dumps(wanted.run_ids)}).fetchall())
    keys = dict(connection.execute(_KEYS, (json.dumps(wanted.keys),)).fetchall())
    low, high = (_LEAST if wanted.low is None else wanted.low), (_MOST if wanted.high is None else wanted.high)
    return [
        Series(runs[run_id], keys[key], max(low, _LEAST), min(high, _MOST), (run_id, key))
        for run_id in dict.fromkeys(wanted.run_ids)
        for key in dict.fromkeys(wanted.keys)
        if run_id in runs and key in keys
    ]


def whole(series: Series, rows: Sequence[tuple[int, int, float, int]]) -> Curve:
    """Make a curve of all points of a series."""
    steps, times, values, specials = zip(*rows, strict=True)
    if any(specials):
        values = tuple(map(decode, values, specials))
    means = [value if math.isfinite(value) else math.nan for value in values]
    return Curve(*series.names, len(rows), steps, times, values, steps, times, means, [1] * len(rows))


def _thin_all(database: Database, long: Sequence[Series], points: int) -> dict[Series, Curve | None]:
    """Thin long series on this thread and, where there are several, on another one too: SQLite lets both work."""
    waiting = deque(long)
    done: dict[Series, Curve | None] = {}
    faults: list[BaseException] = []

    def work() -> None:
        while waiting:
            try:
                series = waiting.popleft()
            except IndexError:  # the other thread took the last one
                return
            done[series] = database.read(thin, series, points)

    def help_out() -> None:
        try:
            work()
        except BaseException as error:
            faults.append(error)
        finally:
            database.close()  # this thread's connection

    helper = Thread(target=help_out, name="mltrack-curves", daemon=True)
    if len(long) > 1:
        with suppress(RuntimeError):  # Python is going down and starts no more threads
            helper.start()
    try:
        work()
    finally:
        waiting.clear()  # after an interrupt or error nothing more is begun
        if helper.ident is not None:
            helper.join()
    if faults:
        raise faults[0]
    return done
