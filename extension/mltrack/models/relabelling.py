"""A signature written into the MLmodel file of a model that is there already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError
from mltrack.models import trust
from mltrack.models.folder import ModelFolder
from mltrack.models.manifest import digest_of, manifest
from mltrack.models.mlmodel import FILE
from mltrack.models.signature import ModelSignature
from mltrack.models.sources import MODELS, find_model
from mltrack.settings import get_registry
from mltrack.store.artifacts import below, is_remote
from mltrack.store.pages import Search

if TYPE_CHECKING:
    from mltrack.models.sources import ModelSource


def set_signature(model_uri: str, signature: ModelSignature) -> None:
    """Write a signature into the MLmodel file of a model; who trusted the model trusts it still.

    Parameters
    ----------
    model_uri
        ``models:/MODEL_ID``, ``runs:/RUN_ID/NAME``, or a folder on this machine.
    signature
        The signature.

    Raises
    ------
    InvalidParameterError
        When it is no signature, or the model a version of a registered one, which does not change.
    NotFoundError
        When there is no model.
    """
    if not isinstance(signature, ModelSignature):
        raise InvalidParameterError(f"The signature is a ModelSignature; got {signature!r:.80}.")
    source = find_model(model_uri)
    if source.files is None and is_remote(str(source.place)):
        raise InvalidParameterError(
            f"No signature can be set at {source.uri[:120]!r}, where no run or logged model has its files: download "
            "the model, set the signature there, and log it."
        )
    place = source.fetch()
    digest = digest_of(manifest(place))
    _refuse_registered(source, digest)
    model = ModelFolder(place, uri=source.uri).model
    model.signature = signature
    if source.files is None:
        model.save(place / FILE)
    else:
        source.files.write(below(source.path, FILE), model.to_yaml().encode())
    if trust.is_signed(digest):
        trust.sign(digest_of(manifest(source.fetch())))


def _refuse_registered(source: ModelSource, digest: str) -> None:
    """Refuse what versions of registered models are made of as it is now."""
    wanted = f"run_id = '{source.run_id}'" if source.run_id else f"source_path = '{MODELS}{source.model_id}'"
    found = get_registry().search_model_versions(Search((), wanted)).rows if source.files is not None else ()
    made = source.version or next((each for each in found if each.digest == digest), None)
    if made is not None:
        raise InvalidParameterError(
            f"No signature can be set on {source.uri[:120]!r}: version {made.version} of {made.name!r} is made of it, "
            "and what was registered does not change. Log the model again with its signature, and register that."
        )
