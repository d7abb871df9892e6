"""Searches as syntax trees, and as SQL over the store's tables with every key and value bound.

The condition and the order speak of the table ``runs`` as ``r``, and of a relation ``current_metrics`` (run_id, key_id,
step, timestamp, value, special: the latest point of each metric), which whoever runs the SQL supplies as a view or in
a WITH clause. ILIKE with letters beyond ASCII needs the SQL function that ``CASEFOLD_FUNCTION`` names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CASEFOLD_FUNCTION = "mltrack_casefold"
"""A function of one text or NULL, Python's ``str.casefold``, which the connection registers."""

NUMBER_COMPARATORS = (">", ">=", "=", "!=", "<", "<=")
TEXT_COMPARATORS = ("=", "!=", "LIKE", "ILIKE")
LIST_COMPARATORS = ("IN", "NOT IN")
NULL_COMPARATORS = ("IS NULL", "IS NOT NULL")


class Entity(StrEnum):
    """What a key belongs to; the value is how it is written in front of the dot."""

    METRIC = "metrics"
    PARAM = "params"
    TAG = "tags"
    ATTRIBUTE = "attributes"
    DATASET = "datasets"


class ValueKind(StrEnum):
    """What a key is compared with."""

    TEXT = "text"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Attribute:
    """A property that every row has: its name, its SQL over the row's alias, and what may be asked of it."""

    name: str
    column: str
    kind: ValueKind
    comparators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grammar:
    """What a filter over one kind of rows may name: entities and attributes, by each of their spellings."""

    entities: Mapping[str, Entity]
    attributes: Mapping[str, Attribute]

    def kind(self, key: Key) -> ValueKind:
        """Say what a key is compared with."""
        if key.entity is Entity.ATTRIBUTE:
            return self.attributes[key.name].kind
        return ValueKind.NUMBER if key.entity is Entity.METRIC else ValueKind.TEXT

    def comparators(self, key: Key) -> tuple[str, ...]:
        """List the comparators that a key takes."""
        if key.entity is Entity.ATTRIBUTE:
            return self.attributes[key.name].comparators
        return NUMBER_COMPARATORS if key.entity is Entity.METRIC else TEXT_COMPARATORS + NULL_COMPARATORS


def _text(name: str, column: str, *more: str) -> Attribute:
    return Attribute(name, column, ValueKind.TEXT, TEXT_COMPARATORS + more)


def _number(name: str, column: str) -> Attribute:
    return Attribute(name, column, ValueKind.NUMBER, NUMBER_COMPARATORS)


_ARTIFACT_URI = (
    "((SELECT e.artifact_location FROM experiments e WHERE e.id = r.experiment_id) || '/' || r.uuid || '/artifacts')"
)

RUNS = Grammar(
    entities={
        **dict.fromkeys(("metrics", "metric"), Entity.METRIC),
        **dict.fromkeys(("params", "param", "parameters", "parameter"), Entity.PARAM),
        **dict.fromkeys(("tags", "tag"), Entity.TAG),
        **dict.fromkeys(("attributes", "attribute", "attr", "run"), Entity.ATTRIBUTE),
        **dict.fromkeys(("datasets", "dataset"), Entity.DATASET),
    },
    attributes={
        "run_id": _text("run_id", "r.uuid", *LIST_COMPARATORS),
        **dict.fromkeys(("run_name", "run name", "Run name", "Run Name"), _text("run_name", "r.name")),
        "status": _text("status", "r.status"),
        "user_id": _text("user_id", "r.user_id"),
        "artifact_uri": _text("artifact_uri", _ARTIFACT_URI),
        **dict.fromkeys(("start_time", "created", "Created"), _number("start_time", "r.started_at")),
        "end_time": _number("end_time", "r.ended_at"),
    },
)


@dataclass(frozen=True, slots=True)
class Key:
    """What a clause or an order asks about; an attribute's name is the one in the grammar's table."""

    entity: Entity
    name: str

    def __str__(self) -> str:
        return self.name if self.entity is Entity.ATTRIBUTE else f"{self.entity.value}.{self.name}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A key compared with a number, a text or, for IN and NOT IN, several texts."""

    key: Key
    comparator: str
    value: str | float | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NullTest:
    """Whether a row lacks the key, or with ``negated`` has it."""

    key: Key
    negated: bool


@dataclass(frozen=True, slots=True)
class And:
    """Two or more conditions that must all hold."""

    operands: tuple[Expression, ...]


Expression: TypeAlias = And | Comparison | NullTest


@dataclass(frozen=True, slots=True)
class OrderKey:
    """One key to sort by; rows without it come last in both directions."""

    key: Key
    descending: bool


