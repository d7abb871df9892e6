"""Filling a PostgreSQL store with the rows of another store, table by table, so that it can be gone on with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.exceptions import AlreadyExistsError, StoreBusyError, StoreFormatError
from mltrack.store.code_index import index_all_sources
from mltrack.store.postgres.connection import PostgresConnection
from mltrack.store.postgres.database import STORE_LOCK
from mltrack.store.postgres.opening import FILLING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mltrack.store.moved_rows import Table
    from mltrack.store.postgres.connection import Raw
    from mltrack.store.postgres.pool import Pool

    Row = tuple[Any, ...]

ROWS_AT_ONCE = 5_000
_LOCK = STORE_LOCK + 1
_THINGS = ("runs", "registered_models", "logged_models", "users")
_COLUMNS = (
    "SELECT column_name::text FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = %s"
)


class Filling:
    """One connection to the store that is filled; rows are kept by whole batches."""

    def __init__(self, raw: Raw, pool: Pool) -> None:
        self._raw = raw
        self._where = pool.where

    def begin(self, store_id: str) -> bool:
        """Mark the store as being filled from another one; gives True when it was already, and is gone on with.

        Raises
        ------
        AlreadyExistsError
            When it is a store with runs or models of its own, or is being filled from yet another one.
        StoreBusyError when somebody else fills it now.
        """
        if not self._one("SELECT pg_try_advisory_lock(%s)", _LOCK):
            raise StoreBusyError(f"The store {self._where} is being filled by another process; wait for its end.")
        found = self._one("SELECT value FROM meta WHERE key = %s", FILLING)
        if found is not None and found != store_id:
            raise AlreadyExistsError(
                f"The store {self._where} is being filled from another store; end that first, or take a new database."
            )
        if found is None:
            self._refuse_used(store_id)
            self._raw.execute("INSERT INTO meta VALUES (%s, %s)", (FILLING, store_id))
        return found is not None

    def _refuse_used(self, store_id: str) -> None:
        if self._one("SELECT value FROM meta WHERE key = 'store_id'") == store_id:
            raise AlreadyExistsError(f"The store {self._where} was filled from this one already; nothing was changed.")
        own = [each for each in _THINGS if self._one(f"SELECT 1 FROM {each} LIMIT 1")]
        own += ["experiments"] * bool(self._one("SELECT 1 FROM experiments WHERE id <> 0 LIMIT 1"))
        if own:
            raise AlreadyExistsError(
                f"The store {self._where} has {', '.join(own).replace('_', ' ')} of its own. It was left as it is; "
                "give a new database."
            )
        self._raw.execute("DELETE FROM experiments")

    def last(self, table: Table) -> Row | None:
        """Give the key of the last row that is there, by the order of keys; None when there is none."""
        order = ", ".join(f"{name} DESC" for name in table.keys)
        rows = self._raw.execute(
            f"SELECT {', '.join(table.keys)} FROM {table.name} ORDER BY {order} LIMIT 1"
        ).fetchall()
        return rows[0] if rows else None

    def add(self, table: Table, rows: Sequence[Row]) -> None:
        """Put rows into a table, all or none."""
        with self._raw.transaction(), self._raw.cursor().copy(f"COPY {table.name} ({table.list}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def clear(self, table: Table) -> None:
        """Take all rows out of a table."""
        self._raw.execute(f"TRUNCATE {table.name}")

    def rows(self, table: Table) -> Iterator[Row]:
        """Give the rows of a table by its key, a few at a time."""
        order = ", ".join(table.keys)
        with self._raw.transaction(), self._raw.cursor(name="mltrack_rows") as cursor:
            cursor.itersize = ROWS_AT_ONCE
            cursor.execute(f"SELECT {table.list} FROM {table.name} ORDER BY {order}")
            yield from cursor

    def check_columns(self, table: Table) -> None:
        """Raise StoreFormatError when a table is not as it should be."""
        found = {row[0] for row in self._raw.execute(_COLUMNS, (table.name,)).fetchall()}
        if found != set(table.columns):
            odd = ", ".join(sorted(found ^ set(table.columns)))
            raise StoreFormatError(f"The table {table.name} of {self._where} is not as mltrack makes it: {odd}.")

    def index_code(self) -> None:
        """Index the words of all executed code."""
        with self._raw.transaction():
            index_all_sources(PostgresConnection(self._raw))  # type: ignore[arg-type]

    def finish(self, meta: Mapping[str, str], tables: Sequence[Table]) -> None:
        """Let numbers go on behind the highest, and take the mark away: from now on it is a store."""
        with self._raw.transaction():
            for table in tables:
                if table.keys == ("id",):
                    query = f"SELECT setval(pg_get_serial_sequence(%s, 'id'), greatest(max(id), 1)) FROM {table.name}"
                    self._raw.execute(query, (table.name,))
            for pair in meta.items():
                query = "INSERT INTO meta VALUES (%s, %s) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
                self._raw.execute(query, pair)
            self._raw.execute("DELETE FROM meta WHERE key = %s", (FILLING,))
        self._raw.execute("ANALYZE")

    def _one(self, query: str, *values: object) -> object:
        row = self._raw.execute(query, values).fetchone()
        return row[0] if row else None
