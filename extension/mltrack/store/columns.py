"""Some values of very many runs side by side, read together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mltrack.store.filter_tree import Entity, Key
from mltrack.store.filters import parse_filter, parse_key, parse_order
from mltrack.store.grammars import RUNS
from mltrack.store.page_tokens import page_bounds
from mltrack.store.points import CURRENT_VALUES, decode
from mltrack.store.run_search import RunFinder
from mltrack.store.search_tables import RUN_TABLES
from mltrack.store.summaries import RunColumns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from sqlite3 import Connection

    from mltrack.store.locator import Locator
    from mltrack.store.pages import Search
    from mltrack.store.summaries import Value


JOINS = 20  # columns that one query reads
LISTED = "json_each(:numbers) s CROSS JOIN runs r ON r.id = s.value"
IN_ORDER = "/* in the order of the list */"
_TABLES = {
    Entity.PARAM: ("params", "text_keys"),
    Entity.TAG: ("run_tags", "text_keys"),
    Entity.METRIC: ("latest_metrics", "metric_keys"),
}


def read_columns(connection: Connection, search: Search, names: Sequence[str], locate: Locator) -> RunColumns:
    """Give these values of one page of the runs that match, each column under its name as it was asked for."""
    keys = {name: parse_key(name) for name in names}
    expression = parse_filter(search.filter_string, RUNS)
    order = parse_order(search.order_by, RUNS)  # type: ignore[arg-type]
    size, offset = page_bounds(search, RUNS.noun)
    numbers = RunFinder(connection, search, order, bound=locate.bound).first(expression, offset + size)[offset:]
    reader = _Reader(connection, numbers, bound=locate.bound)
    run_id = Key(Entity.ATTRIBUTE, "run_id")
    run_ids, *columns = reader.read([run_id, *keys.values()])
    return RunColumns([str(each) for each in run_ids], dict(zip(keys, columns, strict=True)))


class _Reader:
    """Reads values of runs, in the order of their numbers."""

    def __init__(self, connection: Connection, numbers: Sequence[int], *, bound: Mapping[str, object]) -> None:
        self._connection = connection
        self._numbers = numbers
        self._values = {"numbers": json.dumps(numbers), **bound}

    def read(self, keys: Sequence[Key]) -> list[list[Value]]:
        """Give the values of each key, None where a run has none."""
        columns = [each for first in range(0, len(keys), JOINS) for each in self._joined(keys[first : first + JOINS])]
        metrics = [(key.name, column) for key, column in zip(keys, columns, strict=True) if key.entity is Entity.METRIC]
        if metrics:
            self._add_live(metrics)
        return columns

    def _joined(self, keys: Sequence[Key]) -> list[list[Value]]:
        bound: dict[str, object] = dict(self._values)
        shown, joins = [], []
        for place, key in enumerate(keys):
            if key.entity is Entity.ATTRIBUTE:
                shown.append(f"{RUN_TABLES.attributes[key.name]}, 0")
                continue
            table, names = _TABLES[key.entity]
            alias = f"c{place}"
            bound[alias] = key.name
            number = f"(SELECT id FROM {names} WHERE name = :{alias})"
            joins.append(f"LEFT JOIN {table} {alias} ON {alias}.run_id = r.id AND {alias}.key_id = {number}")
            shown.append(f"{alias}.value, {f'{alias}.special' if key.entity is Entity.METRIC else 0}")
        # The list is gone through in its order, one run after the other, as the remark asks of PostgreSQL.
        query = f"SELECT {', '.join(shown)} FROM {LISTED} {' '.join(joins)} {IN_ORDER}"
        columns = list(zip(*self._connection.execute(query, bound), strict=True))
        if not columns:
            return [[] for _ in keys]
        return [_decoded(*columns[place : place + 2]) for place in range(0, len(columns), 2)]

    def _add_live(self, metrics: Sequence[tuple[str, list[Value]]]) -> None:
        """Put in the last points of the runs that are under way, which are in another table."""
        live = {row[0] for row in self._connection.execute("SELECT id FROM runs WHERE live = 1")}
        places = {number: place for place, number in enumerate(self._numbers) if number in live}
        for name, column in metrics if places else ():
            bound = {"numbers": json.dumps(list(places)), "name": name}
            for number, value, special in self._connection.execute(CURRENT_VALUES, bound):
                column[places[number]] = decode(value, special)


def _decoded(values: Sequence[Any], specials: Sequence[int]) -> list[Value]:
    if not any(specials):
        return list(values)
    return [decode(value, special) if special else value for value, special in zip(values, specials, strict=True)]
