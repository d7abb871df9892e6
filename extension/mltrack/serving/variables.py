"""A model that is in a variable, as a logged model: the one that autolog has made of it, or a new one."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mltrack import settings
from mltrack.autologging.fitted_models import logged_as
from mltrack.exceptions import MltrackError
from mltrack.models.flavor import Draft, SaveOptions
from mltrack.models.flavors import flavor_of
from mltrack.models.logged import LogOptions, log_with
from mltrack.models.mlmodel import Model
from mltrack.store.artifact_folder import files_in, read_record
from mltrack.store.artifacts import safe_path
from mltrack.store.local_artifacts import LocalFolder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.models.flavor import Flavor
    from mltrack.store.artifact_folder import FileRecord


def logged_uri(model: Any) -> str:
    """Give the URI of a fitted model as a logged model.

    One that autolog logged when it was trained is not logged again, so that it keeps its run, its signature and its
    example; unless it was changed since, or belongs to another store than the chosen one. A new one has the signature
    that its features allow, if they do.

    Raises
    ------
    InvalidParameterError
        When it is no model that is known.
    """
    known = logged_as(model)
    if known is not None and _is_still(model, known.model_id, known.flavor):
        return f"models:/{known.model_id}"
    flavor = flavor_of(model)
    return log_with(flavor, model, SaveOptions(signature=_signature(model)), LogOptions()).model_uri


def _signature(model: Any) -> Any:
    if not hasattr(model, "n_features_in_"):
        return None
    from mltrack.frameworks.sklearn.features import signature_of_features  # of estimators alone

    return signature_of_features(model)


def _is_still(model: Any, model_id: str, flavor: Flavor) -> bool:
    """Say whether a model would be kept in the same files as the logged model that was made of it."""
    try:
        store = settings.get_store()
        stored = store.logged_model_records(store.get_logged_model(model_id).model_id)
        written = _files_of(model, flavor)
    except MltrackError:  # it was deleted, or is in another store
        return False
    return bool(written) and all(stored.get(path) == record for path, record in written.items())


def _files_of(model: Any, flavor: Flavor) -> Mapping[str, FileRecord]:
    """Give what the library's own files of a model are, written where they are gone at once."""
    with TemporaryDirectory() as place:
        flavor.save(model, Draft(Path(place), Model(), SaveOptions()))
        folder = LocalFolder(Path(place))
        return {each.path: read_record(folder, safe_path(each.path)) for each in files_in(folder)}
