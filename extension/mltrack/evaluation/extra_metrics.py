"""A user's own metrics: what their functions ask for by the names of their parameters, and what they gave."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mltrack.evaluation.metric import EvaluationMetric, MetricValue
from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MISSING = object()


@dataclass(slots=True)
class Material:
    """What functions may ask for: predictions and targets, the data's and the output's columns, the configuration.

    ``values`` are the metrics found so far. ``names`` are what the user calls predictions and targets.
    """

    predictions: Any
    targets: Any
    columns: pd.DataFrame | None
    output: pd.DataFrame | None
    config: Mapping[str, Any]
    names: tuple[str | None, str | None] = (None, None)
    values: dict[str, MetricValue] = field(default_factory=dict)

    def frame(self) -> pd.DataFrame:
        """Give predictions and targets as the columns ``prediction`` and ``target``."""
        found = pd.DataFrame({"prediction": _column(self.predictions)})
        return found if self.targets is None else found.assign(target=_column(self.targets))

    def numbers(self) -> dict[str, float]:
        """Give the metrics found so far as numbers, by the names that they are logged under."""
        return {name: value for key, each in self.values.items() for name, value in aggregates(key, each)}

    def find(self, name: str) -> Any:
        """Give what a parameter of this name is to get, or ``_MISSING``."""
        asked = (self.config.get("col_mapping") or {}).get(name, name)
        if not isinstance(asked, str):
            return asked  # the column itself
        special = {"predictions": self.predictions, "targets": self.targets}
        special.update({own: value for own, value in zip(self.names, special.values(), strict=True) if own})
        if asked in special:
            return _MISSING if special[asked] is None else pd.Series(_column(special[asked]))
        if asked == "metrics":
            return dict(self.values)
        for frame in (self.columns, self.output):
            if frame is not None and asked in frame.columns:
                return frame[asked].copy()
        if asked in self.config:
            return self.config[asked]
        return next((value for key, value in self.values.items() if key.partition("/")[0] == asked), _MISSING)


def _column(values: Any) -> Any:
    return list(values) if getattr(values, "ndim", 1) == 2 else values


def add_metrics(metrics: Sequence[EvaluationMetric], material: Material) -> None:
    """Compute a user's metrics into ``material.values``, those first that others ask for.

    Raises
    ------
    InvalidParameterError
        When one is no metric, asks for what is not there, fails, or gives something else than a number.
    """
    for each in metrics:
        if not isinstance(each, EvaluationMetric):
            raise InvalidParameterError(
                f"extra_metrics are what mltrack.models.make_metric makes; got {type(each).__name__}."
            )
    waiting = list(metrics)
    while waiting:
        ready = next((each for each in waiting if not _lacks(each, material)), None)
        if ready is None:
            raise InvalidParameterError(_unmet(waiting[0], material))
        waiting.remove(ready)
        material.values[ready.key] = _value(ready, material)


def _parameters(metric: EvaluationMetric) -> list[inspect.Parameter]:
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [each for each in inspect.signature(metric.eval_fn).parameters.values() if each.kind not in kinds]


def _takes_frame(parameters: Sequence[inspect.Parameter]) -> bool:
    """Tell whether it is a function of older days: of a frame, and of the metrics found before."""
    names = [each.name for each in parameters]
    return len(names) == 2 and names[0] != "predictions" and names[1] != "targets"


def _lacks(metric: EvaluationMetric, material: Material) -> list[str]:
    parameters = _parameters(metric)
    if _takes_frame(parameters):
        return []
    return [
        each.name
        for each in parameters
        if each.default is inspect.Parameter.empty and material.find(each.name) is _MISSING
    ]


def _unmet(metric: EvaluationMetric, material: Material) -> str:
    there = [] if material.columns is None else [str(name) for name in material.columns.columns]
    return (
        f"The metric {metric.name!r} asks for {', '.join(map(repr, _lacks(metric, material)))}, which is neither a "
        f"column ({', '.join(there[:8]) or 'there are none'}), an entry of evaluator_config nor another metric; "
        "map it with evaluator_config={'col_mapping': {…}}."
    )


def _value(metric: EvaluationMetric, material: Material) -> MetricValue:
    parameters = _parameters(metric)
    try:
        if _takes_frame(parameters):
            given = metric.eval_fn(material.frame(), material.numbers())
        else:
            given = metric.eval_fn(**_arguments(parameters, material))
    except Exception as error:
        raise InvalidParameterError(f"The metric {metric.name!r} failed: {type(error).__name__}: {error}") from error
    if isinstance(given, (Real, np.number)) and not isinstance(given, MetricValue):
        return MetricValue(aggregate_results={metric.name: float(given)})
    if _is_value(given):
        return MetricValue(given.scores, given.justifications, given.aggregate_results)
    raise InvalidParameterError(
        f"The metric {metric.name!r} has to give a number or a MetricValue; it gave {type(given).__name__}."
    )


def _is_value(given: Any) -> bool:
    """Tell whether it is a MetricValue, ours or MLflow's."""
    return all(hasattr(given, name) for name in ("scores", "justifications", "aggregate_results"))


def _arguments(parameters: Sequence[inspect.Parameter], material: Material) -> dict[str, Any]:
    found = {each.name: material.find(each.name) for each in parameters}
    return {name: value for name, value in found.items() if value is not _MISSING}


def aggregates(key: str, value: MetricValue) -> list[tuple[str, float]]:
    """Give the numbers of a metric by the names that they are logged under: ``KEY``, or ``KEY/mean``."""
    name = key.partition("/")[0]
    given = {each: number for each, number in (value.aggregate_results or {}).items() if number is not None}
    return [(key if each == name else f"{key}/{each}", float(number)) for each, number in given.items()]


def row_scores(values: Mapping[str, MetricValue]) -> dict[str, Sequence[Any]]:
    """Give the columns of scores and reasons that metrics gave row by row."""
    found: dict[str, Sequence[Any]] = {}
    for name, value in values.items():
        if value.scores is not None:
            found[f"{name}/score"] = value.scores
        if value.justifications is not None:
            found[f"{name}/justification"] = value.justifications
    return found
