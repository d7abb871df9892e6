"""Where a model version comes from, put together when it is registered: it is known then also when the run is gone.

A version is mostly made while its run goes on, so that it is put together again when the run's snapshot is saved and
when the run ends.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mltrack.keys import GIT_COMMIT_TAG, SOURCE_NAME_TAG

if TYPE_CHECKING:
    from sqlite3 import Connection


def refresh(connection: Connection, run_number: int) -> None:
    """Bring what versions know of a run up to date."""
    rows = connection.execute(
        "SELECT v.id, v.source_run_id, v.logged_model_id FROM model_versions v JOIN runs r ON r.uuid = v.source_run_id"
        " WHERE r.id = ?",
        (run_number,),
    ).fetchall()
    for number, run_id, model_id in rows:
        text = provenance_text(connection, run_id, model_id)
        connection.execute("UPDATE model_versions SET provenance = ? WHERE id = ?", (text, number))


def provenance_text(connection: Connection, run_id: str | None, model_id: str | None) -> str:
    """Give what is known of where a version comes from, as JSON text."""
    return json.dumps(read_provenance(connection, run_id, model_id), ensure_ascii=False)


def read_provenance(connection: Connection, run_id: str | None, model_id: str | None) -> dict[str, object]:
    """Give the run, experiment, cell, notebook and datasets behind a version; what is not known is left out."""
    found: dict[str, object] = {}
    if model_id:
        query = "SELECT name, model_type, created_at FROM logged_models WHERE uuid = ?"
        row = connection.execute(query, (model_id,)).fetchone()
        if row:
            found["model"] = {"model_id": model_id, "name": row[0], "model_type": row[1], "created_at": row[2]}
    if run_id:
        found.update(_run(connection, run_id))
    return found


def _run(connection: Connection, run_id: str) -> dict[str, object]:
    row = connection.execute(
        "SELECT r.id, r.name, r.user_id, r.started_at, e.id, e.name FROM runs r"
        " JOIN experiments e ON e.id = r.experiment_id WHERE r.uuid = ?",
        (run_id,),
    ).fetchone()
    if row is None:
        return {"run": {"run_id": run_id}}
    number, name, user, started, experiment, experiment_name = row
    found: dict[str, object] = {
        "run": {"run_id": run_id, "name": name, "user_id": user, "start_time": started},
        "experiment": {"experiment_id": str(experiment), "name": experiment_name},
    }
    parts = {"notebook": _notebook(connection, number), "datasets": _datasets(connection, number)}
    tags = _tags(connection, number)
    found.update({key: value for key, value in {**parts, **tags}.items() if value})
    return found


def _notebook(connection: Connection, run: int) -> dict[str, object] | None:
    """Give the cell that made the run and the notebook it stood in."""
    row = connection.execute(
        "SELECT s.cell_key, s.seq, n.uuid, n.notebook_path, x.cell_id, x.execution_count, hex(b.digest)"
        " FROM snapshots s JOIN sessions n ON n.id = s.session_id"
        " LEFT JOIN executions x ON x.session_id = s.session_id AND x.seq = s.seq"
        " LEFT JOIN blobs b ON b.id = x.source_id WHERE s.run_id = ?",
        (run,),
    ).fetchone()
    if row is None:
        return None
    names = ("cell_key", "execution", "session", "path", "cell_id", "execution_count", "source_digest")
    return {name: value for name, value in zip(names, row, strict=True) if value is not None}


def _datasets(connection: Connection, run: int) -> list[dict[str, str]]:
    query = (
        "SELECT d.name, d.digest, d.source_type, t.value FROM run_inputs i JOIN datasets d ON d.id = i.dataset_id"
        " LEFT JOIN input_tags t ON t.run_id = i.run_id AND t.dataset_id = i.dataset_id"
        " AND t.key = 'mlflow.data.context' WHERE i.run_id = ? ORDER BY d.id"
    )
    names = ("name", "digest", "source_type", "context")
    rows = connection.execute(query, (run,)).fetchall()
    return [{name: value for name, value in zip(names, row, strict=True) if value is not None} for row in rows]


def _tags(connection: Connection, run: int) -> dict[str, str]:
    """Give the run's source and commit."""
    query = "SELECT t.value FROM run_tags t JOIN text_keys k ON k.id = t.key_id WHERE t.run_id = ? AND k.name = ?"
    found = {}
    for name, key in (("source", SOURCE_NAME_TAG), ("commit", GIT_COMMIT_TAG)):
        row = connection.execute(query, (run, key)).fetchone()
        if row:
            found[name] = row[0]
    return found
