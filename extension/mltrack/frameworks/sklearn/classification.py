"""The metrics of a classification from one count of pairs, equal to those of ``sklearn.metrics``.

scikit-learn's own functions check and encode the labels anew, each for 1 to 2 ms; their formulas are these.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from mltrack.frameworks.sklearn.curves import Thresholds, area_under_roc, thresholds

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_SCORES = 1_000_000
"""Of more probabilities than these, of over two classes, no area under the curve is computed: a second and more."""
_MOST_PAIRED = 50
"""Nor of more classes than these, each against each: a hundred have 4,950 pairs, a quarter of a second."""


@dataclass(frozen=True, slots=True)
class Classified:
    """Samples with their true and predicted classes, as places in ``labels``, and their weights."""

    labels: NDArray[Any]
    true: NDArray[Any]
    predicted: NDArray[Any]
    weights: NDArray[Any] | None
    follows_model: bool
    """Whether ``labels`` are the model's ``classes_``, in whose order its probabilities come."""


def classified(classes: Any, true: Any, predicted: Any, weights: Any) -> Classified:
    """Encode labels by the model's classes, or by what is found where there are others, as -1 for "not labelled"."""
    true, predicted = _column(true), _column(predicted)
    weights = None if weights is None else np.asarray(weights, dtype=float)
    if isinstance(classes, np.ndarray) and classes.ndim == 1:
        codes = [_codes(classes, values) for values in (true, predicted)]
        if codes[0] is not None and codes[1] is not None:
            return Classified(classes, codes[0], codes[1], weights, follows_model=True)
    labels, both = np.unique(np.concatenate([true, predicted]), return_inverse=True)
    return Classified(labels, both[: len(true)], both[len(true) :], weights, follows_model=False)


def _column(values: Any) -> NDArray[Any]:
    array = np.asarray(values)
    return array.ravel() if array.ndim == 2 and array.shape[1] == 1 else array


def _codes(classes: NDArray[Any], values: NDArray[Any]) -> NDArray[Any] | None:
    try:
        places = np.searchsorted(classes, values).clip(max=len(classes) - 1)
    except TypeError:  # texts and numbers among the labels
        return None
    return places if np.array_equal(classes[places], values) else None


def confusion(found: Classified) -> NDArray[Any]:
    """Count the samples, or add up their weights, by true class (rows) and predicted class (columns)."""
    size = len(found.labels)
    pairs = np.bincount(found.true * size + found.predicted, weights=found.weights, minlength=size * size)
    return np.asarray(pairs.reshape(size, size))


def class_metrics(found: Classified, pos_label: Any = None) -> dict[str, float]:
    """Give accuracy, precision, recall and F1: averages weighted by the classes' sizes, or those of ``pos_label``."""
    right, predicted, true = _sizes(found)
    each = {
        "precision_score": _ratio(right, predicted),
        "recall_score": _ratio(right, true),
        "f1_score": _ratio(2.0 * right, true + predicted),
    }
    if pos_label is not None:
        place = list(found.labels).index(pos_label)
        metrics = {name: float(values[place]) for name, values in each.items()}
    else:
        metrics = {name: float(np.average(values, weights=true)) for name, values in each.items()}
    metrics["accuracy_score"] = float(np.average(found.true == found.predicted, weights=found.weights))
    return metrics


def _sizes(found: Classified) -> list[NDArray[Any]]:
    """Give for each class what was found right, predicted and true; a table of 10,000 classes would take 800 MB."""
    hits = found.true == found.predicted
    weights = found.weights
    counted = [
        (found.true[hits], None if weights is None else weights[hits]),
        *((places, weights) for places in (found.predicted, found.true)),
    ]
    return [np.bincount(places, weights=each, minlength=len(found.labels)) for places, each in counted]


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[Any]:
    ratio: NDArray[Any] = np.divide(part, whole, out=np.zeros(len(part)), where=whole != 0)
    return ratio


def probability_metrics(found: Classified, probabilities: NDArray[Any]) -> dict[str, float]:
    """Give the log loss, and the area under the ROC curve: of two classes, else each against each, by their sizes."""
    tiny = np.finfo(probabilities.dtype).eps
    of_truth = probabilities[np.arange(len(found.true)), found.true].clip(tiny, 1 - tiny)
    metrics = {"log_loss": float(np.average(-np.log(of_truth), weights=found.weights))}
    if probabilities.shape[1] == 2:
        metrics["roc_auc"] = area_under_roc(thresholds(found.true == 1, probabilities[:, 1], found.weights))
    elif found.weights is None and 2 < probabilities.shape[1] <= _MOST_PAIRED and probabilities.size <= _MOST_SCORES:
        metrics["roc_auc"] = _area_each_against_each(found.true, probabilities)
    return metrics


def _area_each_against_each(true: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """Give the average over pairs of classes, weighted by their share: ``multi_class="ovo", average="weighted"``."""
    areas, shares = [], []
    for one, other in combinations(range(probabilities.shape[1]), 2):
        chosen = (true == one) | (true == other)
        kinds, scores = true[chosen], probabilities[chosen]
        both = [area_under_roc(thresholds(kinds == each, scores[:, each])) for each in (one, other)]
        areas.append(sum(both) / 2)
        shares.append(np.average(chosen))
    return float(np.average(areas, weights=shares))


def binary_thresholds(found: Classified, scores: NDArray[Any] | None) -> Thresholds | None:
    """Give what ROC and precision-recall curves are drawn from; None but for two classes with scores."""
    if scores is None or len(found.labels) != 2 or not found.follows_model:
        return None
    positive = scores[:, 1] if scores.ndim == 2 else scores
    counted = thresholds(found.true == 1, positive, found.weights)
    return counted if counted.true[-1] and counted.false[-1] else None
