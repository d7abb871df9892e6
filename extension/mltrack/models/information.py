"""What is known of a model without loading it."""

from __future__ import annotations

from mltrack.models.mlmodel import FILE, Model, ModelInfo
from mltrack.models.sources import find_model


def get_model_info(model_uri: str) -> ModelInfo:
    """Read what a model says of itself, by any model URI; nothing but its MLmodel file is read.

    Raises
    ------
    NotFoundError, InvalidParameterError
        When there is no such model.
    """
    source = find_model(model_uri)
    model = Model.from_text(source.read(FILE), source.uri)
    version = source.version.version if source.version else None
    return ModelInfo(model, str(model_uri), registered_model_version=version)
