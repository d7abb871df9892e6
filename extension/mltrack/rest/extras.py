"""What a store must do that MLflow's wire has no word for: what tracked cells leave, what panels ask, file records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import CapturedName, FileInfo
    from mltrack.run_facts import CellEnd, RunFacts
    from mltrack.store.artifact_folder import FileRecord, StoredFile
    from mltrack.store.artifacts import SafePath
    from mltrack.store.model_protocol import KnownSource, NewModelVersion
    from mltrack.store.news import NewsQuery, RunNews
    from mltrack.store.notebooks import Snapshot, SnapshotWrite
    from mltrack.store.pages import Page, Search
    from mltrack.store.protocol import EndedRun, Failure
    from mltrack.store.summaries import Attempts, Curve, CurveQuery, RunColumns, RunGroup, RunKeys


class Extras(Protocol):
    """The methods of a ``Store`` that a ``RestStore`` hands over; they do what the ``Store`` says of them.

    Two more are there because each call is a journey: ``end_cell`` and ``run_facts`` do at once what a tracked cell's
    end is made of, and what a run's card shows.
    """

    def add_ended_runs(self, ended: Sequence[EndedRun]) -> list[str]:
        """Make runs that are over and give their ids."""

    def count_matching(self, wanted: Search, *, most: int) -> int:
        """Count the runs that match, up to ``most``."""

    def search_attempts(self, wanted: Search) -> Page[Attempts]:
        """Give one page of the cells whose runs match."""

    def runs_of_cell(self, run_id: str, wanted: Search) -> Sequence[str]:
        """Give the ids of the runs of the same cell that match."""

    def group_runs(self, wanted: Search, key: str, *, metrics: Sequence[str], most: int) -> Sequence[RunGroup]:
        """Put the runs that match into groups."""

    def run_columns(self, wanted: Search, names: Sequence[str]) -> RunColumns:
        """Give some values of all the runs that match."""

    def run_keys(self, experiment_ids: Sequence[str]) -> RunKeys:
        """Give the names of params, metrics and tags."""

    def curve_keys(self, run_ids: Sequence[str]) -> Sequence[str]:
        """Give the metrics of which one of these runs has more than one point."""

    def metric_curves(self, wanted: CurveQuery) -> Sequence[Curve]:
        """Give metrics of runs as curves."""

    def count_runs(self, experiment_ids: Sequence[str] | None = None) -> int:
        """Count the active runs of these experiments, or of all."""

    def find_run_ids(self, text: str, *, limit: int = 20, stage: str = "active") -> list[str]:
        """Give the ids of runs whose id begins with, or whose name is, ``text``."""

    def run_news(self, wanted: NewsQuery) -> RunNews:
        """Give how a run stands and what is new of it."""

    def metric_outlines(self, run_id: str, *, width: int = 20) -> Mapping[str, tuple[int, tuple[float, ...]]]:
        """Give the outline of each metric with several points."""

    def record_artifacts(self, run_id: str, files: Mapping[SafePath, tuple[int, str]]) -> None:
        """Keep the size and digest of a run's files."""

    def list_artifacts(self, run_id: str) -> Sequence[FileInfo]:
        """Give a run's files by path."""

    def artifact_records(self, run_id: str, path: SafePath | None = None) -> Mapping[str, FileRecord]:
        """Give what was recorded of a run's files."""

    def record_failure(self, run_id: str, failure: Failure) -> None:
        """Keep the exception that ended a run."""

    def get_failure(self, run_id: str) -> Failure | None:
        """Give the exception that ended a run."""

    def record_captured(self, run_id: str, names: Sequence[CapturedName]) -> None:
        """Keep where in the cell each captured value stands."""

    def get_captured(self, run_id: str) -> Sequence[CapturedName]:
        """Give what was captured from the run's cell."""

    def set_environment(self, run_id: str, document: Mapping[str, object]) -> None:
        """Keep the environment a run had."""

    def get_environment(self, run_id: str) -> Mapping[str, object] | None:
        """Give the environment a run had."""

    def save_snapshot(self, run_id: str, snapshot: SnapshotWrite) -> None:
        """Keep the notebook as a run had executed it."""

    def load_snapshot(self, run_id: str) -> Snapshot | None:
        """Give the notebook as a run had executed it."""

    def cell_sources(self, run_id: str) -> Mapping[str, bytes]:
        """Give the digest of the last source that each cell of the run's snapshot ran."""

    def previous_run_of_cell(self, run_id: str) -> str | None:
        """Give the id of the last run of the same cell before this one."""

    def version(self) -> object:
        """Give what is another value once something was written."""

    def record_logged_model_files(self, model_id: str, files: Mapping[SafePath, FileRecord]) -> None:
        """Keep the size and digest of a logged model's files."""

    def logged_model_records(self, model_id: str, path: SafePath | None = None) -> Mapping[str, FileRecord]:
        """Give what was recorded of a logged model's files."""

    def find_stored_file(self, experiment_id: str, record: FileRecord) -> StoredFile | None:
        """Give an equal file of a logged model; None over a wire, which links nothing."""

    def known_source(self, new: NewModelVersion) -> KnownSource:
        """Check the source of a version that is to be made in another store."""

    def source_place(self, source: str) -> str:
        """Give the path or URI where the files behind the source of a version lie."""

    def note_model_version(self, model_id: str, name: str, version: str) -> None:
        """Note on a logged model that a version was made of it."""

    def model_version_source(self, name: str, version: str) -> str:
        """Give the source behind a version that is no version itself."""

    def end_cell(self, end: CellEnd) -> None:
        """Write what a tracked cell left, and end its run; what was logged before must be on the server by then."""

    def run_facts(self, run_id: str) -> RunFacts:
        """Give what a run's card shows."""

    def note_change(self, run_id: str | None = None) -> None:
        """Say that this process has changed a run, or something else, on the server, so that no copy of it is used."""

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until what goes on in the background is on the server; False when it is not in time."""

    def close(self) -> None:
        """Finish what goes on in the background, and let go of what is kept here."""
