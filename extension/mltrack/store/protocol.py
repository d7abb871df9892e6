"""What a store must do, whatever keeps the data: SQLite here, a server elsewhere.

It is narrow on purpose: the convenience verbs (``log_metric``, ``set_tag``…) exist in ``mltrack.tracking`` and
``mltrack.client`` only, and each becomes one ``log_batch``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mltrack.store.model_protocol import ModelStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import (
        CapturedName,
        DatasetInput,
        Experiment,
        ExperimentTag,
        FileInfo,
        LoggedModelInput,
        LoggedModelOutput,
        Metric,
        Param,
        Run,
        RunInfo,
        RunTag,
    )
    from mltrack.store.artifact_folder import ArtifactFolder, FileRecord
    from mltrack.store.artifacts import SafePath
    from mltrack.store.locator import ServedPlaces
    from mltrack.store.news import NewsQuery, RunNews
    from mltrack.store.notebooks import Snapshot, SnapshotWrite
    from mltrack.store.pages import Page, Search
    from mltrack.store.summaries import Attempts, Curve, CurveQuery, RunColumns, RunGroup, RunKeys


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be created. ``start_time`` is ms since 1970; ``owner`` is the text of the process that writes it.

    ``run_id`` is a new id that was chosen before, so that others know it; None lets the store choose.
    """

    experiment_id: str
    run_name: str
    start_time: int
    user_id: str = ""
    tags: tuple[RunTag, ...] = ()
    owner: str | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that is over when it is made, with all that is known of it; ``end_time`` is ms since 1970."""

    new: NewRun
    end_time: int
    metrics: tuple[Metric, ...] = ()
    params: tuple[Param, ...] = ()
    status: str = "FINISHED"


@dataclass(frozen=True, slots=True)
class RunChange:
    """What changes in a run; None leaves a part as it is. ``owner`` goes with a run that is taken up again."""

    status: str | None = None
    end_time: int | None = None
    run_name: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class GarbageSelection:
    """What of the deleted runs and experiments to remove for good: None for all.

    ``deleted_before`` is ms since 1970; ``run_ids`` and ``experiment_ids`` name some.
    """

    deleted_before: int | None = None
    run_ids: tuple[str, ...] | None = None
    experiment_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class GarbageReport:
    """What was removed for good, in numbers, and the bytes given back; ``blobs`` are pieces of notebooks.

    ``problems`` says of each run, experiment or model that was left why it was.
    """

    runs: int
    experiments: int
    blobs: int
    bytes: int
    problems: tuple[str, ...] = ()
    models: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """The exception that ended a run: its class's name, its message, and the whole traceback as text."""

    name: str
    message: str
    traceback: str


