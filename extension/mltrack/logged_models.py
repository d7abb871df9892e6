"""The fluent verbs for logged models: made, finished, read, tagged, and made the active one."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltrack import active_model
from mltrack.active import current_run
from mltrack.active_model import ActiveModel, clear_active_model, get_active_model_id
from mltrack.client import MltrackClient
from mltrack.entities import LoggedModelStatus
from mltrack.exceptions import InvalidParameterError
from mltrack.settings import current_experiment_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.entities import LoggedModel

__all__ = [
    "clear_active_model",
    "create_external_model",
    "delete_logged_model",
    "delete_logged_model_tag",
    "finalize_logged_model",
    "get_active_model_id",
    "get_logged_model",
    "initialize_logged_model",
    "last_logged_model",
    "log_model_params",
    "set_active_model",
    "set_logged_model_tags",
]
EXTERNAL_TAG = "mlflow.model.isExternal"


def initialize_logged_model(
    name: str | None = None,
    source_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    experiment_id: str | None = None,
) -> LoggedModel:
    """Make a logged model without files, PENDING until ``finalize_logged_model``.

    Parameters
    ----------
    name
        Text without ``/ : . % " '``; default: an invented one.
    source_run_id
        Default: the active run, if there is one.
    tags, params
        What to begin with.
    model_type
        Any word, to search by.
    experiment_id
        Default: that of the run, else the chosen one.
    """
    client = MltrackClient()
    run = current_run()
    if source_run_id is None and run is not None:
        source_run_id = run.info.run_id
    if experiment_id is None:
        experiment_id = client.get_run(source_run_id).info.experiment_id if source_run_id else current_experiment_id()
    made = client.create_logged_model(experiment_id, name, source_run_id, tags, params, model_type)
    active_model.remember(made.model_id)
    return made


def create_external_model(
    name: str | None = None,
    source_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    experiment_id: str | None = None,
) -> LoggedModel:
    """Make a logged model whose files are kept elsewhere, READY at once; see ``initialize_logged_model``.

    It has an ``MLmodel`` file that says so, and can be registered, but not loaded.
    """
    from mltrack.models.mlmodel import Model  # with its files come signatures and examples, which are not needed here

    marked = {**(tags or {}), EXTERNAL_TAG: "true"}
    made = initialize_logged_model(name, source_run_id, marked, params, model_type, experiment_id)
    about = Model(artifact_path=made.artifact_location, run_id=made.source_run_id, model_id=made.model_id)
    about.metadata = {EXTERNAL_TAG: "true"}
    client = MltrackClient()
    with tempfile.TemporaryDirectory(prefix="mltrack-") as folder:
        about.save(Path(folder) / "MLmodel")
        client.log_model_artifacts(made.model_id, folder)
    return client.finalize_logged_model(made.model_id, LoggedModelStatus.READY)


def finalize_logged_model(model_id: str, status: str) -> LoggedModel:
    """Say how the making of a logged model ended: READY or FAILED."""
    return MltrackClient().finalize_logged_model(model_id, status)


def get_logged_model(model_id: str) -> LoggedModel:
    """Give a logged model with what was logged to it; NotFoundError when there is none or it is deleted."""
    return MltrackClient().get_logged_model(model_id)


def last_logged_model() -> LoggedModel | None:
    """Give the logged model that was made last here (in this thread or task), or None."""
    model_id = active_model.last_model_id()
    return None if model_id is None else get_logged_model(model_id)


def delete_logged_model(model_id: str) -> None:
    """Mark a logged model deleted; ``gc`` removes it with its files, unless a version is made of it."""
    MltrackClient().delete_logged_model(model_id)


def set_logged_model_tags(model_id: str, tags: Mapping[str, Any]) -> None:
    """Set tags of a logged model, all or none; earlier values are overwritten."""
    MltrackClient().set_logged_model_tags(model_id, tags)


def delete_logged_model_tag(model_id: str, key: str) -> None:
    """Take a tag off a logged model; NotFoundError when it has none of that key."""
    MltrackClient().delete_logged_model_tag(model_id, key)


def log_model_params(params: Mapping[str, Any], model_id: str | None = None) -> None:
    """Log params of a logged model, default: the active one; one that is there with another value is refused."""
    chosen = model_id or get_active_model_id()
    if chosen is None:
        raise InvalidParameterError("Give log_model_params a model_id, or choose a model by set_active_model before.")
    MltrackClient().log_model_params(chosen, params)


def set_active_model(*, name: str | None = None, model_id: str | None = None) -> ActiveModel:
    """Choose the logged model that metrics and params to come belong to; in a ``with`` statement for its block.

    Parameters
    ----------
    name
        The newest of that name in the chosen experiment; it is made when there is none.
    model_id
        Its id.

    Raises
    ------
    InvalidParameterError
        When neither is given, or the model of that id has another name.
    """
    if name is None and model_id is None:
        raise InvalidParameterError("Give set_active_model a name or a model_id.")
    if model_id is None:
        return ActiveModel.of(_named(str(name)))
    found = get_logged_model(model_id)
    if name is not None and found.name != name:
        raise InvalidParameterError(f"The logged model {model_id!r} is named {found.name!r}, not {name!r}.")
    return ActiveModel.of(found)


def _named(name: str) -> LoggedModel:
    quote = '"' if "'" in name else "'"
    found = MltrackClient().search_logged_models(
        [current_experiment_id()], f"name = {quote}{name}{quote}", max_results=2
    )
    if len(found) > 1:
        warnings.warn(f"Several logged models are named {name!r}; the newest is the active one now.", stacklevel=3)
    return found[0] if found else create_external_model(name)
