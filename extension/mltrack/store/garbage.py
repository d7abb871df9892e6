"""Removing for good what was deleted: which runs and experiments, their rows, and what nothing refers to any more.

Every function but ``choose`` may be run again after a kill: files go before the rows that say where they lie, a run's
own row goes last of its rows, and what was chosen is marked (``CLAIMED``), so that nobody restores half a run and the
next collection takes up what is left. Transactions are short, so that kernels which write meanwhile wait for
milliseconds. The numbers of metric names stay: other processes remember them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from mltrack.config import ARTIFACT_FOLDER
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.store.access import note_change
from mltrack.store.code_index import forget_sources, unpack
from mltrack.store.experiments import CLAIMED, experiment_number
from mltrack.store.points import missing_run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from sqlite3 import Connection

    from mltrack.store.locator import Locator
    from mltrack.store.protocol import GarbageSelection


POINTS_AT_ONCE = 50_000
BLOBS_AT_ONCE = 1_000
_DEFAULT = 0
_GIVEN = "(SELECT value FROM json_each(?))"
_RUN_TABLES = (
    *("input_tags", "run_inputs", "run_models", "logged_model_metrics", "run_tags", "params", "latest_metrics"),
    *("artifacts", "failures", "captured_names", "snapshots"),
)
_MODEL_TABLES = (
    *("logged_model_tags", "logged_model_params", "logged_model_metrics", "logged_model_files", "run_models"),
)


@dataclass(frozen=True, slots=True)
class Doomed:
    """What is to be removed: its number and id, and where its artifacts lie.

    ``is_ours`` is False for the artifacts of a run that another tracker keeps, which stay where they are, and for an
    experiment's place that a user chose.
    """

    number: int
    name: str
    uri: str
    is_ours: bool


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a collection removes."""

    runs: tuple[Doomed, ...]
    experiments: tuple[Doomed, ...]
    models: tuple[Doomed, ...]


def choose(connection: Connection, selection: GarbageSelection, now: int, locate: Locator) -> Chosen:
    """Find what is to be removed and mark it, so that it can no more be restored.

    Raises
    ------
    NotFoundError
        When a run or experiment that was named is not there.
    InvalidParameterError
        When one that was named is not deleted, or not for long enough, or the experiment has active runs.
    """
    before = now if selection.deleted_before is None else selection.deleted_before
    experiments = _chosen_experiments(connection, selection, before, now)
    runs = _chosen_runs(connection, selection, before, now)
    places = json.dumps(experiments)
    runs |= {row[0] for row in connection.execute(f"SELECT id FROM runs WHERE experiment_id IN {_GIVEN}", (places,))}
    numbers = json.dumps(sorted(runs))
    connection.execute(f"UPDATE runs SET deleted_at = {CLAIMED} WHERE id IN {_GIVEN}", (numbers,))
    connection.execute(f"UPDATE experiments SET updated_at = {CLAIMED} WHERE id IN {_GIVEN}", (places,))
    return Chosen(
        _doomed(connection, _RUN_PLACES, numbers, locate),
        _doomed(connection, _EXPERIMENT_PLACES, places, locate),
        _doomed(connection, _MODEL_PLACES, json.dumps(_chosen_models(connection, selection, before, places)), locate),
    )


_RUN_PLACES = (
    "SELECT r.id, r.uuid, r.artifact_place, e.artifact_location || '/' || r.uuid || '/artifacts'"
    f" FROM runs r JOIN experiments e ON e.id = r.experiment_id WHERE r.id IN {_GIVEN} ORDER BY r.id"
)
_MODEL_PLACES = (
    "SELECT m.id, m.uuid, m.artifact_place, e.artifact_location || '/models/' || m.uuid || '/artifacts'"
    f" FROM logged_models m JOIN experiments e ON e.id = m.experiment_id WHERE m.id IN {_GIVEN} ORDER BY m.id"
)
# As insert_experiment makes it; where a user chose the place, the folder is the user's.
_EXPERIMENT_PLACES = (
    f"SELECT id, name, CASE WHEN '/' || artifact_location NOT LIKE '%/{ARTIFACT_FOLDER}/' || id THEN artifact_location"
    f" END, artifact_location FROM experiments WHERE id IN {_GIVEN}"
)


def _doomed(connection: Connection, query: str, numbers: str, locate: Locator) -> tuple[Doomed, ...]:
    rows = connection.execute(query, (numbers,)).fetchall()
    return tuple(
        Doomed(number, name, locate(ours if foreign is None else foreign), foreign is None)
        for number, name, foreign, ours in rows
    )


