"""Logged models written as rows, over one connection inside the caller's transaction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mltrack.entities import LoggedModelStatus
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.model_names import is_model_id
from mltrack.store.experiments import experiment_number
from mltrack.store.models import read_logged_models
from mltrack.store.points import encode, missing_run
from mltrack.store.upserts import upsert

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from sqlite3 import Connection

    from mltrack.entities import LoggedModel, Metric
    from mltrack.store.artifact_folder import FileRecord
    from mltrack.store.artifacts import SafePath
    from mltrack.store.locator import Locator
    from mltrack.store.model_protocol import NewLoggedModel


PLACE = "coalesce(m.artifact_place, e.artifact_location || '/models/' || m.uuid || '/artifacts')"
VERSIONS_TAG = "mlflow.modelVersions"
_MODELS = "logged_models m JOIN experiments e ON e.id = m.experiment_id"


def insert_model(connection: Connection, new: NewLoggedModel, name: str, now: int, locate: Locator) -> LoggedModel:
    """Make a logged model that is not ready yet, with its params and tags."""
    number = experiment_number(new.experiment_id)
    row = connection.execute("SELECT lifecycle_stage FROM experiments WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise NotFoundError(f"There is no experiment with the id {new.experiment_id!r}.")
    if row[0] != "active":
        raise InvalidParameterError(f"Experiment {new.experiment_id!r} is deleted; restore it to add models.")
    if new.source_run_id is not None:
        _refuse_missing_run(connection, new.source_run_id)
    model = connection.execute(
        "INSERT INTO logged_models (uuid, experiment_id, name, model_type, status, source_run_id, created_at,"
        " updated_at) VALUES (?, ?, ?, ?, 'PENDING', ?, ?, ?) RETURNING id",
        (new.model_id, number, name, new.model_type, new.source_run_id, now, now),
    ).fetchone()[0]
    _put(connection, "logged_model_params", model, new.params)
    _put(connection, "logged_model_tags", model, new.tags)
    return read_logged_models(connection, [model], locate)[0]


def _refuse_missing_run(connection: Connection, run_id: str) -> None:
    if connection.execute("SELECT 1 FROM runs WHERE uuid = ?", (run_id,)).fetchone() is None:
        raise missing_run(run_id)


def read_model(connection: Connection, model_id: str, locate: Locator) -> LoggedModel:
    """Give a logged model that is not deleted."""
    return read_logged_models(connection, [model_number(connection, model_id)], locate)[0]


def model_number(connection: Connection, model_id: str) -> int:
    """Give the store's number of a logged model that is not deleted; NotFoundError when there is none."""
    query = "SELECT id FROM logged_models WHERE uuid = ? AND lifecycle_stage = 'active'"
    row = connection.execute(query, (model_id,)).fetchone() if is_model_id(model_id) else None
    if row is None:
        raise missing_model(model_id)
    return int(row[0])


def missing_model(model_id: object) -> NotFoundError:
    """Make the error that says that there is no such logged model."""
    return NotFoundError(f"There is no logged model {str(model_id)[:80]!r} in this store; its id begins with 'm-'.")


def set_status(connection: Connection, model_id: str, status: str, now: int, locate: Locator) -> LoggedModel:
    """Say how the making of a logged model ended."""
    if status not in tuple(LoggedModelStatus):
        raise InvalidParameterError(f"{str(status)[:80]!r} is no status of a logged model; READY and FAILED are.")
    number = model_number(connection, model_id)
    connection.execute("UPDATE logged_models SET status = ?, updated_at = ? WHERE id = ?", (str(status), now, number))
    return read_logged_models(connection, [number], locate)[0]


def delete_model(connection: Connection, model_id: str, now: int) -> None:
    """Mark a logged model deleted."""
    number = model_number(connection, model_id)
    query = "UPDATE logged_models SET lifecycle_stage = 'deleted', updated_at = ? WHERE id = ?"
    connection.execute(query, (now, number))


def set_tags(connection: Connection, model_id: str, tags: Mapping[str, str]) -> None:
    """Insert or overwrite tags."""
    _put(connection, "logged_model_tags", model_number(connection, model_id), tags)


