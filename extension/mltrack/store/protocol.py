"""What a store must do, whatever keeps the data: SQLite here, a server elsewhere.

It is narrow on purpose: the convenience verbs (``log_metric``, ``set_tag``…) exist in ``mltrack.tracking`` and
``mltrack.client`` only, and each becomes one ``log_batch``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mltrack.entities import ViewType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mltrack.entities import CapturedName, Experiment, FileInfo, Metric, Param, Run, RunInfo, RunTag
    from mltrack.store.artifacts import SafePath
    from mltrack.store.notebooks import Snapshot, SnapshotWrite


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be created. ``start_time`` is ms since 1970; ``owner`` is the text of the process that writes it."""

    experiment_id: str
    run_name: str
    start_time: int
    user_id: str = ""
    tags: tuple[RunTag, ...] = ()
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class RunChange:
    """What changes in a run; None leaves a part as it is. ``owner`` goes with a run that is taken up again."""

    status: str | None = None
    end_time: int | None = None
    run_name: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class RunSearch:
    """Which runs to find, in what order, and which page of them (``max_results`` rows from the token on)."""

    experiment_ids: tuple[str, ...] = ()
    filter_string: str | None = None
    order_by: tuple[str, ...] = ()
    view_type: ViewType = ViewType.ACTIVE_ONLY
    max_results: int = 1000
    page_token: str | None = None


@dataclass(frozen=True, slots=True)
class RunPage:
    """One page of runs, and the token of the next one (None on the last)."""

    runs: tuple[Run, ...]
    token: str | None


@dataclass(frozen=True, slots=True)
class Failure:
    """The exception that ended a run: its class's name, its message, and the whole traceback as text."""

    name: str
    message: str
    traceback: str


class Store(Protocol):
    """A place that keeps experiments and runs."""

    uri: str

    def create_experiment(self, name: str, *, artifact_location: str | None = None) -> str:
        """Make an experiment and give its id; AlreadyExistsError when the name is taken."""

    def get_experiment(self, experiment_id: str) -> Experiment:
        """Give an experiment, deleted or not; NotFoundError when there is none."""

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """Give the experiment of that name, deleted or not, or None."""

    def list_experiments(self) -> Sequence[Experiment]:
        """Give all active experiments, the last created first."""

    def create_run(self, new: NewRun) -> RunInfo:
        """Make a run; it survives a power failure once this returns."""

    def get_run(self, run_id: str) -> Run:
        """Give a run with its data; NotFoundError when there is none."""

    def update_run(self, run_id: str, change: RunChange) -> RunInfo:
        """Change a run's status, end or name; it survives a power failure once this returns."""

    def log_batch(
        self,
        run_id: str,
        *,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> None:
        """Write all of it or nothing; a param that is there with another value is refused."""

    def metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Give every point of a metric by time, step and value."""

    def metric_outlines(self, run_id: str, *, width: int = 20) -> Mapping[str, tuple[int, tuple[float, ...]]]:
        """Give (number of points, values at some ``width`` evenly spaced steps) of each metric with several points."""

    def search_runs(self, search: RunSearch) -> RunPage:
        """Give one page of the runs that match."""

    def count_runs(self, experiment_ids: Sequence[str] | None = None) -> int:
        """Count the active runs of these experiments; default: of the store."""

    def find_run_ids(self, text: str, *, limit: int = 20) -> list[str]:
        """Give the ids of runs whose id begins with, or whose name is, ``text``, newest first."""

    def artifact_root(self, run_id: str) -> Path:
        """Give the folder of a run's artifacts."""

    def record_artifacts(self, run_id: str, files: Mapping[SafePath, tuple[int, str]]) -> None:
        """Keep the size and digest of files that are in place."""

    def list_artifacts(self, run_id: str) -> Sequence[FileInfo]:
        """Give the files that were recorded, by path."""

    def record_failure(self, run_id: str, failure: Failure) -> None:
        """Keep the exception that ended a run."""

    def get_failure(self, run_id: str) -> Failure | None:
        """Give the exception that ended a run, or None."""

    def record_captured(self, run_id: str, names: Sequence[CapturedName]) -> None:
        """Keep where in the cell each captured value stands."""

    def get_captured(self, run_id: str) -> Sequence[CapturedName]:
        """Give what was captured from the run's cell."""

    def set_environment(self, run_id: str, document: Mapping[str, object]) -> None:
        """Keep the environment a run had; equal ones are kept once."""

    def get_environment(self, run_id: str) -> Mapping[str, object] | None:
        """Give the environment a run had, or None."""

    def save_snapshot(self, run_id: str, snapshot: SnapshotWrite) -> None:
        """Keep the notebook as a run had executed it; saving again adds what came later."""

    def load_snapshot(self, run_id: str) -> Snapshot | None:
        """Give the notebook as a run had executed it, or None."""

    def cell_sources(self, run_id: str) -> Mapping[str, bytes]:
        """Give the digest of the last source that each cell of the run's snapshot ran, by the cell's id."""

    def roll_back(self) -> None:
        """End a transaction that an interrupt left open on this thread, if there is one."""

    def previous_run_of_cell(self, run_id: str) -> str | None:
        """Give the id of the last run of the same cell before this one, or None."""