_TABLES = {Entity.PARAM: "params", Entity.TAG: "run_tags"}


@dataclass(frozen=True, slots=True)
class CompiledSearch:
    """A search in SQL: a condition, a whole ORDER BY list, and the values of their named parameters."""

    where: str
    order: str
    parameters: dict[str, object]


def write_search(expression: Expression | None, order: Sequence[OrderKey], grammar: Grammar = RUNS) -> CompiledSearch:
    """Write a condition and an order in SQL; the order is total, so that pages neither lose nor double a row."""
    writer = _Writer(grammar)
    where = "1" if expression is None else writer.condition(expression)
    return CompiledSearch(where, writer.order(order), writer.parameters)


class _Writer:
    """Writes conditions and collects the values that they bind."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self.parameters: dict[str, object] = {}

    def _bind(self, letter: str, value: object) -> str:
        name = f"{letter}{len(self.parameters) + 1}"
        self.parameters[name] = value
        return f":{name}"

    def condition(self, expression: Expression) -> str:
        """Write a tree as an SQL condition."""
        match expression:
            case And(operands):
                return " AND ".join(f"({self.condition(operand)})" for operand in operands)
            case NullTest(key, negated):
                return f"{'' if negated else 'NOT '}EXISTS ({self._row_of(key)})"
            case Comparison(key):
                return self._comparison(key, expression)

    def order(self, keys: Sequence[OrderKey]) -> str:
        """Write an ORDER BY list: rows without a key last, then the newest first, then by id."""
        terms = [f"{self._sorted(item.key)} {'DESC' if item.descending else 'ASC'} NULLS LAST" for item in keys]
        return ", ".join([*terms, "r.started_at DESC", "r.uuid"])

    def _comparison(self, key: Key, comparison: Comparison) -> str:
        if key.entity is Entity.ATTRIBUTE:
            return self._test(self._grammar.attributes[key.name].column, comparison)
        if key.entity is Entity.METRIC:
            return f"EXISTS ({self._metric(key)} AND {self._test('m.value', comparison)})"
        return f"EXISTS ({self._row_of(key)} AND {self._test('p.value', comparison)})"

    def _sorted(self, key: Key) -> str:
        if key.entity is Entity.ATTRIBUTE:
            return self._grammar.attributes[key.name].column
        return f"({self._metric(key) if key.entity is Entity.METRIC else self._row_of(key)})"

    def _metric(self, key: Key) -> str:
        """Select a run's value of a metric: no row where there is none, or NaN (special 1)."""
        key_id = f"(SELECT id FROM metric_keys WHERE name = {self._bind('k', key.name)})"
        return f"SELECT m.value FROM current_metrics m WHERE m.run_id = r.id AND m.key_id = {key_id} AND m.special <> 1"

    def _row_of(self, key: Key) -> str:
        """Select a run's value of a param or tag."""
        name = self._bind("k", key.name)
        return f"SELECT p.value FROM {_TABLES[key.entity]} p WHERE p.run_id = r.id AND p.key = {name}"

    def _test(self, operand: str, comparison: Comparison) -> str:
        value = comparison.value
        if isinstance(value, tuple):
            names = ", ".join(self._bind("v", item) for item in value)
            return f"{operand} {comparison.comparator} ({names})"
        if comparison.key.entity is Entity.METRIC:
            value = float(value)
        if comparison.comparator in _PATTERN_TESTS:
            left, value = _PATTERN_TESTS[comparison.comparator](operand, str(value))
            return f"{left} {self._bind('v', value)}"
        return f"{operand} {comparison.comparator} {self._bind('v', value)}"


# What only SQLite spells this way. Another dialect replaces these two: each gives the test up to the bound pattern,
# and the pattern as the test takes it.


def _like(operand: str, pattern: str) -> tuple[str, str]:
    """Tell letters' cases apart, which SQLite's LIKE does not and its GLOB does."""
    translated = re.sub(r"[*?[]", r"[\g<0>]", _without_runs(pattern))
    return f"{operand} GLOB", translated.replace("%", "*").replace("_", "?")


def _ilike(operand: str, pattern: str) -> tuple[str, str]:
    """Take letters' cases as one: SQLite's LIKE does so for ASCII, beyond it both sides are folded."""
    if pattern.isascii():
        return f"{operand} LIKE", _without_runs(pattern)
    return f"{CASEFOLD_FUNCTION}({operand}) LIKE", _without_runs(pattern).casefold()


_PATTERN_TESTS = {"LIKE": _like, "ILIKE": _ilike}


def _without_runs(pattern: str) -> str:
    """Make one % of several: they match the same, and each costs time."""
    return re.sub("%+", "%", pattern)
