"""Takes what another tracker's store holds into an SQLite store, by transactions of some thousand rows.

What is there already stays: a second import adds what is new, and ends a run that was still open. A run counts as live
until the last of its points is in, so that an import that was cut off leaves runs that searches read rightly.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mltrack.config import ARTIFACT_FOLDER
from mltrack.entities import LifecycleStage, Param, RunStatus, RunTag
from mltrack.store.base import now_ms
from mltrack.store.experiments import NEXT_NUMBER
from mltrack.store.inputs import write_dataset
from mltrack.store.points import encode, settle, write_params, write_tags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from sqlite3 import Connection

    from mltrack.store.artifact_folder import ArtifactFolder, FileRecord
    from mltrack.store.artifacts import SafePath
    from mltrack.store.foreign import ForeignExperiment, ForeignRun, Point
    from mltrack.store.sqlite import SqliteStore

DEFAULT = 0
_MOST_DIGITS = 18  # of an experiment's number
_INSERT_POINT = "INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"


@dataclass(frozen=True, slots=True)
class RunPart:
    """Some points of a run; with the first part goes all else, and with the last one the run is settled."""

    run: ForeignRun
    experiment: int
    artifact_place: str | None
    points: Sequence[Point]
    is_first: bool
    is_last: bool


@dataclass(slots=True)
class Added:
    """What a part added: ``state`` is "new", "there", or "busy" when a process of this store is writing the run."""

    run_id: str
    state: str
    counts: dict[str, int] = field(default_factory=dict)


class ImportWriter:
    """Writes into one store what importers read elsewhere; every value was checked, masked and cut before."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._database = store._database
        self._keys = store._keys

    def place_experiment(self, foreign: ForeignExperiment) -> tuple[str, str]:
        """Find or make the experiment here; gives (id, how: "new", or "the one of that name", or "it has its runs").

        It is the one of that name, or the one that has its runs already (it was renamed here), or a new one, with its
        old id where that is free.
        """
        number, how = self._database.write_durably(_place_experiment, foreign)
        return str(number), how

    def write(self, parts: Sequence[RunPart]) -> list[Added]:
        """Write these parts in one transaction: all or none."""
        names = {point[0] for part in parts for point in part.points}

        def work(connection: Connection) -> tuple[dict[str, int], list[Added]]:
            numbers = self._keys.numbers(connection, names)
            return numbers, [_write_part(connection, part, numbers) for part in parts]

        numbers, added = self._database.write(work)
        self._keys.remember(numbers)
        return added

    def artifact_folder(self, run_id: str) -> ArtifactFolder:
        """Give the folder of a run's artifacts."""
        return self._store.artifact_folder(run_id)

    def known_artifacts(self, run_id: str) -> dict[str, tuple[int, int]]:
        """Give (size, time of recording in ms) of the run's recorded files, by path."""
        query = "SELECT a.path, a.size, a.created_at FROM artifacts a JOIN runs r ON r.id = a.run_id WHERE r.uuid = ?"
        rows = self._database.read(lambda connection: connection.execute(query, (run_id,)).fetchall())
        return {path: (size, created) for path, size, created in rows}

    def record_artifacts(self, run_id: str, files: Mapping[SafePath, FileRecord]) -> None:
        """Keep the size and digest of files that are in place; the run may be a deleted one."""
        rows = [(path.text, size, digest, now_ms(), run_id) for path, (size, digest) in files.items()]
        query = (
            "INSERT INTO artifacts SELECT id, ?, ?, ?, ? FROM runs WHERE uuid = ? ON CONFLICT (run_id, path) DO UPDATE"
            " SET size = excluded.size, digest = excluded.digest, created_at = excluded.created_at"
        )
        self._database.write(lambda connection: connection.executemany(query, rows))

    def record_model_files(self, model_id: str, files: Mapping[SafePath, FileRecord]) -> None:
        """Keep the size and digest of a logged model's files that are in place; it may be a deleted one."""
        rows = [(path.text, size, digest, model_id) for path, (size, digest) in files.items()]
        query = (
            "INSERT INTO logged_model_files SELECT id, ?, ?, ? FROM logged_models WHERE uuid = ?"
            " ON CONFLICT (model_id, path) DO UPDATE SET size = excluded.size, digest = excluded.digest"
        )
        self._database.write(lambda connection: connection.executemany(query, rows))

    def finish(self) -> None:
        """Make what was written survive a power failure, and cut the log."""
        self._database.write_durably(lambda connection: connection.execute("SELECT 1"))
        self._database.shrink_log()


def _place_experiment(connection: Connection, foreign: ForeignExperiment) -> tuple[int, str]:
    number, how = _find_experiment(connection, foreign)
    if number is None:
        number, how = _insert_experiment(connection, foreign), "new"
    query = "INSERT INTO experiment_tags VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
    connection.executemany(query, [(number, key, value) for key, value in foreign.tags])
    return number, how


def _find_experiment(connection: Connection, foreign: ForeignExperiment) -> tuple[int | None, str]:
    row = connection.execute("SELECT id FROM experiments WHERE name = ?", (foreign.name,)).fetchone()
    if row:
        return row[0], "the one of that name"
    row = connection.execute(
        "SELECT experiment_id FROM runs WHERE uuid IN (SELECT value FROM json_each(?)) LIMIT 1",
        (json.dumps(list(foreign.some_run_ids)),),
    ).fetchone()
    return (row[0], "it has its runs") if row else (None, "")


