"""One PostgreSQL connection as the store's SQL expects it: SQLite's statements, tuples, lists in JSON."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from psycopg.types.numeric import FloatBinaryDumper, Int8BinaryDumper

from mltrack.store.postgres.dialect import POSTGRES
from mltrack.store.postgres.errors import VALUE_ERRORS, value_error
from mltrack.store.postgres.sql import translated

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import psycopg

    Row = tuple[Any, ...]
    Raw = psycopg.Connection[Row]
    Cursor = psycopg.Cursor[Row]

_AT_ONCE = 500  # queries that are under way together
_INSERT = re.compile(r"\s*INSERT INTO (\w+(?: \([^)]*\))?) VALUES \((.*)\)\s*(ON .*)?", re.DOTALL)
_TABLE, _VALUES, _REST = 1, 2, 3  # its groups


class PostgresConnection:
    """Runs the store's SQL on a connection that a transaction is open on."""

    dialect = POSTGRES

    def __init__(self, raw: Raw) -> None:
        self._raw = raw
        self.total_changes = 0

    def execute(self, query: str, values: Sequence[object] | Mapping[str, object] = ()) -> Cursor:
        """Run one statement."""
        statement = translated(query)
        try:
            cursor = self._raw.execute(*statement.bound(values))
        except VALUE_ERRORS as error:  # here, since others' work of the same transaction may go on behind a savepoint
            raise value_error(error) from error
        self.total_changes += max(cursor.rowcount, 0)
        return cursor

    def executemany(self, query: str, rows: Iterable[Sequence[object]]) -> Cursor | None:
        """Run one statement for all rows: an insert of values as one of arrays, anything else in one go of many."""
        rows = list(rows)
        if not rows:
            return None
        text = _of_arrays(query, len(rows[0]), _kinds(rows))
        try:
            if text is None:
                cursor = self._raw.cursor()
                cursor.executemany(translated(query).text, rows)
            else:
                cursor = self._raw.execute(text, [array(column) for column in zip(*rows, strict=True)])
        except VALUE_ERRORS as error:
            raise value_error(error) from error
        self.total_changes += max(cursor.rowcount, 0)
        return cursor

    def first_rows(self, query: str, rows: Sequence[Sequence[object]]) -> list[Row | None]:
        """Run one query for many values, all sent before the first answer is waited for."""
        text, found = translated(query).text, []
        for start in range(0, len(rows), _AT_ONCE):
            with self._raw.pipeline():
                cursors = [self._raw.execute(text, values) for values in rows[start : start + _AT_ONCE]]
            found += [cursor.fetchone() for cursor in cursors]
        return found

    def ask(self, query: str, values: Sequence[object] | Mapping[str, object] = ()) -> list[Row]:
        """Run a query that is written for PostgreSQL."""
        return self._raw.execute(query, values).fetchall()


def set_up(raw: Raw) -> None:
    """Let numbers go as the store's columns have them, whatever their size, so that a statement is planned once."""
    raw.adapters.register_dumper(int, Int8BinaryDumper)
    raw.adapters.register_dumper(float, FloatBinaryDumper)


def _kinds(rows: Sequence[Sequence[object]]) -> tuple[str, ...]:
    return tuple(map(_kind, zip(*rows, strict=True)))


def _kind(column: Sequence[object]) -> str:
    for kind, name in ((float, "float8"), (int, "int8"), (bytes, "bytea")):
        if any(isinstance(value, kind) for value in column):
            return name
    return "text"


@lru_cache(maxsize=512)
def _of_arrays(query: str, width: int, kinds: tuple[str, ...]) -> str | None:
    """Write an insert of values as one of arrays, a column each; None for another statement."""
    match = _INSERT.fullmatch(query)
    if match is None:
        return None
    columns = iter(f"u.c{place}" for place in range(width))
    values = re.sub(r"\?", lambda _: next(columns), match[_VALUES])
    arrays = ", ".join(f"%s::{kind}[]" for kind in kinds)
    names = ", ".join(f"c{place}" for place in range(width))
    text = f"INSERT INTO {match[_TABLE]} SELECT {values} FROM unnest({arrays}) AS u ({names})"
    if width == 1 and match[_REST]:  # names that get numbers: those that are there shall not use any up
        table, _, column = match[_TABLE].rstrip(")").partition(" (")
        text += f" WHERE NOT EXISTS (SELECT 1 FROM {table} t WHERE t.{column} = u.c0)"
    return f"{text} {match[_REST] or ''}".rstrip()


def array(column: Sequence[object]) -> str:
    """Write a column as the text of an array, many times faster than by element."""
    return f"{{{','.join(map(_element, column))}}}"


def _element(value: object) -> str:
    if isinstance(value, str):
        return '"{}"'.format(str.__str__(value).replace("\\", "\\\\").replace('"', '\\"'))
    if isinstance(value, bytes):
        return f'"\\\\x{value.hex()}"'
    if isinstance(value, float):
        return float.__repr__(value)  # a subclass may say more than the number
    return "NULL" if value is None else str(int(value))  # type: ignore[call-overload]
