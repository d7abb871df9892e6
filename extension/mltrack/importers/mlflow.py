"""Imports from MLflow: an ``mlflow.db``, or an ``mlruns`` folder."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import unquote

from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.importers.artifact_places import ArtifactPlaces
from mltrack.importers.destination import destination
from mltrack.importers.mlflow_files import MlflowFiles, is_file_store
from mltrack.importers.transfer import Choices, Transfer
from mltrack.store.mlflow_reader import MlflowDatabase

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Unpack

    from mltrack.importers.summary import ImportSummary
    from mltrack.store.foreign import ForeignStore
    from mltrack.store.protocol import Store

DATABASE, FOLDER = "mlflow.db", "mlruns"


class MlflowImportOptions(TypedDict, total=False):
    """What ``import_mlflow`` takes besides the path."""

    experiment: str | None
    artifacts: str | Path | None
    copy_artifacts: bool
    store: Store | str | Path | None
    say: Callable[[str], object] | None


def import_mlflow(path: str | Path, **options: Unpack[MlflowImportOptions]) -> ImportSummary:
    """Import the experiments, runs, logged models and model registry of an MLflow store, which is only read.

    Runs keep their ids, so that importing again adds only what is new. Params and tags are masked and cut as those
    that are logged here.

    Parameters
    ----------
    path
        An ``mlflow.db``, an ``mlruns`` folder, or the folder that one of them is in; also as MLflow's tracking URI.
    experiment
        Only the experiment of this name or id; default: all, with the model registry.
    artifacts
        Where the artifacts are now, when they were moved, or kept by a tracking server (its
        ``--artifacts-destination``); default: where the store says, else ``mlartifacts`` and ``mlruns`` beside it.
    copy_artifacts
        False leaves the files where they are, and runs point there.
    store
        The store to import into, or its URI; default: the one in use.
    say
        Called with a line about the progress, at most once a second.

    Raises
    ------
    NotFoundError
        There is no MLflow store at ``path``, or no such experiment in it.
    StoreFormatError
        The database is damaged or not MLflow's.
    """
    if unknown := options.keys() - MlflowImportOptions.__annotations__.keys():
        raise TypeError(f"import_mlflow() got an unexpected keyword argument {min(unknown)!r}")
    place = _local(path)
    given = options.get("artifacts")
    choices = Choices(
        options.get("experiment"), copy_artifacts=options.get("copy_artifacts", True), say=options.get("say")
    )
    with closing(_open(place)) as source, destination(options.get("store")) as store:
        places = ArtifactPlaces(source.base, given=_local(given) if given is not None else None)
        return Transfer(source, store, places=places, choices=choices).run()


def _local(path: str | Path) -> Path:
    text = str(path)
    for scheme in ("sqlite:///", "file://", "file:"):
        if text.startswith(scheme):
            text = unquote(text.removeprefix(scheme))
            break
    if not text or "\0" in text or "://" in text:
        raise InvalidParameterError(
            f"{str(path)[:200]!r} is no place on this machine; give the path of an mlflow.db or of an mlruns folder."
        )
    return Path(text).expanduser().absolute()


def _open(place: Path) -> ForeignStore:
    if place.is_file():
        return MlflowDatabase(place)
    for folder in (place, place / FOLDER):
        if is_file_store(folder):
            return MlflowFiles(folder)
        if (folder / DATABASE).is_file():
            return MlflowDatabase(folder / DATABASE)
    raise NotFoundError(
        f"There is no MLflow store at {place}: no database {DATABASE}, and no {FOLDER} folder with experiments in it."
    )
