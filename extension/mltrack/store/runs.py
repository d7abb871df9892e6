"""Experiments and runs as rows, over one connection inside the caller's transaction."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from mltrack.config import ARTIFACT_FOLDER
from mltrack.entities import Experiment, Metric, Run, RunData, RunInfo, RunStatus, RunTag
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.keys import RUN_NAME_TAG
from mltrack.store.points import CURRENT_METRICS, decode, settle, unsettle, writable_run, write_tags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from sqlite3 import Connection

    from mltrack.store.filter_sql import CompiledSearch
    from mltrack.store.protocol import NewRun, RunChange, RunSearch

    Locate = Callable[[str], str]

RUN_COLUMNS = (
    "r.id, r.uuid, r.experiment_id, r.name, r.user_id, r.status, r.started_at, r.ended_at, r.lifecycle_stage,"
    " e.artifact_location"
)
_RUNS = "runs r JOIN experiments e ON e.id = r.experiment_id"
_EXPERIMENT_COLUMNS = "id, name, artifact_location, lifecycle_stage, created_at, updated_at"


def insert_experiment(connection: Connection, name: str, artifact_location: str | None, now: int) -> int:
    """Make an experiment; its artifacts go to a folder of its number beside the store unless a place is given."""
    row = connection.execute(
        "INSERT INTO experiments (name, artifact_location, created_at, updated_at) VALUES (?, ?, ?, ?) RETURNING id",
        (name, artifact_location or "", now, now),
    ).fetchone()
    if artifact_location is None:
        place = f"{ARTIFACT_FOLDER}/{row[0]}"
        connection.execute("UPDATE experiments SET artifact_location = ? WHERE id = ?", (place, row[0]))
    return int(row[0])


def read_experiments(connection: Connection, where: str, values: Sequence[object], locate: Locate) -> list[Experiment]:
    """Give the experiments that match a condition made of constants."""
    rows = connection.execute(
        f"SELECT {_EXPERIMENT_COLUMNS} FROM experiments WHERE {where} ORDER BY created_at DESC, id DESC", values
    ).fetchall()
    found = []
    for number, name, place, stage, created, updated in rows:
        tags = dict(connection.execute("SELECT key, value FROM experiment_tags WHERE experiment_id = ?", (number,)))
        found.append(Experiment(str(number), name, locate(place), stage, tags, created, updated))
    return found


def experiment_number(experiment_id: str) -> int:
    """Turn an experiment's id from the outside into the store's number."""
    if not isinstance(experiment_id, str) or not experiment_id.isascii() or not experiment_id.isdigit():
        raise InvalidParameterError(
            f"{experiment_id!r} is no experiment id; one is a whole number as text, such as '0'."
        )
    if len(experiment_id) > 18:
        raise NotFoundError(f"There is no experiment with the id {experiment_id[:20]!r}.")
    return int(experiment_id)


def insert_run(connection: Connection, new: NewRun, locate: Locate) -> RunInfo:
    """Make a run with its tags, the one of its name among them."""
    number = experiment_number(new.experiment_id)
    row = connection.execute(
        "SELECT lifecycle_stage, artifact_location FROM experiments WHERE id = ?", (number,)
    ).fetchone()
    if row is None:
        raise NotFoundError(f"There is no experiment with the id {new.experiment_id!r}.")
    if row[0] != "active":
        raise InvalidParameterError(f"Experiment {new.experiment_id!r} is deleted; restore it to add runs.")
    run_id = uuid.uuid4().hex
    run_number = connection.execute(
        "INSERT INTO runs (uuid, experiment_id, name, user_id, started_at, owner) VALUES (?, ?, ?, ?, ?, ?)"
        " RETURNING id",
        (run_id, number, new.run_name, new.user_id, new.start_time, new.owner),
    ).fetchone()[0]
    connection.executemany(
        "INSERT OR REPLACE INTO run_tags VALUES (?, ?, ?)",
        [*((run_number, tag.key, tag.value) for tag in new.tags), (run_number, RUN_NAME_TAG, new.run_name)],
    )
    return _info(
        (run_number, run_id, number, new.run_name, new.user_id, "RUNNING", new.start_time, None, "active", row[1]),
        locate,
    )


def update_run(connection: Connection, run_id: str, change: RunChange, locate: Locate) -> RunInfo:
    """Apply a change; ending a run settles its metrics, taking it up again makes it live."""
    number, live = writable_run(connection, run_id)
    if change.run_name is not None:
        write_tags(connection, number, [RunTag(RUN_NAME_TAG, change.run_name)])
    if change.status is not None:
        status = RunStatus(change.status)
        if status.is_final:
            connection.execute(
                "UPDATE runs SET status = ?, ended_at = ?, owner = NULL WHERE id = ?", (status, change.end_time, number)
            )
            settle(connection, number)
        else:
            connection.execute(
                "UPDATE runs SET status = ?, ended_at = NULL, owner = coalesce(?, owner) WHERE id = ?",
                (status, change.owner, number),
            )
            if not live:
                unsettle(connection, number)
    elif change.end_time is not None:
        connection.execute("UPDATE runs SET ended_at = ? WHERE id = ?", (change.end_time, number))
    return read_info(connection, run_id, locate)


def read_info(connection: Connection, run_id: str, locate: Locate) -> RunInfo:
    """Give a run's info; NotFoundError when there is no such run."""
    row = connection.execute(f"SELECT {RUN_COLUMNS} FROM {_RUNS} WHERE r.uuid = ?", (run_id,)).fetchone()
    if row is None:
        raise NotFoundError(f"There is no run {run_id!r} in this store; `mltrack runs` lists them.")
    return _info(row, locate)


