"""Metrics, params and tags of runs, over one connection inside the caller's transaction.

While a run is live its points are only in ``metrics``, so that logging one is one insert; when it ends, the last of
each key goes to ``latest_metrics``, which is what searches read. ``CURRENT_POINTS`` joins both.
"""

from __future__ import annotations

import json
import math
from itertools import chain
from typing import TYPE_CHECKING

from mltrack.entities import Metric
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.keys import RUN_NAME_TAG
from mltrack.store.concurrency import once_beside_others
from mltrack.store.dialect import dialect_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from sqlite3 import Connection

    from mltrack.entities import Param, RunTag

    _Row = tuple[int, int, int, int, float, int]

NAN, NEGATIVE_ZERO = 1, 2
_SHOWN_ID = 80

# The keys of some runs by hopping from key to key along the primary key; behind the last one comes NULL.
HOP = """
WITH RECURSIVE hop (run_id, key_id) AS (
    SELECT r.id, (SELECT min(key_id) FROM metrics WHERE run_id = r.id) FROM runs r WHERE {which}
    UNION ALL
    SELECT run_id, (SELECT min(m.key_id) FROM metrics m WHERE m.run_id = hop.run_id AND m.key_id > hop.key_id)
    FROM hop WHERE key_id IS NOT NULL
)
"""
# The last point of each of these keys.
OF_HOP = """JOIN metrics m ON m.run_id = hop.run_id AND m.key_id = hop.key_id
AND (m.step, m.timestamp, m.value, m.special) = (
    SELECT step, timestamp, value, special FROM metrics l WHERE l.run_id = hop.run_id AND l.key_id = hop.key_id
    ORDER BY step DESC, timestamp DESC, value DESC, special DESC LIMIT 1)"""
_LAST_POINTS = f"""
{HOP}
SELECT m.run_id, m.key_id, m.step, m.timestamp, m.value, m.special FROM hop {OF_HOP}
"""
_RUNS = "(SELECT value FROM json_each(:numbers))"
# The last point of each metric of some runs, given as a JSON list of numbers.
CURRENT_POINTS = f"""
WITH live_points AS ({_LAST_POINTS.format(which=f"live = 1 AND id IN {_RUNS}")}),
current AS (SELECT * FROM latest_metrics WHERE run_id IN {_RUNS} UNION ALL SELECT * FROM live_points)
SELECT c.run_id, k.name, c.value, c.timestamp, c.step, c.special
FROM current c JOIN metric_keys k ON k.id = c.key_id ORDER BY k.name
"""
# The last value of the metric :name of each of some runs that has it.
OF_LIVE = """CROSS JOIN metrics m
ON m.run_id = r.id AND m.key_id = (SELECT id FROM key) AND (m.step, m.timestamp, m.value, m.special) = (
    SELECT step, timestamp, value, special FROM metrics l WHERE l.run_id = r.id AND l.key_id = m.key_id
    ORDER BY step DESC, timestamp DESC, value DESC, special DESC LIMIT 1)"""
CURRENT_VALUES = f"""
WITH key (id) AS (SELECT id FROM metric_keys WHERE name = :name)
SELECT m.run_id, m.value, m.special FROM latest_metrics m WHERE m.key_id = (SELECT id FROM key) AND m.run_id IN {_RUNS}
UNION ALL
SELECT m.run_id, m.value, m.special FROM runs r {OF_LIVE}
WHERE r.live = 1 AND r.id IN {_RUNS}
"""
WRITABLE = "SELECT id, live, lifecycle_stage FROM runs WHERE uuid = ?"
NEW_KEY = "INSERT INTO text_keys (name) VALUES (?) ON CONFLICT DO NOTHING"
_KEY_NUMBER = "(SELECT id FROM text_keys WHERE name = ?)"
_METRIC_NUMBERS = "SELECT name, id FROM metric_keys WHERE name IN (SELECT value FROM json_each(?))"
_POINT = "(?, ?, ?, ?, ?, ?)"
_INSERT_POINT = f"INSERT INTO metrics VALUES {_POINT} ON CONFLICT DO NOTHING"
TOGETHER = 100  # points of one statement: half the time of one each, and other threads are let in a hundred times less
_INSERT_POINTS = f"INSERT INTO metrics VALUES {', '.join([_POINT] * TOGETHER)} ON CONFLICT DO NOTHING"
_AT_STEP = (
    "SELECT value, special FROM metrics WHERE run_id = ? AND key_id = ? AND step >= ? ORDER BY step, timestamp LIMIT 1"
)
_UPSERT_LATEST = """
INSERT INTO latest_metrics VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (run_id, key_id) DO UPDATE
SET step = excluded.step, timestamp = excluded.timestamp, value = excluded.value, special = excluded.special
WHERE (excluded.step, excluded.timestamp, excluded.value, excluded.special)
> (latest_metrics.step, latest_metrics.timestamp, latest_metrics.value, latest_metrics.special)
"""


