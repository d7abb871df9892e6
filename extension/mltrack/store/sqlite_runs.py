"""The runs of an SQLite store, and what is logged to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.store import inputs, points, runs
from mltrack.store.base import SqlitePart, now_ms
from mltrack.store.batches import RunBatch, check_batch, write_batch, write_batches
from mltrack.store.concurrency import once_beside_others
from mltrack.store.news import read_news
from mltrack.store.protocol import RunChange

if TYPE_CHECKING:
    from collections.abc import Sequence
    from sqlite3 import Connection

    from mltrack.entities import (
        DatasetInput,
        LoggedModelInput,
        LoggedModelOutput,
        Metric,
        Param,
        Run,
        RunInfo,
        RunTag,
    )
    from mltrack.exceptions import MltrackError
    from mltrack.store.locator import Locator
    from mltrack.store.news import NewsQuery, RunNews
    from mltrack.store.protocol import EndedRun, NewRun


class SqliteRuns(SqlitePart):
    """Runs: made, read, written to, deleted, restored."""

    def create_run(self, new: NewRun) -> RunInfo:
        """Make a run; it survives a power failure once this returns."""
        return self._database.write_durably(runs.insert_run, new, self._locate)

    def add_ended_runs(self, ended: Sequence[EndedRun]) -> list[str]:
        """Make runs that are over, all or none, and give their ids; they survive a power failure."""
        for each in ended:
            check_batch(RunBatch("", each.metrics, each.params))
        found, numbers = self._database.write_durably(_add_ended, self._keys, ended, self._locate)
        self._keys.remember(numbers)
        return found

    def get_run(self, run_id: str) -> Run:
        """Give a run with its data; NotFoundError when there is none."""
        self._sweep()
        return self._database.read(runs.read_run, run_id, self._locate)

    def update_run(self, run_id: str, change: RunChange) -> RunInfo:
        """Change a run's status, end or name; it survives a power failure once this returns."""
        info = self._database.write_durably(runs.update_run, run_id, change, now_ms(), self._locate)
        if change.status:
            self._database.shrink_log()
        return info

    def set_run_lifecycle(self, run_id: str, stage: str) -> None:
        """Delete a run (softly) or restore it; a run that is in that stage already stays as it is."""
        self._database.write_durably(runs.set_lifecycle, run_id, stage, now_ms())

    def log_batch(
        self,
        run_id: str,
        *,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> None:
        """Write all of it or nothing; a param that is there with another value is refused."""
        batch = RunBatch(run_id, metrics, params, tags)
        check_batch(batch)
        self._keys.remember(self._database.write(write_batch, self._keys, batch))

    def log_batches(self, batches: Sequence[RunBatch]) -> list[MltrackError | None]:
        """Write each whole or not at all, in one transaction; gives what each was refused for, None if it is kept."""
        refusals, numbers = self._database.write(write_batches, self._keys, batches)
        self._keys.remember(numbers)
        return refusals

    def delete_tag(self, run_id: str, key: str) -> None:
        """Take a tag off a run; NotFoundError when it has none of that key."""
        self._database.write(points.delete_tag, run_id, key)

    def log_inputs(
        self, run_id: str, datasets: Sequence[DatasetInput] = (), *, models: Sequence[LoggedModelInput] = ()
    ) -> None:
        """Note which datasets and logged models a run read, all or none; each is kept once."""
        self._database.write(inputs.write_inputs, run_id, datasets, models)

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Note which logged models a run made, all or none."""
        self._database.write(inputs.write_outputs, run_id, models)

    def metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Give every point of a metric by time, step and value."""
        return self._database.read(points.read_history, run_id, key)

    def run_news(self, wanted: NewsQuery) -> RunNews:
        """Give how a run stands and what was logged to it since somebody last looked."""
        self._sweep()
        return self._database.read(read_news, wanted)

    def metric_outlines(self, run_id: str, *, width: int = 20) -> dict[str, tuple[int, tuple[float, ...]]]:
        """Give (number of points, values at some ``width`` evenly spaced steps) of each metric with several points."""
        return self._database.read(points.read_outlines, run_id, width)


@once_beside_others
def _add_ended(
    connection: Connection, keys: points.MetricKeys, ended: Sequence[EndedRun], locate: Locator
) -> tuple[list[str], dict[str, int]]:
    found, numbers = [], {}
    for each in ended:
        run_id = runs.insert_run(connection, each.new, locate).run_id
        numbers.update(write_batch(connection, keys, RunBatch(run_id, each.metrics, each.params)))
        runs.update_run(connection, run_id, RunChange(each.status, each.end_time), each.end_time, locate)
        found.append(run_id)
    return found, numbers
