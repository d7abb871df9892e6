"""Which runs match a search, in its order: found so that little is looked at, also among very many runs.

A clause that few runs fulfil is asked once, for the numbers of all of them; one that many fulfil is asked of run after
run, until there are enough. Runs come in their order from an index: by start, or by the value of a metric, param or
tag. Where only few are left to choose from, they are all read and sorted instead.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mltrack.entities import ViewType
from mltrack.store.dialect import dialect_of
from mltrack.store.experiments import existing_numbers
from mltrack.store.filter_sql import SetWriter, SqlWriter
from mltrack.store.filter_tree import And, CodeMatch, Comparison, Entity, NullTest, Or
from mltrack.store.search_tables import RUN_TABLES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from sqlite3 import Connection

    from mltrack.store.filter_tree import Clause, Expression, OrderKey
    from mltrack.store.pages import Search

FEW = 2_000  # runs that are read and sorted at once, whatever the order
MOST = 20_000  # runs that are worth a list of their numbers, which takes some 10 ms
MOST_LISTS = 10  # clauses of one search that are asked for such a list
_ALL = 2**62

STAGES = {
    ViewType.ACTIVE_ONLY: "r.lifecycle_stage = 'active'",
    ViewType.DELETED_ONLY: "r.lifecycle_stage = 'deleted'",
    ViewType.ALL: "TRUE",
}


class RunFinder:
    """Finds the runs of one search; ``bound`` is what places of artifacts bind (``Locator.bound``)."""

    def __init__(
        self, connection: Connection, search: Search, order: Sequence[OrderKey], *, bound: Mapping[str, object]
    ) -> None:
        self._connection = connection
        self._dialect = dialect_of(connection)
        self._order = order
        experiments = existing_numbers(search.experiment_ids)
        self._values = {"experiments": json.dumps(experiments), **bound}
        self._scope = (
            f"r.experiment_id IN (SELECT value FROM json_each(:experiments)) AND {STAGES[search.view_type]}"
            if experiments
            else "FALSE"
        )

    def first(self, expression: Expression | None, count: int) -> list[int]:
        """Give the numbers of the first ``count`` runs that fulfil a condition."""
        ids, rest = _Narrower(self._connection, self._values).narrowed(expression)
        if ids is not None and len(ids) <= FEW:
            return self.among(ids, rest, count=count)
        if not self._order or self._order[0].key.entity is Entity.ATTRIBUTE:
            return self._scanned(ids, rest, count)
        scope = self._ask(
            SqlWriter(RUN_TABLES, self._dialect), f"SELECT r.id FROM runs r WHERE {self._scope}", count=FEW + 1
        )
        if len(scope) <= FEW:
            return self.among(set(scope) if ids is None else ids.intersection(scope), rest, count=count)
        return self._driven(ids, rest, count)

    def matching(self, expression: Expression | None) -> tuple[str, dict[str, object]]:
        """Give the condition on a run ``r`` that it matches and what it binds, for queries that look at all runs."""
        writer = SetWriter(RUN_TABLES, self._dialect)
        return f"{self._scope} AND ({writer.condition(expression)})", {**self._values, **writer.parameters}

    def count(self, expression: Expression | None, most: int) -> int:
        """Count the runs that fulfil a condition, up to ``most``."""
        condition, values = self.matching(expression)
        query = f"SELECT count(*) FROM (SELECT 1 FROM runs r WHERE {condition} LIMIT :most) found"
        return int(self._connection.execute(query, {**values, "most": most}).fetchone()[0])

    def keep_newest(self, newest: Collection[int]) -> None:
        """Look from now on at these runs and at those without a snapshot only."""
        self._values["newest"] = json.dumps(list(newest))
        self._scope += (
            " AND (r.id IN (SELECT value FROM json_each(:newest))"
            " OR NOT EXISTS (SELECT 1 FROM snapshots s WHERE s.run_id = r.id))"
        )

    def among(self, ids: Collection[int], rest: Expression | None, *, count: int) -> list[int]:
        """Choose among these runs, reading them all: the first ``count`` that fulfil a condition."""
        writer = SqlWriter(RUN_TABLES, self._dialect)
        query = (
            f"SELECT r.id FROM json_each(:ids) s CROSS JOIN runs r ON r.id = s.value"
            f" WHERE {self._scope} AND ({writer.condition(rest)}) ORDER BY {writer.order(self._order)}"
        )
        return self._ask(writer, query, ids=ids, count=count)

    def _scanned(self, ids: Collection[int] | None, rest: Expression | None, count: int) -> list[int]:
        """Go through the runs by an attribute, mostly by their start, as the index has them."""
        writer = SqlWriter(RUN_TABLES, self._dialect)
        query = (
            f"SELECT r.id FROM runs r WHERE {self._scope} AND {_within('r.id', ids)} AND ({writer.condition(rest)})"
            f" ORDER BY {writer.order(self._order)}"
        )
        return self._ask(writer, query, ids=ids, count=count)

    def _driven(self, ids: Collection[int] | None, rest: Expression | None, count: int) -> list[int]:
        """Go through the values of the first order key as their index has them; then through the runs without one."""
        item, writer = self._order[0], SqlWriter(RUN_TABLES, self._dialect)
        place, *live = writer.places(item.key)
        condition, then = writer.condition(rest), writer.order(self._order[1:])
        chosen = f"{self._scope} AND {_within('r.id', ids)} AND ({condition})"
        valued = (
            f"SELECT r.id FROM {place.tables} CROSS JOIN runs r ON r.id = {place.owner} WHERE {place.condition}"
            f" AND {_within(place.owner, ids)} AND {chosen}"
            f" ORDER BY {self._dialect.order(place.value, 'DESC' if item.descending else 'ASC')}, {then}"
        )
        found = self._ask(writer, valued, ids=ids, count=count)
        for other in live:  # few, and not in the index
            query = f"SELECT r.id FROM {other.tables} CROSS JOIN runs r ON r.id = {other.owner} WHERE {other.condition}"
            if open_runs := self._ask(writer, f"{query} AND {chosen}", ids=ids, count=_ALL):
                found = self.among({*found, *open_runs}, None, count=count)
        if len(found) < count:
            lacking = f"SELECT r.id FROM runs r WHERE {chosen} AND NOT ({writer.has(item.key)}) ORDER BY {then}"
            found += self._ask(writer, lacking, ids=ids, count=count - len(found))
        return found

    def _ask(self, writer: SqlWriter, query: str, *, count: int, ids: Collection[int] | None = None) -> list[int]:
        values = {**self._values, **writer.parameters, "count": count, "ids": json.dumps(list(ids or ()))}
        return [row[0] for row in self._connection.execute(f"{query} LIMIT :count", values)]


def _within(column: str, ids: Collection[int] | None) -> str:
    # The + keeps the list from being gone through itself, in an order that is not the one wanted.
    return "TRUE" if ids is None else f"+{column} IN (SELECT value FROM json_each(:ids))"


class _Narrower:
    """Turns conditions into lists of runs, where these are short enough."""

    def __init__(self, connection: Connection, values: Mapping[str, object]) -> None:
        self._connection = connection
        self._values = values
        self._lists = 0
        self._most = MOST

    def narrowed(self, expression: Expression | None) -> tuple[set[int] | None, Expression | None]:
        """Give (runs, rest): what fulfils the condition is one of the runs (None: of all) and fulfils the rest."""
        match expression:
            case And(operands):
                return self._all(operands)
            case Or(operands):
                return self._any(expression)
            case Comparison() if expression.key.entity is Entity.ATTRIBUTE:
                return None, expression  # asked of a row that is being looked at, it costs nothing
            case Comparison() | CodeMatch() | NullTest():
                ids = self._list(expression)
                return ids, expression if ids is None else None
        return None, expression

    def _all(self, operands: Sequence[Expression]) -> tuple[set[int] | None, Expression | None]:
        ids: set[int] | None = None
        left: list[Expression] = []
        for operand in sorted(operands, key=_effort):
            if ids is not None and len(ids) <= FEW:
                left.append(operand)
                continue
            if ids is not None:
                self._most = FEW  # a second list is worth its time only where it spares going through the first
            found, rest = self.narrowed(operand)
            if found is not None:
                ids = found if ids is None else ids & found
            if rest is not None:
                left.append(rest)
        return ids, And(tuple(left)) if len(left) > 1 else left[0] if left else None

    def _any(self, expression: Or) -> tuple[set[int] | None, Expression | None]:
        ids: set[int] = set()
        for operand in expression.operands:
            if isinstance(operand, Comparison):
                found, rest = self._list(operand), None
            else:
                found, rest = self.narrowed(operand)
            if found is None or rest is not None or len(ids | found) > self._most:
                return None, expression
            ids |= found
        return ids, None

    def _list(self, clause: Clause) -> set[int] | None:
        if _is_lack(clause) or self._lists == MOST_LISTS:
            return None
        self._lists += 1
        writer = SqlWriter(RUN_TABLES, dialect_of(self._connection))
        query = f"{writer.members(clause)} LIMIT {self._most + 1}"
        rows = self._connection.execute(query, {**self._values, **writer.parameters}).fetchall()
        return {row[0] for row in rows} if len(rows) <= self._most else None


def _is_lack(clause: Clause) -> bool:
    """Say whether a clause is true of what is in no table, which cannot be listed."""
    match clause:
        case NullTest(_, negated):
            return not negated
        case CodeMatch(_, negated):
            return negated
    return False


def _effort(expression: Expression) -> int:
    """Say which condition to ask first: those that an index answers with the fewest rows."""
    if isinstance(expression, Comparison):
        return 0 if expression.comparator in ("=", "IN") else 2 if "NOT" in expression.comparator else 1
    return 3
