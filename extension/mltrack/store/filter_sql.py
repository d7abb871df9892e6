"""Searches in SQL: conditions and orders over the store's tables, with every key and value bound."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mltrack.store.code_index import ALL_RUNS_WITH_WORD, HAS_WORD, RUNS_WITH_WORD
from mltrack.store.dialect import SQLITE
from mltrack.store.filter_tree import And, CodeMatch, Comparison, Entity, Not, NullTest, Or

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.store.dialect import Dialect
    from mltrack.store.filter_tree import Expression, Key, OrderKey
    from mltrack.store.search_tables import Place, SearchTables


class SqlWriter:
    """Writes conditions and orders over one kind of rows, and collects in ``parameters`` the values that they bind.

    ``datasets`` are (name, digest or "") of those that a logged model's metrics must be of; none: any.
    """

    def __init__(
        self, tables: SearchTables, dialect: Dialect = SQLITE, *, datasets: Sequence[tuple[str, str]] = ()
    ) -> None:
        self._tables = tables
        self._dialect = dialect
        self._datasets = datasets
        self.parameters: dict[str, object] = {}

    def bind(self, value: object) -> str:
        """Give the name under which a value is bound."""
        name = f"v{len(self.parameters) + 1}"
        self.parameters[name] = value
        return f":{name}"

    def condition(self, expression: Expression | None) -> str:
        """Write a tree as a condition on a row; what it asks of other tables is looked up row by row."""
        match expression:
            case None:
                return "TRUE"
            case And(operands):
                return " AND ".join(f"({self.condition(operand)})" for operand in operands)
            case Or(operands):
                return " OR ".join(f"({self.condition(operand)})" for operand in operands)
            case Not(operand):
                return f"({self.condition(operand)}) IS NOT TRUE"  # what is NULL counts as false
            case NullTest(key, negated):
                return f"{'' if negated else 'NOT '}({self.has(key)})"
            case CodeMatch():
                return self._match(expression)
            case Comparison():
                return self._comparison(expression)

    def members(self, clause: Comparison | CodeMatch | NullTest) -> str:
        """Write the query of the numbers of all rows of which a clause is true, some perhaps more than once."""
        if isinstance(clause, CodeMatch):
            return self._coded(clause)
        if clause.key.entity is Entity.ATTRIBUTE:
            return f"SELECT r.id FROM {self._tables.table} WHERE {self.condition(clause)}"
        return " UNION ALL ".join(
            f"SELECT {place.owner} FROM {place.tables} WHERE {place.condition} AND {self._holds(place, clause)}"
            for place in self.places(clause.key)
        )

    def has(self, key: Key) -> str:
        """Write that a row has a key."""
        return self._any(self.places(key), None)

    def order(self, keys: Sequence[OrderKey]) -> str:
        """Write an ORDER BY list: rows without a key last, and a total order, so that pages neither lose nor double."""
        if not keys:
            return self._tables.order
        terms = [self._term(item) for item in keys]
        sorted_by = {term.rpartition(" ")[0] for term in terms}
        tie = [term for term in self._tables.tie.split(", ") if term.partition(" ")[0] not in sorted_by]
        return ", ".join([*terms, *tie])

    def places(self, key: Key) -> tuple[Place, ...]:
        """Give where values of a key lie, with its name bound."""
        if key.entity is Entity.DATASET:
            return (self._tables.datasets[key.name],)
        places = self._tables.places[key.entity]
        name = self.bind(key.name)
        bound = [
            replace(place, tables=place.tables.format(key=name), condition=place.condition.format(key=name))
            for place in places
        ]
        if key.entity is Entity.METRIC and self._datasets:
            bound = [replace(place, condition=f"{place.condition} AND {self.of_datasets()}") for place in bound]
        return tuple(bound)

    def of_datasets(self) -> str:
        """Write that a logged model's metric is of one of the datasets."""
        each = [
            f"m.dataset_name = {self.bind(name)}" + (f" AND m.dataset_digest = {self.bind(digest)}" if digest else "")
            for name, digest in self._datasets
        ]
        return f"({' OR '.join(each)})"

    def _term(self, item: OrderKey) -> str:
        direction = "DESC" if item.descending else "ASC"
        if item.key.entity is not Entity.ATTRIBUTE:
            return f"{self._sort_value(item)} {direction} NULLS LAST"
        name = item.key.name
        column = "r.id" if name == "experiment_id" else self._tables.attributes[name]
        return f"{column} {direction}{' NULLS LAST' if name in self._tables.nullable else ''}"

    def _sort_value(self, item: OrderKey) -> str:
        values = []
        for place in self.places(item.key):
            conditions = [f"{place.owner} = r.id", place.condition]
            for column, value in zip(("m.dataset_name", "m.dataset_digest"), item.dataset, strict=True):
                conditions += [f"{column} = {self.bind(value)}"] if value else []
            values.append(f"(SELECT {place.value} FROM {place.tables} WHERE {' AND '.join(conditions)} {place.last})")
        return values[0] if len(values) == 1 else f"coalesce({', '.join(values)})"

    def _comparison(self, clause: Comparison) -> str:
        if clause.key.entity is Entity.ATTRIBUTE:
            return self._test(self._tables.attributes[clause.key.name], clause)
        absent = self._tables.grammar.absent.get(clause.key.name)
        if clause.key.entity is Entity.TAG and absent is not None and clause.comparator in ("=", "!="):
            (place,) = self.places(clause.key)
            value = f"(SELECT {place.value} FROM {place.tables} WHERE {place.owner} = r.id AND {place.condition})"
            return self._test(f"coalesce({value}, {self.bind(absent)})", clause)
        return self._any(self.places(clause.key), clause)

    def _any(self, places: Sequence[Place], clause: Comparison | None) -> str:
        return " OR ".join(
            f"EXISTS (SELECT 1 FROM {place.tables} WHERE {place.owner} = r.id AND {place.condition}"
            f" AND {self._holds(place, clause)})"
            for place in places
        )

    def _holds(self, place: Place, clause: Comparison | NullTest | None) -> str:
        return self._test(place.value, clause) if isinstance(clause, Comparison) else "TRUE"

    def _match(self, clause: CodeMatch) -> str:
        found = " AND ".join(HAS_WORD.format(word=self.bind(self._dialect.word(word))) for word in clause.words)
        return (
            f"NOT ({found}) AND EXISTS (SELECT 1 FROM snapshots s WHERE s.run_id = r.id)" if clause.negated else found
        )

    def _coded(self, clause: CodeMatch) -> str:
        return " INTERSECT ".join(
            RUNS_WITH_WORD.format(word=self.bind(self._dialect.word(word))) for word in clause.words
        )

    def _test(self, operand: str, clause: Comparison) -> str:
        comparator = clause.comparator
        values: tuple[object, ...] = clause.value if isinstance(clause.value, tuple) else (clause.value,)
        if comparator.endswith("BETWEEN"):
            test = f"{comparator} {{}} AND {{}}"
        elif comparator.endswith("IN"):
            test = f"{comparator} ({', '.join(['{}'] * len(values))})"
        elif "LIKE" in comparator:
            matches = self._dialect.ilike if comparator.endswith("ILIKE") else self._dialect.like
            return "NOT " * comparator.startswith("NOT") + matches(operand, str(clause.value), self.bind)
        else:
            test = f"{comparator} {{}}"
        if clause.key.entity is Entity.PARAM and not isinstance(values[0], str):
            return self._number_test(operand, test, values)
        if clause.key.entity is Entity.METRIC:
            values = tuple(float(value) for value in values if isinstance(value, (int, float)))
        if comparator in ("=", "IN"):
            return self._dialect.among(operand, values, self.bind)
        return f"{operand} {test.format(*map(self.bind, values))}"

    def _number_test(self, operand: str, test: str, values: Sequence[object]) -> str:
        numbers = [value for value in values if isinstance(value, (int, float))]
        return self._dialect.number_test(operand, test, numbers, self.bind)


class SetWriter(SqlWriter):
    """Writes conditions for a look at all rows: what they ask of other tables is read once, as a set of rows."""

    def has(self, key: Key) -> str:
        """Write that a row has a key."""
        owners = (f"SELECT {place.owner} FROM {place.tables} WHERE {place.condition}" for place in self.places(key))
        return f"r.id IN ({' UNION ALL '.join(owners)})"

    def _comparison(self, clause: Comparison) -> str:
        if clause.key.entity is Entity.ATTRIBUTE or clause.key.name in self._tables.grammar.absent:
            return super()._comparison(clause)
        return f"r.id IN ({self.members(clause)})"

    def _match(self, clause: CodeMatch) -> str:
        found = f"r.id IN ({self.members(clause)})"
        return f"NOT {found} AND EXISTS (SELECT 1 FROM snapshots s WHERE s.run_id = r.id)" if clause.negated else found

    def _coded(self, clause: CodeMatch) -> str:
        return " INTERSECT ".join(
            ALL_RUNS_WITH_WORD.format(word=self.bind(self._dialect.word(word))) for word in clause.words
        )