def note_version(connection: Connection, model_id: str, name: str, version: str) -> None:
    """Add a version to the tag that says which ones were made of the model, as MLflow's client does."""
    number = model_number(connection, model_id)
    query = "SELECT value FROM logged_model_tags WHERE model_id = ? AND key = ?"
    row = connection.execute(query, (number, VERSIONS_TAG)).fetchone()
    try:
        known = json.loads(row[0]) if row else []
    except (ValueError, RecursionError):  # it is a tag like others, and may say anything
        known = []
    earlier = known if isinstance(known, list) else []
    text = json.dumps([*earlier, {"name": name, "version": version}])
    _put(connection, "logged_model_tags", number, {VERSIONS_TAG: text})


def delete_tag(connection: Connection, model_id: str, key: str) -> None:
    """Take a tag off a logged model; NotFoundError when it has none of that key."""
    query = "DELETE FROM logged_model_tags WHERE model_id = ? AND key = ? RETURNING key"
    if connection.execute(query, (model_number(connection, model_id), key)).fetchone() is None:
        raise NotFoundError(f"Logged model {model_id!r} has no tag {key[:80]!r}.")


def write_params(connection: Connection, model_id: str, params: Mapping[str, str]) -> None:
    """Insert params; a value that differs from the one that is there is refused."""
    number = model_number(connection, model_id)
    kept = dict(connection.execute("SELECT key, value FROM logged_model_params WHERE model_id = ?", (number,)))
    for key, value in params.items():
        if kept.get(key, value) != value:
            raise InvalidParameterError(
                f"Param {key!r} is {kept[key]!r} on this model already and cannot become {value!r}: params are written "
                "once. Log it under another key."
            )
    _put(connection, "logged_model_params", number, params)


def _put(connection: Connection, table: str, number: int, pairs: Mapping[str, str]) -> None:
    rows = [(number, key, value) for key, value in pairs.items()]
    connection.executemany(upsert(table, ("model_id", "key"), ("value",)), rows)


def read_place(connection: Connection, model_id: str, locate: Locator) -> str:
    """Give where a logged model's files lie, also a deleted one's."""
    query = f"SELECT {PLACE} FROM {_MODELS} WHERE m.uuid = ?"
    row = connection.execute(query, (model_id,)).fetchone() if is_model_id(model_id) else None
    if row is None:
        raise missing_model(model_id)
    return locate(row[0])


def write_files(connection: Connection, model_id: str, files: Mapping[SafePath, FileRecord]) -> None:
    """Keep the size and digest of files that are in place."""
    number = model_number(connection, model_id)
    rows = [(number, path.text, size, digest) for path, (size, digest) in files.items()]
    connection.executemany(upsert("logged_model_files", ("model_id", "path"), ("size", "digest")), rows)


def read_equal_file(connection: Connection, experiment: int, record: FileRecord) -> tuple[str, str] | None:
    """Give (place of a model's files, path in it) of a file of this size and digest, of the newest model."""
    row: tuple[str, str] | None = connection.execute(
        f"SELECT {PLACE}, f.path"
        " FROM logged_model_files f JOIN logged_models m ON m.id = f.model_id"
        " JOIN experiments e ON e.id = m.experiment_id WHERE f.digest = ? AND f.size = ? AND m.experiment_id = ?"
        " AND m.artifact_place IS NULL AND m.lifecycle_stage = 'active' ORDER BY m.id DESC LIMIT 1",
        (record.digest, record.size, experiment),
    ).fetchone()
    return row


def write_metrics(
    connection: Connection, run_number: int, metrics: Sequence[Metric], *, numbers: Mapping[str, int]
) -> None:
    """Keep points that were logged for a model with that model; a point that is there already is kept once."""
    models = {each: model_number(connection, each) for each in {m.model_id for m in metrics if m.model_id}}
    connection.executemany(
        "INSERT INTO logged_model_metrics VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [
            (
                *(models[m.model_id], numbers[m.key], run_number, m.step, m.timestamp, *encode(m.value)),
                *(m.dataset_name or "", m.dataset_digest or ""),
            )
            for m in metrics
            if m.model_id
        ],
    )
