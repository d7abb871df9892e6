"""What only mltrack's server knows, asked of it by name: see ``wire.own_calls``."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from mltrack.exceptions import InvalidParameterError, MissingCellsError, MltrackError, StateError
from mltrack.wire.own_calls import CALLS, PATH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import CapturedName, FileInfo
    from mltrack.rest.transport import Transport
    from mltrack.run_facts import CellEnd, RunFacts
    from mltrack.store.artifact_folder import FileRecord, StoredFile
    from mltrack.store.artifacts import SafePath
    from mltrack.store.model_protocol import KnownSource, NewModelVersion
    from mltrack.store.news import NewsQuery, RunNews
    from mltrack.store.notebooks import Snapshot, SnapshotWrite
    from mltrack.store.pages import Page, Search
    from mltrack.store.protocol import EndedRun, Failure
    from mltrack.store.summaries import Attempts, Curve, CurveQuery, RunColumns, RunGroup, RunKeys

_PLACE = f"/api/2.0/mltrack/{PATH}"


class OwnExtras:
    """What MLflow's wire has no word for, of mltrack's server.

    Every call may be made twice without harm, so that it is made again where an answer was lost.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _ask(self, name: str, /, **arguments: Any) -> Any:
        call = CALLS[name]
        said = self._transport.call("POST", f"{_PLACE}/{name}", body=call.write_arguments(arguments))
        try:
            return call.read_answer(said.get("answer"))
        except InvalidParameterError as error:
            raise MltrackError(
                f"{self._transport.uri} answers {name} in a way that is not understood: {error}"
            ) from None

    def add_ended_runs(self, ended: Sequence[EndedRun]) -> list[str]:
        """Make runs that are over, all or none, and give their ids."""
        named = [replace(each, new=replace(each.new, run_id=each.new.run_id or uuid.uuid4().hex)) for each in ended]
        return cast("list[str]", self._ask("add_ended_runs", ended=named))

    def count_matching(self, wanted: Search, *, most: int) -> int:
        """Count the runs that match, whatever the page; it stops at ``most``."""
        return cast("int", self._ask("count_matching", wanted=wanted, most=most))

    def search_attempts(self, wanted: Search) -> Page[Attempts]:
        """Give one page of the cells whose runs match, each by its newest run."""
        return cast("Page[Attempts]", self._ask("search_attempts", wanted=wanted))

    def runs_of_cell(self, run_id: str, wanted: Search) -> list[str]:
        """Give the ids of the runs of the same cell that match, in the search's order."""
        return cast("list[str]", self._ask("runs_of_cell", run_id=run_id, wanted=wanted))

    def group_runs(self, wanted: Search, key: str, *, metrics: Sequence[str], most: int) -> list[RunGroup]:
        """Put the runs that match into groups by the value of ``params.KEY`` or ``tags.KEY``, the largest first."""
        return cast("list[RunGroup]", self._ask("group_runs", wanted=wanted, key=key, metrics=metrics, most=most))

    def run_columns(self, wanted: Search, names: Sequence[str]) -> RunColumns:
        """Give some values of all the runs that match, in the search's order."""
        return cast("RunColumns", self._ask("run_columns", wanted=wanted, names=names))

    def run_keys(self, experiment_ids: Sequence[str]) -> RunKeys:
        """Give the names of params, metrics and tags that the active runs of these experiments have."""
        return cast("RunKeys", self._ask("run_keys", experiment_ids=experiment_ids))

    def curve_keys(self, run_ids: Sequence[str]) -> list[str]:
        """Give the metrics of which one of these runs has more than one point, those of most runs first."""
        return cast("list[str]", self._ask("curve_keys", run_ids=run_ids))

    def metric_curves(self, wanted: CurveQuery) -> list[Curve]:
        """Give metrics of runs as curves, in the order of runs and keys asked for."""
        return cast("list[Curve]", self._ask("metric_curves", wanted=wanted))

    def count_runs(self, experiment_ids: Sequence[str] | None = None) -> int:
        """Count the active runs of these experiments; default: of the store."""
        return cast("int", self._ask("count_runs", experiment_ids=experiment_ids))

    def find_run_ids(self, text: str, *, limit: int = 20, stage: str = "active") -> list[str]:
        """Give the ids of runs whose id begins with, or whose name is, ``text``, newest first."""
        return cast("list[str]", self._ask("find_run_ids", text=text, limit=limit, stage=str(stage)))

    def run_news(self, wanted: NewsQuery) -> RunNews:
        """Give how a run stands and what was logged to it since somebody last looked."""
        return cast("RunNews", self._ask("run_news", wanted=wanted))

    def metric_outlines(self, run_id: str, *, width: int = 20) -> dict[str, tuple[int, tuple[float, ...]]]:
        """Give (number of points, values at some ``width`` evenly spaced steps) of each metric with several points."""
        found = self._ask("metric_outlines", run_id=run_id, width=width)
        return cast("dict[str, tuple[int, tuple[float, ...]]]", found)

    def record_artifacts(self, run_id: str, files: Mapping[SafePath, tuple[int, str]]) -> None:
        """Keep the size and digest of files that are in place."""
        self._ask("record_artifacts", run_id=run_id, files=files)

    def list_artifacts(self, run_id: str) -> list[FileInfo]:
        """Give the files that were recorded, by path."""
        return cast("list[FileInfo]", self._ask("list_artifacts", run_id=run_id))

    def artifact_records(self, run_id: str, path: SafePath | None = None) -> dict[str, FileRecord]:
        """Give what was recorded of a run's files by path: all, one file, or those below a folder."""
        return cast("dict[str, FileRecord]", self._ask("artifact_records", run_id=run_id, path=path))

    def record_failure(self, run_id: str, failure: Failure) -> None:
        """Keep the exception that ended a run."""
        self._ask("record_failure", run_id=run_id, failure=failure)

    def get_failure(self, run_id: str) -> Failure | None:
        """Give the exception that ended a run, or None."""
        return cast("Failure | None", self._ask("get_failure", run_id=run_id))

    def record_captured(self, run_id: str, names: Sequence[CapturedName]) -> None:
        """Keep where in the cell each captured value stands."""
        self._ask("record_captured", run_id=run_id, names=names)

    def get_captured(self, run_id: str) -> list[CapturedName]:
        """Give what was captured from the run's cell."""
        return cast("list[CapturedName]", self._ask("get_captured", run_id=run_id))

    def set_environment(self, run_id: str, document: Mapping[str, object]) -> None:
        """Keep the environment a run had; equal ones are kept once."""
        self._ask("set_environment", run_id=run_id, document=document)

    def get_environment(self, run_id: str) -> dict[str, object] | None:
        """Give the environment a run had, or None."""
        return cast("dict[str, object] | None", self._ask("get_environment", run_id=run_id))

    def save_snapshot(self, run_id: str, snapshot: SnapshotWrite) -> None:
        """Keep the notebook as a run had executed it; saving again adds what came later."""
        try:
            self._ask("save_snapshot", run_id=run_id, snapshot=snapshot)
        except StateError as error:  # the one state that forbids it: earlier cells of the session are not there
            raise MissingCellsError(error.message) from None

    def load_snapshot(self, run_id: str) -> Snapshot | None:
        """Give the notebook as a run had executed it, or None."""
        return cast("Snapshot | None", self._ask("load_snapshot", run_id=run_id))

    def cell_sources(self, run_id: str) -> dict[str, bytes]:
        """Give the digest of the last source that each cell of the run's snapshot ran, by the cell's id."""
        return cast("dict[str, bytes]", self._ask("cell_sources", run_id=run_id))

    def previous_run_of_cell(self, run_id: str) -> str | None:
        """Give the id of the last run of the same cell before this one, or None."""
        return cast("str | None", self._ask("previous_run_of_cell", run_id=run_id))

    def version(self) -> object:
        """Give what is another value once something was written, by whomever."""
        return self._ask("version")

    def record_logged_model_files(self, model_id: str, files: Mapping[SafePath, FileRecord]) -> None:
        """Keep the size and digest of files that are in place."""
        self._ask("record_logged_model_files", model_id=model_id, files=files)

    def logged_model_records(self, model_id: str, path: SafePath | None = None) -> dict[str, FileRecord]:
        """Give what was recorded of a logged model's files by path: all, one file, or those below a folder."""
        return cast("dict[str, FileRecord]", self._ask("logged_model_records", model_id=model_id, path=path))

    def find_stored_file(self, experiment_id: str, record: FileRecord) -> StoredFile | None:
        """Give None: a file goes to the server once more rather than that it is linked there."""
        del experiment_id, record
        return None

    def known_source(self, new: NewModelVersion) -> KnownSource:
        """Check the source of a version that is to be made in another store, and say what is known of it."""
        return cast("KnownSource", self._ask("known_source", new=new))

    def source_place(self, source: str) -> str:
        """Give the path or URI where the files behind the source of a version lie."""
        return cast("str", self._ask("source_place", source=source))

    def note_model_version(self, model_id: str, name: str, version: str) -> None:
        """Note on a logged model that a version was made of it; one that is not there is no error."""
        self._ask("note_model_version", model_id=model_id, name=name, version=version)

    def model_version_source(self, name: str, version: str) -> str:
        """Give the source behind a version that is no version itself."""
        return cast("str", self._ask("model_version_source", name=name, version=version))

    def end_cell(self, end: CellEnd) -> None:
        """Write what a tracked cell left, in one journey."""
        self._ask("end_cell", end=end)

    def run_facts(self, run_id: str) -> RunFacts:
        """Give what a run's card shows, in one journey."""
        return cast("RunFacts", self._ask("run_facts", run_id=run_id))

    def note_change(self, run_id: str | None = None) -> None:
        """Nothing is kept here that could be old."""

    def flush(self, timeout: float | None = None) -> bool:
        """Nothing goes on in the background."""
        del timeout
        return True

    def close(self) -> None:
        """Nothing is kept here."""
