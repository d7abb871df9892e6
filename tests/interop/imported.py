"""What an import left in a store, read back for comparison."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltrack.store.artifact_folder import files_in

if TYPE_CHECKING:
    from mltrack.store.sqlite import SqliteStore


def rows(store: SqliteStore, query: str, *values: object) -> list[tuple[Any, ...]]:
    """Read rows as they are in the file."""
    return store._database.read(lambda connection: connection.execute(query, values).fetchall())


def run_ids(store: SqliteStore) -> set[str]:
    """Give the ids of all runs, deleted ones too."""
    return {row[0] for row in rows(store, "SELECT uuid FROM runs")}


def described(store: SqliteStore, run_id: str) -> dict[str, Any]:
    """Give a run in the shape in which ``mlflow_writer.py`` tells of it."""
    run = store.get_run(run_id)
    keys = ("run_name", "experiment_id", "user_id", "status", "start_time", "end_time", "lifecycle_stage")
    root = Path(run.info.artifact_uri)
    return {
        **{key: getattr(run.info, key) for key in keys},
        "params": dict(run.data.params),
        "tags": dict(run.data.tags),
        "latest": {key: repr(value) for key, value in run.data.metrics.items()},
        "history": {
            key: [(repr(m.value), m.timestamp, m.step) for m in store.metric_history(run_id, key)]
            for key in run.data.metrics
        },
        "datasets": [
            {
                **{key: getattr(each.dataset, key) for key in ("name", "digest", "source_type", "source")},
                "schema": each.dataset.schema,
                "profile": each.dataset.profile,
                "tags": {tag.key: tag.value for tag in each.tags},
            }
            for each in run.inputs.dataset_inputs
        ],
        "model_outputs": [(each.model_id, each.step) for each in run.outputs.model_outputs],
        "files": {each.path: (root / each.path).read_bytes().hex() for each in files_in(store.artifact_folder(run_id))},
    }


def all_of_it(store: SqliteStore) -> dict[str, list[str]]:
    """Give every row of every table as text, to see that nothing was added."""
    tables = [row[0] for row in rows(store, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {table: sorted(repr(row) for row in rows(store, f"SELECT * FROM {table}")) for table in tables}
