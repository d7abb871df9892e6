"""A fitted model measured on the data that it was fitted with."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mltrack.autologging import switch
from mltrack.frameworks.sklearn import NAME
from mltrack.frameworks.sklearn.classification import Classified, class_metrics, classified, probability_metrics
from mltrack.frameworks.sklearn.regression import regression_metrics

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

    from mltrack.frameworks.sklearn.arguments import TrainingData


@dataclass(slots=True)
class Measured:
    """The metrics by their names, and of a classification what its tables are made from."""

    metrics: dict[str, float] = field(default_factory=dict)
    classes: Classified | None = None
    scores: NDArray[Any] | None = None
    """Probabilities of the classes, or the values of ``decision_function``."""


def measure(base: ModuleType, model: Any, data: TrainingData) -> Measured:
    """Measure a classifier, a regressor, or whatever else has a score; ``base`` is ``sklearn.base``."""
    measured = Measured()
    if hasattr(model, "predict") and base.is_classifier(model):
        _measure_classifier(measured, model, data)
    elif hasattr(model, "predict") and base.is_regressor(model):
        measured.metrics = regression_metrics(data.targets, model.predict(data.samples), data.weights)
    score = _score(base, model, data, measured.metrics)
    if score is not None:
        measured.metrics["score"] = score
    return measured


def _measure_classifier(measured: Measured, model: Any, data: TrainingData) -> None:
    targets, predicted = _array(data.targets), _array(model.predict(data.samples))
    if targets.ndim == 2 and (targets.shape[1] > 1 or hasattr(targets, "toarray")):
        measured.metrics = _multilabel_metrics(targets, predicted, data.weights)
        return
    found = measured.classes = classified(getattr(model, "classes_", None), targets, predicted, data.weights)
    options = switch.options_of(NAME)
    measured.metrics = class_metrics(found, getattr(options, "pos_label", None))
    if not found.follows_model:
        return
    if hasattr(model, "predict_proba"):
        measured.scores = np.asarray(model.predict_proba(data.samples))
        if measured.scores.shape == (len(found.true), len(found.labels)):
            measured.metrics.update(probability_metrics(found, measured.scores))
    elif len(found.labels) == 2 and hasattr(model, "decision_function"):
        measured.scores = np.asarray(model.decision_function(data.samples))


def _array(values: Any) -> Any:
    """Make an array; a sparse matrix of labels stays what it is, as it may have more places than there is memory."""
    return values if hasattr(values, "toarray") else np.asarray(values)


def _multilabel_metrics(true: Any, predicted: Any, weights: Any) -> dict[str, float]:
    """Give what scikit-learn gives for several labels a sample; nothing for several outputs of several classes."""
    metrics: Any = sys.modules.get("sklearn.metrics")
    if metrics is None or not np.isin(true.data if hasattr(true, "toarray") else true, (0, 1)).all():
        return {}
    averaged = {
        name: getattr(metrics, name)(true, predicted, average="weighted", sample_weight=weights, zero_division=0.0)
        for name in ("precision_score", "recall_score", "f1_score")
    }
    return {**averaged, "accuracy_score": metrics.accuracy_score(true, predicted, sample_weight=weights)}


def _score(base: ModuleType, model: Any, data: TrainingData, metrics: dict[str, float]) -> float | None:
    """Give ``model.score`` of the training data, which for most models is a metric that is there already."""
    owner = next((kind for kind in type(model).__mro__ if "score" in vars(kind)), None)
    known = {base.ClassifierMixin: "accuracy_score", base.RegressorMixin: "r2_score"}.get(owner)
    if known in metrics:
        return metrics[known]
    several = len(np.shape(data.targets)) == 2 and np.shape(data.targets)[1] > 1
    if (several and owner is base.ClassifierMixin) or not hasattr(model, "score"):
        return None  # scikit-learn has no accuracy of several outputs of several classes either
    weighted = data.weights is not None and "sample_weight" in inspect.signature(model.score).parameters
    score = model.score(data.samples, data.targets, **({"sample_weight": data.weights} if weighted else {}))
    return float(score) if np.ndim(score) == 0 and score is not None else None
