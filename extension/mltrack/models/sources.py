"""What a model URI names, and its folder on this machine.

``models:/NAME/3``, ``models:/NAME/Production``, ``models:/NAME/latest``, ``models:/NAME@champion``,
``models:/m-…`` (a logged model), ``runs:/RUN_ID/NAME``, a path, ``file:///PATH``, or a place in an object store.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.artifacts.model_files import ModelFiles, model_of_run
from mltrack.artifacts.run_files import RunFiles
from mltrack.artifacts.served import SERVED, source_of_place
from mltrack.exceptions import ArtifactChangedError, InvalidParameterError, NotFoundError
from mltrack.keys import check_run_id
from mltrack.model_names import is_model_id
from mltrack.models.folder import ModelFolder
from mltrack.models.manifest import digest_of, manifest
from mltrack.settings import get_registry, get_store
from mltrack.store.artifact_kinds import open_folder
from mltrack.store.artifacts import artifact_place, below, is_remote, safe_path

if TYPE_CHECKING:
    from mltrack.entities import LoggedModel, ModelVersion
    from mltrack.store.artifact_folder import ArtifactFolder, FileRecord
    from mltrack.store.artifacts import SafePath
    from mltrack.store.protocol import Store

MODELS, RUNS = "models:/", "runs:/"
_FORMS = (
    "Give models:/NAME/VERSION, models:/NAME/STAGE, models:/NAME/latest, models:/NAME@ALIAS, models:/MODEL_ID, "
    "runs:/RUN_ID/NAME, a path, or a place in an object store."
)


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a model lies.

    Parameters
    ----------
    uri
        What it was found by.
    files, path
        The files of the run or logged model that it is among, and the folder in them (None: all); both None for a
        folder that no store knows.
    place
        The path or URI of a folder that no store knows.
    version
        The version of a registered model that the URI names.
    model_id, run_id
        The logged model, and the run that made it, as far as they are known.
    """

    uri: str
    files: RunFiles | None = None
    path: SafePath | None = None
    place: str | None = None
    version: ModelVersion | None = None
    model_id: str | None = None
    run_id: str | None = None

    def fetch(self, destination: str | Path | None = None) -> Path:
        """Give the model's folder on this machine; what is here already is given as it lies, unless copied.

        Raises
        ------
        ArtifactChangedError
            When a file is not what was logged, or the folder not what was registered.
        """
        folder = self._fetch(destination)
        if self.version is not None and self.version.digest:
            self._check(digest_of(manifest(folder)))
        return folder

    def check_records(self) -> None:
        """Raise ArtifactChangedError when what the store keeps of the files is not what was registered."""
        if self.version is not None and self.version.digest and self.files is not None:
            self._check(digest_of(self.records()))

    def _check(self, digest: str) -> None:
        if self.version is not None and digest != self.version.digest:
            raise ArtifactChangedError(
                f"The files of {self.uri} have changed since version {self.version.version} was registered, so they "
                "are not used. Register what is there now as a new version if that is what you want."
            )

    def read(self, name: str) -> bytes:
        """Read one file of the model; ArtifactChangedError when it is not what was registered or logged."""
        self.check_records()
        return self.folder_files().read(below(self.path, name))

    def fetch_file(self, name: str) -> Path:
        """Give the place of one file of the model on this machine; see ``read``."""
        self.check_records()
        return Path(self.folder_files().download(below(self.path, name)))

    def folder_files(self) -> RunFiles:
        """Give the files that the model is among."""
        return self.files if self.files is not None else _FolderFiles(open_folder(str(self.place)))

    def open(self, *, allow_pickle: bool | None = None, destination: str | Path | None = None) -> ModelFolder:
        """Open the model's folder; see ``fetch`` and ``ModelFolder``."""
        folder = self.fetch(destination)
        return ModelFolder(folder, uri=self.uri, allow_pickle=allow_pickle, expected=self.records())

    def records(self) -> dict[str, FileRecord]:
        """Give what the store keeps of the model's files, by path in the model; nothing where no store knows them."""
        if self.files is None:
            return {}
        start = len(self.path.text) + 1 if self.path else 0
        return {path[start:]: each for path, each in self.files.records(self.path).items()}

    def _fetch(self, destination: str | Path | None) -> Path:
        if self.files is not None:
            folder = Path(self.files.download(self.path, destination))
            if self.model_id is not None and not folder.is_dir():
                status = get_store().get_logged_model(self.model_id).status
                raise NotFoundError(f"The logged model {self.model_id} is {status} and has no files to be used.")
            return folder
        place = str(self.place)
        if destination is None and not is_remote(place):
            return Path(place)
        return Path(self.folder_files().download(None, destination))


