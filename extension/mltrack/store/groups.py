"""Runs in groups by the value of a param or tag: how many there are, and the mean and spread of metrics in each."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError
from mltrack.store import moments
from mltrack.store.filter_tree import Entity
from mltrack.store.filters import parse_filter, parse_key
from mltrack.store.grammars import RUNS
from mltrack.store.points import CURRENT_VALUES, NAN
from mltrack.store.run_search import RunFinder
from mltrack.store.summaries import RunGroup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from sqlite3 import Connection, Cursor

    from mltrack.store.locator import Locator
    from mltrack.store.moments import Moments
    from mltrack.store.pages import Search


JOINS = 8  # metrics that one query looks at
SUMS = 5  # that it gives of each
_TABLES = {Entity.PARAM: "params", Entity.TAG: "run_tags"}
_KEY = "(SELECT id FROM text_keys WHERE name = :key)"
_METRIC = (
    "latest_metrics {m} ON {m}.run_id = r.id AND {m}.key_id = :{m} AND {m}.special <> 1"
    " AND {m}.value BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308"
)


@dataclass(frozen=True, slots=True)
class Grouping:
    """What runs are grouped by and which metrics are summed up; at most ``most`` groups are given."""

    key: str
    metrics: Sequence[str]
    most: int


@dataclass(slots=True)
class _Tally:
    count: int
    moments: dict[str, Moments] = field(default_factory=dict)

    def group(self, value: str | None) -> RunGroup:
        return RunGroup(value, self.count, {name: each.summary for name, each in self.moments.items()})


def find_groups(
    connection: Connection,
    search: Search,
    grouping: Grouping,
    locate: Locator,
    *,
    reader: type[GroupReader] | None = None,
) -> list[RunGroup]:
    """Give the groups of the runs that match, the largest first, then by value, those without one last."""
    key = parse_key(grouping.key)
    if key.entity not in _TABLES:
        raise InvalidParameterError(f"Runs are grouped by params.KEY or tags.KEY; got {grouping.key[:80]!r}.")
    finder = RunFinder(connection, search, (), bound=locate.bound)
    condition, values = finder.matching(parse_filter(search.filter_string, RUNS))
    bound = {**values, "key": key.name, "most": grouping.most}
    groups = (reader or GroupReader)(connection, _TABLES[key.entity], condition, bound)
    tallies = groups.tallies(list(dict.fromkeys(grouping.metrics)))
    ranked = sorted(tallies, key=lambda value: (-tallies[value].count, value is None, value))
    return [tallies[value].group(value) for value in ranked[: grouping.most]]


class GroupReader:
    """Reads the groups of the runs that fulfil a condition, by their values in one table of texts."""

    sums = "count({m}.value), total({m}.value), total({m}.value * {m}.value), min({m}.value), max({m}.value)"
    """What is summed up of each metric."""

    def __init__(self, connection: Connection, table: str, condition: str, values: Mapping[str, object]) -> None:
        self._connection = connection
        self._values = values
        self._table = table
        self._condition = condition

    def tallies(self, metrics: Sequence[str]) -> dict[str | None, _Tally]:
        """Give the largest groups by their values, and that of the runs without one if there are any."""
        numbers = self._numbers(metrics)
        tallies: dict[str | None, _Tally] = {}
        for first in range(0, max(1, len(numbers)), JOINS):
            some = dict(list(numbers.items())[first : first + JOINS])
            for value, count, sums in self._rows(list(some.values())):
                tally = tallies.setdefault(value, _Tally(count))
                for place, (name, number) in enumerate(some.items()):
                    of_metric = sums[place * SUMS : place * SUMS + SUMS]
                    if of_metric[0]:
                        tally.moments[name] = self.moments(value, number, of_metric)
        self._add_live(tallies, list(numbers))
        return tallies

    def _numbers(self, metrics: Sequence[str]) -> dict[str, int]:
        query = "SELECT name, id FROM metric_keys WHERE name IN (SELECT value FROM json_each(?))"
        known: dict[str, int] = dict(self._connection.execute(query, (json.dumps(metrics),)).fetchall())
        return {name: known[name] for name in metrics if name in known}

    def _rows(self, numbers: Sequence[int]) -> list[tuple[str | None, int, tuple[float, ...]]]:
        """Give (value, number of runs, five sums of each metric) of the largest groups."""
        bound = {**self._values, **{f"m{place}": number for place, number in enumerate(numbers)}}
        names = [f"m{place}" for place in range(len(numbers))]
        joins = " ".join(f"LEFT JOIN {_METRIC.format(m=name)}" for name in names)
        sums = "".join(f", {self.sums.format(m=name)}" for name in names)
        valued = (
            f"SELECT sum(count(*)) OVER (), t.value, count(*){sums} FROM {self._of_key} {joins}"
            f" WHERE t.key_id = {_KEY} AND {self._condition}"
            " GROUP BY t.value ORDER BY count(*) DESC, t.value LIMIT :most"
        )
        rows = self._connection.execute(valued, bound).fetchall()
        found = [(value, count, tuple(more)) for _, value, count, *more in rows]
        count = self._connection.execute(f"SELECT count(*) FROM runs r WHERE {self._condition}", bound).fetchone()[0]
        if count > (rows[0][0] if rows else 0):
            lacking = f"SELECT count(*){sums} FROM runs r {joins} WHERE {self._condition} AND {self._lacks}"
            count, *more = self._connection.execute(lacking, bound).fetchone()
            found.append((None, count, tuple(more)))
        return found

    def moments(self, value: str | None, number: int, sums: Sequence[float]) -> Moments:
        """Make moments of a group's five sums; where they are too coarse, the group is read again."""
        count, total, squares, low, high = sums
        found = moments.from_sums(int(count), total, squares, low=low, high=high)
        if found is not None:
            return found
        scale, centre = moments.centre(low, high)
        distance = "(m.value * :scale - :centre)"
        query = f"SELECT total({distance}), total({distance} * {distance})"
        total, squares = self.values_of(query, value, number, scale=scale, centre=centre).fetchone()
        return moments.around(int(count), total, squares, scale=scale, centre=centre)

    def values_of(self, select: str, value: str | None, number: int, **bound: float) -> Cursor:
        """Read of the metric ``m`` of this number of all runs of a group."""
        join = f"CROSS JOIN {_METRIC.format(m='m')}"
        which = f"{self._of_key} {join} WHERE t.key_id = {_KEY} AND t.value = :value AND {self._condition}"
        if value is None:
            which = f"runs r {join} WHERE {self._condition} AND {self._lacks}"
        return self._connection.execute(
            f"{select} FROM {which}", {**self._values, "m": number, "value": value, **bound}
        )

    def _add_live(self, tallies: Mapping[str | None, _Tally], metrics: Sequence[str]) -> None:
        """Add the last points of runs that are under way, which are in no table that was summed up."""
        query = (
            "SELECT r.id, t.value FROM (SELECT id FROM runs WHERE live = 1) l CROSS JOIN runs r ON r.id = l.id"
            f" LEFT JOIN {self._table} t ON t.run_id = r.id AND t.key_id = {_KEY} WHERE {self._condition}"
        )
        live: dict[int, str | None] = dict(self._connection.execute(query, self._values).fetchall())
        for name in metrics if live else ():
            bound = {"numbers": json.dumps(list(live)), "name": name}
            for number, value, special in self._connection.execute(CURRENT_VALUES, bound):
                tally = tallies.get(live[number])
                if tally is not None and special != NAN and math.isfinite(value):
                    tally.moments[name] = tally.moments.get(name, moments.NOTHING).plus(value)

    @property
    def _of_key(self) -> str:
        return f"{self._table} t CROSS JOIN runs r ON r.id = t.run_id"

    @property
    def _lacks(self) -> str:
        return f"r.id NOT IN (SELECT t.run_id FROM {self._table} t WHERE t.key_id = {_KEY})"
