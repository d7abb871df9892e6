"""Runs that have something in every table, for tests of what removes or copies them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.core.notebooks import saved
from tests.core.stores import begin

from mltrack.entities import Dataset, DatasetInput, Metric, Param, RunTag
from mltrack.store.protocol import Failure, GarbageSelection
from mltrack.store.references import references
from mltrack.store.tables import TABLES

if TYPE_CHECKING:
    from mltrack.store.sqlite import SqliteStore

ALL = GarbageSelection()
DATASET = DatasetInput(Dataset("d", "1", "local", "{}"))


def full_run(store: SqliteStore, experiment_id: str = "0") -> str:
    """A run that has something in every table."""
    run_id = begin(store, experiment_id=experiment_id)
    store.log_batch(run_id, metrics=[Metric("m", 1.0, 1)], params=[Param("p", "1")], tags=[RunTag("t", "1")])
    store.log_inputs(run_id, [DATASET])
    store.record_failure(run_id, Failure("a", "b", "c"))
    store.set_environment(run_id, {"run": run_id})
    write_file(store, run_id, b"bytes")
    saved(store, run_id)
    return run_id


def write_file(store: SqliteStore, run_id: str, content: bytes) -> Path:
    path = Path(store.get_run(run_id).info.artifact_uri) / "a.txt"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    query = "INSERT INTO artifacts SELECT id, 'a.txt', ?, '', 1 FROM runs WHERE uuid = ?"
    store._database.write(lambda connection: connection.execute(query, (len(content), run_id)))
    return path


def counts(store: SqliteStore) -> dict[str, int]:
    """How many rows each table has, without those that always stay."""

    def work(connection: Any) -> dict[str, int]:
        kept = [name for name in TABLES if name not in STAYING]
        found = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in kept}
        return {name: count for name, count in found.items() if count}

    return store._database.read(work)


STAYING = ("meta", "metric_keys", "text_keys", "code_index")


def loose_references(store: SqliteStore) -> list[object]:
    queries = [each.loose for each in references()]
    return store._database.read(lambda connection: [row for query in queries for row in connection.execute(query)])