def read_run(connection: Connection, run_id: str, locate: Locate) -> Run:
    """Give a run with its data."""
    row = connection.execute(f"SELECT {RUN_COLUMNS} FROM {_RUNS} WHERE r.uuid = ?", (run_id,)).fetchone()
    if row is None:
        raise NotFoundError(f"There is no run {run_id!r} in this store; `mltrack runs` lists them.")
    return _with_data(connection, [row], locate)[0]


def find_runs(
    connection: Connection, search: RunSearch, compiled: CompiledSearch, offset: int, locate: Locate
) -> list[Run]:
    """Give ``max_results + 1`` matching runs from the offset on, with data; the extra one tells of a next page."""
    experiments = [experiment_number(each) for each in search.experiment_ids]
    stages = {"ACTIVE_ONLY": ["active"], "DELETED_ONLY": ["deleted"]}.get(search.view_type, ["active", "deleted"])
    rows = connection.execute(
        f"WITH {CURRENT_METRICS} SELECT {RUN_COLUMNS} FROM {_RUNS}"
        " WHERE r.experiment_id IN (SELECT value FROM json_each(:experiments))"
        f" AND r.lifecycle_stage IN (SELECT value FROM json_each(:stages)) AND ({compiled.where})"
        f" ORDER BY {compiled.order} LIMIT :limit OFFSET :offset",
        {
            **compiled.parameters,
            "experiments": json.dumps(experiments),
            "stages": json.dumps(stages),
            "limit": search.max_results + 1,
            "offset": offset,
        },
    ).fetchall()
    return _with_data(connection, rows, locate)


def _with_data(connection: Connection, rows: Sequence[tuple[object, ...]], locate: Locate) -> list[Run]:
    """Read params, tags and latest metrics of these runs in one query each."""
    numbers = json.dumps([row[0] for row in rows])
    wanted = "(SELECT value FROM json_each(?))"
    params = _grouped(connection.execute(f"SELECT run_id, key, value FROM params WHERE run_id IN {wanted}", (numbers,)))
    tags = _grouped(connection.execute(f"SELECT run_id, key, value FROM run_tags WHERE run_id IN {wanted}", (numbers,)))
    points: dict[object, list[Metric]] = {}
    query = (
        f"WITH {CURRENT_METRICS} SELECT c.run_id, k.name, c.value, c.timestamp, c.step, c.special"
        f" FROM current_metrics c JOIN metric_keys k ON k.id = c.key_id WHERE c.run_id IN {wanted} ORDER BY k.name"
    )
    for number, key, value, timestamp, step, special in connection.execute(query, (numbers,)):
        points.setdefault(number, []).append(Metric(key, decode(value, special), timestamp, step))
    runs = []
    for row in rows:
        latest = tuple(points.get(row[0], ()))
        data = RunData({m.key: m.value for m in latest}, params.get(row[0], {}), tags.get(row[0], {}), latest)
        runs.append(Run(_info(row, locate), data))
    return runs


def _grouped(rows: Iterable[tuple[object, str, str]]) -> dict[object, dict[str, str]]:
    found: dict[object, dict[str, str]] = {}
    for number, key, value in rows:
        found.setdefault(number, {})[key] = value
    return found


def _info(row: Sequence[object], locate: Locate) -> RunInfo:
    _, run_id, experiment, name, user, status, started, ended, stage, place = row
    return RunInfo(
        run_id=str(run_id),
        experiment_id=str(experiment),
        run_name=str(name),
        user_id=str(user),
        status=str(status),
        start_time=int(started),  # type: ignore[call-overload]
        end_time=ended,  # type: ignore[arg-type]
        artifact_uri=f"{locate(str(place))}/{run_id}/artifacts",
        lifecycle_stage=str(stage),
    )
