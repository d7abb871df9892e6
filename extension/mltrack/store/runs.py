"""Runs as rows, over one connection inside the caller's transaction."""

from __future__ import annotations

import json
import uuid
from functools import cache
from typing import TYPE_CHECKING

from mltrack.entities import LifecycleStage, Metric, Run, RunData, RunInfo, RunInputs, RunOutputs, RunStatus, RunTag
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.keys import RUN_NAME_TAG
from mltrack.store import provenance
from mltrack.store.concurrency import beside_others, once_beside_others
from mltrack.store.experiments import experiment_number, refuse_claimed
from mltrack.store.inputs import WANTED, read_links
from mltrack.store.points import CURRENT_POINTS, decode, missing_run, settle, unsettle, writable_run, write_tags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from sqlite3 import Connection

    from mltrack.store.locator import Locator
    from mltrack.store.protocol import NewRun, RunChange


RUN_COLUMNS = (
    "r.id, r.uuid, r.experiment_id, r.name, r.user_id, r.status, r.started_at, r.ended_at, r.lifecycle_stage,"
    " e.artifact_location, r.artifact_place"
)
_RUNS = "runs r JOIN experiments e ON e.id = r.experiment_id"
_NO_INPUTS, _NO_OUTPUTS = RunInputs(), RunOutputs()


@once_beside_others
def insert_run(connection: Connection, new: NewRun, locate: Locator) -> RunInfo:
    """Make a run with its tags, the one of its name among them."""
    number = experiment_number(new.experiment_id)
    row = connection.execute(
        "SELECT lifecycle_stage, artifact_location FROM experiments WHERE id = ?", (number,)
    ).fetchone()
    if row is None:
        raise NotFoundError(f"There is no experiment with the id {new.experiment_id!r}.")
    if row[0] != "active":
        raise InvalidParameterError(f"Experiment {new.experiment_id!r} is deleted; restore it to add runs.")
    run_id = new.run_id or uuid.uuid4().hex
    run_number = connection.execute(
        "INSERT INTO runs (uuid, experiment_id, name, user_id, started_at, owner) VALUES (?, ?, ?, ?, ?, ?)"
        " RETURNING id",
        (run_id, number, new.run_name, new.user_id, new.start_time, new.owner),
    ).fetchone()[0]
    write_tags(connection, run_number, [*new.tags, RunTag(RUN_NAME_TAG, new.run_name)])
    return _info(
        (
            run_number,
            run_id,
            number,
            new.run_name,
            new.user_id,
            "RUNNING",
            new.start_time,
            None,
            "active",
            row[1],
            None,
        ),
        locate,
    )


@beside_others
def update_run(connection: Connection, run_id: str, change: RunChange, now: int, locate: Locator) -> RunInfo:
    """Apply a change; ending a run settles its metrics, taking it up again makes it live.

    A run that is ended without a word of when, and has no end yet, ends ``now``.
    """
    number, live = writable_run(connection, run_id)
    if change.run_name is not None:
        write_tags(connection, number, [RunTag(RUN_NAME_TAG, change.run_name)])
    if change.status is not None:
        status = RunStatus(change.status)
        if status.is_final:
            connection.execute(
                "UPDATE runs SET status = ?, ended_at = coalesce(?, ended_at, ?), owner = NULL WHERE id = ?",
                (status, change.end_time, now, number),
            )
            settle(connection, number)
            provenance.refresh(connection, number)
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


def set_lifecycle(connection: Connection, run_id: str, stage: str, now: int) -> None:
    """Mark a run deleted or active; one that is in that stage already stays as it is."""
    row = connection.execute(
        "SELECT r.id, r.lifecycle_stage, r.deleted_at, e.lifecycle_stage, e.updated_at"
        " FROM runs r JOIN experiments e ON e.id = r.experiment_id WHERE r.uuid = ?",
        (run_id,),
    ).fetchone()
    if row is None:
        raise missing_run(run_id)
    number, current, deleted_at, place_stage, place_deleted_at = row
    if current == stage:
        return
    refuse_claimed(f"Run {run_id!r}", deleted_at)
    moment = None
    if LifecycleStage(stage) is LifecycleStage.DELETED:
        # The runs that were deleted with the experiment are known by its time; this one is not of them.
        moment = max(now, place_deleted_at + 1) if place_stage == LifecycleStage.DELETED else now
    connection.execute("UPDATE runs SET lifecycle_stage = ?, deleted_at = ? WHERE id = ?", (stage, moment, number))


