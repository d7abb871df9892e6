"""What a fitted estimator itself says of the data that it takes: the names of its columns, or how many there are."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from mltrack.models.signature import ModelSignature
from mltrack.types.datatype import DataType
from mltrack.types.schema import ColSpec, Schema
from mltrack.types.tensors import TensorSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

_LIBRARIES = ("sklearn.", "xgboost.", "lightgbm.")
_OF_TEXTS = (
    *("sklearn.compose", "sklearn.feature_extraction", "sklearn.impute"),
    *(f"sklearn.preprocessing.{name}" for name in ("_encoders", "_target_encoder", "_function_transformer", "_label")),
)
"""Where estimators are that take texts, or whatever else the user gives them."""


def signature_of_features(model: Any) -> ModelSignature | None:
    """Give the signature that a fitted estimator allows: so many numbers, with their names if it was fitted to a frame.

    None where nothing is known of the features, or they may be something else than numbers, as before an encoder.
    """
    fitted = getattr(model, "best_estimator_", model)
    names, count = getattr(fitted, "feature_names_in_", None), getattr(fitted, "n_features_in_", None)
    if count is None or not all(map(_takes_numbers, _parts(fitted))):
        return None
    if names is not None:
        return ModelSignature(Schema([ColSpec(DataType.double, str(name)) for name in names]))
    return ModelSignature(Schema([TensorSpec(sys.modules["numpy"].dtype("float64"), (-1, int(count)))]))


def _parts(model: Any) -> Iterable[Any]:
    """Give the estimator, and those that it is made of."""
    yield model
    yield from (value for value in model.get_params(deep=True).values() if hasattr(value, "get_params"))


def _takes_numbers(part: Any) -> bool:
    """Say whether an estimator is of a kind that takes nothing but numbers, and was not fitted to categories."""
    kind = type(part)
    if not kind.__module__.startswith(_LIBRARIES) or kind.__module__.startswith(_OF_TEXTS):
        return False
    if kind.__module__.startswith("xgboost."):
        return "c" not in (part.get_booster().feature_types or ()) if _is_fitted(part) else False
    if kind.__module__.startswith("lightgbm."):
        return not part.booster_.pandas_categorical if _is_fitted(part) else False
    return getattr(part, "is_categorical_", None) is None


def _is_fitted(part: Any) -> bool:
    return bool(part.__sklearn_is_fitted__())