def _chosen_experiments(connection: Connection, selection: GarbageSelection, before: int, now: int) -> list[int]:
    query = (
        "SELECT id, lifecycle_stage, updated_at, (SELECT count(*) FROM runs r WHERE r.experiment_id = experiments.id"
        " AND r.lifecycle_stage = 'active') FROM experiments"
    )
    if selection.experiment_ids is None:
        if selection.run_ids is not None:
            return []
        rows = connection.execute(f"{query} WHERE lifecycle_stage = 'deleted' AND id <> {_DEFAULT}").fetchall()
        return [number for number, _, deleted_at, active in rows if deleted_at <= before and not active]
    chosen = []
    for experiment_id in dict.fromkeys(selection.experiment_ids):
        number = experiment_number(experiment_id)
        row = connection.execute(f"{query} WHERE id = ?", (number,)).fetchone()
        if row is None:
            raise NotFoundError(f"There is no experiment with the id {experiment_id!r}.")
        if number == _DEFAULT:
            raise InvalidParameterError("The experiment Default is always there; name its runs, or none.")
        _refuse_young(f"Experiment {experiment_id!r}", (row[1], row[2]), before, now)
        if row[3]:
            raise InvalidParameterError(f"Experiment {experiment_id!r} has {row[3]} active runs; delete them first.")
        chosen.append(number)
    return chosen


def _chosen_runs(connection: Connection, selection: GarbageSelection, before: int, now: int) -> set[int]:
    if selection.run_ids is None:
        if selection.experiment_ids is not None:
            return set()
        query = "SELECT id FROM runs WHERE lifecycle_stage = 'deleted' AND coalesce(deleted_at, ?) <= ?"
        return {row[0] for row in connection.execute(query, (now, before))}
    chosen = set()
    for run_id in selection.run_ids:
        query = "SELECT id, lifecycle_stage, deleted_at FROM runs WHERE uuid = ?"
        row = connection.execute(query, (run_id,)).fetchone()
        if row is None:
            raise missing_run(run_id)
        _refuse_young(f"Run {run_id!r}", row[1:], before, now)
        chosen.add(row[0])
    return chosen


def _chosen_models(connection: Connection, selection: GarbageSelection, before: int, experiments: str) -> list[int]:
    """Give the logged models of these experiments, and, unless others were named, those that were deleted.

    One that a version of a registered model was made of stays until that is deleted, too.
    """
    query = f"SELECT id FROM logged_models WHERE experiment_id IN {_GIVEN}"
    found = {row[0] for row in connection.execute(query, (experiments,))}
    if selection.run_ids is None and selection.experiment_ids is None:
        query = (
            "SELECT id FROM logged_models m WHERE lifecycle_stage = 'deleted' AND updated_at <= ? AND NOT EXISTS"
            " (SELECT 1 FROM model_versions v WHERE v.logged_model_id = m.uuid)"
        )
        found |= {row[0] for row in connection.execute(query, (before,))}
    return sorted(found)


def _refuse_young(what: str, state: tuple[str, int | None], before: int, now: int) -> None:
    stage, deleted_at = state
    if stage != "deleted":
        raise InvalidParameterError(f"{what} is not deleted; delete it before it can be removed for good.")
    if (now if deleted_at is None else deleted_at) > before:
        raise InvalidParameterError(f"{what} was deleted less long ago than was asked for; it was left.")


def remove_points(connection: Connection, numbers: Sequence[int]) -> bool:
    """Remove some points of these runs; True when there may be more."""
    columns = "run_id, key_id, step, timestamp, value, special"
    done = connection.execute(
        f"DELETE FROM metrics WHERE ({columns}) IN"
        f" (SELECT {columns} FROM metrics WHERE run_id IN {_GIVEN} LIMIT {POINTS_AT_ONCE})",
        (json.dumps(numbers),),
    )
    return done.rowcount == POINTS_AT_ONCE


def remove_runs(connection: Connection, numbers: Sequence[int]) -> tuple[int, int]:
    """Remove runs whose points are gone, with all else that is theirs; gives (runs, bytes of artifacts) removed."""
    given = (json.dumps(numbers),)
    size = connection.execute(f"SELECT coalesce(sum(size), 0) FROM artifacts WHERE run_id IN {_GIVEN}", given)
    freed = int(size.fetchone()[0])
    note_change(connection)  # its id may be chosen again, for a run of another experiment
    for table in _RUN_TABLES:
        connection.execute(f"DELETE FROM {table} WHERE run_id IN {_GIVEN}", given)
    return connection.execute(f"DELETE FROM runs WHERE id IN {_GIVEN}", given).rowcount, freed


