"""What metrics have to reach: which values pass, what is said of those that do not, and what is refused."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import mltrack
from mltrack.evaluation.evaluate import evaluate
from mltrack.evaluation.result import EvaluationResult
from mltrack.evaluation.thresholds import MetricThreshold, validate_evaluation_results
from mltrack.exceptions import InvalidParameterError, ModelValidationError, ModelValidationFailedException

pytest.importorskip("sklearn")

# metric of the model, of the baseline (None: there is none), the threshold, and whether it passes
CASES: list[tuple[float, float | None, dict[str, Any], bool]] = [
    (0.9, None, {"threshold": 0.9, "greater_is_better": True}, True),
    (0.89, None, {"threshold": 0.9, "greater_is_better": True}, False),
    (0.9, None, {"threshold": 0.9, "greater_is_better": False}, True),
    (0.91, None, {"threshold": 0.9, "greater_is_better": False}, False),
    (0.9, 0.8, {"min_absolute_change": 0.05, "greater_is_better": True}, True),
    (0.84, 0.8, {"min_absolute_change": 0.05, "greater_is_better": True}, False),
    (0.7, 0.8, {"min_absolute_change": 0.05, "greater_is_better": False}, True),
    (0.76, 0.8, {"min_absolute_change": 0.05, "greater_is_better": False}, False),
    (1.1, 1.0, {"min_relative_change": 0.1, "greater_is_better": True}, True),
    (1.09, 1.0, {"min_relative_change": 0.1, "greater_is_better": True}, False),
    (-0.9, -1.0, {"min_relative_change": 0.1, "greater_is_better": True}, True),
    (-1.1, -1.0, {"min_relative_change": 0.1, "greater_is_better": True}, False),
    (-1.1, -1.0, {"min_relative_change": 0.1, "greater_is_better": False}, True),
    (0.1, 0.0, {"min_relative_change": 0.5, "greater_is_better": True}, True),
    (0.0, 0.0, {"min_relative_change": 0.5, "greater_is_better": True}, False),
    (-0.1, 0.0, {"min_relative_change": 0.5, "greater_is_better": False}, True),
    (1.0, 1.0, {"min_relative_change": 0.0, "greater_is_better": True}, True),
    (0.9, None, {"min_absolute_change": 0.05, "greater_is_better": True}, False),
    (0.95, 0.9, {"threshold": 0.9, "min_absolute_change": 0.01, "greater_is_better": True}, True),
    (0.95, 0.9, {"threshold": 0.99, "min_absolute_change": 0.01, "greater_is_better": True}, False),
    (float("nan"), None, {"threshold": 0.0, "greater_is_better": True}, False),
]


@pytest.mark.parametrize(("value", "baseline", "wanted", "passes"), CASES)
def test_what_passes(value: float, baseline: float | None, wanted: dict[str, Any], *, passes: bool) -> None:
    result = EvaluationResult({"m": value}, {})
    other = None if baseline is None else EvaluationResult({"m": baseline}, {})
    thresholds = {"m": MetricThreshold(**wanted)}
    if passes:
        validate_evaluation_results(validation_thresholds=thresholds, candidate_result=result, baseline_result=other)
    else:
        with pytest.raises(ModelValidationFailedException, match="Metric m is"):
            validate_evaluation_results(thresholds, result, other)


def test_every_missed_metric_is_named_with_its_value() -> None:
    thresholds = {
        "accuracy": MetricThreshold(threshold=0.9, greater_is_better=True),
        "loss": MetricThreshold(min_absolute_change=0.5, greater_is_better=False),
        "fine": MetricThreshold(threshold=1, greater_is_better=True),
        "absent": MetricThreshold(threshold=1, greater_is_better=True),
    }
    found = EvaluationResult({"accuracy": 0.75, "loss": 1.25, "fine": 2}, {})
    with pytest.raises(ModelValidationError) as caught:
        validate_evaluation_results(thresholds, found, EvaluationResult({"loss": 1.5}, {}))
    assert str(caught.value).splitlines() == [
        "Metric accuracy is 0.75, which has to be at least 0.9.",
        "Metric loss is 1.25, which has to be at most 1, 0.5 better than the baseline's 1.5.",
        "Metric absent was not among those of the model: accuracy, loss, fine.",
    ]
    assert caught.value.error_code == "BAD_REQUEST"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "greater_is_better"),
    ({"threshold": 1}, "greater_is_better"),
    ({"greater_is_better": True}, "needs a threshold"),
    ({"threshold": "1", "greater_is_better": True}, "number as threshold"),
    ({"threshold": True, "greater_is_better": True}, "number as threshold"),
    ({"min_absolute_change": 0, "greater_is_better": True}, "over 0"),
    ({"min_absolute_change": -1, "greater_is_better": True}, "over 0"),
    ({"min_relative_change": 1.5, "greater_is_better": True}, "from 0 to 1"),
    ({"threshold": 1, "greater_is_better": 1}, "greater_is_better"),
]


@pytest.mark.parametrize(("given", "words"), REFUSED)
def test_a_threshold_that_says_nothing_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidParameterError, match=words):
        MetricThreshold(**given)


@pytest.mark.parametrize("thresholds", [{"m": 0.9}, {1: None}, ["m"]])
def test_thresholds_are_a_dict_of_them(thresholds: Any) -> None:
    with pytest.raises(InvalidParameterError, match="dict of metric names"):
        validate_evaluation_results(thresholds, EvaluationResult({}, {}))


def test_a_missed_threshold_raises_once_everything_is_logged() -> None:
    data = pd.DataFrame({"x": [0, 1, 0, 1], "y": [0, 1, 1, 1]})
    limit = MetricThreshold(threshold=0.8, min_absolute_change=0.1, greater_is_better=True)
    with pytest.raises(
        ModelValidationError, match=r"accuracy_score is 0\.75, which has to be at least 0\.8;"
    ) as caught:
        evaluate(
            lambda rows: rows["x"],
            data,
            targets="y",
            model_type="classifier",
            baseline=lambda rows: 1 - rows["x"],
            thresholds={"accuracy_score": MetricThreshold(0.8, 0.6, greater_is_better=True)},
        )
    result = caught.value.result
    assert isinstance(result, EvaluationResult)
    assert result.baseline_metrics["accuracy_score"] == 0.25
    run = mltrack.get_run(str(result.run_id))
    assert (run.info.status, run.data.metrics["accuracy_score"]) == ("FAILED", 0.75)
    passed = evaluate(
        lambda rows: rows["y"],
        data.assign(z=data["y"]),
        targets="z",
        model_type="classifier",
        baseline=result,
        thresholds={"accuracy_score": limit},
    )
    assert passed.about.wanted == {"accuracy_score": "≥ 0.8, +0.1"}
    table = passed.tables["baseline"]
    assert table[table["metric"] == "accuracy_score"].iloc[0, 1:].to_list() == [1.0, 0.75, 0.25]
