"""The metrics and tables of a classification, under the names and with the values of MLflow's default evaluator.

See ``mlflow.models.evaluation.evaluators.classifier`` (3.17). Areas under curves come from the one count of thresholds
that the curves are drawn of.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mltrack.evaluation.findings import Findings, finite, sklearn_metrics
from mltrack.frameworks.sklearn.curves import area_under_roc, precision_recall_curve, roc_curve, thresholds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from mltrack.evaluation.findings import Table
    from mltrack.frameworks.sklearn.curves import Thresholds

MOST_IN_MATRIX = 100
"""Classes of which a confusion matrix is kept."""
AVERAGED_AREAS = ("macro", "weighted")


@dataclass(frozen=True, slots=True)
class Classification:
    """Rows with their classes as places in ``labels``, and what the model says of each.

    ``probabilities`` has a column for each label; those of the labels ``unknown`` to the model are zeros. ``scores``
    are higher the likelier the second of two labels is. ``positive`` is the place of the positive label, of two.
    ``most_curves`` is the most classes that have curves each.
    """

    labels: list[Any]
    true: NDArray[Any]
    predicted: NDArray[Any]
    probabilities: NDArray[Any] | None = None
    scores: NDArray[Any] | None = None
    weights: NDArray[Any] | None = None
    unknown: tuple[int, ...] = ()
    positive: int | None = None
    average: str = "weighted"
    most_curves: int = 10
    bins: int = 10
    _counted: dict[int, Thresholds | None] = field(default_factory=dict, init=False, repr=False, compare=False)

    def rows(self, chosen: NDArray[Any]) -> Classification:
        """Give some of the rows; the labels stay."""
        parts: dict[str, Any] = {
            name: None if (values := getattr(self, name)) is None else values[chosen]
            for name in ("true", "predicted", "probabilities", "scores", "weights")
        }
        return replace(self, **parts)

    def scores_of(self, place: int) -> NDArray[Any] | None:
        """Give how likely a label is in each row; None where the model does not say."""
        if self.probabilities is not None:
            return None if place in self.unknown else np.asarray(self.probabilities[:, place])
        if self.scores is None:
            return None
        return self.scores if place == 1 else -self.scores

    def counted(self, place: int) -> Thresholds | None:
        """Count true and false positives of a label at each threshold; None where the model gives no scores."""
        if place in self._counted:
            return self._counted[place]
        scores = self.scores_of(place)
        found = None if scores is None else thresholds(self.true == place, scores, self.weights)
        if len(self.labels) <= self.most_curves:  # of more labels they would fill the memory, and no curve needs them
            self._counted[place] = found
        return found


def classification_metrics(case: Classification) -> Findings:
    """Give the metrics of a classification: of two labels those of the positive one, else averages."""
    found = Findings()
    metrics = sklearn_metrics()
    if case.positive is not None:
        order = [1 - case.positive, case.positive]
        counts = metrics.confusion_matrix(case.true, case.predicted, labels=order).ravel().tolist()
        names = ("true_negatives", "false_positives", "false_negatives", "true_positives")
        found.metrics.update(zip(names, counts, strict=True))
    found.metrics["example_count"] = len(case.true)
    found.metrics.update(_of_labels(case, metrics))
    if case.probabilities is not None:
        _add_log_loss(found, case, metrics)
    if case.positive is not None:
        _add_areas(found, case, case.positive)
    elif case.probabilities is not None and case.average in AVERAGED_AREAS and not case.unknown:
        _add_averaged_area(found, case)
    return found


def _of_labels(case: Classification, metrics: Any) -> dict[str, float]:
    how = {"average": "binary", "pos_label": case.positive} if case.positive is not None else {"average": case.average}
    precision, recall, score, _ = metrics.precision_recall_fscore_support(
        case.true, case.predicted, sample_weight=case.weights, zero_division=0.0, **how
    )
    return {
        "accuracy_score": float(metrics.accuracy_score(case.true, case.predicted, sample_weight=case.weights)),
        "recall_score": float(recall),
        "precision_score": float(precision),
        "f1_score": float(score),
    }


def _add_log_loss(found: Findings, case: Classification, metrics: Any) -> None:
    if case.unknown:
        labels = ", ".join(repr(case.labels[place]) for place in case.unknown[:5])
        found.note(f"log_loss and roc_auc over all classes are left out: the model does not know the label {labels}.")
        return
    try:
        found.metrics["log_loss"] = float(
            metrics.log_loss(case.true, case.probabilities, labels=range(len(case.labels)), sample_weight=case.weights)
        )
    except ValueError as error:  # probabilities below 0 or above 1
        found.note(f"log_loss is left out: {error}")


def _add_areas(found: Findings, case: Classification, place: int) -> None:
    counted = case.counted(place)
    if counted is None:
        return
    found.metrics["roc_auc"] = area_under_roc(counted)
    found.metrics["precision_recall_auc"] = average_precision(counted)
    if np.isnan(found.metrics["roc_auc"]):
        found.note("roc_auc is not defined where the targets have one label only.")


def average_precision(counted: Thresholds) -> float:
    """Give the mean of precisions weighted by the growth of recall; 0 without positives, as scikit-learn does."""
    if not counted.true[-1]:
        return 0.0
    recall = counted.true / counted.true[-1]
    both = counted.true + counted.false
    precision = np.divide(counted.true, both, out=np.zeros(len(both)), where=both != 0)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def _add_averaged_area(found: Findings, case: Classification) -> None:
    """Add the average of the areas of each class against the rest (``multi_class="ovr"``)."""
    sizes = np.bincount(case.true, weights=case.weights, minlength=len(case.labels))
    if not sizes.all():
        found.note(f"roc_auc is left out: no target is {case.labels[int(np.argmin(sizes))]!r}.")
        return
    areas = [area_under_roc(counted) for place in range(len(sizes)) if (counted := case.counted(place)) is not None]
    found.metrics["roc_auc"] = float(np.average(areas, weights=sizes if case.average == "weighted" else None))


def classification_tables(case: Classification) -> dict[str, Table]:
    """Give the confusion matrix, the curves, and of over two labels the metrics of each."""
    tables: dict[str, Table] = {}
    if len(case.labels) <= MOST_IN_MATRIX:
        tables["confusion_matrix"] = _confusion_matrix(case)
    curves = _curves(case) if case.positive is not None or len(case.labels) <= case.most_curves else {}
    tables.update(curves)
    if case.positive is None:
        tables["per_class_metrics"] = _per_class(case, areas=bool(curves))
    return tables


def _confusion_matrix(case: Classification) -> Table:
    size = len(case.labels)
    pairs = case.true * size + case.predicted
    counts = np.bincount(pairs, weights=case.weights, minlength=size * size)
    return {
        "true": [label for label in case.labels for _ in range(size)],
        "predicted": case.labels * size,
        "count": counts.tolist(),
    }


def _curves(case: Classification) -> dict[str, Table]:
    """Give the curves of the positive label, or of each label against the others with a column ``class``."""
    tables: dict[str, list[Table]] = {"roc_curve": [], "precision_recall_curve": [], "calibration_curve": []}
    places = [case.positive] if case.positive is not None else range(len(case.labels))
    for place in places:
        named = {} if case.positive is not None else {"class": case.labels[place]}
        for name, table in _curves_of(case, place):
            length = len(next(iter(table.values())))
            tables[name].append({**{key: [value] * length for key, value in named.items()}, **table})
    return {name: _stacked(parts) for name, parts in tables.items() if parts}


def _curves_of(case: Classification, place: int) -> Iterator[tuple[str, Table]]:
    counted = case.counted(place)
    if counted is None:
        return
    if counted.true[-1] and counted.false[-1]:
        yield "roc_curve", roc_curve(counted)
        yield "precision_recall_curve", precision_recall_curve(counted)
    if case.probabilities is not None:
        yield "calibration_curve", calibration_curve(case.true == place, case.probabilities[:, place], bins=case.bins)


def _stacked(parts: Sequence[Table]) -> Table:
    return {name: [value for part in parts for value in part[name]] for name in parts[0]}


def calibration_curve(is_true: NDArray[Any], probabilities: NDArray[Any], *, bins: int = 10) -> Table:
    """Give for equally wide bins of the probability its mean, the share of true rows, and the number of rows.

    Empty bins are left out; the bins are those of ``sklearn.calibration.calibration_curve``.
    """
    places = np.searchsorted(np.linspace(0.0, 1.0, bins + 1)[1:-1], probabilities)
    counts, sums, true = (
        np.bincount(places, weights=weights, minlength=bins) for weights in (None, probabilities, is_true)
    )
    kept = counts > 0
    return {
        "mean_predicted": (sums[kept] / counts[kept]).tolist(),
        "fraction_positive": (true[kept] / counts[kept]).tolist(),
        "count": counts[kept].tolist(),
    }


def _per_class(case: Classification, *, areas: bool) -> Table:
    """Give for each label what it would have as the positive one, a row a label."""
    metrics = sklearn_metrics()
    size, hits = len(case.labels), case.true == case.predicted
    precision, recall, score, _ = metrics.precision_recall_fscore_support(
        case.true, case.predicted, labels=range(size), sample_weight=case.weights, zero_division=0.0
    )

    def counts(places: NDArray[Any], weights: NDArray[Any] | None = None) -> NDArray[Any]:
        return np.bincount(places, weights=weights, minlength=size)

    right, predicted, true = counts(case.true[hits]), counts(case.predicted), counts(case.true)
    weights = np.ones(len(hits)) if case.weights is None else case.weights
    wrong = counts(case.true[~hits], weights[~hits]) + counts(case.predicted[~hits], weights[~hits])
    table: dict[str, list[Any]] = {
        "positive_class": case.labels,
        "true_negatives": (len(hits) - predicted - true + right).tolist(),
        "false_positives": (predicted - right).tolist(),
        "false_negatives": (true - right).tolist(),
        "true_positives": right.tolist(),
        "example_count": [len(hits)] * size,
        "accuracy_score": finite(1 - wrong / weights.sum()),
        "recall_score": finite(recall),
        "precision_score": finite(precision),
        "f1_score": finite(score),
    }
    return {**table, **_areas(case)} if areas else table


def _areas(case: Classification) -> Table:
    counted = [case.counted(place) for place in range(len(case.labels))]
    none = float("nan")
    return {
        "roc_auc": finite(none if each is None else area_under_roc(each) for each in counted),
        "precision_recall_auc": finite(none if each is None else average_precision(each) for each in counted),
    }
