"""The metrics of a regression, equal to those of ``sklearn.metrics``: several outputs count alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def regression_metrics(true: Any, predicted: Any, weights: Any = None) -> dict[str, float]:
    """Give mean squared error, its root, mean absolute error and R²; R² is NaN below two samples."""
    true, predicted = _columns(true), _columns(predicted)
    kind = np.result_type(true, predicted)  # as scikit-learn's functions, which compute in the finer of the two
    true, predicted = (each.astype(kind if kind.kind == "f" else float) for each in (true, predicted))
    weights = None if weights is None else np.asarray(weights, dtype=float)
    squares = (true - predicted) ** 2
    squared = float(np.average(np.average(squares, axis=0, weights=weights)))
    return {
        "mean_squared_error": squared,
        "root_mean_squared_error": float(np.sqrt(squared)),
        "mean_absolute_error": float(np.average(np.average(np.abs(predicted - true), axis=0, weights=weights))),
        "r2_score": _determination(true, squares, weights),
    }


def _columns(values: Any) -> NDArray[Any]:
    array = np.asarray(values)
    array = array.astype(float) if array.dtype.kind not in "fiub" else array
    return array.reshape(-1, 1) if array.ndim == 1 else array


def _determination(true: NDArray[Any], squares: NDArray[Any], weights: NDArray[Any] | None) -> float:
    if len(true) < 2:
        return float("nan")
    weight: Any = 1.0 if weights is None else weights[:, None]
    left = np.sum(weight * squares, axis=0)
    whole = np.sum(weight * (true - np.average(true, axis=0, weights=weights)) ** 2, axis=0)
    # A constant target is explained in full or not at all; it has no share of variance.
    explained = 1 - np.divide(left, whole, out=np.ones_like(left, dtype=float), where=whole != 0)
    return float(np.average(np.where((whole == 0) & (left == 0), 1.0, explained)))
