"""What a ``RestStore`` hands over: all that MLflow's wire has no word for (see ``extras``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.exceptions import ServerUnavailableError
from mltrack.rest.artifact_places import source_of
from mltrack.rest.part import RestPart

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


class RestSummaries(RestPart):
    """What panels ask of many runs; what was logged before is waited for."""

    def count_matching(self, wanted: Search, *, most: int) -> int:
        """Count the runs that match, whatever the page; it stops at ``most``."""
        self._settle()
        return self._extras.count_matching(wanted, most=most)

    def search_attempts(self, wanted: Search) -> Page[Attempts]:
        """Give one page of the cells whose runs match, each by its newest run."""
        self._settle()
        return self._extras.search_attempts(wanted)

    def runs_of_cell(self, run_id: str, wanted: Search) -> Sequence[str]:
        """Give the ids of the runs of the same cell that match, in the search's order."""
        self._settle()
        return self._extras.runs_of_cell(run_id, wanted)

    def group_runs(self, wanted: Search, key: str, *, metrics: Sequence[str], most: int) -> Sequence[RunGroup]:
        """Put the runs that match into groups by the value of ``params.KEY`` or ``tags.KEY``, the largest first."""
        self._settle()
        return self._extras.group_runs(wanted, key, metrics=metrics, most=most)

    def run_columns(self, wanted: Search, names: Sequence[str]) -> RunColumns:
        """Give some values of all the runs that match, in the search's order."""
        self._settle()
        return self._extras.run_columns(wanted, names)

    def run_keys(self, experiment_ids: Sequence[str]) -> RunKeys:
        """Give the names of params, metrics and tags that the active runs of these experiments have."""
        self._settle()
        return self._extras.run_keys(experiment_ids)

    def curve_keys(self, run_ids: Sequence[str]) -> Sequence[str]:
        """Give the metrics of which one of these runs has more than one point, those of most runs first."""
        self._settle()
        return self._extras.curve_keys(run_ids)

    def metric_curves(self, wanted: CurveQuery) -> Sequence[Curve]:
        """Give metrics of runs as curves, in the order of runs and keys asked for."""
        self._settle()
        return self._extras.metric_curves(wanted)

    def count_runs(self, experiment_ids: Sequence[str] | None = None) -> int:
        """Count the active runs of these experiments; default: of the server."""
        return self._extras.count_runs(experiment_ids)

    def find_run_ids(self, text: str, *, limit: int = 20, stage: str = "active") -> list[str]:
        """Give the ids of runs whose id begins with, or whose name is, ``text``, newest first."""
        return self._extras.find_run_ids(text, limit=limit, stage=stage)

    def run_news(self, wanted: NewsQuery) -> RunNews:
        """Give how a run stands and what was logged to it since somebody last looked."""
        self._settle(wanted.run_id)
        return self._extras.run_news(wanted)

    def metric_outlines(self, run_id: str, *, width: int = 20) -> Mapping[str, tuple[int, tuple[float, ...]]]:
        """Give (number of points, values at some evenly spaced steps) of each metric with several points."""
        self._settle(run_id)
        return self._extras.metric_outlines(run_id, width=width)

    def version(self) -> object:
        """Give what is another value once something was written."""
        return self._extras.version()


