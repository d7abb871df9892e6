"""What metrics have to reach, absolutely and against a baseline, and what is raised when one does not."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError, ModelValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mltrack.evaluation.result import EvaluationResult

LEAST_CHANGE = 1e-10
"""What a metric has to be better by where the baseline is 0, of which there is no share."""


@dataclass(frozen=True, slots=True, repr=False)
class MetricThreshold:
    """What one metric has to reach; see ``mlflow.models.MetricThreshold``.

    Parameters
    ----------
    threshold
        The value that it has to be at least, or at most where lower is better.
    min_absolute_change
        By how much it has to be better than the baseline's, over 0.
    min_relative_change
        By which share of the baseline's size it has to be better, from 0 to 1. Of a baseline of 0 there is no share:
        then any change for the better will do.
    greater_is_better
        Whether a greater value is better; has to be said.

    Raises
    ------
    InvalidParameterError
        When none of the three is given, one is out of its range, or ``greater_is_better`` is not said.
    """

    threshold: float | None = None
    min_absolute_change: float | None = None
    min_relative_change: float | None = None
    greater_is_better: bool | None = None

    def __post_init__(self) -> None:
        for name in ("threshold", "min_absolute_change", "min_relative_change"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, Real) or isinstance(value, bool)):
                raise InvalidParameterError(f"MetricThreshold needs a number as {name}; got {value!r}.")
        if self.min_absolute_change is not None and self.min_absolute_change <= 0:
            raise InvalidParameterError(f"min_absolute_change must be over 0; got {self.min_absolute_change!r}.")
        if self.min_relative_change is not None and not 0 <= self.min_relative_change <= 1:
            raise InvalidParameterError(f"min_relative_change must be from 0 to 1; got {self.min_relative_change!r}.")
        if not isinstance(self.greater_is_better, bool):
            raise InvalidParameterError("MetricThreshold needs greater_is_better=True or False.")
        if not self._is_any():
            raise InvalidParameterError(
                "MetricThreshold needs a threshold, min_absolute_change or min_relative_change."
            )

    def _is_any(self) -> bool:
        return self.threshold is not None or self.is_relative

    @property
    def is_relative(self) -> bool:
        """Whether it compares with a baseline."""
        return self.min_absolute_change is not None or self.min_relative_change is not None

    @property
    def words(self) -> str:
        """What has to be reached, as in a table: ``≥ 0.9, +0.01, +5%``."""
        sign, direction = ("≥", "+") if self.greater_is_better else ("≤", "−")
        parts = [] if self.threshold is None else [f"{sign} {self.threshold:g}"]
        if self.min_absolute_change is not None:
            parts.append(f"{direction}{self.min_absolute_change:g}")
        if self.min_relative_change is not None:
            parts.append(f"{direction}{self.min_relative_change:.4g} of baseline")
        return ", ".join(parts)

    def __repr__(self) -> str:
        return f"MetricThreshold({self.words})"


def check_thresholds(thresholds: Mapping[str, MetricThreshold]) -> None:
    """Raise InvalidParameterError unless it maps names of metrics to thresholds."""
    if not isinstance(thresholds, dict) or not all(
        isinstance(name, str) and isinstance(each, MetricThreshold) for name, each in thresholds.items()
    ):
        raise InvalidParameterError("Thresholds are a dict of metric names and MetricThreshold objects.")


def validate_evaluation_results(
    validation_thresholds: Mapping[str, MetricThreshold],
    candidate_result: EvaluationResult,
    baseline_result: EvaluationResult | None = None,
) -> None:
    """Raise unless a model's metrics reach what they have to.

    Parameters
    ----------
    validation_thresholds
        By names of metrics.
    candidate_result
        What ``evaluate`` gave of the model.
    baseline_result
        What it gave of the one to compare with; changes need one.

    Raises
    ------
    ModelValidationError
        Naming each metric that is missed, with its value and what it had to be
        (``mlflow.models.evaluation.validation.ModelValidationFailedException``).
    """
    check_thresholds(validation_thresholds)
    baseline = baseline_result.metrics if baseline_result is not None else {}
    missed = missed_thresholds(validation_thresholds, candidate_result.metrics, baseline)
    if missed:
        raise ModelValidationError("\n".join(missed))


def missed_thresholds(
    thresholds: Mapping[str, MetricThreshold], metrics: Mapping[str, float], baseline: Mapping[str, float]
) -> list[str]:
    """Give a sentence for each metric that misses its threshold."""
    missed = []
    for name, wanted in thresholds.items():
        if name not in metrics:
            missed.append(f"Metric {name} was not among those of the model: {', '.join(metrics) or 'there are none'}.")
            continue
        parts = [*_missed(metrics[name], wanted, baseline.get(name))]
        if parts:
            missed.append(f"Metric {name} is {metrics[name]:.6g}, {'; '.join(parts)}.")
    return missed


def _missed(value: float, wanted: MetricThreshold, baseline: float | None) -> Iterator[str]:
    better: Any = operator.ge if wanted.greater_is_better else operator.le
    sign = 1 if wanted.greater_is_better else -1
    word = "at least" if wanted.greater_is_better else "at most"
    if wanted.threshold is not None and not better(value, wanted.threshold):
        yield f"which has to be {word} {wanted.threshold:g}"
    if not wanted.is_relative:
        return
    if baseline is None:
        yield "which has to be compared with a baseline that has none"
        return
    from_baseline = f"the baseline's {baseline:.6g}"
    if wanted.min_absolute_change is not None:
        limit = baseline + sign * wanted.min_absolute_change
        if not better(value, limit):
            yield f"which has to be {word} {limit:.6g}, {wanted.min_absolute_change:g} better than {from_baseline}"
    if wanted.min_relative_change is not None:
        change = wanted.min_relative_change * abs(baseline) if baseline else LEAST_CHANGE
        limit = baseline + sign * change
        # a change of exactly the share must not be lost to rounding: MLflow divides, which may come out either way
        share = sign * (value - baseline) / abs(baseline) if baseline else -1.0
        if not better(value, limit) and not share >= wanted.min_relative_change:
            how = f"{wanted.min_relative_change:.4g} of it" if baseline else "somewhat"
            yield f"which has to be {word} {limit:.6g}, {how} better than {from_baseline}"
