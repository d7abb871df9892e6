"""Metrics of a user's own: what ``make_metric`` makes, and what its function may give."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(slots=True)
class MetricValue:
    """What a metric's function found: a score and a reason for each row, and numbers over all rows by their names.

    Without ``aggregate_results``, scores that are all numbers give ``mean``, ``variance`` and ``p90``
    (``mlflow.metrics.MetricValue``).
    """

    scores: Sequence[Any] | None = None
    justifications: Sequence[str | None] | None = None
    aggregate_results: Mapping[str, float | None] | None = None

    def __post_init__(self) -> None:
        scores = self.scores
        if self.aggregate_results is None and scores and all(isinstance(score, Real) for score in scores):
            import numpy as np  # who scores rows has it loaded

            kept = np.asarray(scores, dtype=float)
            found = {"mean": np.mean(kept), "variance": np.var(kept), "p90": np.percentile(kept, 90)}
            self.aggregate_results = {name: float(value) for name, value in found.items()}


class EvaluationMetric:
    """A metric of a user's own; ``make_metric`` makes one. It may be called like its function."""

    def __init__(
        self,
        eval_fn: Callable[..., Any],
        name: str,
        greater_is_better: bool,  # noqa: FBT001 - MLflow's signature
        long_name: str | None = None,
        version: str | None = None,
        metric_details: str | None = None,
        metric_metadata: Mapping[str, Any] | None = None,
        genai_metric_args: Mapping[str, Any] | None = None,
    ) -> None:
        self.eval_fn = eval_fn
        self.name = name
        self.greater_is_better = greater_is_better
        self.long_name = long_name or name
        self.version = version
        self.metric_details = metric_details
        self.metric_metadata = metric_metadata
        self.genai_metric_args = genai_metric_args

    @property
    def key(self) -> str:
        """What it is logged as: its name, and its version behind a slash when it has one."""
        return f"{self.name}/{self.version}" if self.version else self.name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Give what the function gives."""
        return self.eval_fn(*args, **kwargs)

    def __repr__(self) -> str:
        return f"EvaluationMetric(name={self.name!r}, greater_is_better={self.greater_is_better})"


def make_metric(
    *,
    eval_fn: Callable[..., Any],
    greater_is_better: bool,
    name: str | None = None,
    long_name: str | None = None,
    version: str | None = None,
    metric_details: str | None = None,
    metric_metadata: Mapping[str, Any] | None = None,
    genai_metric_args: Mapping[str, Any] | None = None,
) -> EvaluationMetric:
    """Make a metric for the ``extra_metrics`` of ``evaluate``.

    Parameters
    ----------
    eval_fn
        Called with what its parameters name: ``predictions`` and ``targets`` (pandas Series), ``metrics`` (what was
        found before, each a ``MetricValue``), columns of the data or of the model's output, entries of
        ``evaluator_config``, other metrics. With two parameters of other names it gets a DataFrame of the columns
        ``prediction`` and ``target``, and the metrics found before as numbers. It gives a number or a ``MetricValue``.
    greater_is_better
        Whether a greater value is better.
    name
        Default: the function's.
    long_name, version, metric_details, metric_metadata, genai_metric_args
        Kept with the metric; one with a version is logged as ``NAME/VERSION``.

    Raises
    ------
    InvalidParameterError
        When there is no name, or it has a slash.
    """
    found = name or getattr(eval_fn, "__name__", None)
    if found is None or found == "<lambda>":
        raise InvalidParameterError("A metric made of a lambda or of an object without a name needs one: give `name`.")
    if "/" in found:
        raise InvalidParameterError(f"A metric's name has no slash in it; got {found!r}.")
    return EvaluationMetric(
        eval_fn, found, greater_is_better, long_name, version, metric_details, metric_metadata, genai_metric_args
    )