class RestCells(RestPart):
    """What tracked cells leave: how they ended, what was captured, the environment, the notebook."""

    def add_ended_runs(self, ended: Sequence[EndedRun]) -> list[str]:
        """Make runs that are over and give their ids."""
        found = self._extras.add_ended_runs(ended)
        self._changed()
        return found

    def record_failure(self, run_id: str, failure: Failure) -> None:
        """Keep the exception that ended a run."""
        self._extras_of(run_id).record_failure(run_id, failure)

    def get_failure(self, run_id: str) -> Failure | None:
        """Give the exception that ended a run, or None."""
        return self._extras_of(run_id).get_failure(run_id)

    def record_captured(self, run_id: str, names: Sequence[CapturedName]) -> None:
        """Keep where in the cell each captured value stands."""
        self._extras_of(run_id).record_captured(run_id, names)

    def get_captured(self, run_id: str) -> Sequence[CapturedName]:
        """Give what was captured from the run's cell."""
        return self._extras_of(run_id).get_captured(run_id)

    def set_environment(self, run_id: str, document: Mapping[str, object]) -> None:
        """Keep the environment a run had; equal ones are kept once."""
        self._extras_of(run_id).set_environment(run_id, document)

    def get_environment(self, run_id: str) -> Mapping[str, object] | None:
        """Give the environment a run had, or None."""
        return self._extras_of(run_id).get_environment(run_id)

    def save_snapshot(self, run_id: str, snapshot: SnapshotWrite) -> None:
        """Keep the notebook as a run had executed it; saving again adds what came later."""
        self._extras_of(run_id).save_snapshot(run_id, snapshot)

    def load_snapshot(self, run_id: str) -> Snapshot | None:
        """Give the notebook as a run had executed it, or None."""
        return self._extras_of(run_id).load_snapshot(run_id)

    def cell_sources(self, run_id: str) -> Mapping[str, bytes]:
        """Give the digest of the last source that each cell of the run's snapshot ran, by the cell's id."""
        return self._extras_of(run_id).cell_sources(run_id)

    def previous_run_of_cell(self, run_id: str) -> str | None:
        """Give the id of the last run of the same cell before this one, or None."""
        return self._extras_of(run_id).previous_run_of_cell(run_id)

    def end_cell(self, end: CellEnd) -> None:
        """Write what a tracked cell left, at once."""
        self._sent(end.run_id)
        self._extras.end_cell(end)

    def run_facts(self, run_id: str) -> RunFacts:
        """Give what a run's card shows, at once."""
        self._sent(run_id)
        return self._extras.run_facts(run_id)

    def _sent(self, run_id: str) -> None:
        """Send what was logged before; a cell that ends does not wait for a server that is gone."""
        if not self._sender.flush(run_id):
            raise ServerUnavailableError(f"The tracking server {self.uri} cannot be reached.")


class RestRecords(RestPart):
    """What is recorded of files, and what is known of the sources of versions."""

    def record_artifacts(self, run_id: str, files: Mapping[SafePath, tuple[int, str]]) -> None:
        """Keep the size and digest of files that are in place."""
        self._extras_of(run_id).record_artifacts(run_id, files)

    def list_artifacts(self, run_id: str) -> Sequence[FileInfo]:
        """Give the files that were recorded, by path."""
        return self._extras_of(run_id).list_artifacts(run_id)

    def artifact_records(self, run_id: str, path: SafePath | None = None) -> Mapping[str, FileRecord]:
        """Give what was recorded of a run's files by path: all, one file, or those below a folder."""
        return self._extras_of(run_id).artifact_records(run_id, path)

    def record_logged_model_files(self, model_id: str, files: Mapping[SafePath, FileRecord]) -> None:
        """Keep the size and digest of files that are in place."""
        self._extras.record_logged_model_files(model_id, files)

    def logged_model_records(self, model_id: str, path: SafePath | None = None) -> Mapping[str, FileRecord]:
        """Give what was recorded of a logged model's files by path: all, one file, or those below a folder."""
        return self._extras.logged_model_records(model_id, path)

    def find_stored_file(self, experiment_id: str, record: FileRecord) -> StoredFile | None:
        """Give an equal file of a logged model in that experiment, or None."""
        return self._extras.find_stored_file(experiment_id, record)

    def known_source(self, new: NewModelVersion) -> KnownSource:
        """Check the source of a version that is to be made in another store, and say what is known of it."""
        return self._extras.known_source(new)

    def source_place(self, source: str) -> str:
        """Give the path or URI where the files behind the source of a version lie."""
        return self._extras.source_place(source)

    def note_model_version(self, model_id: str, name: str, version: str) -> None:
        """Note on a logged model that a version was made of it; one that is not there is no error."""
        self._extras.note_model_version(model_id, name, version)

    def model_version_source(self, name: str, version: str) -> str:
        """Give the source behind a version that is no version itself; see ``artifact_places.source_of``."""
        return source_of(self._transport.address, self._extras.model_version_source(name, version))
