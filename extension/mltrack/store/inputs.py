"""What runs read and made: datasets and logged models, over one connection inside the caller's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    RunInputs,
    RunOutputs,
)
from mltrack.exceptions import NotFoundError
from mltrack.store.concurrency import beside_others
from mltrack.store.points import writable_run
from mltrack.store.upserts import upsert

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from sqlite3 import Connection

_ANY_LINKS = "SELECT EXISTS (SELECT 1 FROM run_inputs) OR EXISTS (SELECT 1 FROM run_models)"
WANTED = "(SELECT value FROM json_each(?))"


@beside_others
def write_inputs(
    connection: Connection, run_id: str, datasets: Sequence[DatasetInput], models: Sequence[LoggedModelInput]
) -> None:
    """Note what a run read; a dataset (by name and digest) is kept once an experiment, and once a run.

    A run that has the dataset already keeps the tags it was first logged with, as in MLflow.
    """
    run_number, _ = writable_run(connection, run_id)
    for each in datasets:
        write_dataset(connection, run_number, each)
    _write_models(connection, [(run_number, _model_number(connection, m.model_id), "input", 0) for m in models])


@beside_others
def write_outputs(connection: Connection, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
    """Note which logged models a run made."""
    run_number, _ = writable_run(connection, run_id)
    _write_models(connection, [(run_number, _model_number(connection, m.model_id), "output", m.step) for m in models])


def _write_models(connection: Connection, rows: Sequence[tuple[int, int, str, int]]) -> None:
    query = "INSERT INTO run_models (run_id, model_id, role, step) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
    connection.executemany(query, rows)


def write_dataset(connection: Connection, run_number: int, each: DatasetInput) -> None:
    """Note that a run read a dataset; the tags of the input are overwritten."""
    data = each.dataset
    connection.execute(
        'INSERT INTO datasets (experiment_id, name, digest, source_type, source, "schema", profile)'
        " SELECT experiment_id, ?, ?, ?, ?, ?, ? FROM runs WHERE id = ? ON CONFLICT DO NOTHING",
        (data.name, data.digest, data.source_type, data.source, data.schema, data.profile, run_number),
    )
    number = connection.execute(
        "SELECT d.id FROM datasets d JOIN runs r ON r.experiment_id = d.experiment_id"
        " WHERE r.id = ? AND d.name = ? AND d.digest = ?",
        (run_number, data.name, data.digest),
    ).fetchone()[0]
    query = "INSERT INTO run_inputs VALUES (?, ?) ON CONFLICT DO NOTHING"
    if connection.execute(query, (run_number, number)).rowcount:
        tags = {tag.key: (run_number, number, tag.key, tag.value) for tag in each.tags}
        query = upsert("input_tags", ("run_id", "dataset_id", "key"), ("value",))
        connection.executemany(query, list(tags.values()))


def _model_number(connection: Connection, model_id: str) -> int:
    row = connection.execute("SELECT id FROM logged_models WHERE uuid = ?", (model_id,)).fetchone()
    if row is None:
        raise NotFoundError(f"There is no logged model {str(model_id)[:80]!r} in this store.")
    return int(row[0])


def read_links(connection: Connection, numbers: str) -> tuple[Mapping[object, RunInputs], Mapping[object, RunOutputs]]:
    """Give what these runs (a JSON list of numbers) read and made; runs that have neither are left out."""
    if not connection.execute(_ANY_LINKS).fetchone()[0]:  # most stores have none, and pages of thousands of runs
        return {}, {}
    datasets = _read_datasets(connection, numbers)
    read: dict[object, list[LoggedModelInput]] = {}
    made: dict[object, list[LoggedModelOutput]] = {}
    query = (
        "SELECT l.run_id, m.uuid, l.role, l.step FROM run_models l JOIN logged_models m ON m.id = l.model_id"
        f" WHERE l.run_id IN {WANTED} ORDER BY l.step, l.model_id"
    )
    for run, model_id, role, step in connection.execute(query, (numbers,)):
        if role == "input":
            read.setdefault(run, []).append(LoggedModelInput(model_id))
        else:
            made.setdefault(run, []).append(LoggedModelOutput(model_id, step))
    inputs = {
        run: RunInputs(tuple(datasets.get(run, ())), tuple(read.get(run, ()))) for run in datasets.keys() | read.keys()
    }
    return inputs, {run: RunOutputs(tuple(models)) for run, models in made.items()}


def _read_datasets(connection: Connection, numbers: str) -> Mapping[object, Sequence[DatasetInput]]:
    query = (
        'SELECT i.run_id, d.id, d.name, d.digest, d.source_type, d.source, d."schema", d.profile'
        f" FROM run_inputs i JOIN datasets d ON d.id = i.dataset_id WHERE i.run_id IN {WANTED} ORDER BY d.id"
    )
    rows = connection.execute(query, (numbers,)).fetchall()
    if not rows:
        return {}
    tags: dict[tuple[int, int], list[InputTag]] = {}
    query = f"SELECT run_id, dataset_id, key, value FROM input_tags WHERE run_id IN {WANTED}"
    for run, dataset, key, value in connection.execute(query, (numbers,)):
        tags.setdefault((run, dataset), []).append(InputTag(key, value))
    found: dict[object, list[DatasetInput]] = {}
    kept: dict[int, Dataset] = {}
    for run, number, *fields in rows:
        dataset = kept.setdefault(number, Dataset(*fields))
        found.setdefault(run, []).append(DatasetInput(dataset, tuple(tags.get((run, number), ()))))
    return found
