"""The store in one SQLite file, with the artifacts in a folder beside it."""

from __future__ import annotations

import base64
import binascii
import json
import time
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.config import store_uri
from mltrack.entities import CapturedName, FileInfo
from mltrack.exceptions import AlreadyExistsError, InvalidParameterError, NotFoundError
from mltrack.keys import (
    MAX_BATCH_ITEMS,
    MAX_BATCH_METRICS,
    MAX_BATCH_PARAMS,
    MAX_BATCH_TAGS,
    check_name,
)
from mltrack.store import liveness, notebooks, points, runs
from mltrack.store.artifacts import local_place
from mltrack.store.filters import compile_search
from mltrack.store.opening import open_database
from mltrack.store.protocol import Failure, RunPage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from sqlite3 import Connection

    from mltrack.entities import Experiment, Metric, Param, Run, RunInfo, RunTag
    from mltrack.store.artifacts import SafePath
    from mltrack.store.notebooks import Snapshot, SnapshotWrite
    from mltrack.store.protocol import NewRun, RunChange, RunSearch

    Batch = tuple[Sequence[Metric], Sequence[Param], Sequence[RunTag]]

MAX_RESULTS = 50_000
SWEEP_SECONDS = 1.0


class SqliteStore:
    """A store in one SQLite file; usable from any thread, and from a forked child.

    Parameters
    ----------
    path
        The file. It is made when it is not there, and migrated when it is older.

    Raises
    ------
    StoreFormatError, StoreVersionError, StoreReadOnlyError, StoreFullError
        When the file cannot be used; it is then left as it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.uri = store_uri(self.path)
        self._database = open_database(self.path, now=now_ms())
        self._keys = points.MetricKeys()
        self._next_sweep = 0.0

    @property
    def is_read_only(self) -> bool:
        """True when the file cannot be written by this user."""
        return self._database.read_only

    # Experiments

    def create_experiment(self, name: str, *, artifact_location: str | None = None) -> str:
        """Make an experiment and give its id; AlreadyExistsError when the name is taken, also by a deleted one."""
        check_name(name, "experiment")
        place = None if artifact_location is None else local_place(str(artifact_location))

        def work(connection: Connection) -> int:
            row = connection.execute("SELECT lifecycle_stage FROM experiments WHERE name = ?", (name,)).fetchone()
            if row:
                hint = " It is deleted: restore it, or choose another name." if row[0] == "deleted" else ""
                raise AlreadyExistsError(f"There is an experiment {name!r} already.{hint}")
            return runs.insert_experiment(connection, name, place, now_ms())

        return str(self._database.write_durably(work))

    def get_experiment(self, experiment_id: str) -> Experiment:
        """Give an experiment, deleted or not; NotFoundError when there is none."""
        number = runs.experiment_number(experiment_id)
        found = self._database.read(runs.read_experiments, "id = ?", (number,), self._locate)
        if not found:
            raise NotFoundError(f"There is no experiment with the id {experiment_id!r}.")
        return found[0]

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """Give the experiment of that name, deleted or not, or None."""
        found = self._database.read(runs.read_experiments, "name = ?", (name,), self._locate)
        return found[0] if found else None

    def list_experiments(self) -> list[Experiment]:
        """Give all active experiments, the last created first."""
        return self._database.read(runs.read_experiments, "lifecycle_stage = 'active'", (), self._locate)

    # Runs

    def create_run(self, new: NewRun) -> RunInfo:
        """Make a run; it survives a power failure once this returns."""
        return self._database.write_durably(runs.insert_run, new, self._locate)

    def get_run(self, run_id: str) -> Run:
        """Give a run with its data; NotFoundError when there is none."""
        self._sweep()
        return self._database.read(runs.read_run, run_id, self._locate)

    def update_run(self, run_id: str, change: RunChange) -> RunInfo:
        """Change a run's status, end or name; it survives a power failure once this returns."""
        info = self._database.write_durably(runs.update_run, run_id, change, self._locate)
        if change.status:
            self._database.shrink_log()
        return info

    def log_batch(
        self,
        run_id: str,
        *,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> None:
        """Write all of it or nothing; a param that is there with another value is refused."""
        _check_batch(metrics, params, tags)
        numbers = self._database.write(_write_batch, self._keys, run_id, (metrics, params, tags))
        self._keys.remember(numbers)

    def metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Give every point of a metric by time, step and value."""
        return self._database.read(points.read_history, run_id, key)

    def metric_outlines(self, run_id: str, *, width: int = 20) -> dict[str, tuple[int, tuple[float, ...]]]:
        """Give (number of points, values at some ``width`` evenly spaced steps) of each metric with several points."""
        return self._database.read(points.read_outlines, run_id, width)

    def search_runs(self, search: RunSearch) -> RunPage:
        """Give one page of the runs that match.

        Raises
        ------
        InvalidParameterError
            For a filter or order that does not parse, a page size outside 1 to 50,000, or a foreign page token.
        """
        size = search.max_results
        if type(size) is not int or not 1 <= size <= MAX_RESULTS:
            raise InvalidParameterError(f"max_results must be a whole number from 1 to {MAX_RESULTS}; got {size!r}.")
        compiled = compile_search(search.filter_string, search.order_by)
        offset = _offset(search.page_token)
        self._sweep()
        found = self._database.read(runs.find_runs, search, compiled, offset, self._locate)
        more = len(found) > size
        return RunPage(tuple(found[:size]), _token(offset + size) if more else None)

    def count_runs(self, experiment_ids: Sequence[str] | None = None) -> int:
        """Count the active runs of these experiments; default: of the store."""
        query = "SELECT count(*) FROM runs WHERE lifecycle_stage = 'active'"
        values: tuple[str, ...] = ()
        if experiment_ids is not None:
            query += " AND experiment_id IN (SELECT value FROM json_each(?))"
            values = (json.dumps([runs.experiment_number(each) for each in experiment_ids]),)
        return int(self._database.read(lambda connection: connection.execute(query, values).fetchone()[0]))

    def find_run_ids(self, text: str, *, limit: int = 20) -> list[str]:
        """Give the ids of runs whose id begins with, or whose name is, ``text``, newest first."""
        query = (
            "SELECT uuid FROM runs WHERE lifecycle_stage = 'active' AND (name = :text OR"
            " (uuid >= :text AND uuid < :text || 'g' AND :text <> '')) ORDER BY started_at DESC, id DESC LIMIT :limit"
        )
        values = {"text": text, "limit": limit}
        return self._database.read(lambda connection: [row[0] for row in connection.execute(query, values)])

    # Artifacts

    def artifact_root(self, run_id: str) -> Path:
        """Give the folder of a run's artifacts."""
        return Path(self._database.read(runs.read_info, run_id, self._locate).artifact_uri)

    def record_artifacts(self, run_id: str, files: Mapping[SafePath, tuple[int, str]]) -> None:
        """Keep the size and digest of files that are in place."""

        def work(connection: Connection) -> None:
            number, _ = points.writable_run(connection, run_id)
            rows = [(number, path.text, size, digest, now_ms()) for path, (size, digest) in files.items()]
            connection.executemany("INSERT OR REPLACE INTO artifacts VALUES (?, ?, ?, ?, ?)", rows)

        self._database.write(work)

    def list_artifacts(self, run_id: str) -> list[FileInfo]:
        """Give the files that were recorded, by path."""
        query = "SELECT a.path, a.size FROM artifacts a JOIN runs r ON r.id = a.run_id WHERE r.uuid = ? ORDER BY a.path"
        rows = self._database.read(lambda connection: connection.execute(query, (run_id,)).fetchall())
        return [FileInfo(path, is_dir=False, file_size=size) for path, size in rows]

    # What a tracked cell leaves

    def record_failure(self, run_id: str, failure: Failure) -> None:
        """Keep the exception that ended a run."""

        def work(connection: Connection) -> None:
            number, _ = points.writable_run(connection, run_id)
            row = (number, failure.name, failure.message, failure.traceback)
            connection.execute("INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?)", row)

        self._database.write(work)

    def get_failure(self, run_id: str) -> Failure | None:
        """Give the exception that ended a run, or None."""
        query = "SELECT f.name, f.message, f.traceback FROM failures f JOIN runs r ON r.id = f.run_id WHERE r.uuid = ?"
        row = self._database.read(lambda connection: connection.execute(query, (run_id,)).fetchone())
        return Failure(*row) if row else None

    def record_captured(self, run_id: str, names: Sequence[CapturedName]) -> None:
        """Keep where in the cell each captured value stands."""

        def work(connection: Connection) -> None:
            number, _ = points.writable_run(connection, run_id)
            rows = [(number, n.kind, n.name, n.origin, n.line, n.column, n.end_line, n.end_column) for n in names]
            connection.executemany("INSERT OR REPLACE INTO captured_names VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

        self._database.write(work)

    def get_captured(self, run_id: str) -> list[CapturedName]:
        """Give what was captured from the run's cell."""
        query = (
            'SELECT c.kind, c.name, c.origin, c.line, c."column", c.end_line, c.end_column FROM captured_names c'
            " JOIN runs r ON r.id = c.run_id WHERE r.uuid = ? ORDER BY c.line IS NULL, c.line, c.name"
        )
        rows = self._database.read(lambda connection: connection.execute(query, (run_id,)).fetchall())
        return [CapturedName(*row) for row in rows]

    def set_environment(self, run_id: str, document: Mapping[str, object]) -> None:
        """Keep the environment a run had; equal ones are kept once."""
        text = json.dumps(document, sort_keys=True, ensure_ascii=False).encode()
        digest = blake2b(text, digest_size=16).digest()

        def work(connection: Connection) -> None:
            number, _ = points.writable_run(connection, run_id)
            connection.execute("INSERT OR IGNORE INTO environments (digest, document) VALUES (?, ?)", (digest, text))
            query = "UPDATE runs SET environment_id = (SELECT id FROM environments WHERE digest = ?) WHERE id = ?"
            connection.execute(query, (digest, number))

        self._database.write(work)

    def get_environment(self, run_id: str) -> dict[str, object] | None:
        """Give the environment a run had, or None."""
        query = "SELECT e.document FROM environments e JOIN runs r ON r.environment_id = e.id WHERE r.uuid = ?"
        row = self._database.read(lambda connection: connection.execute(query, (run_id,)).fetchone())
        return json.loads(row[0]) if row else None

    def save_snapshot(self, run_id: str, snapshot: SnapshotWrite) -> None:
        """Keep the notebook as a run had executed it; saving again adds what came later."""
        self._database.write(notebooks.write_snapshot, run_id, snapshot)

    def load_snapshot(self, run_id: str) -> Snapshot | None:
        """Give the notebook as a run had executed it, or None."""
        return self._database.read(notebooks.read_snapshot, run_id)

    def cell_sources(self, run_id: str) -> dict[str, bytes]:
        """Give the digest of the last source that each cell of the run's snapshot ran, by cell."""
        return self._database.read(notebooks.read_sources, run_id)

    def previous_run_of_cell(self, run_id: str) -> str | None:
        """Give the id of the last run of the same cell before this one, or None."""
        return self._database.read(notebooks.read_previous_run, run_id)

    # Upkeep

    def roll_back(self) -> None:
        """End a transaction that an interrupt left open on this thread, if there is one."""
        self._database.roll_back()

    def close(self) -> None:
        """Close this thread's connection; the next call opens another."""
        self._database.close()

    def _sweep(self) -> None:
        """Mark the runs of dead processes KILLED, at most once a second."""
        if self.is_read_only or time.monotonic() < self._next_sweep:
            return
        self._next_sweep = time.monotonic() + SWEEP_SECONDS
        dead = self._database.read(liveness.dead_runs)
        if dead:
            self._database.write_durably(liveness.mark_killed, dead)

    def _locate(self, place: str) -> str:
        """Make an artifact location absolute: one that is relative lies beside the file, wherever that is moved."""
        return str(self.path.parent / place)


def _write_batch(connection: Connection, keys: points.MetricKeys, run_id: str, batch: Batch) -> dict[str, int]:
    metrics, params, tags = batch
    run = points.writable_run(connection, run_id)
    numbers: dict[str, int] = {}
    if metrics:
        numbers = keys.numbers(connection, {metric.key for metric in metrics})
        points.write_metrics(connection, run, metrics, numbers=numbers)
    if params:
        points.write_params(connection, run[0], params)
    if tags:
        points.write_tags(connection, run[0], tags)
    return numbers


def _check_batch(metrics: Sequence[Metric], params: Sequence[Param], tags: Sequence[RunTag]) -> None:
    if len(metrics) + len(params) + len(tags) <= MAX_BATCH_PARAMS:  # the lowest of the limits
        return
    counts = (
        ("metrics", len(metrics), MAX_BATCH_METRICS),
        ("params", len(params), MAX_BATCH_PARAMS),
        ("tags", len(tags), MAX_BATCH_TAGS),
        ("items", len(metrics) + len(params) + len(tags), MAX_BATCH_ITEMS),
    )
    for what, count, most in counts:
        if count > most:
            raise InvalidParameterError(f"A batch of {count} {what} is too large: at most {most} go in one; split it.")


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(json.dumps({"offset": offset}).encode()).decode()


def _offset(token: str | None) -> int:
    if not token:
        return 0
    try:
        offset = json.loads(base64.urlsafe_b64decode(token.encode()))["offset"]
    except (ValueError, KeyError, TypeError, binascii.Error, RecursionError):
        offset = None
    if type(offset) is not int or not 0 <= offset < 2**62:
        raise InvalidParameterError(f"{token[:60]!r} is no page token of this store; use the one the last page gave.")
    return offset


def now_ms() -> int:
    """Give the present time in ms since 1970."""
    return time.time_ns() // 1_000_000
