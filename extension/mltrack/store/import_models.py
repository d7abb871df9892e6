"""Takes the logged models and the model registry of another tracker's store into an SQLite store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError
from mltrack.models.manifest import digest_of
from mltrack.store.artifact_kinds import open_folder
from mltrack.store.model_sources import ModelSource, as_model, known_records, read_source
from mltrack.store.points import encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from sqlite3 import Connection

    from mltrack.store.artifact_folder import ArtifactFolder
    from mltrack.store.foreign import ForeignModel, ForeignRegisteredModel, ForeignVersion, ModelLink, Pair
    from mltrack.store.sqlite import SqliteStore

STAGES = ("None", "Staging", "Production", "Archived")


class ModelWriter:
    """Writes models into one store; every value was checked, masked and cut before."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._database = store._database
        self._keys = store._keys

    def write_model(self, model: ForeignModel, experiment_id: str, place: str | None) -> bool:
        """Write a logged model with what was logged to it, where it is not there yet; gives True when it was new."""
        names = {point[1] for point in model.points}

        def work(connection: Connection) -> tuple[dict[str, int], bool]:
            numbers = self._keys.numbers(connection, names)
            number, is_new = _upsert_model(connection, model, int(experiment_id), place)
            _write_pairs(connection, "logged_model_params", number, model.params)
            _write_pairs(connection, "logged_model_tags", number, model.tags)
            connection.executemany(
                "INSERT INTO logged_model_metrics SELECT ?, ?, id, ?, ?, ?, ?, ?, ? FROM runs WHERE uuid = ?"
                " ON CONFLICT DO NOTHING",
                [
                    (number, numbers[key], step, time, *encode(value), name, digest, run_id)
                    for run_id, key, value, time, step, name, digest in model.points
                ],
            )
            return numbers, is_new

        numbers, is_new = self._database.write(work)
        self._keys.remember(numbers)
        return is_new

    def write_links(self, links: Iterable[ModelLink]) -> None:
        """Note which run read or made which model; those of runs and models that are not here are left out."""
        query = (
            "INSERT INTO run_models (run_id, model_id, role, step) SELECT r.id, m.id, ?, ?"
            " FROM runs r, logged_models m WHERE r.uuid = ? AND m.uuid = ? ON CONFLICT DO NOTHING"
        )
        rows = [(role, step, run_id, model_id) for run_id, model_id, role, step in links]
        self._database.write(lambda connection: connection.executemany(query, rows))

    def write_registered(self, model: ForeignRegisteredModel) -> tuple[int, list[int]]:
        """Write a registered model with its versions; gives (new versions, numbers that are another model's here).

        A version is the same when its number, time and run are; one whose number was given out here for something
        else stays away, and so do the aliases that point to it.
        """
        return self._database.write(_write_registered, model)

    def write_digests(self) -> None:
        """Keep the digest of the files of each version that has none, where the files are known."""
        self._database.write(_write_digests)

    def model_folder(self, model_id: str) -> ArtifactFolder:
        """Give the folder of a logged model's files: ``models/MODEL_ID/artifacts`` below its experiment's place."""
        query = (
            "SELECT e.artifact_location FROM logged_models m JOIN experiments e ON e.id = m.experiment_id"
            " WHERE m.uuid = ?"
        )
        place = self._database.read(lambda connection: connection.execute(query, (model_id,)).fetchone()[0])
        return open_folder(f"{self._store._locate(place)}/models/{model_id}/artifacts")


def _upsert_model(connection: Connection, model: ForeignModel, experiment: int, place: str | None) -> tuple[int, bool]:
    row = connection.execute("SELECT id FROM logged_models WHERE uuid = ?", (model.model_id,)).fetchone()
    if row:
        connection.execute(
            "UPDATE logged_models SET status = ?, updated_at = ? WHERE id = ? AND updated_at < ?",
            (model.status, model.updated_at, row[0], model.updated_at),
        )
        return row[0], False
    row = connection.execute(
        "INSERT INTO logged_models (uuid, experiment_id, name, model_type, status, status_message, lifecycle_stage,"
        " source_run_id, artifact_place, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            *(model.model_id, experiment, model.name, model.model_type, model.status, model.status_message),
            *(model.lifecycle_stage, model.source_run_id, place, model.created_at, model.updated_at),
        ),
    ).fetchone()
    return int(row[0]), True


def _write_registered(connection: Connection, model: ForeignRegisteredModel) -> tuple[int, list[int]]:
    connection.execute(
        "INSERT INTO registered_models (name, description, created_at, updated_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (model.name, model.description, model.created_at, model.updated_at),
    )
    number = connection.execute("SELECT id FROM registered_models WHERE name = ?", (model.name,)).fetchone()[0]
    _write_pairs(connection, "registered_model_tags", number, model.tags)
    new, others = 0, []
    for version in model.versions:
        known = _version(connection, number, version.version)
        if known is not None and known[1:] != (version.created_at, version.run_id):
            others.append(version.version)
            continue
        row = known[0] if known else _insert_version(connection, number, version)
        new += known is None
        _write_pairs(connection, "model_version_tags", row, version.tags)
    connection.execute(
        "UPDATE registered_models SET last_version = v.last FROM"
        " (SELECT max(version) AS last FROM model_versions WHERE model_id = :model) v"
        " WHERE id = :model AND v.last > last_version",
        {"model": number},
    )
    here = {version.version for version in model.versions} - set(others)
    connection.executemany(
        "INSERT INTO model_aliases VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [(number, alias, version) for alias, version in model.aliases if version in here],
    )
    return new, others


def _version(connection: Connection, model: int, version: int) -> tuple[int, int, str] | None:
    query = "SELECT id, created_at, source_run_id FROM model_versions WHERE model_id = ? AND version = ?"
    row: tuple[int, int, str] | None = connection.execute(query, (model, version)).fetchone()
    return row


def _insert_version(connection: Connection, model: int, version: ForeignVersion) -> int:
    stage = version.stage if version.stage in STAGES else "None"
    row = connection.execute(
        "INSERT INTO model_versions (model_id, version, description, user_id, stage, source, source_run_id,"
        " logged_model_id, status, status_message, run_link, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            *(model, version.version, version.description, version.user_id, stage, version.source, version.run_id),
            *(version.model_id, version.status, version.status_message, version.run_link),
            *(version.created_at, version.updated_at),
        ),
    ).fetchone()
    return int(row[0])


def _write_digests(connection: Connection) -> None:
    query = (
        "SELECT id, source, logged_model_id FROM model_versions"
        " WHERE digest IS NULL AND provenance IS NULL"  # those that were made here have one
    )
    for number, source, model_id in connection.execute(query).fetchall():
        try:
            found = ModelSource(model_id=model_id) if model_id else as_model(connection, read_source(source))
        except InvalidParameterError:  # other trackers take sources that are none here
            continue
        if records := known_records(connection, found):
            digest = digest_of(records)
            connection.execute("UPDATE model_versions SET digest = ? WHERE id = ?", (digest, number))


def _write_pairs(connection: Connection, table: str, owner: int, pairs: Sequence[Pair]) -> None:
    connection.executemany(
        f"INSERT INTO {table} VALUES (?, ?, ?) ON CONFLICT DO NOTHING", [(owner, key, value) for key, value in pairs]
    )