class _FolderFiles(RunFiles):
    """The files of a folder that no store knows."""

    def __init__(self, folder: ArtifactFolder) -> None:
        self.folder = folder

    def records(self, path: SafePath | None = None) -> dict[str, object]:  # type: ignore[override]
        """Give nothing: nobody kept their digests."""
        del path
        return {}


def find_model(uri: object) -> ModelSource:
    """Find what a model URI names.

    Raises
    ------
    InvalidParameterError
        When it is no URI of a model.
    NotFoundError
        When there is no such model, version, alias, run or folder.
    """
    uri = getattr(uri, "model_uri", uri)  # of what log_model gave, or a logged model
    if not isinstance(uri, (str, Path)):
        raise InvalidParameterError(f"A model is named by a URI or a path; got {uri!r:.120}. {_FORMS}")
    text = str(uri)
    if text.startswith(MODELS):
        return _find_registered(text)
    if text.startswith(RUNS):
        return _find_of_run(text)
    if text.startswith(SERVED) and (named := source_of_place(text)):
        return find_model(named)
    try:
        place = artifact_place(text)
    except InvalidParameterError as error:
        raise InvalidParameterError(f"{text[:120]!r} names no model. {_FORMS}") from error
    if not is_remote(place) and not Path(place).is_dir():
        raise NotFoundError(f"There is no model folder {text[:200]!r}.")
    return ModelSource(text, place=place)


def _find_registered(uri: str) -> ModelSource:
    rest = uri.removeprefix(MODELS).strip("/")
    if is_model_id(rest):
        return _logged(get_store(), uri, get_store().get_logged_model(rest))
    version = find_version(uri)
    found = find_source(version)
    return ModelSource(
        uri, found.files, found.path, found.place, version, found.model_id, version.run_id or found.run_id
    )


def fetch_place(uri: str) -> Path:
    """Bring a file or folder from an object store to this machine."""
    parent, _, name = artifact_place(uri).rpartition("/")
    if not is_remote(parent):
        raise InvalidParameterError(f"{uri[:200]!r} names no file or folder in a bucket.")
    return Path(_FolderFiles(open_folder(parent)).download(safe_path(name)))


def find_version(uri: str, registry: Store | None = None) -> ModelVersion:
    """Give the version that ``models:/NAME/VERSION``, ``…/STAGE``, ``…/latest`` or ``models:/NAME@ALIAS`` names."""
    registry = registry or get_registry()
    if not uri.startswith(MODELS):
        raise InvalidParameterError(
            f"{uri[:200]!r} names no version of a registered model; give models:/NAME/VERSION, models:/NAME/STAGE, "
            "models:/NAME/latest or models:/NAME@ALIAS."
        )
    rest = uri.removeprefix(MODELS).strip("/")
    name, at, alias = rest.rpartition("@")
    if at and "/" not in rest:
        return registry.get_model_version_by_alias(name, alias)
    name, slash, which = rest.rpartition("/")
    if not slash or not name or "/" in name:
        raise InvalidParameterError(f"{uri[:200]!r} names no model. {_FORMS}")
    if which.isdecimal():
        return registry.get_model_version(name, which)
    stages = None if which.lower() == "latest" else [which]
    found = registry.get_latest_versions(name, stages)
    if not found:
        raise NotFoundError(f"The model {name!r} has no version" + (f" in the stage {which!r}." if stages else "."))
    return max(found, key=lambda each: int(each.version))


def find_source(version: ModelVersion) -> ModelSource:
    """Find where the files of a version lie."""
    if version.model_id:
        return _logged(get_store(), version.source, get_store().get_logged_model(version.model_id))
    return find_model(get_registry().model_version_source(version.name, version.version))


def _logged(store: Store, uri: str, model: LoggedModel) -> ModelSource:
    files = ModelFiles(store, model.model_id)
    return ModelSource(uri, files, None, model_id=model.model_id, run_id=model.source_run_id)


def _find_of_run(uri: str) -> ModelSource:
    """Find the run's logged model of that name, the last if there are several; else a folder of the run's artifacts."""
    run_id, _, path = uri.removeprefix(RUNS).lstrip("/").partition("/")
    store = get_store()
    if not run_id or not path.strip("/"):
        raise InvalidParameterError(f"{uri[:200]!r} names no model of a run; give runs:/RUN_ID/NAME.")
    store.get_run(check_run_id(run_id))
    name = safe_path(path.rstrip("/"))
    found = model_of_run(store, run_id, name.text)
    if found is not None:
        return _logged(store, uri, found)
    files = RunFiles(store, run_id)
    if not files.entries(name):
        raise NotFoundError(f"The run {run_id} has no model {name.text!r}.")
    return ModelSource(uri, files, name, run_id=run_id)
