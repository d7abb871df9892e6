"""Registered models and their versions written as rows, over one connection inside the caller's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.exceptions import AlreadyExistsError, InvalidParameterError, NotFoundError
from mltrack.model_names import (
    ACTIVE_STAGES,
    LATEST,
    STAGES,
    check_alias,
    check_model_name,
    check_new_alias,
    read_stage,
    read_version,
)
from mltrack.models.manifest import digest_of
from mltrack.store.access import note_change
from mltrack.store.model_protocol import KnownSource
from mltrack.store.model_sources import (
    MODELS,
    as_model,
    check_source,
    known_records,
    lasting_source,
    place_of,
    read_source,
)
from mltrack.store.models import read_model_versions, read_registered_models
from mltrack.store.provenance import provenance_text
from mltrack.store.upserts import upsert

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from sqlite3 import Connection

    from mltrack.entities import ModelVersion, RegisteredModel
    from mltrack.store.locator import Locator
    from mltrack.store.model_protocol import NewModelVersion


_LONGEST_CHAIN = 20


def insert_model(
    connection: Connection, name: str, tags: Mapping[str, str], description: str, now: int
) -> RegisteredModel:
    """Make a registered model without versions."""
    check_model_name(name)
    _refuse_taken(connection, name)
    number = connection.execute(
        "INSERT INTO registered_models (name, description, created_at, updated_at) VALUES (?, ?, ?, ?) RETURNING id",
        (name, description, now, now),
    ).fetchone()[0]
    _put(connection, "registered_model_tags", number, tags)
    return read_registered_models(connection, [number])[0]


def _refuse_taken(connection: Connection, name: str) -> None:
    if connection.execute("SELECT 1 FROM registered_models WHERE name = ?", (name,)).fetchone():
        raise AlreadyExistsError(f"There is a registered model {name!r} already; choose another name.")


def model_number(connection: Connection, name: str) -> int:
    """Give the store's number of a registered model; NotFoundError when there is none."""
    check_model_name(name)
    row = connection.execute("SELECT id FROM registered_models WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise NotFoundError(f"There is no registered model {name[:80]!r}; mltrack.register_model makes one.")
    return int(row[0])


def read_model(connection: Connection, name: str) -> RegisteredModel:
    """Give a registered model."""
    return read_registered_models(connection, [model_number(connection, name)])[0]


def rename_model(connection: Connection, name: str, new_name: str, now: int) -> RegisteredModel:
    """Give a registered model another name."""
    check_model_name(new_name)
    number = model_number(connection, name)
    note_change(connection)
    if new_name != name:
        _refuse_taken(connection, new_name)
    query = "UPDATE registered_models SET name = ?, updated_at = ? WHERE id = ?"
    connection.execute(query, (new_name, now, number))
    connection.execute("UPDATE model_versions SET updated_at = ? WHERE model_id = ?", (now, number))
    return read_registered_models(connection, [number])[0]


def describe_model(connection: Connection, name: str, description: str, now: int) -> RegisteredModel:
    """Describe a registered model anew."""
    number = model_number(connection, name)
    query = "UPDATE registered_models SET description = ?, updated_at = ? WHERE id = ?"
    connection.execute(query, (description, now, number))
    return read_registered_models(connection, [number])[0]


def delete_model(connection: Connection, name: str) -> None:
    """Remove a registered model with its versions, tags and aliases."""
    number = model_number(connection, name)
    note_change(connection)
    connection.execute(
        "DELETE FROM model_version_tags WHERE version_id IN (SELECT id FROM model_versions WHERE model_id = ?)",
        (number,),
    )
    for table in ("model_versions", "model_aliases", "registered_model_tags", "registered_model_roles"):
        connection.execute(f"DELETE FROM {table} WHERE model_id = ?", (number,))
    connection.execute("DELETE FROM registered_models WHERE id = ?", (number,))


def set_model_tags(connection: Connection, name: str, tags: Mapping[str, str]) -> None:
    """Insert or overwrite tags of a registered model."""
    _put(connection, "registered_model_tags", model_number(connection, name), tags)


def delete_model_tag(connection: Connection, name: str, key: str) -> None:
    """Take a tag off a registered model."""
    query = "DELETE FROM registered_model_tags WHERE model_id = ? AND key = ?"
    connection.execute(query, (model_number(connection, name), key))


def set_alias(connection: Connection, name: str, alias: str, version: object) -> None:
    """Let an alias name a version."""
    check_new_alias(alias)
    model, _, number = _version(connection, name, version)
    query = upsert("model_aliases", ("model_id", "alias"), ("version",))
    connection.execute(query, (model, alias, number))


def delete_alias(connection: Connection, name: str, alias: str) -> None:
    """Take an alias away."""
    check_alias(alias)
    query = "DELETE FROM model_aliases WHERE model_id = ? AND alias = ?"
    connection.execute(query, (model_number(connection, name), alias))


def insert_version(connection: Connection, new: NewModelVersion, now: int, locate: Locator) -> ModelVersion:
    """Make the next version of a registered model, with the digest and the provenance of its files."""
    model = model_number(connection, new.name)
    known = new.known or known_source(connection, new, locate)
    version = connection.execute(
        "UPDATE registered_models SET last_version = last_version + 1, updated_at = ? WHERE id = ?"
        " RETURNING last_version",
        (now, model),
    ).fetchone()[0]
    number = connection.execute(
        "INSERT INTO model_versions (model_id, version, description, user_id, source, source_run_id, logged_model_id,"
        " run_link, created_at, updated_at, digest, origin, provenance) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " RETURNING id",
        (
            *(model, version, new.description, new.user_id, new.source, known.run_id or "", known.model_id),
            *(new.run_link, now, now, known.digest, known.origin, known.provenance),
        ),
    ).fetchone()[0]
    _put(connection, "model_version_tags", number, new.tags)
    return read_model_versions(connection, [number])[0]


def known_source(connection: Connection, new: NewModelVersion, locate: Locator) -> KnownSource:
    """Check the source of a version that is to be made and say what is known of it; see ``check_source``."""
    run_id, model_id = new.run_id or None, new.model_id or None
    found = check_source(connection, new.source, run_id=run_id, model_id=model_id, locate=locate)
    if found.version is not None:
        return _known_version(connection, found.version, (run_id, model_id))
    found = as_model(connection, found)
    origin = new.source if found.place is None else lasting_source(connection, found)
    if found.model_id is not None:
        model_id = found.model_id
        origin = origin if found.path else f"{MODELS}{model_id}"
    if run_id is None and model_id is not None:
        run_id = _run_of_model(connection, model_id)
    records = known_records(connection, found)
    provenance = provenance_text(connection, run_id, model_id)
    return KnownSource(origin, digest_of(records) if records else None, provenance, run_id, model_id)


def _run_of_model(connection: Connection, model_id: str) -> str | None:
    row = connection.execute("SELECT source_run_id FROM logged_models WHERE uuid = ?", (model_id,)).fetchone()
    return row[0] if row else None


def _known_version(connection: Connection, version: tuple[str, str], ids: tuple[str | None, str | None]) -> KnownSource:
    """Give what is known of the version that is the source of another."""
    _, number, _ = _version(connection, *version)
    row = connection.execute(
        "SELECT coalesce(origin, source), digest, provenance, nullif(source_run_id, ''), logged_model_id"
        " FROM model_versions WHERE id = ?",
        (number,),
    ).fetchone()
    known = KnownSource(*row)
    for what, given, kept in (("run_id", ids[0], known.run_id), ("model_id", ids[1], known.model_id)):
        if given is not None and given != kept:
            raise InvalidParameterError(
                f"{MODELS}{'/'.join(version)} has the {what} {kept!r}, not {given!r}; leave it out."
            )
    return known


def _version(connection: Connection, name: str, version: object) -> tuple[int, int, int]:
    """Give (number of the model, number of the version's row, version); NotFoundError when there is none."""
    wanted = read_version(version)
    model = model_number(connection, name)
    query = "SELECT id FROM model_versions WHERE model_id = ? AND version = ?"
    row = connection.execute(query, (model, wanted)).fetchone()
    if row is None:
        raise NotFoundError(f"The registered model {name!r} has no version {str(version)[:20]}.")
    return model, row[0], wanted


def read_one_version(connection: Connection, name: str, version: object) -> ModelVersion:
    """Give a version."""
    return read_model_versions(connection, [_version(connection, name, version)[1]])[0]


def read_version_of_alias(connection: Connection, name: str, alias: str) -> ModelVersion:
    """Give the version that an alias names; an alias that is not there is an InvalidParameterError, as in MLflow."""
    check_alias(alias)
    model = model_number(connection, name)
    if alias.lower() == LATEST:
        query = "SELECT max(version) FROM model_versions WHERE model_id = ?"
        found = connection.execute(query, (model,)).fetchone()[0]
        if found is None:
            raise NotFoundError(f"The registered model {name!r} has no version yet.")
        return read_one_version(connection, name, found)
    query = "SELECT version FROM model_aliases WHERE model_id = ? AND alias = ?"
    row = connection.execute(query, (model, alias)).fetchone()
    if row is None:
        raise InvalidParameterError(f"The registered model {name!r} has no alias {alias!r}.")
    return read_one_version(connection, name, row[0])


def read_latest(connection: Connection, name: str, stages: Sequence[str] | None) -> list[ModelVersion]:
    """Give the newest version of each of these stages, or of all, by number."""
    wanted = {read_stage(each) for each in stages} if stages else set(STAGES)
    newest = read_model(connection, name).latest_versions
    return sorted((each for each in newest if each.current_stage in wanted), key=lambda each: int(each.version))


def describe_version(connection: Connection, name: str, version: object, description: str, now: int) -> ModelVersion:
    """Describe a version anew."""
    _, number, _ = _version(connection, name, version)
    query = "UPDATE model_versions SET description = ?, updated_at = ? WHERE id = ?"
    connection.execute(query, (description, now, number))
    return read_model_versions(connection, [number])[0]


def move_version(connection: Connection, name: str, version: object, to: tuple[str, bool], now: int) -> ModelVersion:
    """Move a version to (a stage, and whether those that are there are archived)."""
    stage, archive = read_stage(to[0]), to[1]
    if archive and stage not in ACTIVE_STAGES:
        raise InvalidParameterError(
            f"archive_existing_versions goes with {' and '.join(ACTIVE_STAGES)} only, not with {stage!r}."
        )
    model, number, _ = _version(connection, name, version)
    if archive:
        connection.execute(
            "UPDATE model_versions SET stage = 'Archived', updated_at = ? WHERE model_id = ? AND stage = ?",
            (now, model, stage),
        )
    connection.execute("UPDATE model_versions SET stage = ?, updated_at = ? WHERE id = ?", (stage, now, number))
    connection.execute("UPDATE registered_models SET updated_at = ? WHERE id = ?", (now, model))
    return read_model_versions(connection, [number])[0]


def delete_version(connection: Connection, name: str, version: object, now: int) -> None:
    """Remove a version, its tags, and the aliases that name it."""
    model, number, wanted = _version(connection, name, version)
    connection.execute("DELETE FROM model_aliases WHERE model_id = ? AND version = ?", (model, wanted))
    connection.execute("DELETE FROM model_version_tags WHERE version_id = ?", (number,))
    connection.execute("DELETE FROM model_versions WHERE id = ?", (number,))
    connection.execute("UPDATE registered_models SET updated_at = ? WHERE id = ?", (now, model))


def read_version_source(connection: Connection, name: str, version: object) -> str:
    """Give the source behind a version that is no version itself."""
    for _ in range(_LONGEST_CHAIN):  # versions that came from another tracker name the one they were copied from
        _, number, _ = _version(connection, name, version)
        query = "SELECT coalesce(origin, source) FROM model_versions WHERE id = ?"
        source = str(connection.execute(query, (number,)).fetchone()[0])
        found = read_source(source).version
        if found is None:
            return source
        name, version = found
    raise InvalidParameterError(f"Version {version} of {name!r} is a copy of a copy of itself.")


def read_version_place(connection: Connection, name: str, version: object, locate: Locator) -> str:
    """Give where a version's files lie."""
    return read_source_place(connection, read_version_source(connection, name, version), locate)


def read_source_place(connection: Connection, source: str, locate: Locator) -> str:
    """Give where the files behind a source lie."""
    found = read_source(source)
    if found.version is not None:
        return read_version_place(connection, *found.version, locate)
    return place_of(connection, as_model(connection, found), locate)


def set_version_tags(connection: Connection, name: str, version: object, tags: Mapping[str, str]) -> None:
    """Insert or overwrite tags of a version."""
    _put(connection, "model_version_tags", _version(connection, name, version)[1], tags)


def delete_version_tag(connection: Connection, name: str, version: object, key: str) -> None:
    """Take a tag off a version."""
    query = "DELETE FROM model_version_tags WHERE version_id = ? AND key = ?"
    connection.execute(query, (_version(connection, name, version)[1], key))


def _put(connection: Connection, table: str, number: int, pairs: Mapping[str, str]) -> None:
    rows = [(number, key, value) for key, value in pairs.items()]
    owner = "version_id" if table == "model_version_tags" else "model_id"
    connection.executemany(upsert(table, (owner, "key"), ("value",)), rows)
