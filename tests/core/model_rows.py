"""Experiments and models in a store, written as rows: for tests of searches among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.store.points import encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.store.sqlite import SqliteStore


def write(store: SqliteStore, query: str, *rows: tuple[Any, ...]) -> None:
    store._database.write(lambda connection: connection.executemany(query, rows))


def add_experiment(
    store: SqliteStore, name: str, *, time: int, tags: Mapping[str, str] | None = None, stage: str = "active"
) -> str:
    number = store.create_experiment(name)
    query = "UPDATE experiments SET created_at = ?, updated_at = ?, lifecycle_stage = ? WHERE id = ?"
    write(store, query, (time, 100 - time, stage, int(number)))
    write(store, "INSERT INTO experiment_tags VALUES (?, ?, ?)", *[(int(number), *tag) for tag in (tags or {}).items()])
    return number


def add_model(store: SqliteStore, name: str, *, time: int = 0, tags: Mapping[str, str] | None = None) -> None:
    row = (name, f"about {name}", time, time)
    query = "INSERT INTO registered_models (name, description, created_at, updated_at) VALUES (?, ?, ?, ?)"
    write(store, query, row)
    _put_tags(store, "registered_model_tags", "SELECT id FROM registered_models WHERE name = ?", name, tags or {})


def add_version(store: SqliteStore, name: str, version: int, **fields: Any) -> None:
    """Add a version; fields: time, stage, source, run_id, tags, alias."""
    time = fields.get("time", version)
    row = (version, fields.get("stage", "None"), fields.get("source", ""), fields.get("run_id", ""), time, time, name)
    columns = "model_id, version, stage, source, source_run_id, created_at, updated_at"
    query = f"INSERT INTO model_versions ({columns}) SELECT id, ?, ?, ?, ?, ?, ? FROM registered_models WHERE name = ?"
    write(store, query, row)
    find = (
        "SELECT v.id FROM model_versions v JOIN registered_models n ON n.id = v.model_id"
        " WHERE n.name || '/' || v.version = ?"
    )
    _put_tags(store, "model_version_tags", find, f"{name}/{version}", fields.get("tags", {}))
    if alias := fields.get("alias"):
        query = "INSERT INTO model_aliases SELECT id, ?, ? FROM registered_models WHERE name = ?"
        write(store, query, (alias, version, name))


def add_logged_model(store: SqliteStore, model_id: str, **fields: Any) -> None:
    """Add a logged model; fields: experiment_id, name, time, status, model_type, run_id, stage, tags, params."""
    time = fields.get("time", 0)
    row = (
        *(model_id, int(fields.get("experiment_id", 0)), fields.get("name", "model"), fields.get("model_type", "")),
        *(fields.get("status", "READY"), fields.get("stage", "active"), fields.get("run_id"), time, time),
    )
    columns = "uuid, experiment_id, name, model_type, status, lifecycle_stage, source_run_id, created_at, updated_at"
    write(store, f"INSERT INTO logged_models ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    for kind in ("tags", "params"):
        find = "SELECT id FROM logged_models WHERE uuid = ?"
        _put_tags(store, f"logged_model_{kind}", find, model_id, fields.get(kind, {}))


def add_model_metric(
    store: SqliteStore, model_id: str, key: str, value: float, *, at: tuple[str, int, str, str]
) -> None:
    """Add a point of a logged model's metric at (run id, time, name and digest of a dataset)."""
    run_id, time, name, digest = at
    write(store, "INSERT INTO metric_keys (name) VALUES (?) ON CONFLICT DO NOTHING", (key,))
    number, special = encode(value)
    query = (
        "INSERT INTO logged_model_metrics SELECT m.id, k.id, r.id, 0, ?, ?, ?, ?, ?"
        " FROM logged_models m, metric_keys k, runs r WHERE m.uuid = ? AND k.name = ? AND r.uuid = ?"
    )
    write(store, query, (time, number, special, name, digest, model_id, key, run_id))


def _put_tags(store: SqliteStore, table: str, find: str, name: str, tags: Mapping[str, str]) -> None:
    write(store, f"INSERT INTO {table} SELECT ({find}), ?, ?", *[(name, *tag) for tag in tags.items()])
