"""A user's own metrics and files, and the numbers that are not scikit-learn's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mltrack
from mltrack.evaluation.classification import average_precision, calibration_curve
from mltrack.evaluation.evaluate import evaluate
from mltrack.evaluation.metric import MetricValue, make_metric
from mltrack.exceptions import InvalidParameterError
from mltrack.frameworks.sklearn.curves import area_under_roc, thresholds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mltrack.evaluation.result import EvaluationResult

metrics = pytest.importorskip("sklearn.metrics")
calibration = pytest.importorskip("sklearn.calibration")

DATA = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "w": [1.0, 1.0, 2.0, 2.0], "y": [1.5, 2.0, 2.0, 5.0]})


def regress(*functions: Callable[..., Any], **options: Any) -> EvaluationResult:
    made = [make_metric(eval_fn=each, greater_is_better=True) for each in functions]
    return evaluate(
        lambda rows: rows["x"], DATA, targets="y", model_type="regressor", extra_metrics=made or None, **options
    )


def twice(predictions: Any, targets: Any) -> float:
    return float((predictions - targets).abs().sum() * 2)


def of_twice(predictions: Any, twice: MetricValue, scale: float = 10) -> float:
    return (twice.aggregate_results or {})["twice"] * scale  # type: ignore[operator]


def by_column(predictions: Any, w: Any, factor: float) -> float:
    return float((predictions * w).sum() * factor)


def older(eval_df: Any, builtin_metrics: Any) -> float:
    return float(eval_df["prediction"].sum() + builtin_metrics["example_count"])


def by_row(predictions: Any, targets: Any) -> MetricValue:
    return MetricValue(scores=(predictions - targets).abs().tolist(), justifications=["so"] * 4)


def test_functions_get_what_their_parameters_name() -> None:
    found = regress(of_twice, twice, by_column, older, evaluator_config={"factor": 0.5}).metrics
    assert (found["twice"], found["of_twice"], found["by_column"], found["older"]) == (5.0, 50.0, 8.5, 14.0)
    mapped = regress(by_column, evaluator_config={"factor": 1, "col_mapping": {"w": "x"}}).metrics
    assert mapped["by_column"] == 30.0


def test_scores_of_rows_are_a_table_and_their_mean_a_metric() -> None:
    result = regress(by_row)
    assert result.metrics["by_row/mean"] == 0.625
    table = result.tables["eval_results_table"]
    assert table["by_row/score"].tolist() == [0.5, 0.0, 1.0, 1.0]
    assert {"x", "y", "outputs", "by_row/justification"} <= set(table)
    assert len(mltrack.load_table("eval_results_table.json", run_ids=[str(result.run_id)])) == 4


def test_metrics_alone_need_no_kind_of_model() -> None:
    made = [make_metric(eval_fn=twice, greater_is_better=False, version="v1")]
    result = evaluate(lambda rows: rows["x"], DATA, targets="y", extra_metrics=made)
    assert result.metrics == {"twice/v1": 5.0}


def asks_for_more(predictions: Any, z: Any, more: Any) -> float:
    return 0


def raises(predictions: Any, targets: Any) -> float:
    return 1 / 0


def says(predictions: Any, targets: Any) -> str:
    return "good"


def says_nothing(predictions: Any, targets: Any) -> None:
    return None


REFUSED: list[tuple[Callable[..., Any], str]] = [
    (asks_for_more, "'z', 'more', which is neither"),
    (raises, "'raises' failed: ZeroDivisionError"),
    (says, "it gave str"),
    (says_nothing, "it gave NoneType"),
]


@pytest.mark.parametrize(("function", "words"), REFUSED)
def test_a_metric_that_fails_is_named(function: Callable[..., Any], words: str) -> None:
    with pytest.raises(InvalidParameterError, match=words):
        regress(function)


@pytest.mark.parametrize(("name", "words"), [(None, "needs one: give `name`"), ("a/b", "no slash")])
def test_a_metric_needs_a_name(name: str | None, words: str) -> None:
    with pytest.raises(InvalidParameterError, match=words):
        make_metric(eval_fn=lambda _: 0, greater_is_better=True, name=name)


def test_what_is_no_metric_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match="make_metric makes; got function"):
        evaluate(lambda rows: rows["x"], DATA, targets="y", model_type="regressor", extra_metrics=[twice])  # type: ignore[list-item]


def test_a_users_files_are_logged_by_their_kinds(tmp_path: Path) -> None:
    def files(eval_df: Any, builtin_metrics: Any, artifacts_dir: str) -> dict[str, Any]:
        place = f"{artifacts_dir}/note.txt"
        with open(place, "w", encoding="utf-8") as note:
            note.write("seen")
        worst = {"worst": builtin_metrics["max_error"]}
        return {"note": place, "rows": eval_df, "array": np.arange(3), "numbers": worst, "text": '{"a": 1}'}

    result = regress(custom_artifacts=[files])
    content = {name: result.artifacts[name].content for name in ("note", "numbers", "text")}
    assert content == {"note": "seen", "numbers": {"worst": 1.0}, "text": {"a": 1}}
    assert result.artifacts["array"].content.tolist() == [0, 1, 2]
    assert result.tables["rows"]["target"].tolist() == DATA["y"].tolist()
    logged = {each.path for each in mltrack.MltrackClient().list_artifacts(str(result.run_id))}
    assert {"note.txt", "rows.csv", "array.npy", "numbers.json", "text.json"} <= logged
    result.save(tmp_path)
    assert json.loads((tmp_path / "artifacts" / "numbers.json").read_text()) == {"worst": 1.0}


@pytest.mark.parametrize("made", [object(), {"a": {1, 2}}, "no file, no JSON", float("nan")])
def test_nothing_else_is_kept_as_a_file(made: Any) -> None:
    with pytest.raises(InvalidParameterError, match="'odd'"):
        regress(custom_artifacts=[lambda *_: {"odd": made}])


pairs = st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=2, max_size=60)


@settings(max_examples=100)
@given(pairs)
def test_areas_and_calibration_are_scikit_learns(found: list[tuple[bool, int]]) -> None:
    true = np.array([each for each, _ in found])
    scores = np.array([score / 20 for _, score in found])
    counted = thresholds(true, scores)
    if true.any():
        assert average_precision(counted) == pytest.approx(metrics.average_precision_score(true, scores), abs=1e-12)
    if true.any() and not true.all():
        assert area_under_roc(counted) == pytest.approx(metrics.roc_auc_score(true, scores), abs=1e-12)
    table = calibration_curve(true, scores)
    share, mean = calibration.calibration_curve(true, scores, n_bins=10)
    assert table["fraction_positive"] == pytest.approx(share.tolist())
    assert table["mean_predicted"] == pytest.approx(mean.tolist())
    assert sum(table["count"]) == len(found)