def remove_models(connection: Connection, numbers: Sequence[int]) -> tuple[int, int]:
    """Remove logged models whose files are gone; gives (models, bytes of files that no other model has)."""
    given = (json.dumps(numbers),)
    size = connection.execute(
        f"SELECT coalesce(sum(size), 0) FROM (SELECT DISTINCT digest, size FROM logged_model_files WHERE model_id IN"
        f" {_GIVEN} EXCEPT SELECT digest, size FROM logged_model_files WHERE model_id NOT IN {_GIVEN}) own",
        given * 2,
    )
    freed = int(size.fetchone()[0])
    for table in _MODEL_TABLES:
        connection.execute(f"DELETE FROM {table} WHERE model_id IN {_GIVEN}", given)
    return connection.execute(f"DELETE FROM logged_models WHERE id IN {_GIVEN}", given).rowcount, freed


def remove_experiment(connection: Connection, number: int) -> bool:
    """Remove an experiment, unless it has runs or logged models left."""
    for table in ("runs", "logged_models"):
        if connection.execute(f"SELECT 1 FROM {table} WHERE experiment_id = ? LIMIT 1", (number,)).fetchone():
            return False
    note_change(connection)  # its number may be given again, and with it what was given of it
    for table in ("datasets", "experiment_tags", "experiment_roles"):
        connection.execute(f"DELETE FROM {table} WHERE experiment_id = ?", (number,))
    return connection.execute("DELETE FROM experiments WHERE id = ?", (number,)).rowcount == 1


def remove_loose_ends(connection: Connection) -> None:
    """Remove datasets, environments and executed cells that no run needs any more.

    Cells after the last snapshot of their kernel's log go too. A kernel that is still running and knows them as
    written is told so by ``write_snapshot`` when it saves the next one, and sends them again.
    """
    connection.execute("DELETE FROM datasets WHERE id NOT IN (SELECT dataset_id FROM run_inputs)")
    used = "SELECT environment_id FROM runs WHERE environment_id IS NOT NULL"
    connection.execute(f"DELETE FROM environments WHERE id NOT IN ({used})")
    last = "SELECT coalesce(max(s.seq), 0) FROM snapshots s WHERE s.session_id = {}.session_id"
    connection.execute(f"DELETE FROM executions WHERE seq > ({last.format('executions')})")
    connection.execute(f"DELETE FROM outputs WHERE seq > ({last.format('outputs')})")
    connection.execute("DELETE FROM sessions WHERE id NOT IN (SELECT session_id FROM snapshots)")


def has_gaps(connection: Connection) -> bool:
    """Tell whether a tenth of the file is free, as a collection that was killed leaves it."""
    free, pages = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_count"))
    return bool(free > pages // 10)


_BLOBS_IN_USE = (
    "SELECT source_id FROM executions UNION SELECT blob_id FROM outputs"
    " UNION SELECT manifest_id FROM snapshots WHERE manifest_id IS NOT NULL"
)


def remove_blobs(connection: Connection, seen: dict[int, set[bytes]], after: int) -> list[int]:
    """Remove the next blobs with a number over ``after`` that no cell, output or manifest needs; gives their numbers.

    ``seen`` keeps which digests each manifest names, so that a manifest is read once, whatever the number of calls.
    """
    read_manifests(connection, seen)
    named: set[bytes] = set().union(*seen.values())
    found = connection.execute(
        f"SELECT id, digest FROM blobs WHERE id > ? AND id NOT IN ({_BLOBS_IN_USE}) ORDER BY id", (after,)
    )
    dead = list(islice((number for number, digest in found if digest not in named), BLOBS_AT_ONCE))
    found.close()
    forget_sources(connection, dead)
    connection.execute(f"DELETE FROM blobs WHERE id IN {_GIVEN}", (json.dumps(dead),))
    return dead


def read_manifests(connection: Connection, seen: dict[int, set[bytes]]) -> None:
    """Note of each manifest that is in use, by its number, which blobs it names."""
    query = "SELECT DISTINCT manifest_id FROM snapshots WHERE manifest_id IS NOT NULL"
    numbers = {row[0] for row in connection.execute(query)}
    for number in seen.keys() - numbers:
        del seen[number]
    for number in numbers - seen.keys():
        row = connection.execute("SELECT encoding, data FROM blobs WHERE id = ?", (number,)).fetchone()
        cells = json.loads(unpack(*row))["cells"]
        seen[number] = {bytes.fromhex(cell[part]) for cell in cells for part in ("source", "outputs") if part in cell}
