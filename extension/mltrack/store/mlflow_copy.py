"""Copies what matters of MLflow's SQLite database into a private one, in one read transaction.

MLflow keeps its file in SQLite's rollback mode, where a reader stops all writers; the copy takes a second for a million
points, and a training that logs there meanwhile goes on. Columns that older versions lack become NULL, and types are
cast on the way, since SQLite keeps whatever a file's maker put in. Source: ``mlflow.store.tracking.dbmodels`` and
``mlflow.store.model_registry.dbmodels`` at Alembic revision dc11669786a5 (MLflow 3.17).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.exceptions import NotFoundError, StoreFormatError
from mltrack.store.connection import sqlite3, translated

if TYPE_CHECKING:
    from pathlib import Path
    from sqlite3 import Connection

# Each table with the columns that are read; a column is text (never NULL) unless its type is given.
TABLES = {
    "experiments": "experiment_id name lifecycle_stage creation_time:INTEGER last_update_time:INTEGER",
    "experiment_tags": "experiment_id key value",
    "runs": "run_uuid experiment_id name user_id status lifecycle_stage start_time:INTEGER end_time:INTEGER"
    " deleted_time:INTEGER artifact_uri",
    "metrics": "run_uuid key value:REAL timestamp:INTEGER step:INTEGER is_nan:INTEGER",
    "params": "run_uuid key value",
    "tags": "run_uuid key value",
    "datasets": "dataset_uuid name digest dataset_source_type dataset_source dataset_schema dataset_profile",
    "inputs": "input_uuid source_type source_id destination_type destination_id step:INTEGER",
    "input_tags": "input_uuid name value",
    "logged_models": "model_id experiment_id name model_type status:INTEGER status_message lifecycle_stage"
    " source_run_id artifact_location creation_timestamp_ms:INTEGER last_updated_timestamp_ms:INTEGER",
    "logged_model_params": "model_id param_key param_value",
    "logged_model_tags": "model_id tag_key tag_value",
    "logged_model_metrics": "model_id run_id metric_name metric_value:REAL metric_timestamp_ms:INTEGER"
    " metric_step:INTEGER dataset_name dataset_digest",
    "registered_models": "name description creation_time:INTEGER last_updated_time:INTEGER",
    "registered_model_tags": "name key value",
    "registered_model_aliases": "name alias version:INTEGER",
    "model_versions": "name version:INTEGER description user_id current_stage source run_id status status_message"
    " run_link creation_time:INTEGER last_updated_time:INTEGER",
    "model_version_tags": "name version:INTEGER key value",
}
INDEXES = {
    "experiment_tags": "experiment_id",
    "runs": "experiment_id",
    "metrics": "run_uuid",
    "params": "run_uuid",
    "tags": "run_uuid",
    "datasets": "dataset_uuid",
    "inputs": "destination_id",
    "input_tags": "input_uuid",
    "logged_models": "experiment_id",
    "logged_model_params": "model_id",
    "logged_model_tags": "model_id",
    "logged_model_metrics": "model_id",
    "registered_model_tags": "name",
    "registered_model_aliases": "name",
    "model_versions": "name",
    "model_version_tags": "name",
}
SKIPPED = {
    "traces": "trace_info",
    "spans": "spans",
    "assessments": "assessments",
    "webhooks": "webhooks",
    "scorers": "scorers",
    "evaluation datasets": "evaluation_datasets",
}


def private_copy(path: Path) -> tuple[Connection, str, dict[str, int]]:
    """Copy the tables; gives (the copy, MLflow's schema revision, how many of what is left behind).

    The copy is a nameless temporary file of SQLite's, gone when the connection is closed or this process dies.

    Raises
    ------
    NotFoundError
        There is no such file.
    StoreFormatError
        The file is damaged, no SQLite database, or not MLflow's.
    """
    if not path.is_file():
        raise NotFoundError(f"There is no file {path}.")
    connection: Connection = sqlite3.connect("file:", uri=True, isolation_level=None, check_same_thread=False)
    try:
        connection.text_factory = _text
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cache_size = -65536")
        return connection, *_copy(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise _explained(error, path) from error
    except BaseException:
        connection.close()
        raise


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _explained(error: sqlite3.Error, path: Path) -> Exception:
    if "no such table" in str(error) or "readonly" in str(error):
        return StoreFormatError(
            f"The database {path} was left in the middle of a write ({error}). Open it once with the program that "
            "wrote it, then import it again."
        )
    return translated(error, path)


def _copy(connection: Connection, path: Path) -> tuple[str, dict[str, int]]:
    connection.execute("ATTACH DATABASE ? AS theirs", (_address(path),))
    connection.execute("BEGIN")
    there = {row[0] for row in connection.execute("SELECT name FROM theirs.sqlite_master WHERE type = 'table'")}
    if not {"experiments", "runs", "metrics", "params", "tags"} <= there:
        raise StoreFormatError(
            f"The SQLite database {path} is not MLflow's: it lacks the tables experiments and runs. "
            "Give the path of an mlflow.db, or of an mlruns folder."
        )
    for table, columns in TABLES.items():
        _copy_table(connection, table, columns.split(), is_there=table in there)
    revision = ""
    if "alembic_version" in there:
        row = connection.execute("SELECT version_num FROM theirs.alembic_version").fetchone()
        revision = str(row[0]) if row else ""
    left = {
        what: connection.execute(f"SELECT count(*) FROM theirs.{table}").fetchone()[0]
        for what, table in SKIPPED.items()
        if table in there
    }
    connection.execute("COMMIT")
    connection.execute("DETACH DATABASE theirs")
    for table, column in INDEXES.items():
        connection.execute(f"CREATE INDEX {table}_by_{column} ON {table} ({column})")
    return revision, {what: count for what, count in left.items() if count}


def _address(path: Path) -> str:
    # A file in WAL mode that no one has open is read as it lies: SQLite would make its side files next to it. Only the
    # header tells the mode; closing the file after it lets go of locks that this process holds on it, as closing the
    # connection does where MLflow uses another SQLite library than ours.
    with path.open("rb") as handle:
        is_wal = handle.read(20)[18:20] == b"\x02\x02"
    alone = is_wal and not path.with_name(f"{path.name}-wal").exists()
    return f"{path.absolute().as_uri()}?mode=ro" + ("&immutable=1" if alone else "")


def _copy_table(connection: Connection, table: str, columns: list[str], *, is_there: bool) -> None:
    present = {row[1] for row in connection.execute(f"PRAGMA theirs.table_info({table})")} if is_there else set()
    wanted = []
    for column in columns:
        name, _, kind = column.partition(":")
        value = f"CAST({name if name in present else 'NULL'} AS {kind or 'TEXT'})"
        wanted.append(f"{value} AS {name}" if kind else f"coalesce({value}, '') AS {name}")
    source = f"FROM theirs.{table}" if is_there else "WHERE 0"
    connection.execute(f"CREATE TABLE main.{table} AS SELECT {', '.join(wanted)} {source}")
