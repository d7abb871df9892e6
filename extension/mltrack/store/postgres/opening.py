"""Opening a PostgreSQL database as a store: its tables made when it is new, brought up to date when they are old."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

import psycopg

from mltrack.exceptions import StoreFormatError, StoreReadOnlyError, StoreVersionError
from mltrack.store.postgres.casefold import casefold_function
from mltrack.store.postgres.database import STORE_LOCK, PostgresDatabase
from mltrack.store.postgres.errors import is_conflict, is_lost, translated
from mltrack.store.postgres.tables import scripts
from mltrack.store.tables import MIGRATIONS

if TYPE_CHECKING:
    from mltrack.store.postgres.connection import Raw
    from mltrack.store.postgres.pool import Pool

_OLDEST = 120_000  # PostgreSQL 12
_STATE = """
SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), pg_is_in_recovery(),
to_regclass('mltrack_migrations') IS NOT NULL
"""
_OTHERS = """
SELECT c.relname FROM pg_class c WHERE c.relnamespace = to_regnamespace(current_schema())
AND c.relkind IN ('r', 'v', 'p') AND c.relname = ANY(%s)
"""
_USE = """
SELECT has_table_privilege('runs', 'INSERT') AND has_table_privilege('mltrack_writes', 'INSERT'),
EXISTS (SELECT 1 FROM meta WHERE key = %s)
"""
FILLING = "filled_from"
"""The entry of ``meta`` that says from which store this one is being filled."""


def open_database(uri: str, artifact_root: str, *, now: int, is_filled: bool = False) -> PostgresDatabase:
    """Open the store at an address, making or migrating its tables as needed; ``now`` is ms since 1970.

    ``artifact_root`` is where the artifacts of the experiment Default go when the store is made; ``is_filled`` lets one
    be opened that is being filled from another store.

    Raises
    ------
    StoreFormatError
        Another program's tables are there, or the database does not keep UTF-8.
    StoreVersionError
        A newer mltrack made the tables; they are left as they are.
    StoreReadOnlyError
        The tables are not there or old, and cannot be made here.
    StoreError
        Nobody answers, the user or password is not right, or there is no such database.
    """
    database = PostgresDatabase(uri)
    pool = database.pool
    try:
        lent = pool.take(time.monotonic())
        try:
            version, is_standby = _look(lent.raw, pool)
            if version < len(MIGRATIONS):
                _refuse_standby(pool, version, is_standby=is_standby)
                _migrate(lent.raw, pool, (artifact_root, now))
            (may_write, has_mark) = lent.raw.execute(_USE, (FILLING,)).fetchall()[0]
        finally:
            pool.give_back(lent)
    except psycopg.Error as error:
        raise translated(error, pool.where, password=pool.password) from error
    if has_mark and not is_filled:
        raise StoreFormatError(
            f"The store {pool.where} is being filled from another one and is not whole. End that first, by the same "
            "`mltrack db migrate`, or make another database."
        )
    database.read_only = is_standby or not may_write
    return database


def _look(raw: Raw, pool: Pool) -> tuple[int, bool]:
    """Give (schema's version, whether the server is a standby); raise for what cannot be used."""
    row = raw.execute(_STATE).fetchone()
    assert row is not None  # noqa: S101 - a query without FROM gives one row
    server, encoding, is_standby, is_ours = row
    if server < _OLDEST:
        raise StoreFormatError(
            f"The store {pool.where} is in PostgreSQL {server // 10_000}; "
            f"version {_OLDEST // 10_000} or newer is needed."
        )
    if encoding != "UTF8":
        raise StoreFormatError(
            f"The store {pool.where} keeps texts as {encoding}, which cannot hold all of them. Make another database: "
            "CREATE DATABASE mltrack ENCODING 'UTF8' TEMPLATE template0."
        )
    version = _version(raw) if is_ours else 0
    if version > len(MIGRATIONS):
        raise StoreVersionError(
            f"The store {pool.where} has schema {version} and this mltrack knows {len(MIGRATIONS)}: a newer mltrack "
            "made it. Upgrade with `pip install -U jupyter-mltrack`; it was left as it is."
        )
    return version, bool(is_standby)


def _version(raw: Raw) -> int:
    row = raw.execute("SELECT coalesce(max(version), 0) FROM mltrack_migrations").fetchone()
    return int(row[0]) if row else 0


def _refuse_standby(pool: Pool, version: int, *, is_standby: bool) -> None:
    if is_standby:
        raise StoreReadOnlyError(
            f"The store {pool.where} is a standby with schema {version or 'none'}; open its primary once to bring it "
            f"up to {len(MIGRATIONS)}."
        )


def _migrate(raw: Raw, pool: Pool, new: tuple[str, int]) -> None:
    """Run the migrations that are missing, all or none; others who open the store meanwhile wait."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with raw.transaction():
                _run(raw, pool, new)
        except psycopg.errors.LockNotAvailable:
            if time.monotonic() > deadline:
                raise
        except psycopg.Error as error:
            if not is_conflict(error) or is_lost(error):
                raise
        else:
            return


def _run(raw: Raw, pool: Pool, new: tuple[str, int]) -> None:
    raw.execute("SELECT pg_advisory_xact_lock(%s)", (STORE_LOCK,))
    version, _ = _look(raw, pool)
    if version == 0:
        _refuse_others(raw, pool)
        raw.execute(casefold_function(raw), None, prepare=False)
    for number, (name, statements) in enumerate(scripts(), 1):
        if number > version:
            for statement in statements:
                raw.execute(statement, None, prepare=False)
            raw.execute("INSERT INTO mltrack_migrations VALUES (%s, %s, %s)", (number, name, new[1]))
    _fill_in(raw, *new)


def _refuse_others(raw: Raw, pool: Pool) -> None:
    """Leave a database alone that has tables of another program under our names."""
    names = ["alembic_version", "experiments", "runs", "metrics", "params", "meta", "users", "tags"]
    found = {row[0] for row in raw.execute(_OTHERS, (names,)).fetchall()}
    if not found:
        return
    if {"alembic_version", "experiments", "runs"} <= found:
        raise StoreFormatError(
            f"The store {pool.where} is a database of MLflow's, not an mltrack store. It was left as it is; give "
            "another database, or run `mlflow server` on this one and use its address."
        )
    raise StoreFormatError(
        f"The store {pool.where} has tables of another program ({', '.join(sorted(found))}). It was left as it is; "
        "give another database, or a schema of its own by ?options=-csearch_path%3DNAME in the URI."
    )


def _fill_in(raw: Raw, artifact_root: str, now: int) -> None:
    for key, value in (("store_id", uuid.uuid4().hex), ("created_at", str(now))):
        raw.execute("INSERT INTO meta VALUES (%s, %s) ON CONFLICT DO NOTHING", (key, value))
    raw.execute(
        "INSERT INTO experiments (id, name, artifact_location, created_at, updated_at)"
        " VALUES (0, 'Default', %s, %s, %s) ON CONFLICT DO NOTHING",
        (f"{artifact_root}/0", now, now),
    )
