"""What a fitted model says of itself: single numbers, values of each iteration, and how much each feature counts."""

from __future__ import annotations

from typing import Any

import numpy as np

_NUMBERS = (
    *("inertia_", "n_iter_", "n_clusters_", "n_components_", "loss_", "best_loss_", "lower_bound_"),
    *("oob_score_", "reconstruction_err_", "noise_variance_", "log_marginal_likelihood_value_", "alpha_", "lambda_"),
    *("C_", "l1_ratio_", "best_validation_score_", "stress_", "kl_divergence_"),
)
_SERIES = ("loss_curve_", "train_score_", "validation_score_", "validation_scores_")
_MOST_FEATURES = 500
_MOST_VALUES = 1_000_000


def innermost(model: Any) -> Any:
    """Give what was trained in the end: of a search its best estimator, of a pipeline its last step."""
    for _ in range(10):
        inner = vars(model).get("best_estimator_")
        steps = vars(model).get("steps")
        if inner is None and isinstance(steps, list) and steps:
            inner = steps[-1][1]
        if inner is None or not hasattr(inner, "__dict__"):
            return model
        model = inner
    return model


def fitted_numbers(model: Any) -> dict[str, float]:
    """Give the attributes that are one number, as ``inertia_`` of KMeans, under their names without the last ``_``."""
    known = vars(innermost(model))
    found = {name: _number(known[name]) for name in _NUMBERS if name in known}
    return {name.rstrip("_"): value for name, value in found.items() if value is not None}


def _number(value: Any) -> float | None:
    array = np.asarray(value)
    return float(array.reshape(-1)[0]) if array.size == 1 and array.dtype.kind in "fiu" else None


def fitted_series(model: Any) -> dict[str, list[float]]:
    """Give the attributes with a number for each iteration, as ``loss_curve_`` of a perceptron."""
    known = vars(innermost(model))
    arrays = {name: np.asarray(known[name]) for name in _SERIES if known.get(name) is not None}
    return {
        name.rstrip("_"): [float(value) for value in array]
        for name, array in arrays.items()
        if array.ndim == 1 and array.dtype.kind in "fiu"
    }


def importance_tables(model: Any) -> dict[str, dict[str, list[Any]]]:
    """Give the features with how much each counts, the first ones most, as a table; none where the model does not say.

    That is ``feature_importances_``, or the coefficient; of several classes or outputs the mean of their sizes. At
    most 500 features are given.
    """
    last = innermost(model)
    values = _feature_values(last)
    if values is None or not values.size:
        return {}
    names = _feature_names(model, last, len(values))
    order = np.argsort(-np.abs(values), kind="stable")[:_MOST_FEATURES]
    columns = {"feature": [names[place] for place in order], "importance": values[order].tolist()}
    return {"feature_importance": columns}


def _feature_values(last: Any) -> Any:
    if not hasattr(type(last), "feature_importances_"):
        values = vars(last).get("coef_")
    else:
        values = getattr(last, "feature_importances_", None)
    if values is None or getattr(values, "size", _MOST_VALUES + 1) > _MOST_VALUES:
        return None
    array = values.toarray() if hasattr(values, "toarray") else np.asarray(values)
    if array.ndim == 2:
        array = array[0] if len(array) == 1 else np.abs(array).mean(axis=0)
    return array if array.ndim == 1 and array.dtype.kind in "fiu" else None


def _feature_names(model: Any, last: Any, count: int) -> list[str]:
    names = vars(last).get("feature_names_in_")
    if names is None and model is not last:
        names = _names_before_last(model)
    if names is None or len(names) != count:
        return [f"feature {place}" for place in range(count)]
    return [str(name) for name in names]


def _names_before_last(model: Any) -> Any:
    """Give the names of what a pipeline's last step gets; None where a step cannot tell them."""
    pipeline = vars(model).get("best_estimator_", model)
    try:
        return pipeline[:-1].get_feature_names_out()
    except Exception:  # no pipeline, no names, or a step of the user's own
        return None
