"""Logging a model: its folder goes into the store as a logged model of the active run, whole or not at all."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

from mltrack import active
from mltrack.active_model import remember
from mltrack.artifacts.model_files import ModelFiles
from mltrack.entities import LoggedModelOutput, LoggedModelStatus
from mltrack.exceptions import InvalidParameterError, MltrackError
from mltrack.model_names import check_model_name, new_model_id
from mltrack.models.mlmodel import Model, ModelInfo
from mltrack.models.pickles import NotKeptError
from mltrack.models.writing import has_room, private_folder, remove_private_folder, write_model
from mltrack.settings import current_experiment_id, get_store
from mltrack.store.artifacts import safe_path
from mltrack.store.local_artifacts import LocalFolder
from mltrack.store.model_protocol import NewLoggedModel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mltrack.entities import LoggedModel
    from mltrack.models.flavor import Flavor, SaveOptions
    from mltrack.store.artifact_folder import FileRecord
    from mltrack.store.artifacts import SafePath
    from mltrack.store.protocol import Store

DEFAULT_NAME = "model"
UNSAFE_TAG = "mltrack.pickle"
"""A logged model whose loading runs code has it; its value is the files."""
_LINKED_FROM = 4096
"""Smaller files are kept once more: a link would save nothing."""


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What every library's ``log_model`` takes beside what ``save_model`` does, under MLflow's names."""

    name: str | None = None
    artifact_path: str | None = None
    registered_model_name: str | None = None
    await_registration_for: float | None = None
    params: Mapping[str, Any] | None = None
    tags: Mapping[str, Any] | None = None
    model_type: str | None = None
    step: int = 0
    model_id: str | None = None
    run_id: str | None = None
    most_bytes: int | None = None
    """The size of its files above which it is not logged; None is no limit."""

    def __post_init__(self) -> None:
        if not isinstance(self.step, int) or isinstance(self.step, bool):
            raise InvalidParameterError(f"step must be a whole number; got {self.step!r:.80}.")
        for name in ("params", "tags"):
            given = getattr(self, name)
            if given is not None and not hasattr(given, "items"):
                raise InvalidParameterError(f"{name} must be a dict; got {given!r:.80}.")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Make the options of the arguments of a library's function; what is none of them is left out."""
        return cls(**{each.name: given[each.name] for each in fields(cls) if each.name in given})


@dataclass(frozen=True, slots=True)
class Target:
    """Where a model is logged: a store, an experiment, and the run that made it, if there is one."""

    store: Store
    experiment_id: str
    run_id: str | None

    @classmethod
    def chosen(cls, run_id: str | None = None) -> Self:
        """Give the run of that id, else the active run, else the chosen experiment without a run."""
        run = active.current_run() if run_id is None else None
        if run is not None:
            return cls(run.store, run.info.experiment_id, run.info.run_id)
        store = get_store()
        if run_id is not None:
            return cls(store, store.get_run(run_id).info.experiment_id, run_id)
        return cls(store, current_experiment_id(), None)


def log_with(
    flavor: Flavor, model: Any, options: SaveOptions, log: LogOptions, *, target: Target | None = None
) -> ModelInfo:
    """Log a model with a library's flavor and give what is known of it then.

    The model belongs to the active run, if there is one. When something fails, or is interrupted, the logged model is
    left FAILED, without files, and the error is raised; one that cannot be written at all leaves nothing.

    Raises
    ------
    NotKeptError
        When the format cannot hold the model, or it is larger than ``most_bytes``.
    InvalidParameterError
        When both names are given and differ, a name is none that a model may have, or ``model_id`` has files already.
    """
    where = target or Target.chosen(log.run_id)
    _check(where, log)
    model_id = log.model_id or new_model_id()  # known before there is one, since an interrupt may come at any time
    folder = private_folder()
    try:
        made = _created(where, log, model_id)
        model_id = made.model_id  # a server may choose another
        meta = Model(artifact_path=made.artifact_location, run_id=where.run_id, model_id=model_id)
        meta.model_uuid = model_id
        with has_room(folder):
            meta, files = write_model(flavor, model, folder, options, meta=meta)
        check_size(meta.model_size_bytes or 0, log.most_bytes)
        _keep(where, model_id, folder, files)
        _mark(where, model_id, meta)
        _link_to_run(where, model_id, step=log.step)
        made = where.store.finalize_logged_model(model_id, LoggedModelStatus.READY)
    except BaseException as error:
        _clear(where, model_id, is_nothing=log.model_id is None and isinstance(error, NotKeptError))
        raise
    finally:
        remove_private_folder(folder)
    remember(model_id, run_id=where.run_id, step=log.step)
    info = ModelInfo(meta, made.model_uri, made.name, None, made.tags, made.params, made.creation_timestamp)
    return _registered(info, log)


