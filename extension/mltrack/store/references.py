"""Which rows of the store's tables belong to rows of others, as its scripts say."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from mltrack.store.tables import SCRIPTS, statements

_TABLE = re.compile(r"\s*CREATE TABLE (\w+)")
_COLUMN = re.compile(r"[(,]\s*\"?(\w+)\"? (?:INTEGER|TEXT|BLOB|REAL)[^,]*? REFERENCES (\w+) \((\w+)\)")
_SEVERAL = re.compile(r"FOREIGN KEY \(([^)]*)\) REFERENCES (\w+) \(([^)]*)\)")
_ADDED = re.compile(r"\s*ALTER TABLE (\w+) RENAME TO (\w+)|\s*DROP TABLE (\w+)")


class Reference(NamedTuple):
    """Columns of a table that name a row of another one by its columns."""

    table: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]

    @property
    def loose(self) -> str:
        """The query of the rows of the table that belong to none."""
        same = " AND ".join(f"p.{of} = c.{at}" for at, of in zip(self.columns, self.parent_columns, strict=True))
        known = " AND ".join(f"c.{column} IS NOT NULL" for column in self.columns)
        return (
            f"SELECT {', '.join(f'c.{column}' for column in self.columns)} FROM {self.table} c WHERE {known}"
            f" AND NOT EXISTS (SELECT 1 FROM {self.parent} p WHERE {same})"
        )


@cache
def references() -> tuple[Reference, ...]:
    """Give all references of the tables as they are now."""
    found: dict[str, list[Reference]] = {}
    for script in SCRIPTS:
        for statement in statements(script):
            if match := _ADDED.match(statement):
                renamed, to, dropped = match.groups()
                if renamed:
                    found[to] = found.pop(renamed)
                else:
                    del found[dropped]
            elif match := _TABLE.match(statement):
                found[match[1]] = [*_of_columns(match[1], statement), *_of_several(match[1], statement)]
    return tuple(each for several in found.values() for each in several)


def _of_columns(table: str, statement: str) -> list[Reference]:
    return [Reference(table, (at,), parent, (of,)) for at, parent, of in _COLUMN.findall(statement)]


def _of_several(table: str, statement: str) -> list[Reference]:
    return [
        Reference(table, tuple(at.split(", ")), parent, tuple(of.split(", ")))
        for at, parent, of in _SEVERAL.findall(statement)
    ]
