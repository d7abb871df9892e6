"""Statements that insert rows, or change what is there under the same key; SQLite and PostgreSQL know them."""

from __future__ import annotations

from functools import cache


@cache
def upsert(table: str, keys: tuple[str, ...], values: tuple[str, ...]) -> str:
    """Write the insert of a whole row: the columns of its key and then the others, which overwrite those there."""
    places = ", ".join("?" * len(keys + values))
    changes = ", ".join(f"{name} = excluded.{name}" for name in values)
    return f"INSERT INTO {table} VALUES ({places}) ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}"
