"""What is known of a cell before it runs: the names it binds, how and where, and those it reads from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class How(Enum):
    """How a cell binds a name."""

    LITERAL = "literal"
    COMPUTED = "computed"
    ALIAS = "alias"  # another name's value, or a part of a matched pattern
    INNER = "inner"  # by a function of the cell that declares the name global
    LOOP = "loop"
    IMPORT = "import"
    DEFINITION = "definition"  # def, class, type
    DELETED = "deleted"
    WITH = "with"
    EXCEPT = "except"


class Place(IntEnum):
    """What decides whether a statement of the cell runs, from surely to any number of times."""

    TOP = 0
    TRY = 1
    BRANCH = 2
    LOOP = 3


@dataclass(frozen=True, slots=True)
class Span:
    """Where an expression stands: lines from 1, columns from 0 in characters, the end excluded."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Binding:
    """One place where the cell binds a name.

    ``span`` is that of the value, where there is one; ``literal`` is the value of a literal as text, None when it is
    too large to be captured; ``end_line`` is the last line of the statement.
    """

    how: How
    place: Place
    end_line: int
    span: Span | None = None
    literal: str | None = None


@dataclass(frozen=True, slots=True)
class CellPlan:
    """The names a cell binds, with each binding in source order, and those it reads from outside.

    A name in ``reads`` is true when it is read before the cell binds it, and false when a binding that may or may not
    run comes first.
    """

    bindings: Mapping[str, tuple[Binding, ...]] = field(default_factory=dict)
    reads: Mapping[str, bool] = field(default_factory=dict)
