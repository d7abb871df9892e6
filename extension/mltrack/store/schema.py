"""The store's migrations: an ordered list of small named ones, each run once (sqlite-utils' ``Migrations``).

All that a file lacks run in one transaction under one write lock, so that two processes opening an old file see
either the old or the new. ``PRAGMA user_version`` holds the number of migrations applied, so that opening a file that
is current needs neither sqlite-utils nor a lock. A new file is made from the same scripts without sqlite-utils, which
brings pandas along and takes half a second; what sqlite-utils notes of migrations is made up for by the next one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlite_utils import Database, Migrations

from mltrack.store.access_tables import ACCESS
from mltrack.store.code_index import index_all_sources
from mltrack.store.tables import INPUTS, MODEL_FILES, MODELS, NOTEBOOKS, SEARCH, TRACKING, statements

if TYPE_CHECKING:
    from sqlite3 import Connection

migrations = Migrations("mltrack")


@migrations()
def m001_tracking(db: Database) -> None:
    """Experiments, runs, and what is logged to them."""
    _run(db, TRACKING)


@migrations()
def m002_notebooks(db: Database) -> None:
    """Notebook snapshots, their cells and outputs."""
    _run(db, NOTEBOOKS)


@migrations()
def m003_inputs(db: Database) -> None:
    """The datasets that runs read."""
    _run(db, INPUTS)


@migrations()
def m004_models(db: Database) -> None:
    """Logged models, registered models and their versions."""
    _run(db, MODELS)


@migrations()
def m005_search(db: Database) -> None:
    """Numbers for the names of params and tags, indexes by value, and the words of executed code."""
    _run(db, SEARCH)
    index_all_sources(db.conn)


@migrations()
def m006_model_files(db: Database) -> None:
    """The files of logged models, and what a model version was when it was registered."""
    _run(db, MODEL_FILES)


@migrations()
def m007_access(db: Database) -> None:
    """Users, their tokens, and what each may do with experiments and registered models."""
    _run(db, ACCESS)


def migrate(connection: Connection, version: int) -> None:
    """Run the migrations that a file of this version lacks, inside the caller's transaction."""
    database = Database(connection)
    applied = len(migrations.applied(database))
    migrations.ensure_migrations_table(database)
    for missing in migrations.pending(database)[: version - applied]:
        noted = {"migration_set": migrations.name, "name": missing.name, "applied_at": str(datetime.now(UTC))}
        database.table(migrations.migrations_table).insert(noted)
    migrations.apply(database)


def _run(db: Database, script: str) -> None:
    for statement in statements(script):
        db.execute(statement)
