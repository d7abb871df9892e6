"""What an artifact URI names: a file or folder of one run or model of a store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.artifacts.model_files import ModelFiles, model_of_run
from mltrack.artifacts.run_files import RunFiles
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.keys import check_run_id
from mltrack.settings import get_store, open_store
from mltrack.store.artifacts import SafePath, artifact_place, safe_path

if TYPE_CHECKING:
    from mltrack.entities import FileInfo
    from mltrack.store.protocol import Store

RUNS, MODELS = "runs:/", "models:/"


@dataclass(frozen=True, slots=True)
class ArtifactPlace:
    """The files of a run or model, and a path among them; None is the root.

    Listed are paths without ``root``, the folder of a model among other files, and below ``name``, that of a logged
    model in its run.
    """

    files: RunFiles
    path: SafePath | None = None
    root: SafePath | None = None
    name: str | None = None

    def entries(self) -> list[FileInfo]:
        """Give the files and folders of one level; none for what is a file or not there."""
        start = f"{self.root.text}/" if self.root else ""
        below = f"{self.name}/" if self.name else ""
        found = self.files.entries(self.path)
        return [replace(each, path=below + each.path[len(start) :]) for each in found] if start or below else found

    def download(self, destination: str | Path | None = None) -> str:
        """Bring it to this machine; see ``RunFiles.download``."""
        if destination is not None and self.name:
            destination = Path(destination) / self.name
        return self.files.download(self.path, destination)


def find_place(
    artifact_uri: str | None = None,
    *,
    run_id: str | None = None,
    artifact_path: str | None = None,
    tracking_uri: str | None = None,
) -> ArtifactPlace:
    """Find what is meant by a URI, or by a run and a path in it.

    Raises
    ------
    InvalidParameterError
        When both or neither are given, for a path that leads elsewhere, and for a place that is no run's or model's of
        the store: only what was logged can be read through them.
    NotFoundError
        When there is no such run or model.
    """
    if (artifact_uri is None) == (run_id is None):
        raise InvalidParameterError("Give either an artifact_uri or a run_id, not both and not none.")
    if artifact_uri is not None and artifact_path is not None:
        raise InvalidParameterError("Give artifact_path together with run_id only; an artifact_uri holds its path.")
    if artifact_uri is not None and str(artifact_uri).startswith(MODELS):
        from mltrack.models.places import find_model_place  # reads model folders, which most artifacts are none of

        return find_model_place(str(artifact_uri))
    store = get_store() if tracking_uri is None else open_store(tracking_uri)
    if artifact_uri is not None:
        run_id, artifact_path = _run_and_path(store, str(artifact_uri))
    return place_of_run(store, str(run_id), artifact_path)


def place_of_run(store: Store, run_id: str, artifact_path: str | None) -> ArtifactPlace:
    """Find a file or folder of a run; below the name of a logged model of the run are the model's files.

    Files of its own that a run has at that path go first.
    """
    files, path = RunFiles(store, check_run_id(run_id)), optional_path(artifact_path)
    made = model_of_run(store, run_id, path.parts[0]) if path else None
    if path is None or made is None or files.has(path):
        return ArtifactPlace(files, path)
    name, _, rest = path.text.partition("/")
    return ArtifactPlace(ModelFiles(store, made.model_id), optional_path(rest), name=name)


def optional_path(text: str | None) -> SafePath | None:
    """Check a path that may be left out: None and an empty text are the root, a slash at the end is dropped."""
    return safe_path(text.rstrip("/") or text) if text else None


def _run_and_path(store: Store, uri: str) -> tuple[str, str]:
    if uri.startswith(RUNS):
        run_id, _, path = uri.removeprefix(RUNS).lstrip("/").partition("/")
        return run_id, path
    place = artifact_place(uri)
    for candidate in place.replace("\\", "/").split("/")[::-1]:  # the id is a part of it where runs lie as usual
        try:
            root = store.get_run(check_run_id(candidate)).info.artifact_uri
        except (InvalidParameterError, NotFoundError):
            continue
        if place == root or place.startswith(f"{root}/"):
            return candidate, place[len(root) + 1 :]
    raise InvalidParameterError(
        f"{uri[:120]!r} is no place of a run in this store; give runs:/RUN_ID/PATH, or what lies below an artifact_uri."
    )
