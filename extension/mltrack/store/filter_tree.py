"""Searches as syntax trees: what a filter asks, and what an order sorts by.

A clause is true or false of a row, never unknown: one about a key that the row does not have is false, whatever its
comparator (IS NULL excepted), and NOT turns what it is put before into its opposite. So ``params.p != 'x'`` finds
none of the rows without ``p``, and ``NOT params.p = 'x'`` finds them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

NUMBER_COMPARATORS = (">", ">=", "=", "!=", "<", "<=", "BETWEEN", "NOT BETWEEN")
TEXT_COMPARATORS = ("=", "!=", "LIKE", "NOT LIKE", "ILIKE", "NOT ILIKE", "IN", "NOT IN")
NULL_COMPARATORS = ("IS NULL", "IS NOT NULL")
CODE_COMPARATORS = ("MATCH", "NOT MATCH")


class Entity(StrEnum):
    """What a key belongs to; the value is how it is written in front of the dot."""

    METRIC = "metrics"
    PARAM = "params"
    TAG = "tags"
    ATTRIBUTE = "attributes"
    DATASET = "datasets"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Key:
    """What a clause or an order asks about; an attribute's name is the one in the grammar's table."""

    entity: Entity
    name: str

    def __str__(self) -> str:
        return self.name if self.entity in (Entity.ATTRIBUTE, Entity.CODE) else f"{self.entity.value}.{self.name}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A key compared with a number, a text, several texts (IN) or two numbers (BETWEEN)."""

    key: Key
    comparator: str
    value: str | float | tuple[str, ...] | tuple[float, float]


@dataclass(frozen=True, slots=True)
class CodeMatch:
    """Whether the code that a run's snapshot had executed has each of these words; with ``negated``, not each of them.

    A word is a piece of text without spaces, found where all its parts follow one another; ``word*`` is a beginning.
    A run without a snapshot matches neither way.
    """

    words: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class NullTest:
    """Whether a row lacks the key, or with ``negated`` has it."""

    key: Key
    negated: bool


@dataclass(frozen=True, slots=True)
class And:
    """Two or more conditions that must all hold."""

    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Two or more conditions of which one must hold."""

    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    operand: Expression


Clause: TypeAlias = Comparison | CodeMatch | NullTest
Expression: TypeAlias = And | Or | Not | Clause


@dataclass(frozen=True, slots=True)
class OrderKey:
    """One key to sort by; rows without it, or with NaN, come last in both directions.

    ``dataset`` is (name, digest) of the dataset that a logged model's metric must be of, "" for any.
    """

    key: Key
    descending: bool
    dataset: tuple[str, str] = ("", "")