def _check(where: Target, log: LogOptions) -> None:
    """Refuse what would be found too late."""
    if log.name is not None and log.artifact_path is not None and log.name != log.artifact_path:
        raise InvalidParameterError(
            f"Give name ({log.name!r}) or artifact_path ({log.artifact_path!r}), MLflow's older word for it, not both."
        )
    if log.registered_model_name is not None:
        check_model_name(log.registered_model_name)
    if log.model_id is not None and _has_files(where.store, log.model_id):
        raise InvalidParameterError(
            f"The logged model {log.model_id!r} has files already, and they do not change; leave model_id out to log a "
            "new one."
        )


def _has_files(store: Store, model_id: str) -> bool:
    store.get_logged_model(model_id)
    return bool(store.logged_model_records(model_id) or store.logged_model_folder(model_id).entries())


def _clear(where: Target, model_id: str, *, is_nothing: bool) -> None:
    """Remove the files of a model that could not be logged, as far as what stopped it lets one."""
    with suppress(MltrackError, OSError):
        where.store.logged_model_folder(model_id).delete()
    with suppress(MltrackError, OSError):
        if is_nothing:
            where.store.delete_logged_model(model_id)
        else:
            where.store.finalize_logged_model(model_id, LoggedModelStatus.FAILED)


def check_size(size: int, most: int | None) -> None:
    """Refuse files of so many bytes together: NotKeptError when there is a limit and they are over it."""
    if most is not None and size > most:
        raise NotKeptError(f"Its files have {size / 1e6:.4g} MB, over the limit of {most / 1e6:.4g} MB.")


def _created(where: Target, log: LogOptions, model_id: str) -> LoggedModel:
    if log.model_id is not None:
        return where.store.get_logged_model(model_id)
    params = dict(where.store.get_run(where.run_id).data.params) if where.run_id else {}
    params.update({key: str(value) for key, value in (log.params or {}).items()})
    name = log.name or log.artifact_path or DEFAULT_NAME
    tags = {key: str(value) for key, value in (log.tags or {}).items()}
    kind = log.model_type or ""
    return where.store.create_logged_model(
        NewLoggedModel(where.experiment_id, name, kind, where.run_id, params=params, tags=tags, model_id=model_id)
    )


def _keep(where: Target, model_id: str, folder: Path, written: Mapping[str, FileRecord]) -> None:
    """Put the folder's files into the store; those that another model of the experiment has are not kept twice."""
    files = ModelFiles(where.store, model_id)
    source = LocalFolder(folder)
    records: dict[SafePath, FileRecord] = {}
    for name, record in written.items():
        path = safe_path(name)
        records[path] = _put((source, path, record), files, where)
    files.record(records)


def _put(written: tuple[LocalFolder, SafePath, FileRecord], files: ModelFiles, where: Target) -> FileRecord:
    source, path, record = written
    stored = where.store.find_stored_file(where.experiment_id, record) if record.size >= _LINKED_FROM else None
    if stored is not None:
        try:
            return files.folder.put_linked(path, stored)
        except MltrackError:  # it is gone or another by now
            pass
    with source.open(path) as reader:
        return files.folder.put(path, reader, expected=record)


def _mark(where: Target, model_id: str, meta: Model) -> None:
    if meta.pickles:
        where.store.set_logged_model_tags(model_id, {UNSAFE_TAG: ", ".join(meta.pickles)})


def _link_to_run(where: Target, model_id: str, *, step: int) -> None:
    """Note the model as an output of its run, and the run's metrics of that step as its own, as MLflow does."""
    if where.run_id is None:
        return
    where.store.log_outputs(where.run_id, [LoggedModelOutput(model_id, step)])
    points = [
        replace(metric, model_id=model_id)
        for metric in where.store.get_run(where.run_id).data.latest
        if metric.step == step
    ]
    if points:
        where.store.log_batch(where.run_id, metrics=points)


def _registered(info: ModelInfo, log: LogOptions) -> ModelInfo:
    if log.registered_model_name is None:
        return info
    from mltrack.registry import register_model  # which finds models by their URIs, as here

    version = register_model(info.model_uri, log.registered_model_name, tags=log.tags)
    return replace(info, registered_model_version=version.version)
