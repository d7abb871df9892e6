"""Experiments as rows, over one connection inside the caller's transaction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mltrack.config import ARTIFACT_FOLDER
from mltrack.entities import Experiment, ExperimentTag, LifecycleStage
from mltrack.exceptions import AlreadyExistsError, InvalidParameterError, NotFoundError
from mltrack.store.upserts import upsert

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from sqlite3 import Connection

    from mltrack.store.locator import Locator


_COLUMNS = "id, name, artifact_location, lifecycle_stage, created_at, updated_at"
CLAIMED = 0
"""When a run or experiment that is being removed was deleted: longer ago than any other, and none that is restored."""
_MOST_DIGITS = 18  # of a number that surely fits into 64 bits


def experiment_number(experiment_id: str) -> int:
    """Turn an experiment's id from the outside into the store's number."""
    number = _number(experiment_id)
    if number is None:
        raise NotFoundError(f"There is no experiment with the id {experiment_id[:20]!r}.")
    return number


def existing_numbers(experiment_ids: Iterable[str]) -> list[int]:
    """Turn ids to search in into numbers, leaving out those that are too long to be there."""
    numbers = (_number(each) for each in experiment_ids)
    return [number for number in numbers if number is not None]


def _number(experiment_id: str) -> int | None:
    if not isinstance(experiment_id, str) or not experiment_id.isascii() or not experiment_id.isdigit():
        raise InvalidParameterError(
            f"{str(experiment_id)[:80]!r} is no experiment id; one is a whole number as text, such as '0'."
        )
    return int(experiment_id) if len(experiment_id) <= _MOST_DIGITS else None


# Experiments that came from an MLflow folder keep its ids of 18 digits; ours go on from the small ones.
_FOREIGN_NUMBERS = 10**9
NEXT_NUMBER = f"(SELECT coalesce(max(id), 0) + 1 FROM experiments WHERE id < {_FOREIGN_NUMBERS})"


def insert_experiment(
    connection: Connection, new: tuple[str, str | None, Sequence[ExperimentTag]], now: int, root: str = ARTIFACT_FOLDER
) -> int:
    """Make an experiment of (name, place or None, tags); AlreadyExistsError when the name is taken.

    Its artifacts go to a folder of its number below ``root``, by default beside the store, unless a place is given.
    """
    name, place, tags = new
    _refuse_taken(connection, name)
    row = connection.execute(
        "INSERT INTO experiments (id, name, artifact_location, created_at, updated_at)"
        f" VALUES ({NEXT_NUMBER}, ?, ?, ?, ?)"
        " RETURNING id",
        (name, place or "", now, now),
    ).fetchone()
    number = int(row[0])
    if place is None:
        own = f"{root}/{number}"
        connection.execute("UPDATE experiments SET artifact_location = ? WHERE id = ?", (own, number))
    _put_tags(connection, number, tags)
    return number


def move_unused(connection: Connection, root: str) -> None:
    """Let the artifacts of experiments that have none, and no place of their own, go below a root."""
    connection.execute(
        "UPDATE experiments SET artifact_location = ? || '/' || id WHERE artifact_location = ? || '/' || id"
        " AND NOT EXISTS (SELECT 1 FROM runs WHERE experiment_id = experiments.id)"
        " AND NOT EXISTS (SELECT 1 FROM logged_models WHERE experiment_id = experiments.id)",
        (root, ARTIFACT_FOLDER),
    )


def _refuse_taken(connection: Connection, name: str) -> None:
    row = connection.execute("SELECT lifecycle_stage FROM experiments WHERE name = ?", (name,)).fetchone()
    if row:
        hint = " It is deleted: restore it, or choose another name." if row[0] == LifecycleStage.DELETED else ""
        raise AlreadyExistsError(f"There is an experiment {name!r} already.{hint}")


def read_experiments(connection: Connection, where: str, values: Sequence[object], locate: Locator) -> list[Experiment]:
    """Give the experiments that match a condition made of constants, the last created first."""
    query = f"SELECT {_COLUMNS} FROM experiments WHERE {where} ORDER BY created_at DESC, id DESC"
    return with_tags(connection, connection.execute(query, values).fetchall(), locate)


def read_numbered(connection: Connection, numbers: Sequence[int], locate: Locator) -> list[Experiment]:
    """Give the experiments of these numbers, in their order."""
    query = f"SELECT {_COLUMNS} FROM experiments WHERE id IN (SELECT value FROM json_each(?))"
    rows = {row[0]: row for row in connection.execute(query, (json.dumps(numbers),))}
    return with_tags(connection, [rows[number] for number in numbers], locate)


def with_tags(connection: Connection, rows: Sequence[tuple[object, ...]], locate: Locator) -> list[Experiment]:
    """Make experiments of rows (id, name, place, stage, created, updated), their tags read in one query."""
    tags: dict[object, dict[str, str]] = {row[0]: {} for row in rows}
    query = (
        "SELECT experiment_id, key, value FROM experiment_tags WHERE experiment_id IN (SELECT value FROM json_each(?))"
    )
    for number, key, value in connection.execute(query, (json.dumps(list(tags)),)):
        tags[number][key] = value
    return [
        Experiment(str(number), str(name), locate(str(place)), str(stage), tags[number], created, updated)  # type: ignore[arg-type]
        for number, name, place, stage, created, updated in rows
    ]


def rename_experiment(connection: Connection, number: int, name: str, now: int) -> None:
    """Give an active experiment another name."""
    stage, current = _stage_and_name(connection, number)
    _refuse_deleted(number, stage)
    if name != current:
        _refuse_taken(connection, name)
    connection.execute("UPDATE experiments SET name = ?, updated_at = ? WHERE id = ?", (name, now, number))


def delete_experiment(connection: Connection, number: int, now: int) -> None:
    """Mark an active experiment and its active runs deleted.

    All get one time, later than that of any run deleted before: by it ``restore_experiment`` knows these runs.
    """
    stage, _ = _stage_and_name(connection, number)
    if stage != LifecycleStage.ACTIVE:
        raise NotFoundError(f"There is no active experiment with the id '{number}': it is deleted already.")
    query = (
        "SELECT updated_at, (SELECT coalesce(max(r.deleted_at), 0) + 1 FROM runs r WHERE r.experiment_id = e.id)"
        " FROM experiments e WHERE e.id = ?"
    )
    moment = max(now, *connection.execute(query, (number,)).fetchone())
    connection.execute(
        "UPDATE experiments SET lifecycle_stage = 'deleted', updated_at = ? WHERE id = ?", (moment, number)
    )
    connection.execute(
        "UPDATE runs SET lifecycle_stage = 'deleted', deleted_at = ? WHERE experiment_id = ?"
        " AND lifecycle_stage = 'active'",
        (moment, number),
    )


def restore_experiment(connection: Connection, number: int, now: int) -> None:
    """Bring a deleted experiment back, with the runs that were deleted with it and no others."""
    stage, _ = _stage_and_name(connection, number)
    if stage != LifecycleStage.DELETED:
        raise NotFoundError(f"There is no deleted experiment with the id '{number}': it is active.")
    deleted_at = connection.execute("SELECT updated_at FROM experiments WHERE id = ?", (number,)).fetchone()[0]
    refuse_claimed(f"Experiment '{number}'", deleted_at)
    connection.execute(
        "UPDATE runs SET lifecycle_stage = 'active', deleted_at = NULL WHERE experiment_id = ?"
        " AND lifecycle_stage = 'deleted' AND deleted_at = ?",
        (number, deleted_at),
    )
    connection.execute("UPDATE experiments SET lifecycle_stage = 'active', updated_at = ? WHERE id = ?", (now, number))


def refuse_claimed(what: str, deleted_at: int | None) -> None:
    """Raise InvalidParameterError for what is being removed: some of it may be gone."""
    if deleted_at == CLAIMED:
        raise InvalidParameterError(f"{what} is being removed for good; `mltrack gc` ends what it began.")


def set_tags(connection: Connection, number: int, tags: Sequence[ExperimentTag], now: int) -> None:
    """Insert or overwrite tags of an active experiment."""
    stage, _ = _stage_and_name(connection, number)
    _refuse_deleted(number, stage)
    _put_tags(connection, number, tags)
    connection.execute("UPDATE experiments SET updated_at = ? WHERE id = ?", (now, number))


def delete_tag(connection: Connection, number: int, key: str, now: int) -> None:
    """Take a tag off an active experiment; NotFoundError when it has none of that key."""
    stage, _ = _stage_and_name(connection, number)
    _refuse_deleted(number, stage)
    query = "DELETE FROM experiment_tags WHERE experiment_id = ? AND key = ? RETURNING key"
    if connection.execute(query, (number, key)).fetchone() is None:
        raise NotFoundError(f"Experiment '{number}' has no tag {key[:80]!r}.")
    connection.execute("UPDATE experiments SET updated_at = ? WHERE id = ?", (now, number))


def _put_tags(connection: Connection, number: int, tags: Sequence[ExperimentTag]) -> None:
    rows = [(number, key, value) for key, value in {tag.key: tag.value for tag in tags}.items()]
    connection.executemany(upsert("experiment_tags", ("experiment_id", "key"), ("value",)), rows)


def _stage_and_name(connection: Connection, number: int) -> tuple[str, str]:
    row = connection.execute("SELECT lifecycle_stage, name FROM experiments WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise NotFoundError(f"There is no experiment with the id '{number}'.")
    return row[0], row[1]


def _refuse_deleted(number: int, stage: str) -> None:
    if stage != LifecycleStage.ACTIVE:
        raise InvalidParameterError(f"Experiment '{number}' is deleted; restore it before changing it.")
