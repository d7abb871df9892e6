"""What tracked cells leave, on an MLflow server: files of their runs below ``mltrack/``, and tags ``mltrack.…``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from mltrack.entities import CapturedName, RunTag
from mltrack.exceptions import InvalidParameterError, NotFoundError, StoreFormatError
from mltrack.keys import CELL_TAG, FAILURE_TAG
from mltrack.rest.foreign_snapshots import Sessions, read_document, sources_in
from mltrack.run_facts import write_cell_end
from mltrack.store.pages import Search
from mltrack.store.protocol import Failure, RunChange
from mltrack.wire.codec import shape_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import Run
    from mltrack.rest.foreign_documents import Documents
    from mltrack.run_facts import CellEnd
    from mltrack.store.notebooks import Snapshot, SnapshotWrite
    from mltrack.store.protocol import EndedRun, Store

CELL, ENVIRONMENT, SNAPSHOT = "cell.json", "environment.json", "snapshot.json.gz"
AT_ONCE = 4
_SHOWN = 500
_NAMES, _FAILURE = shape_of(list[CapturedName]), shape_of(Failure)


class ForeignCells:
    """Keeps what a cell leaves as files of its run; what is written here is read back from memory.

    Parameters
    ----------
    store
        The store in front of the server.
    documents
        The files.
    """

    def __init__(self, store: Store, documents: Documents) -> None:
        self._store = store
        self._documents = documents
        self._sessions = Sessions()
        self._cells: dict[str, str] = {}

    def add_ended_runs(self, ended: Sequence[EndedRun]) -> list[str]:
        """Make runs that are over, one after the other: the server has no way to make all or none."""
        with ThreadPoolExecutor(AT_ONCE, "mltrack-runs") as pool:
            return list(pool.map(self._add, ended))

    def _add(self, ended: EndedRun) -> str:
        run_id = self._store.create_run(replace(ended.new, owner=None)).run_id
        if ended.metrics or ended.params:
            self._store.log_batch(run_id, metrics=ended.metrics, params=ended.params)
        self._store.update_run(run_id, RunChange(ended.status, ended.end_time))
        return run_id

    def end_cell(self, end: CellEnd) -> None:
        """Write what a tracked cell left."""
        self._documents.claim(end.run_id)
        if end.failure is not None:
            said = f"{end.failure.name}: {end.failure.message}"[:_SHOWN]
            end = replace(end, tags=(*end.tags, RunTag(FAILURE_TAG, said)))
        if not end.is_empty:
            write_cell_end(self._store, end)

    def record_failure(self, run_id: str, failure: Failure) -> None:
        """Keep the exception that ended a run."""
        self._documents.change(run_id, CELL, lambda was: {**_object(was), "failure": _FAILURE.write(failure)})

    def get_failure(self, run_id: str) -> Failure | None:
        """Give the exception that ended a run, or None."""
        found = _object(self._documents.get(run_id, CELL)).get("failure")
        return None if found is None else _read(_FAILURE, found)

    def record_captured(self, run_id: str, names: Sequence[CapturedName]) -> None:
        """Keep where in the cell each captured value stands."""

        def add(was: Any) -> Any:
            known = {(each.kind, each.name): each for each in _captured(was)}
            known.update({(each.kind, each.name): each for each in names})
            return {**_object(was), "captured": _NAMES.write(list(known.values()))}

        self._documents.change(run_id, CELL, add)

    def get_captured(self, run_id: str) -> list[CapturedName]:
        """Give what was captured from the run's cell."""
        found = _captured(self._documents.get(run_id, CELL))
        return sorted(found, key=lambda each: (each.line is None, each.line or 0, each.name))

    def set_environment(self, run_id: str, document: Mapping[str, object]) -> None:
        """Keep the environment a run had."""
        self._documents.put(run_id, ENVIRONMENT, dict(document))

    def get_environment(self, run_id: str) -> dict[str, object] | None:
        """Give the environment a run had, or None."""
        found = self._documents.get(run_id, ENVIRONMENT)
        return None if found is None else _object(found)

    def save_snapshot(self, run_id: str, snapshot: SnapshotWrite) -> None:
        """Keep the notebook as a run had executed it, with the cell's name as a tag that is searched for."""
        document = self._sessions.document(run_id, snapshot)
        self._documents.put(run_id, SNAPSHOT, document)
        name = cell_name(snapshot.cell_key)
        if self._cells.get(run_id) != name:
            self._store.log_batch(run_id, tags=[RunTag(CELL_TAG, name)])
            self._cells[run_id] = name

    def load_snapshot(self, run_id: str) -> Snapshot | None:
        """Give the notebook as a run had executed it, or None."""
        found = self._documents.get(run_id, SNAPSHOT)
        if found is None:
            self._store.get_run(run_id)  # one that is not there is told as that
            return None
        return read_document(found)

    def cell_sources(self, run_id: str) -> dict[str, bytes]:
        """Give the digest of the last source that each cell of the run's snapshot ran, by the cell's id."""
        found = self._documents.get(run_id, SNAPSHOT)
        return {} if found is None else sources_in(found)

    def previous_run_of_cell(self, run_id: str) -> str | None:
        """Give the id of the last run of the same cell and experiment before this one, or None."""
        found = self.previous_run(self._store.get_run(run_id))
        return None if found is None else found.info.run_id

    def previous_run(self, run: Run) -> Run | None:
        """Give the last run of the same cell and experiment before this one, or None."""
        name = self._cells.get(run.info.run_id) or run.data.tags.get(CELL_TAG)
        if not name or not name.isalnum():
            return None
        wanted = Search(
            (run.info.experiment_id,),
            f"tags.`{CELL_TAG}` = '{name}' AND attributes.start_time <= {run.info.start_time}",
            ("attributes.start_time DESC",),
            max_results=2,
        )
        found = self._store.search_runs(wanted).rows
        return next((each for each in found if each.info.run_id != run.info.run_id), None)


def cell_name(key: str) -> str:
    """Give what names a cell in a tag: its key may hold whatever a user calls a run."""
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _object(document: Any) -> dict[str, Any]:
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise StoreFormatError("A file of a run is not what mltrack writes; it was not used.")
    return document


def _captured(document: Any) -> list[CapturedName]:
    found = _object(document).get("captured")
    return [] if found is None else _read(_NAMES, found)


def _read(shape: Any, said: Any) -> Any:
    try:
        return shape.read(said, "document")
    except (InvalidParameterError, NotFoundError):
        raise StoreFormatError("A file of a run is not what mltrack writes; it was not used.") from None
