"""Logged models, registered models and their versions as rows, over one connection inside the caller's transaction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mltrack.entities import LoggedModel, LoggedModelMetric, ModelVersion, RegisteredModel
from mltrack.store.points import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from sqlite3 import Connection

    from mltrack.store.locator import Locator


_WANTED = "(SELECT value FROM json_each(:numbers))"
_LOGGED = (
    "SELECT m.id, m.experiment_id, m.uuid, m.name,"
    " coalesce(m.artifact_place, e.artifact_location || '/models/' || m.uuid || '/artifacts'), m.created_at,"
    " m.updated_at, m.model_type, m.source_run_id, m.status, m.status_message"
    f" FROM logged_models m JOIN experiments e ON e.id = m.experiment_id WHERE m.id IN {_WANTED}"
)
_LOGGED_METRICS = (
    "SELECT m.model_id, k.name, m.value, m.special, m.timestamp, m.step, r.uuid, m.dataset_name, m.dataset_digest"
    " FROM logged_model_metrics m JOIN metric_keys k ON k.id = m.key_id JOIN runs r ON r.id = m.run_id"
    f" WHERE m.model_id IN {_WANTED} ORDER BY k.name, m.timestamp, m.step"
)
_VERSIONS = (
    "SELECT v.id, n.name, v.version, v.created_at, v.updated_at, v.description, v.user_id, v.stage,"
    " v.source, v.source_run_id, v.status, v.status_message, v.run_link, v.logged_model_id,"
    " v.digest, v.provenance"
    f" FROM model_versions v JOIN registered_models n ON n.id = v.model_id WHERE v.id IN {_WANTED}"
)
_NEWEST_OF_STAGES = (
    f"SELECT v.model_id, v.id FROM model_versions v WHERE v.model_id IN {_WANTED} AND v.version ="
    " (SELECT max(o.version) FROM model_versions o WHERE o.model_id = v.model_id AND o.stage = v.stage)"
)


def read_logged_models(connection: Connection, numbers: Sequence[int], locate: Locator) -> list[LoggedModel]:
    """Give the logged models of these numbers, in their order, with what was logged to them."""
    tags = _texts(connection, "SELECT model_id, key, value FROM logged_model_tags WHERE model_id IN", numbers)
    params = _texts(connection, "SELECT model_id, key, value FROM logged_model_params WHERE model_id IN", numbers)
    points: dict[int, list[LoggedModelMetric]] = {}
    for model, key, value, special, timestamp, step, *where in _rows(connection, _LOGGED_METRICS, numbers):
        metric = LoggedModelMetric(key, decode(value, special), timestamp, step, *where)
        points.setdefault(model, []).append(metric)
    found = {}
    for number, experiment, model_id, name, place, *rest in _rows(connection, _LOGGED, numbers):
        fields = (*rest, tags.get(number, {}), params.get(number, {}), tuple(points.get(number, ())))
        found[number] = LoggedModel(str(experiment), model_id, name, locate(place), *fields)
    return [found[number] for number in numbers]


def read_model_versions(connection: Connection, numbers: Sequence[int]) -> list[ModelVersion]:
    """Give the versions of these numbers, in their order, with their tags and aliases."""
    tags = _texts(connection, "SELECT version_id, key, value FROM model_version_tags WHERE version_id IN", numbers)
    aliases: dict[int, list[str]] = {}
    query = (
        "SELECT v.id, a.alias FROM model_versions v JOIN model_aliases a"
        f" ON a.model_id = v.model_id AND a.version = v.version WHERE v.id IN {_WANTED} ORDER BY a.alias"
    )
    for number, alias in _rows(connection, query, numbers):
        aliases.setdefault(number, []).append(alias)
    found = {}
    for number, name, version, *rest, logged_model, digest, provenance in _rows(connection, _VERSIONS, numbers):
        known = json.loads(provenance) if provenance else {}
        fields = (*rest, tags.get(number, {}), tuple(aliases.get(number, ())), logged_model, digest, known)
        found[number] = ModelVersion(name, str(version), *fields)
    return [found[number] for number in numbers]


def read_registered_models(connection: Connection, numbers: Sequence[int]) -> list[RegisteredModel]:
    """Give the registered models of these numbers, in their order, with tags, aliases and newest versions."""
    tags = _texts(connection, "SELECT model_id, key, value FROM registered_model_tags WHERE model_id IN", numbers)
    query = "SELECT model_id, alias, CAST(version AS TEXT) FROM model_aliases WHERE model_id IN"
    aliases = _texts(connection, query, numbers)
    newest = _rows(connection, _NEWEST_OF_STAGES, numbers)
    versions: dict[int, list[ModelVersion]] = {}
    for (model, _), version in zip(newest, read_model_versions(connection, [row[1] for row in newest]), strict=True):
        versions.setdefault(model, []).append(version)
    found = {}
    query = f"SELECT id, name, created_at, updated_at, description FROM registered_models WHERE id IN {_WANTED}"
    for number, *rest in _rows(connection, query, numbers):
        fields = (*rest, tuple(versions.get(number, ())), tags.get(number, {}), aliases.get(number, {}))
        found[number] = RegisteredModel(*fields)
    return [found[number] for number in numbers]


def _rows(connection: Connection, query: str, numbers: Iterable[int]) -> list[tuple]:  # type: ignore[type-arg]
    return connection.execute(query, {"numbers": json.dumps(list(numbers))}).fetchall()


def _texts(connection: Connection, query: str, numbers: Sequence[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for number, key, value in _rows(connection, f"{query} {_WANTED}", numbers):
        found.setdefault(number, {})[key] = value
    return found
