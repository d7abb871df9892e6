"""The metrics and tables of a regression, under the names and with the values of MLflow's default evaluator.

See ``mlflow.models.evaluation.evaluators.regressor`` (3.17). Several outputs count alike, as in ``sklearn.metrics``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mltrack.evaluation.findings import Findings, finite, sklearn_metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mltrack.evaluation.findings import Table

MOST_RESIDUALS, MOST_EXTREMES = 1_000, 20
"""Rows whose residuals are kept, and how many of them are the largest."""


@dataclass(frozen=True, slots=True)
class Regression:
    """Rows with true and predicted numbers: both one a row, or both several (``outputs`` has their names)."""

    true: NDArray[Any]
    predicted: NDArray[Any]
    weights: NDArray[Any] | None = None
    outputs: Sequence[str] = ()

    def rows(self, chosen: NDArray[Any]) -> Regression:
        """Give some of the rows."""
        weights = None if self.weights is None else self.weights[chosen]
        return replace(self, true=self.true[chosen], predicted=self.predicted[chosen], weights=weights)


def regression_metrics(case: Regression) -> Findings:
    """Give the metrics of a regression; sum and mean of the targets where there is one output."""
    metrics = sklearn_metrics()
    pair: dict[str, Any] = {"y_true": case.true, "y_pred": case.predicted}
    weighted = {**pair, "sample_weight": case.weights}
    found: dict[str, float] = {
        "example_count": len(case.true),
        "mean_absolute_error": float(metrics.mean_absolute_error(**weighted)),
        "mean_squared_error": float(metrics.mean_squared_error(**weighted)),
        "root_mean_squared_error": float(metrics.root_mean_squared_error(**weighted)),
    }
    if case.true.ndim == 1:
        total = float(np.sum(case.true * (1 if case.weights is None else case.weights), dtype=float))
        found.update(sum_on_target=total, mean_on_target=total / len(case.true))
    notes = []
    if len(case.true) > 1:
        found["r2_score"] = float(metrics.r2_score(**weighted))
    else:
        notes.append("r2_score is not defined for one row.")
    found["max_error"] = float(np.max(np.abs(case.true - case.predicted)))
    found["mean_absolute_percentage_error"] = float(metrics.mean_absolute_percentage_error(**weighted))
    return Findings(found, notes=notes)


def regression_tables(case: Regression) -> dict[str, Table]:
    """Give the residuals, thinned to a thousand rows; of several outputs the metrics of each."""
    if case.true.ndim == 1:
        return {"residuals": _residuals(case)}
    each = [
        regression_metrics(Regression(case.true[:, at], case.predicted[:, at], case.weights)).metrics
        for at in range(case.true.shape[1])
    ]
    names = list(case.outputs) or [f"output_{at}" for at in range(len(each))]
    return {
        "per_output_metrics": {"output": names, **{name: finite(row[name] for row in each) for name in each[0]}},
    }


def _residuals(case: Regression) -> Table:
    """Give predictions and what the truth is above them: rows evenly along the predictions, and the largest errors."""
    residuals = np.asarray(case.true, dtype=float) - case.predicted
    places = np.argsort(case.predicted, kind="stable")
    if len(places) > MOST_RESIDUALS:
        even = np.linspace(0, len(places) - 1, MOST_RESIDUALS - MOST_EXTREMES).astype(int)
        largest = np.argpartition(np.abs(residuals), -MOST_EXTREMES)[-MOST_EXTREMES:]
        kept = np.zeros(len(places), dtype=bool)
        kept[places[even]] = kept[largest] = True
        places = places[kept[places]]
    return {"predicted": finite(case.predicted[places]), "residual": finite(residuals[places])}