class MetricKeys:
    """The store's numbers for metric names, remembered from transactions that were kept."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def numbers(self, connection: Connection, names: Iterable[str]) -> dict[str, int]:
        """Give the number of each name, making those that are new inside the caller's transaction."""
        known = self._known
        found, lacking = {}, []
        for name in names:
            number = known.get(name)
            if number is None:
                lacking.append(name)
            else:
                found[name] = number
        if lacking:
            found.update(_make_numbers(connection, sorted(lacking)))  # in one order, lest writers wait for each other
        return found

    def remember(self, numbers: dict[str, int]) -> None:
        """Trust these numbers from now on; call it once their transaction was committed."""
        if not numbers.keys() <= self._known.keys():
            self._known.update(numbers)


def _make_numbers(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    wanted = (json.dumps(names),)
    found: dict[str, int] = dict(connection.execute(_METRIC_NUMBERS, wanted).fetchall())
    new = [(name,) for name in names if name not in found]
    if new:
        connection.executemany("INSERT INTO metric_keys (name) VALUES (?) ON CONFLICT DO NOTHING", new)
        found = dict(connection.execute(_METRIC_NUMBERS, wanted).fetchall())
    return found


def encode(value: float) -> tuple[float, int]:
    """Give the (value, special) that SQLite can hold for any float."""
    if value != value:  # noqa: PLR0124 - NaN
        return 0.0, NAN
    if value == 0.0 and math.copysign(1.0, value) < 0:
        return 0.0, NEGATIVE_ZERO
    return value, 0


def decode(value: float, special: int) -> float:
    """Give back the float that ``encode`` was given."""
    if not special:
        return value
    return math.nan if special == NAN else -0.0


def missing_run(run_id: str) -> NotFoundError:
    """Make the error that says that there is no such run."""
    shown = run_id if len(str(run_id)) <= _SHOWN_ID else f"{run_id[:_SHOWN_ID]}…"
    return NotFoundError(f"There is no run {shown!r} in this store; `mltrack runs` lists them.")


def writable_run(connection: Connection, run_id: str) -> tuple[int, int]:
    """Give (internal id, live) of a run that may be written to, else raise."""
    row = connection.execute(WRITABLE, (run_id,)).fetchone()
    if row is None:
        raise missing_run(run_id)
    if row[2] != "active":
        raise InvalidParameterError(f"Run {run_id!r} is deleted; restore it before writing to it.")
    return row[0], row[1]


def write_metrics(
    connection: Connection, run: tuple[int, int], metrics: Sequence[Metric], *, numbers: dict[str, int]
) -> None:
    """Insert points; a point that is there already is kept once."""
    run_number, live = run
    rows = [
        (run_number, numbers[m.key], m.step, m.timestamp, m.value, 0)
        if m.value == m.value != 0.0
        else (run_number, numbers[m.key], m.step, m.timestamp, *encode(m.value))
        for m in metrics
    ]
    _insert_points(connection, rows)
    if not live:
        last = {row[1]: row for row in sorted(rows)}
        connection.executemany(_UPSERT_LATEST, list(last.values()))


def _insert_points(connection: Connection, rows: Sequence[_Row]) -> None:
    if len(rows) == 1:
        connection.execute(_INSERT_POINT, rows[0])
        return
    single = len(rows) % TOGETHER
    for first in range(single, len(rows), TOGETHER):
        connection.execute(_INSERT_POINTS, tuple(chain.from_iterable(rows[first : first + TOGETHER])))
    if single:
        connection.executemany(_INSERT_POINT, rows[:single])


def write_params(connection: Connection, run_number: int, params: Sequence[Param]) -> None:
    """Insert params; a value that differs from the one that is there, or from another of the same call, is refused."""
    _number_keys(connection, {param.key for param in params})
    connection.executemany(
        f"INSERT INTO params VALUES (?, {_KEY_NUMBER}, ?) ON CONFLICT DO NOTHING",
        [(run_number, param.key, param.value) for param in params],
    )
    query = "SELECT k.name, p.value FROM params p JOIN text_keys k ON k.id = p.key_id WHERE p.run_id = ?"
    kept = dict(connection.execute(query, (run_number,)))
    for param in params:
        if kept[param.key] != param.value:
            raise InvalidParameterError(
                f"Param {param.key!r} is {kept[param.key]!r} on this run already and cannot become {param.value!r}: "
                "params are written once. Log it under another key, or start another run."
            )


def write_tags(connection: Connection, run_number: int, tags: Sequence[RunTag]) -> None:
    """Insert or overwrite tags; the tag that holds the run's name renames the run."""
    values = {tag.key: tag.value for tag in tags}
    _number_keys(connection, values)
    connection.executemany(
        f"INSERT INTO run_tags VALUES (?, {_KEY_NUMBER}, ?)"
        " ON CONFLICT (run_id, key_id) DO UPDATE SET value = excluded.value",
        [(run_number, key, value) for key, value in values.items()],
    )
    if RUN_NAME_TAG in values:
        connection.execute("UPDATE runs SET name = ? WHERE id = ?", (values[RUN_NAME_TAG], run_number))


def _number_keys(connection: Connection, names: Iterable[str]) -> None:
    connection.executemany(NEW_KEY, [(name,) for name in sorted(names)])


@once_beside_others
def delete_tag(connection: Connection, run_id: str, key: str) -> None:
    """Take a tag off a run; NotFoundError when it has none of that key."""
    run_number, _ = writable_run(connection, run_id)
    query = f"DELETE FROM run_tags WHERE run_id = ? AND key_id = {_KEY_NUMBER} RETURNING key_id"
    if connection.execute(query, (run_number, key)).fetchone() is None:
        raise NotFoundError(f"Run {run_id!r} has no tag {key[:80]!r}.")


def settle(connection: Connection, run_number: int) -> None:
    """Put the last point of each of a run's metrics where searches look, and end its being live."""
    connection.execute("DELETE FROM latest_metrics WHERE run_id = ?", (run_number,))
    connection.execute(f"INSERT INTO latest_metrics {_LAST_POINTS.format(which='id = ?')}", (run_number,))
    connection.execute("UPDATE runs SET live = 0 WHERE id = ?", (run_number,))


def unsettle(connection: Connection, run_number: int) -> None:
    """Make a run live again, so that its points are one insert each."""
    connection.execute("DELETE FROM latest_metrics WHERE run_id = ?", (run_number,))
    connection.execute("UPDATE runs SET live = 1 WHERE id = ?", (run_number,))


def read_history(connection: Connection, run_id: str, key: str) -> list[Metric]:
    """Give every point of one metric of one run, by time, step and value."""
    rows = connection.execute(
        "SELECT m.value, m.timestamp, m.step, m.special FROM metrics m"
        " JOIN runs r ON r.id = m.run_id JOIN metric_keys k ON k.id = m.key_id"
        " WHERE r.uuid = ? AND k.name = ? ORDER BY m.timestamp, m.step, m.value, m.special",
        (run_id, key),
    )
    return [Metric(key, decode(value, special), timestamp, step) for value, timestamp, step, special in rows]


def read_outlines(connection: Connection, run_id: str, points: int) -> dict[str, tuple[int, tuple[float, ...]]]:
    """Give (number of points, the values at some ``points`` evenly spaced steps) of each metric with several points.

    The steps are looked up one by one along the primary key; only counting reads a whole series.
    """
    rows = connection.execute(
        "SELECT min(m.run_id), m.key_id, min(k.name), count(*), min(m.step), max(m.step) FROM metrics m"
        " JOIN metric_keys k ON k.id = m.key_id JOIN runs r ON r.id = m.run_id WHERE r.uuid = ?"
        " GROUP BY m.key_id HAVING count(*) > 1 ORDER BY min(k.name)",
        (run_id,),
    ).fetchall()
    places = [
        (name, count, (run, key, step))
        for run, key, name, count, first, last in rows
        for step in sorted({first + (last - first) * number // max(1, points - 1) for number in range(points)})
    ]
    outlines: dict[str, tuple[int, tuple[float, ...]]] = {}
    found = dialect_of(connection).first_rows(connection, _AT_STEP, [place for _, _, place in places])
    for (name, count, _), row in zip(places, found, strict=True):
        if row:
            outlines[name] = (count, (*outlines.get(name, (count, ()))[1], decode(*row)))
    return outlines
