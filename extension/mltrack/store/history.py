"""Points of metrics as callers of a server ask for them: a page at a time, or some evenly chosen ones."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mltrack.exceptions import InvalidParameterError
from mltrack.store.page_tokens import check_page_size
from mltrack.store.pages import Page
from mltrack.store.points import decode

if TYPE_CHECKING:
    from collections.abc import Iterable
    from sqlite3 import Connection

_LEAST, _MOST = -(2**63), 2**63 - 1
_RUN = "(SELECT id FROM runs WHERE uuid = :run)"
_KEY = "(SELECT id FROM metric_keys WHERE name = :key)"
_ORDER = "timestamp, step, value, special"
_PAGE = (
    f"SELECT value, timestamp, step, special FROM metrics WHERE run_id = {_RUN} AND key_id = {_KEY}"
    f" AND ({_ORDER}) > (:timestamp, :step, :value, :special) ORDER BY {_ORDER} LIMIT :most"
)
_RANGE = f"FROM metrics WHERE run_id = {_RUN} AND key_id = {_KEY} AND step BETWEEN :low AND :high"
_COUNT = f"SELECT count(*) {_RANGE}"
# Of each of `most` equal stretches the first point; the last one begins with the last point.
_SAMPLE = (
    "SELECT value, timestamp, step, special FROM"
    f" (SELECT value, timestamp, step, special, row_number() OVER (ORDER BY step, {_ORDER}) - 1 AS place {_RANGE}) p"
    " WHERE place = 0 OR place * (:most - 1) / (:count - 1) > (place - 1) * (:most - 1) / (:count - 1)"
    " ORDER BY place"
)
_ALL = f"SELECT value, timestamp, step, special {_RANGE} ORDER BY step, {_ORDER}"
_LAST = f"SELECT value, timestamp, step, special {_RANGE} ORDER BY step DESC, timestamp DESC, value DESC LIMIT 1"


class Point(NamedTuple):
    """One point: its value, its time in ms since 1970, its step."""

    value: float
    timestamp: int
    step: int


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Which points of one metric of one run to read; ``most`` of them, from where ``page_token`` says."""

    run_id: str
    key: str
    most: int
    page_token: str | None = None


@dataclass(frozen=True, slots=True)
class SampleQuery:
    """From which steps of one metric of one run to choose ``most`` points (None: from all)."""

    run_id: str
    key: str
    most: int
    low: int | None = None
    high: int | None = None


def read_page(connection: Connection, wanted: HistoryQuery, *, longest: int) -> Page[Point]:
    """Give one page of a metric's points by time, step and value; none for an unknown run or metric.

    A token says after which point the next page begins, so that what is logged meanwhile moves nothing.
    """
    size = check_page_size(wanted.most, longest)
    after = _read_token(wanted.page_token)
    names = dict(zip(("timestamp", "step", "value", "special"), after, strict=True))
    bound = {"run": wanted.run_id, "key": wanted.key, "most": size + 1, **names}
    rows = connection.execute(_PAGE, bound).fetchall()
    token = _make_token(rows[size - 1]) if len(rows) > size else None
    return Page(_points(rows[:size]), token)


def read_sample(connection: Connection, wanted: SampleQuery) -> tuple[Point, ...]:
    """Give some of a metric's points by step, evenly chosen, the first and the last always among them."""
    bound = {
        "run": wanted.run_id,
        "key": wanted.key,
        "low": _LEAST if wanted.low is None else wanted.low,
        "high": _MOST if wanted.high is None else wanted.high,
    }
    count = connection.execute(_COUNT, bound).fetchone()[0]
    if count <= wanted.most:
        return _points(connection.execute(_ALL, bound).fetchall())
    if wanted.most == 1:
        return _points(connection.execute(_LAST, bound).fetchall())
    return _points(connection.execute(_SAMPLE, {**bound, "most": wanted.most, "count": count}).fetchall())


def _points(rows: Iterable[tuple[float, int, int, int]]) -> tuple[Point, ...]:
    return tuple(
        Point(decode(value, special) if special else value, timestamp, step) for value, timestamp, step, special in rows
    )


def _make_token(row: tuple[float, int, int, int]) -> str:
    value, timestamp, step, special = row
    return base64.urlsafe_b64encode(json.dumps([timestamp, step, value, special]).encode()).decode()


def _read_token(token: str | None) -> tuple[int, int, float, int]:
    if not token:
        return _LEAST, _LEAST, 0.0, 0
    try:
        timestamp, step, value, special = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise _no_token(token) from None
    whole = all(type(each) is int and _LEAST <= each <= _MOST for each in (timestamp, step, special))
    if not whole or type(value) is not float:
        raise _no_token(token)
    return timestamp, step, value, special


def _no_token(token: str) -> InvalidParameterError:
    return InvalidParameterError(
        f"{token[:60]!r} is no page token of a metric's history; use the one that its last page gave."
    )
