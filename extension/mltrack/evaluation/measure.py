"""A model's predictions for rows with known answers, put together to what its metrics are computed of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mltrack.evaluation.classification import (
    Classification,
    classification_metrics,
    classification_tables,
)
from mltrack.evaluation.examples import check_numbers, check_present
from mltrack.evaluation.labels import labelled
from mltrack.evaluation.predictor import Predictor, not_logged, output_column
from mltrack.evaluation.regression import Regression, regression_metrics, regression_tables
from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from mltrack.evaluation.examples import Examples
    from mltrack.evaluation.findings import Findings, Table

CLASSIFIER, REGRESSOR = "classifier", "regressor"
_AVERAGES = ("weighted", "macro", "micro")


@dataclass(slots=True)
class Measured:
    """A model measured: its predictions, the metrics, and what tables and slices are made of (``case``)."""

    predictions: NDArray[Any]
    output: pd.DataFrame | None
    findings: Findings | None = None
    case: Any = None
    labels: Sequence[Any] | None = None

    @property
    def metrics_of(self) -> Callable[[Any], Findings]:
        """The function that computes the metrics of a case."""
        return classification_metrics if isinstance(self.case, Classification) else regression_metrics

    def tables(self) -> dict[str, Table]:
        """Give the tables behind the charts."""
        if isinstance(self.case, Classification):
            return classification_tables(self.case)
        return regression_tables(self.case) if self.case is not None else {}


@dataclass(frozen=True, slots=True)
class Measuring:
    """How models are measured: ``model_type`` (None: only predicted), and ``evaluator_config``.

    ``output_name`` is the column of the model's output that has the predictions.
    """

    model_type: str | None
    config: Mapping[str, Any] = field(default_factory=dict)
    output_name: str | None = None

    def measure(self, predictor: Predictor | None, examples: Examples, labels: Sequence[Any] | None = None) -> Measured:
        """Have a model predict, or take the predictions that are there, and compute the metrics.

        ``labels`` are those of another model that this one is compared with.

        Raises
        ------
        InvalidParameterError
            When predictions, targets or the configuration do not fit.
        """
        with not_logged():
            return self._measure(predictor, examples, labels)

    def _measure(self, predictor: Predictor | None, examples: Examples, labels: Sequence[Any] | None) -> Measured:
        features = predictor.features(examples) if predictor is not None else None
        given = examples.predictions if predictor is None else predictor.predict(features)
        if given is None:
            raise InvalidParameterError("An evaluation needs a model, or `predictions`: a column of the data.")
        predictions, output = output_column(given, self.output_name, count=len(examples))
        measured = Measured(predictions, output)
        if self.model_type == CLASSIFIER:
            self._classify(measured, predictor, (features, examples), labels)
        elif self.model_type == REGRESSOR:
            measured.case = self._regression(predictions, examples)
        if measured.case is not None:
            measured.findings = measured.metrics_of(measured.case)
            if predictor is not None and predictor.has_score:
                self._add_score(measured.findings, predictor, features, examples)
        return measured

    def _weights(self, count: int) -> NDArray[Any] | None:
        given = self.config.get("sample_weights")
        if given is None:
            return None
        weights = np.asarray(given, dtype=float)
        if weights.shape != (count,):
            raise InvalidParameterError(f"sample_weights need one number for each of the {count} rows.")
        return weights

    # Regression

    def _regression(self, predictions: NDArray[Any], examples: Examples) -> Regression:
        true = check_numbers(_targets(examples), "targets")
        predicted = check_numbers(predictions, "predictions")
        if true.shape != predicted.shape:
            shapes = [" × ".join(map(str, each.shape)) for each in (true, predicted)]
            raise InvalidParameterError(f"The targets are {shapes[0]} and the predictions {shapes[1]} values.")
        true, predicted = (each.astype(float) if each.dtype.kind == "b" else each for each in (true, predicted))
        return Regression(true, predicted, self._weights(len(examples)), examples.outputs)

    # Classification

    def _classify(
        self,
        measured: Measured,
        predictor: Predictor | None,
        rows: tuple[Any, Examples],
        labels: Sequence[Any] | None,
    ) -> None:
        features, examples = rows
        true = check_present(_targets(examples), "targets")
        predicted = check_present(measured.predictions, "predictions")
        for role, values in (("targets", true), ("predictions", predicted)):
            if values.ndim != 1:
                raise InvalidParameterError(
                    f"A classifier's {role} are one label a row; got {values.shape[1]} columns. Of probabilities take "
                    "the likeliest label first; several labels a row are not evaluated."
                )
        classes = predictor.classes if predictor is not None else None
        known = [*(labels or ()), *(classes or ())] or None
        found = labelled(true, predicted, label_list=self.config.get("label_list"), classes=known)
        measured.labels = found.labels
        case = Classification(
            found.labels,
            found.true,
            found.predicted,
            weights=self._weights(len(examples)),
            positive=self._positive(found.labels),
            average=self._average(),
            most_curves=int(self.config.get("max_classes_for_multiclass_roc_pr", 10)),
            bins=int(self.config.get("calibration_n_bins", 10)),
        )
        measured.case = _with_scores(case, predictor, features, classes) if predictor is not None else case

    def _positive(self, labels: list[Any]) -> int | None:
        if len(labels) != 2:
            return None
        wanted = self.config.get("pos_label")
        if wanted is None:
            return 1
        if wanted not in labels:
            raise InvalidParameterError(f"The pos_label {wanted!r} is none of the labels {labels}.")
        return labels.index(wanted)

    def _average(self) -> str:
        average = self.config.get("average", "weighted")
        if average not in _AVERAGES:
            raise InvalidParameterError(f"average is one of {', '.join(_AVERAGES)}; got {average!r}.")
        return str(average)

    def _add_score(self, findings: Findings, predictor: Predictor, features: Any, examples: Examples) -> None:
        """Add ``model.score``, which for most models is a metric that is there already."""
        known = predictor.known_score()
        if known in findings.metrics:
            findings.metrics["score"] = findings.metrics[known]
            return
        weights = self._weights(len(examples))
        options = {} if weights is None else {"sample_weight": weights}
        try:
            findings.metrics["score"] = float(predictor.estimator.score(features, examples.targets, **options))
        except Exception as error:  # whatever a model's own score does, the rest stands
            findings.note(f"The model's own score failed: {type(error).__name__}: {error}")


def _targets(examples: Examples) -> NDArray[Any]:
    if examples.targets is None:
        raise InvalidParameterError("Say which column of the data is the answer: give `targets`.")
    if not len(examples):
        raise InvalidParameterError("The data has no rows.")
    return examples.targets


def _with_scores(
    case: Classification, predictor: Predictor, features: Any, classes: Sequence[Any] | None
) -> Classification:
    """Add probabilities, else the values of ``decision_function`` of two classes."""
    given = predictor.probabilities(features)
    if given is None:
        scores = predictor.scores(features) if len(case.labels) == 2 else None
        shaped = np.asarray(scores) if scores is not None else np.empty((0, 0))
        return replace(case, scores=shaped) if shaped.shape == case.true.shape and np.isfinite(shaped).all() else case
    columns = np.asarray(given)
    order = list(classes) if classes is not None else case.labels
    if columns.shape != (len(case.true), len(order)) or not np.isfinite(columns).all():
        return case
    if order == case.labels:
        return replace(case, probabilities=columns)
    aligned = np.zeros((len(columns), len(case.labels)), columns.dtype)
    unknown = []
    for place, label in enumerate(case.labels):
        if label in order:
            aligned[:, place] = columns[:, order.index(label)]
        else:
            unknown.append(place)
    return replace(case, probabilities=aligned, unknown=tuple(unknown))
