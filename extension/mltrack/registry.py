"""The fluent verbs of the model registry, with MLflow's names and arguments."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mltrack.client import MltrackClient
from mltrack.exceptions import AlreadyExistsError, InvalidParameterError, NotFoundError
from mltrack.keys import is_run_id
from mltrack.model_names import check_model_name, is_model_id
from mltrack.models.sources import MODELS, RUNS, find_model, find_version
from mltrack.settings import get_store
from mltrack.store.artifacts import artifact_place, is_remote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.entities import ModelVersion
    from mltrack.models.sources import ModelSource

MLMODEL = "MLmodel"


def register_model(
    model_uri: Any,
    name: str,
    await_registration_for: float | None = 300,  # noqa: ARG001 - MLflow's signature; a version is ready at once
    *,
    tags: Mapping[str, Any] | None = None,
) -> ModelVersion:
    """Make a model the next version of a registered model, which is made when there is none.

    The version knows its run, cell, notebook and datasets, also when they are gone, and the digest of its files: they
    are refused once they have changed.

    Parameters
    ----------
    model_uri
        ``models:/MODEL_ID``, ``runs:/RUN_ID/NAME``, ``models:/NAME/VERSION`` (or a stage, ``latest`` or an alias for
        the version), a place below the artifacts of a run, or what ``log_model`` gave.
    name
        Text without ``/`` and ``:``, at most 500 characters; upper and lower case differ.
    await_registration_for
        Not used: the version is ready when this returns.
    tags
        Tags of the version.

    Raises
    ------
    NotFoundError
        When there is no such model.
    InvalidParameterError
        When the URI names none, or a folder that was not logged.
    """
    client = MltrackClient()
    check_model_name(name)
    source, run_id, model_id = _source(str(getattr(model_uri, "model_uri", model_uri)))
    with suppress(AlreadyExistsError):
        client.create_registered_model(name)
    return client.create_model_version(name, source, run_id, tags, model_id=model_id)


def set_model_version_tag(name: str, version: str | None = None, key: str | None = None, value: Any = None) -> None:
    """Set a tag of a version of a registered model, as text of at most 100,000 characters."""
    MltrackClient().set_model_version_tag(name, version, key, value)


def _source(uri: str) -> tuple[str, str | None, str | None]:
    """Give (source, run id, model id) of the version to be made of what a URI names."""
    if uri.startswith(MODELS) and not is_model_id(uri.removeprefix(MODELS)):
        found = find_version(uri)
        return f"{MODELS}{found.name}/{found.version}", found.run_id or None, found.model_id
    if not uri.startswith((MODELS, RUNS)):
        known = _logged_uri(uri)
        if known is None:
            return uri, None, None
        uri = known
    model = find_model(uri)
    _refuse_empty(uri, model)
    if model.model_id is not None:
        return f"{MODELS}{model.model_id}", model.run_id, model.model_id
    return uri, model.run_id, None


def _logged_uri(place: str) -> str | None:
    """Give the URI of the run's or logged model's files that lie at a place; None for one in an object store.

    Raises
    ------
    InvalidParameterError
        When it is a path on this machine that no run and no logged model has its files at.
    """
    checked, store = artifact_place(place), get_store()
    for part in checked.replace("\\", "/").split("/")[::-1]:  # the id is a part of it where files lie as usual
        with suppress(NotFoundError):
            if is_model_id(part) and store.get_logged_model(part).artifact_location == checked:
                return f"{MODELS}{part}"
            if is_run_id(part):
                root = store.get_run(part).info.artifact_uri
                if checked.startswith(f"{root}/"):
                    return f"{RUNS}{part}/{checked[len(root) + 1 :]}"
    if is_remote(checked):
        return None
    raise InvalidParameterError(
        f"{place[:200]!r} is not among the files of a run or logged model, so it cannot be registered: what lies there "
        "may change. Log it first, as by mltrack.sklearn.log_model or mltrack.pyfunc.log_model."
    )


def _refuse_empty(uri: str, model: ModelSource) -> None:
    """Refuse a folder of a run that holds no model."""
    below = f"{model.path.text}/{MLMODEL}" if model.path else MLMODEL
    if model.files is None or not any(each.path == below for each in model.files.entries(model.path)):
        raise NotFoundError(f"There is no model at {uri[:200]!r}: it has no {MLMODEL} file.")