def _insert_experiment(connection: Connection, foreign: ForeignExperiment) -> int:
    wanted = foreign.experiment_id
    number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) <= _MOST_DIGITS else None
    taken = connection.execute("SELECT 1 FROM experiments WHERE id = ?", (number,)).fetchone()
    now = now_ms()
    created = foreign.created_at or now
    stage = LifecycleStage.DELETED if foreign.lifecycle_stage == LifecycleStage.DELETED else LifecycleStage.ACTIVE
    row = connection.execute(
        "INSERT INTO experiments (id, name, artifact_location, lifecycle_stage, created_at, updated_at)"
        f" VALUES (coalesce(?, {NEXT_NUMBER}), ?, '', ?, ?, ?) RETURNING id",
        (None if taken else number, foreign.name, stage, created, foreign.updated_at or created),
    ).fetchone()
    place = f"{ARTIFACT_FOLDER}/{row[0]}"
    connection.execute("UPDATE experiments SET artifact_location = ? WHERE id = ?", (place, row[0]))
    return int(row[0])


def _write_part(connection: Connection, part: RunPart, numbers: Mapping[str, int]) -> Added:
    row = connection.execute(
        "SELECT id, status, owner, ended_at FROM runs WHERE uuid = ?", (part.run.run_id,)
    ).fetchone()
    if row and row[2] is not None and row[1] == RunStatus.RUNNING:
        return Added(part.run.run_id, "busy")
    added = Added(part.run.run_id, "there" if row or not part.is_first else "new")
    number = row[0] if row else _insert_run(connection, part)
    if part.is_first:
        added.counts["ends"] = _take_up_end(connection, number, part.run, row) if row else 0
        added.counts.update(_write_texts(connection, number, part.run, row))
    before = connection.total_changes
    connection.executemany(
        _INSERT_POINT,
        [(number, numbers[key], step, time, *encode(value)) for key, value, time, step in part.points],
    )
    added.counts["points"] = connection.total_changes - before
    if part.is_last:
        settle(connection, number)
    return added


def _is_open(status: str) -> bool:
    return not RunStatus(status).is_final


def _insert_run(connection: Connection, part: RunPart) -> int:
    run = part.run
    start = run.started_at if run.started_at is not None else run.ended_at or 0
    row = connection.execute(
        "INSERT INTO runs (uuid, experiment_id, name, user_id, status, lifecycle_stage, started_at, ended_at,"
        " deleted_at, live, artifact_place) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?) RETURNING id",
        (
            *(run.run_id, part.experiment, run.name, run.user_id, run.status, run.lifecycle_stage),
            *(start, run.ended_at, run.deleted_at, part.artifact_place),
        ),
    ).fetchone()
    return int(row[0])


def _take_up_end(connection: Connection, number: int, run: ForeignRun, row: Sequence[object]) -> int:
    """End a run that was open at the last import, and move the end of one that went on; gives 1 if there was need."""
    _, status, _, ended_at = row
    ends = _is_open(str(status)) and not _is_open(run.status)
    goes_on = isinstance(ended_at, int) and run.ended_at is not None and run.ended_at > ended_at
    if ends:
        query = "UPDATE runs SET status = ?, ended_at = ?, owner = NULL WHERE id = ?"
        connection.execute(query, (run.status, run.ended_at, number))
    elif goes_on:
        connection.execute("UPDATE runs SET ended_at = ? WHERE id = ?", (run.ended_at, number))
    return int(ends or goes_on)


def _write_texts(connection: Connection, number: int, run: ForeignRun, row: Sequence[object] | None) -> dict[str, int]:
    """Add params, tags and inputs that are not there; of an open run, tags follow those of the other store."""
    params = _texts(connection, "params", number) if row else {}
    new_params = [Param(key, value) for key, value in dict(run.params).items() if key not in params]
    write_params(connection, number, new_params)
    tags = _texts(connection, "run_tags", number) if row else {}
    is_open = row is None or _is_open(str(row[1]))
    new_tags = [
        RunTag(key, value)
        for key, value in dict(run.tags).items()
        if key not in tags or (is_open and tags[key] != value)
    ]
    write_tags(connection, number, new_tags)
    return {"params": len(new_params), "tags": len(new_tags), "inputs": _write_datasets(connection, number, run)}


def _texts(connection: Connection, table: str, number: int) -> dict[str, str]:
    query = f"SELECT k.name, t.value FROM {table} t JOIN text_keys k ON k.id = t.key_id WHERE t.run_id = ?"
    return dict(connection.execute(query, (number,)))


def _write_datasets(connection: Connection, number: int, run: ForeignRun) -> int:
    if not run.datasets:
        return 0
    query = "SELECT count(*) FROM run_inputs WHERE run_id = ?"
    before = connection.execute(query, (number,)).fetchone()[0]
    for each in run.datasets:
        write_dataset(connection, number, each)
    return int(connection.execute(query, (number,)).fetchone()[0] - before)
