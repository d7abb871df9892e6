"""What was logged to a run since somebody last looked, read along the primary key: for panels that follow a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mltrack.store.points import decode, missing_run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from sqlite3 import Connection

Mark = tuple[int, int, float, int]
"""A point's place in its metric: step, timestamp, value and special, as the store orders them."""

BEGINNING: Mark = (-(2**63), -(2**63), -1.7976931348623157e308, -1)

_KEYS = """
WITH RECURSIVE hop (key_id) AS (
    SELECT min(key_id) FROM metrics WHERE run_id = :run
    UNION ALL
    SELECT (SELECT min(m.key_id) FROM metrics m WHERE m.run_id = :run AND m.key_id > hop.key_id)
    FROM hop WHERE key_id IS NOT NULL
)
SELECT k.name, k.id FROM hop JOIN metric_keys k ON k.id = hop.key_id
"""
_AFTER = """
SELECT step, timestamp, value, special FROM metrics
WHERE run_id = ? AND key_id = ? AND (step, timestamp, value, special) > (?, ?, ?, ?)
ORDER BY step, timestamp, value, special LIMIT ?
"""
_LAST = """
SELECT step, timestamp, value, special FROM metrics WHERE run_id = ? AND key_id = ?
ORDER BY step DESC, timestamp DESC, value DESC, special DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class NewsQuery:
    """What to read of a run: metrics from the mark each has (None: from the first point), and some params.

    ``seen`` maps the metrics that are looked at to the last point seen of each; ``most`` is how many points of each are
    given at most. ``counted`` names metrics whose points up to their mark are counted.
    """

    run_id: str
    seen: Mapping[str, Mark | None] = field(default_factory=dict)
    params: tuple[str, ...] = ()
    most: int = 5_000
    counted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tail:
    """The points of one metric after a mark, in the store's order; ``last`` is the mark of the last there is.

    When ``is_cut``, there were more than asked for, and the tail has none of them.
    """

    rows: tuple[tuple[int, int, float], ...]
    last: Mark
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class RunNews:
    """How a run stands: its name, status, start and end (ms since 1970), all its metrics' names, and what was asked."""

    run_name: str
    status: str
    start_time: int
    end_time: int | None
    keys: tuple[str, ...]
    params: Mapping[str, str]
    tails: Mapping[str, Tail]
    counts: Mapping[str, int]


def read_news(connection: Connection, wanted: NewsQuery) -> RunNews:
    """Read what is new of a run; NotFoundError when there is none of that id."""
    query = "SELECT id, name, status, started_at, ended_at FROM runs WHERE uuid = ?"
    found_run = connection.execute(query, (wanted.run_id,)).fetchone()
    if found_run is None:
        raise missing_run(wanted.run_id)
    number, name, status, started, ended = found_run
    keys = dict(connection.execute(_KEYS, {"run": number}).fetchall())
    seen = {key: mark or BEGINNING for key, mark in wanted.seen.items() if key in keys}
    found = {key: _tail(connection, (number, keys[key]), mark, most=wanted.most) for key, mark in seen.items()}
    counts = {key: _count(connection, (number, keys[key]), seen[key]) for key in wanted.counted if key in seen}
    tails = {key: tail for key, tail in found.items() if tail is not None}
    return RunNews(name, status, started, ended, tuple(keys), _params(connection, number, wanted.params), tails, counts)


def _tail(connection: Connection, place: tuple[int, int], mark: Mark, *, most: int) -> Tail | None:
    rows = connection.execute(_AFTER, (*place, *mark, most + 1)).fetchall()
    if not rows:
        return None
    if len(rows) > most:
        return Tail((), connection.execute(_LAST, place).fetchone(), is_cut=True)
    return Tail(tuple((step, time, decode(value, special)) for step, time, value, special in rows), rows[-1])


def _count(connection: Connection, place: tuple[int, int], mark: Mark) -> int:
    query = (
        "SELECT count(*) FROM metrics WHERE run_id = ? AND key_id = ?"
        " AND (step, timestamp, value, special) <= (?, ?, ?, ?)"
    )
    return int(connection.execute(query, (*place, *mark)).fetchone()[0])


def _params(connection: Connection, run_number: int, names: tuple[str, ...]) -> dict[str, str]:
    query = (
        "SELECT k.name, p.value FROM text_keys k JOIN params p ON p.key_id = k.id AND p.run_id = ? WHERE k.name IN ({})"
    )
    found = connection.execute(query.format(", ".join("?" * len(names))), (run_number, *names)) if names else ()
    return dict(found)
