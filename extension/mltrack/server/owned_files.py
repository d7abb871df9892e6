"""The files of a run or logged model, as the server reads and writes them for callers."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from mltrack.entities import LifecycleStage
from mltrack.exceptions import InvalidParameterError, MltrackError, NotFoundError
from mltrack.server.artifact_paths import FORMS, read_proxied
from mltrack.server.need import RUN
from mltrack.store.artifact_kinds import open_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack.server.call import Call
    from mltrack.server.need import Thing
    from mltrack.store.artifact_folder import FileRecord, ServedFolder
    from mltrack.store.artifacts import SafePath
    from mltrack.store.protocol import ServedStore


_MOST_KNOWN = 20_000


@dataclass(frozen=True, slots=True)
class OwnedFiles:
    """The files of a run or logged model, and what the store has recorded of them."""

    store: ServedStore
    owner: Thing
    folder: ServedFolder

    def recorded(self, path: SafePath) -> FileRecord | None:
        """Give what was recorded of a file, or None."""
        records = self.store.artifact_records if self.owner.kind == RUN else self.store.logged_model_records
        return records(self.owner.key, path).get(path.text)

    def record(self, path: SafePath, record: FileRecord) -> None:
        """Keep the size and digest of a file that is in place."""
        keep = self.store.record_artifacts if self.owner.kind == RUN else self.store.record_logged_model_files
        keep(self.owner.key, {path: record})

    def forget(self, path: SafePath) -> None:
        """Forget what was recorded of a file, or of those below a folder, that is gone."""
        drop = self.store.forget_artifacts if self.owner.kind == RUN else self.store.forget_logged_model_files
        drop(self.owner.key, path)


@contextmanager
def unplaced(path: SafePath) -> Iterator[None]:
    """Say of a file that is not there no more than that: a folder's own words name its place on this machine."""
    try:
        yield
    except NotFoundError:
        raise NotFoundError(f"There is no artifact {path.text!r} there.") from None


def files_of(call: Call, owner: Thing, *, experiment_id: str | None = None) -> OwnedFiles:
    """Give the files of a run or logged model, which may be of that experiment only.

    Raises
    ------
    NotFoundError
        When it is not there, or of another experiment.
    InvalidParameterError
        When its files lie in an object store of the callers' own.
    """
    found, place = _place_of_run(call, owner.key) if owner.kind == RUN else _place_of_model(call, owner.key)
    if experiment_id not in (None, found):
        raise NotFoundError(f"There are no files of {owner.key!r} in experiment {experiment_id!r:.40}.")
    if not call.service.places.is_own(place):
        raise InvalidParameterError(
            f"The files of {owner.key!r} do not go through this server; open them where they lie, {place[:200]}."
        )
    return OwnedFiles(cast("ServedStore", call.store), owner, open_folder(place))


def _place_of_run(call: Call, run_id: str) -> tuple[str, str]:
    """Give the experiment of a run, and where its files lie: that is looked up once, since neither changes."""
    known = call.service.places.known_runs
    if run_id not in known:
        info = call.store.get_run(run_id).info
        if len(known) >= _MOST_KNOWN:
            known.clear()
        known[run_id] = info.experiment_id, info.artifact_uri
    return known[run_id]


def _place_of_model(call: Call, model_id: str) -> tuple[str, str]:
    model = call.store.get_logged_model(model_id)
    return model.experiment_id, model.artifact_location


def refuse_deleted(call: Call, owner: Thing) -> None:
    """Raise InvalidParameterError for a run that is deleted: nothing may be added to it."""
    if owner.kind == RUN and call.store.get_run(owner.key).info.lifecycle_stage != LifecycleStage.ACTIVE:
        raise InvalidParameterError(f"Run {owner.key!r} is deleted; restore it before you add files.")


def proxied_files(call: Call, text: str) -> tuple[OwnedFiles, SafePath]:
    """Give whose files a path of the proxy names, and the path below their root.

    Raises
    ------
    InvalidParameterError
        When it is no path, or that of a root.
    NotFoundError
        When it is nobody's.
    """
    refuse_unserved(call)
    found = read_proxied(text)
    if found is None:
        raise NotFoundError(f"There is no artifact {text[:120]!r}: paths are {FORMS}.")
    if found.path is None:
        raise InvalidParameterError(f"The artifact path {text[:120]!r} is a root; name a file or folder below it.")
    return files_of(call, found.owner, experiment_id=found.experiment_id), found.path


def refuse_unserved(call: Call) -> None:
    """Raise ENDPOINT_NOT_FOUND where artifacts do not go through the server."""
    if not call.service.places.is_serving:
        raise MltrackError("This server was started with --no-serve-artifacts.", "ENDPOINT_NOT_FOUND")
