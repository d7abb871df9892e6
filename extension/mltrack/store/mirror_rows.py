"""Copies of runs of another server in an SQLite store of this process alone, so that panels can ask it about them.

A copy has a run's info, params, tags, datasets and the last point of each metric as they were when it was fetched, and
the histories of the metrics that were asked for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mltrack.entities import Param, RunTag
from mltrack.keys import CELL_TAG, CREATION_TAG
from mltrack.store.experiments import experiment_number
from mltrack.store.inputs import write_dataset
from mltrack.store.points import encode, write_params, write_tags

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from sqlite3 import Connection

    from mltrack.entities import Experiment, Metric, Run
    from mltrack.store.sqlite import SqliteStore

_RUN = (
    "INSERT INTO runs (uuid, experiment_id, name, user_id, status, lifecycle_stage, started_at, ended_at, live,"
    " artifact_place) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?) ON CONFLICT (uuid) DO UPDATE SET"
    " experiment_id = excluded.experiment_id, name = excluded.name, user_id = excluded.user_id,"
    " status = excluded.status, lifecycle_stage = excluded.lifecycle_stage, started_at = excluded.started_at,"
    " ended_at = excluded.ended_at, artifact_place = excluded.artifact_place RETURNING id"
)
_OWN_TAGS = (CELL_TAG, CREATION_TAG)  # which tell users nothing
_CLEARED = ("params", "run_tags", "latest_metrics", "input_tags", "run_inputs", "snapshots")


class MirrorRows:
    """Writes copies into a store that nothing else writes to."""

    def __init__(self, store: SqliteStore) -> None:
        self._database = store._database
        self._keys = store._keys

    def put_experiments(self, experiments: Sequence[Experiment]) -> None:
        """Copy experiments, over earlier copies."""
        rows = [
            (experiment_number(each.experiment_id), each.name, each.artifact_location, str(each.lifecycle_stage))
            for each in experiments
        ]

        def work(connection: Connection) -> None:
            ids = json.dumps([row[0] for row in rows])
            # Names may have changed places.
            connection.execute(
                "UPDATE experiments SET name = id || ' ' || name WHERE id IN (SELECT value FROM json_each(?))", (ids,)
            )
            for number, name, place, stage in rows:
                connection.execute(
                    "UPDATE experiments SET name = id || ' ' || name WHERE name = ? AND id <> ?", (name, number)
                )
                connection.execute(
                    "INSERT INTO experiments (id, name, artifact_location, lifecycle_stage, created_at, updated_at)"
                    " VALUES (?, ?, ?, ?, 0, 0) ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
                    " artifact_location = excluded.artifact_location, lifecycle_stage = excluded.lifecycle_stage",
                    (number, name, place, stage),
                )

        self._database.write(work)

    def put_runs(self, runs: Iterable[Run]) -> None:
        """Copy runs, over earlier copies; give them in the order in which they began."""
        self._database.write(self._put_runs, list(runs))

    def _put_runs(self, connection: Connection, runs: Sequence[Run]) -> None:
        names = {point.key for run in runs for point in run.data.latest}
        numbers = self._keys.numbers(connection, names) if names else {}
        for run in runs:
            number = _put_info(connection, run)
            for table in _CLEARED:
                connection.execute(f"DELETE FROM {table} WHERE run_id = ?", (number,))
            write_params(connection, number, [Param(key, value) for key, value in run.data.params.items()])
            tags = [RunTag(key, value) for key, value in run.data.tags.items() if key not in _OWN_TAGS]
            write_tags(connection, number, tags)
            connection.executemany(
                "INSERT INTO latest_metrics VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (number, numbers[each.key], each.step, each.timestamp, *encode(each.value))
                    for each in run.data.latest
                ],
            )
            for given in run.inputs.dataset_inputs:
                write_dataset(connection, number, given)
            _put_cell(connection, number, run)

    def put_points(self, run_id: str, key: str, points: Sequence[Metric]) -> None:
        """Copy the whole history of a metric, over an earlier copy."""

        def work(connection: Connection) -> None:
            row = connection.execute("SELECT id FROM runs WHERE uuid = ?", (run_id,)).fetchone()
            if row is None:
                return
            number = self._keys.numbers(connection, [key])[key]
            connection.execute("DELETE FROM metrics WHERE run_id = ? AND key_id = ?", (row[0], number))
            connection.executemany(
                "INSERT OR IGNORE INTO metrics VALUES (?, ?, ?, ?, ?, ?)",
                [(row[0], number, each.step, each.timestamp, *encode(each.value)) for each in points],
            )

        self._database.write(work)

    def drop_runs(self, run_ids: Collection[str]) -> None:
        """Forget copies of runs that are gone."""
        query = "DELETE FROM runs WHERE uuid IN (SELECT value FROM json_each(?))"
        self._database.write(lambda connection: connection.execute(query, (json.dumps(list(run_ids)),)))


def _put_info(connection: Connection, run: Run) -> int:
    info = run.info
    row = (
        *(info.run_id, experiment_number(info.experiment_id), info.run_name, info.user_id, str(info.status)),
        *(str(info.lifecycle_stage), info.start_time, info.end_time, info.artifact_uri),
    )
    return int(connection.execute(_RUN, row).fetchone()[0])


def _put_cell(connection: Connection, number: int, run: Run) -> None:
    """Let a run be found by its cell, as if its snapshot were here."""
    cell = run.data.tags.get(CELL_TAG)
    if not cell:
        return
    session = connection.execute(
        "INSERT INTO sessions (uuid, started_at) VALUES ('', 0) ON CONFLICT (uuid) DO UPDATE SET uuid = '' RETURNING id"
    ).fetchone()[0]
    connection.execute("INSERT INTO snapshots VALUES (?, ?, 0, ?, '', NULL)", (number, session, cell))