class Store(ModelStore, Protocol):
    """A place that keeps experiments, runs and models."""

    uri: str

    def create_experiment(
        self, name: str, *, artifact_location: str | None = None, tags: Sequence[ExperimentTag] = ()
    ) -> str:
        """Make an experiment and give its id; AlreadyExistsError when the name is taken."""

    def get_experiment(self, experiment_id: str) -> Experiment:
        """Give an experiment, deleted or not; NotFoundError when there is none."""

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """Give the experiment of that name, deleted or not, or None."""

    def list_experiments(self) -> Sequence[Experiment]:
        """Give all active experiments, the last created first."""

    def search_experiments(self, wanted: Search) -> Page[Experiment]:
        """Give one page of the experiments that match."""

    def update_experiment(
        self, experiment_id: str, *, name: str | None = None, lifecycle_stage: str | None = None
    ) -> None:
        """Rename an experiment, or delete it (softly, with its runs) or restore it (with the runs deleted with it)."""

    def set_experiment_tags(self, experiment_id: str, tags: Sequence[ExperimentTag]) -> None:
        """Set tags of an active experiment, all or none."""

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Take a tag off an active experiment; NotFoundError when it has none of that key."""

    def create_run(self, new: NewRun) -> RunInfo:
        """Make a run; it survives a power failure once this returns."""

    def add_ended_runs(self, ended: Sequence[EndedRun]) -> list[str]:
        """Make runs that are over, all or none, and give their ids; they survive a power failure."""

    def get_run(self, run_id: str) -> Run:
        """Give a run with its data; NotFoundError when there is none."""

    def update_run(self, run_id: str, change: RunChange) -> RunInfo:
        """Change a run's status, end or name; it survives a power failure once this returns."""

    def set_run_lifecycle(self, run_id: str, stage: str) -> None:
        """Delete a run (softly) or restore it; a run that is in that stage already stays as it is."""

    def log_batch(
        self,
        run_id: str,
        *,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> None:
        """Write all of it or nothing; a param that is there with another value is refused."""

    def delete_tag(self, run_id: str, key: str) -> None:
        """Take a tag off a run; NotFoundError when it has none of that key."""

    def log_inputs(
        self, run_id: str, datasets: Sequence[DatasetInput] = (), *, models: Sequence[LoggedModelInput] = ()
    ) -> None:
        """Note which datasets and logged models a run read, all or none; each is kept once."""

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Note which logged models a run made, all or none."""

    def metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Give every point of a metric by time, step and value."""

    def run_news(self, wanted: NewsQuery) -> RunNews:
        """Give how a run stands and what was logged to it since somebody last looked."""

    def metric_outlines(self, run_id: str, *, width: int = 20) -> Mapping[str, tuple[int, tuple[float, ...]]]:
        """Give (number of points, values at some ``width`` evenly spaced steps) of each metric with several points."""

    def search_runs(self, wanted: Search) -> Page[Run]:
        """Give one page of the runs that match."""

    def count_matching(self, wanted: Search, *, most: int) -> int:
        """Count the runs that match, whatever the page; it stops at ``most``."""

    def search_attempts(self, wanted: Search) -> Page[Attempts]:
        """Give one page of the cells whose runs match, each by its newest run; runs of no cell stand for themselves."""

    def runs_of_cell(self, run_id: str, wanted: Search) -> Sequence[str]:
        """Give the ids of the runs of the same cell that match, in the search's order."""

    def group_runs(self, wanted: Search, key: str, *, metrics: Sequence[str], most: int) -> Sequence[RunGroup]:
        """Put the runs that match into groups by the value of ``params.KEY`` or ``tags.KEY``, the largest first."""

    def run_columns(self, wanted: Search, names: Sequence[str]) -> RunColumns:
        """Give some values of all the runs that match, up to ``max_results``, in the search's order."""

    def run_keys(self, experiment_ids: Sequence[str]) -> RunKeys:
        """Give the names of params, metrics and tags that the active runs of these experiments have."""

    def curve_keys(self, run_ids: Sequence[str]) -> Sequence[str]:
        """Give the metrics of which one of these runs has more than one point, those of most runs first."""

    def metric_curves(self, wanted: CurveQuery) -> Sequence[Curve]:
        """Give metrics of runs as curves, in the order of runs and keys asked for; those not there are left out."""

    def count_runs(self, experiment_ids: Sequence[str] | None = None) -> int:
        """Count the active runs of these experiments; default: of the store."""

    def find_run_ids(self, text: str, *, limit: int = 20, stage: str = "active") -> list[str]:
        """Give the ids of runs whose id begins with, or whose name is, ``text``, newest first."""

    def artifact_folder(self, run_id: str) -> ArtifactFolder:
        """Give the folder of a run's artifacts, which need not be there yet."""

    def record_artifacts(self, run_id: str, files: Mapping[SafePath, tuple[int, str]]) -> None:
        """Keep the size and digest of files that are in place."""

    def list_artifacts(self, run_id: str) -> Sequence[FileInfo]:
        """Give the files that were recorded, by path."""

    def artifact_records(self, run_id: str, path: SafePath | None = None) -> Mapping[str, FileRecord]:
        """Give what was recorded of a run's files by path: all, one file, or those below a folder."""

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

    def collect_garbage(self, selection: GarbageSelection) -> GarbageReport:
        """Remove for good what was deleted, with its artifacts and what nothing refers to, and return the space."""

    def version(self) -> object:
        """Give what is another value once something was written, by whomever; equal ones mean that nothing was.

        It is cheap, and to be compared with what the same thread was given before.
        """

    def roll_back(self) -> None:
        """End a transaction that an interrupt left open on this thread, if there is one."""

    def previous_run_of_cell(self, run_id: str) -> str | None:
        """Give the id of the last run of the same cell before this one, or None."""


class ServedStore(Store, Protocol):
    """A store that a server is in front of: one that is itself behind a server does not do this."""

    def keep_artifacts_at(self, root: str) -> None:
        """Let the artifacts of new experiments, and of those without runs and models, go below a root."""

    def show_as_served(self, places: ServedPlaces) -> None:
        """Let searches find and give places as callers of a server see them, who are to know no others of it."""

    def forget_artifacts(self, run_id: str, path: SafePath) -> None:
        """Forget what was recorded of a file of a run, or of those below a folder, that is gone."""

    def forget_logged_model_files(self, model_id: str, path: SafePath) -> None:
        """Forget what was recorded of a file of a logged model, or of those below a folder, that is gone."""
