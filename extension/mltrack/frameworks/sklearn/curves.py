"""ROC and precision-recall curves in numpy, by scikit-learn's definitions, and thinned to what a chart can show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_POINTS = 500


@dataclass(frozen=True, slots=True)
class Thresholds:
    """True and false positives, weighted, where everything with at least a score counts as positive; scores fall."""

    true: NDArray[Any]
    false: NDArray[Any]
    scores: NDArray[Any]


def thresholds(is_true: NDArray[Any], scores: NDArray[Any], weights: NDArray[Any] | None = None) -> Thresholds:
    """Count at each different score; see ``sklearn.metrics.confusion_matrix_at_thresholds``."""
    order = np.argsort(scores, kind="stable")[::-1]
    scores, is_true = scores[order], is_true[order].astype(float)
    places = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    if weights is None:
        true = np.cumsum(is_true)[places]
        return Thresholds(true, 1 + places - true, scores[places])
    weights = weights[order]
    true = np.cumsum(is_true * weights)[places]
    return Thresholds(true, np.cumsum((1 - is_true) * weights)[places], scores[places])


def area_under_roc(found: Thresholds) -> float:
    """Give the area under the ROC curve; NaN where there is but one class."""
    if not found.true[-1] or not found.false[-1]:
        return float("nan")
    false, true = np.append(0.0, found.false) / found.false[-1], np.append(0.0, found.true) / found.true[-1]
    return float(np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2.0))


def roc_curve(found: Thresholds) -> dict[str, list[float | None]]:
    """Give the columns of the ROC curve from (0, 0) to (1, 1); the first has no threshold."""
    return _thinned(
        fpr=np.append(0.0, found.false) / found.false[-1],
        tpr=np.append(0.0, found.true) / found.true[-1],
        threshold=np.append(np.nan, found.scores),
    )


def precision_recall_curve(found: Thresholds) -> dict[str, list[float | None]]:
    """Give the columns of the precision-recall curve from recall 0, which has precision 1 and no threshold."""
    return _thinned(
        recall=np.append(0.0, found.true / found.true[-1]),
        precision=np.append(1.0, found.true / (found.true + found.false)),
        threshold=np.append(np.nan, found.scores),
    )


def _thinned(**columns: NDArray[Any]) -> dict[str, list[float | None]]:
    """Keep both ends and the corners; of more than ``MOST_POINTS`` those evenly spaced along the curve."""
    x, y = list(columns.values())[:2]
    corners = np.flatnonzero((np.diff(x, 2) != 0) | (np.diff(y, 2) != 0)) + 1
    places = np.concatenate([[0], corners, [len(x) - 1]])
    if len(places) > MOST_POINTS:
        way = np.cumsum(np.abs(np.diff(x[places])) + np.abs(np.diff(y[places])))
        even = np.searchsorted(way, np.linspace(0.0, way[-1], MOST_POINTS - 2))
        places = places[np.unique(np.concatenate([[0], even + 1, [len(places) - 1]]).clip(max=len(places) - 1))]
    thinned = {name: values[places].tolist() for name, values in columns.items()}
    return {name: [None if math.isnan(value) else value for value in values] for name, values in thinned.items()}