def read_info(connection: Connection, run_id: str, locate: Locator) -> RunInfo:
    """Give a run's info; NotFoundError when there is no such run."""
    row = connection.execute(f"SELECT {RUN_COLUMNS} FROM {_RUNS} WHERE r.uuid = ?", (run_id,)).fetchone()
    if row is None:
        raise missing_run(run_id)
    return _info(row, locate)


def read_run(connection: Connection, run_id: str, locate: Locator) -> Run:
    """Give a run with its data."""
    row = connection.execute(f"SELECT {RUN_COLUMNS} FROM {_RUNS} WHERE r.uuid = ?", (run_id,)).fetchone()
    if row is None:
        raise missing_run(run_id)
    return _with_data(connection, [row], locate)[0]


def read_runs(connection: Connection, numbers: Sequence[int], locate: Locator) -> list[Run]:
    """Give the runs of these numbers, in their order, with data."""
    rows = connection.execute(f"SELECT {RUN_COLUMNS} FROM {_RUNS} WHERE r.id IN {WANTED}", (json.dumps(numbers),))
    found = {row[0]: row for row in rows}
    return _with_data(connection, [found[number] for number in numbers], locate)


def read_run_ids(connection: Connection, numbers: Sequence[int]) -> list[str]:
    """Give the ids of the runs of these numbers, in their order."""
    rows = connection.execute(f"SELECT r.id, r.uuid FROM runs r WHERE r.id IN {WANTED}", (json.dumps(numbers),))
    found: dict[int, str] = dict(rows.fetchall())
    return [found[number] for number in numbers]


def _with_data(connection: Connection, rows: Sequence[tuple[object, ...]], locate: Locator) -> list[Run]:
    """Read params, tags and latest metrics of these runs in one query each."""
    located = cache(locate)
    numbers = json.dumps([row[0] for row in rows])
    texts = (
        f"SELECT t.run_id, k.name, t.value FROM {{}} t JOIN text_keys k ON k.id = t.key_id WHERE t.run_id IN {WANTED}"
    )
    params = _grouped(connection.execute(texts.format("params"), (numbers,)))
    tags = _grouped(connection.execute(texts.format("run_tags"), (numbers,)))
    points: dict[object, list[Metric]] = {}
    for number, key, value, timestamp, step, special in connection.execute(CURRENT_POINTS, {"numbers": numbers}):
        points.setdefault(number, []).append(Metric(key, decode(value, special), timestamp, step))
    inputs, outputs = read_links(connection, numbers)
    runs = []
    for row in rows:
        latest = tuple(points.get(row[0], ()))
        data = RunData({m.key: m.value for m in latest}, params.get(row[0], {}), tags.get(row[0], {}), latest)
        links = inputs.get(row[0], _NO_INPUTS), outputs.get(row[0], _NO_OUTPUTS)
        runs.append(Run(_info(row, located), data, *links))
    return runs


def _grouped(rows: Iterable[tuple[object, str, str]]) -> dict[object, dict[str, str]]:
    found: dict[object, dict[str, str]] = {}
    for number, key, value in rows:
        found.setdefault(number, {})[key] = value
    return found


def _info(row: Sequence[object], locate: Callable[[str], str]) -> RunInfo:
    _, run_id, experiment, name, user, status, started, ended, stage, place, own_place = row
    return RunInfo(
        run_id=str(run_id),
        experiment_id=str(experiment),
        run_name=str(name),
        user_id=str(user),
        status=str(status),
        start_time=int(started),  # type: ignore[call-overload]
        end_time=ended,  # type: ignore[arg-type]
        artifact_uri=f"{locate(str(place))}/{run_id}/artifacts" if own_place is None else locate(str(own_place)),
        lifecycle_stage=str(stage),
    )
