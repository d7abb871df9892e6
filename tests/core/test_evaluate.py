"""``evaluate``: what it takes as model, data and targets, what it logs where, and what it refuses in which words."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import mltrack
from mltrack.evaluation.evaluate import evaluate
from mltrack.evaluation.result import EvaluationResult
from mltrack.exceptions import InvalidParameterError, MltrackError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

linear_model = pytest.importorskip("sklearn.linear_model")
ROWS = 200


def binary(labels: tuple[Any, Any] = (0, 1)) -> pd.DataFrame:
    random = np.random.default_rng(1)
    frame = pd.DataFrame(random.normal(size=(ROWS, 2)), columns=["a", "b"])
    chosen = frame["a"] + random.normal(size=ROWS) > 0
    return frame.assign(answer=[labels[int(each)] for each in chosen])


def classifier(frame: pd.DataFrame, kind: str = "LogisticRegression") -> Any:
    return getattr(linear_model, kind)().fit(frame[["a", "b"]], frame["answer"])


def classify(model: Any, data: Any, **options: Any) -> EvaluationResult:
    return evaluate(model, data, **{"targets": "answer", "model_type": "classifier", **options})


def regress(model: Any, data: Any, **options: Any) -> EvaluationResult:
    return evaluate(model, data, **{"targets": "answer", "model_type": "regressor", **options})


def polars_of(frame: pd.DataFrame) -> Any:
    polars = pytest.importorskip("polars")
    return polars.DataFrame({name: frame[name].to_list() for name in frame.columns})


DATA: dict[str, Callable[[pd.DataFrame], tuple[Any, dict[str, Any]]]] = {
    "pandas": lambda frame: (frame, {}),
    "polars": lambda frame: (polars_of(frame), {}),
    "an array": lambda frame: (frame[["a", "b"]].to_numpy(), {"targets": frame["answer"].to_numpy()}),
    "lists": lambda frame: (frame[["a", "b"]].to_numpy().tolist(), {"targets": frame["answer"].to_list()}),
    "targets beside a frame": lambda frame: (frame[["a", "b"]], {"targets": frame["answer"]}),
    "a dataset of pandas": lambda frame: (mltrack.data.from_pandas(frame, targets="answer"), {"targets": None}),
    "a dataset of arrays": lambda frame: (
        mltrack.data.from_numpy(frame[["a", "b"]].to_numpy(), targets=frame["answer"].to_numpy()),
        {"targets": None},
    ),
    "columns too many": lambda frame: (frame.assign(more="x"), {}),
    "named features": lambda frame: (frame.assign(more="x"), {"feature_names": ["a", "b"]}),
    "an array with names": lambda frame: (
        frame[["a", "b"]].to_numpy(),
        {"targets": frame["answer"], "feature_names": ["a", "b"]},
    ),
}


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_data_of_every_kind_gives_the_same(kind: str) -> None:
    frame = binary()
    data, options = DATA[kind](frame)
    result = classify(classifier(frame), data, **options)
    assert result.metrics == classify(classifier(frame), frame).metrics
    assert result.metrics["example_count"] == ROWS
    (given,) = mltrack.get_run(str(result.run_id)).inputs.dataset_inputs
    assert {tag.key: tag.value for tag in given.tags} == {"mlflow.data.context": "eval"}


def test_models_of_every_kind_give_the_same_labels() -> None:
    frame = binary(("no", "yes"))
    model = classifier(frame)
    told = frame.assign(guess=model.predict(frame[["a", "b"]]))
    of_model = classify(model, frame).metrics
    of_function = classify(model.predict, frame).metrics
    of_predictions = classify(None, told, predictions="guess").metrics
    assert of_function == of_predictions
    assert of_function.items() <= of_model.items()
    assert of_model.keys() - of_function.keys() == {"log_loss", "roc_auc", "precision_recall_auc", "score"}


def test_a_loaded_model_is_measured_as_the_estimator_inside_it(tmp_path: Path) -> None:
    frame = binary()
    model = classifier(frame)
    mltrack.sklearn.save_model(model, tmp_path / "model")
    for given in (str(tmp_path / "model"), mltrack.pyfunc.load_model(str(tmp_path / "model"))):
        assert classify(given, frame).metrics == classify(model, frame).metrics


def test_scores_without_probabilities_have_areas_but_no_log_loss() -> None:
    frame = binary()
    metrics = classify(classifier(frame, "RidgeClassifier"), frame).metrics
    assert {"roc_auc", "precision_recall_auc"} <= metrics.keys()
    assert "log_loss" not in metrics
    other = classify(classifier(frame, "RidgeClassifier"), frame, evaluator_config={"pos_label": 0}).metrics
    assert other["roc_auc"] == pytest.approx(metrics["roc_auc"])


def test_everything_is_logged_to_the_active_run_and_links_to_the_model() -> None:
    frame = binary()
    model = classifier(frame)
    with mltrack.start_run() as run:
        info = mltrack.sklearn.log_model(model, name="model")
        result = classify(model, frame, model_id=info.model_id, evaluator_config={"metric_prefix": "val_"})
        assert result.run_id == run.info.run_id
    stored = mltrack.get_run(run.info.run_id)
    assert result.metrics.items() <= dict(stored.data.metrics).items()
    assert all(name.startswith("val_") for name in result.metrics)
    assert [each.model_id for each in stored.inputs.model_inputs] == [info.model_id]
    of_model = {each.key: each.value for each in mltrack.MltrackClient().get_logged_model(info.model_id).metrics or ()}
    assert result.metrics.items() <= of_model.items()
    files = {each.path for each in mltrack.MltrackClient().list_artifacts(run.info.run_id)}
    assert {f"val_{name}.json" for name in result.artifacts} <= files
    assert result.tables["confusion_matrix"]["count"].sum() == ROWS


def test_without_a_run_one_is_made_and_ended() -> None:
    result = classify(classifier(binary()), binary())
    assert mltrack.active_run() is None
    assert mltrack.get_run(str(result.run_id)).info.status == "FINISHED"


def test_nothing_of_it_is_logged_automatically() -> None:
    frame = binary()
    other = classifier(frame, "RidgeClassifier")
    mltrack.sklearn.autolog()
    with mltrack.start_run() as run:
        model = classifier(frame)
        before = mltrack.get_run(run.info.run_id).data
        result = classify(model, frame, slices="b", baseline=other)
    after = mltrack.get_run(run.info.run_id).data
    assert after.metrics.keys() == before.metrics.keys() | result.metrics.keys()
    assert after.params == before.params


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_a_function_cannot_change_the_users_data() -> None:
    frame = binary()
    before = frame.copy()

    def spoils(rows: pd.DataFrame) -> Any:
        rows["a"] = 0.0
        return (rows["b"] > 0).astype(int)

    result = classify(spoils, frame, targets=frame["answer"], baseline=lambda rows: (rows["a"] > 0).astype(int))
    pd.testing.assert_frame_equal(frame, before)
    assert result.baseline_metrics["accuracy_score"] == ((frame["a"] > 0) == frame["answer"]).mean()


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "no data": (lambda: classify(classifier(binary()), None), "needs data"),
    "a language model": (lambda: classify(1, binary(), model_type="text"), "'text'. Language models are not evaluated"),
    "no kind": (lambda: classify(1, binary(), model_type=None), "model_type='classifier'"),
    "no targets": (lambda: classify(classifier(binary()), binary(), targets=None), "give `targets`"),
    "targets not there": (lambda: classify(len, binary(), targets="y"), "no column 'y', named as its targets"),
    "a name of an array": (lambda: classify(len, np.ones((3, 2))), "An array has no column 'answer'"),
    "targets too short": (lambda: classify(len, binary(), targets=[1, 2]), "200 rows, and the targets are 2"),
    "nothing that predicts": (lambda: classify(3, binary()), "got int"),
    "a class": (lambda: classify(linear_model.LinearRegression, binary()), "got ABCMeta"),
    "no model, no predictions": (lambda: classify(None, binary()), "needs a model, or `predictions`"),
    "one prediction": (lambda: classify(lambda _: 1, binary()), "shape one value for 200 rows"),
    "a file": (lambda: classify(len, "rows.csv"), "got str"),
    "no rows": (lambda: classify(len, binary()[:0], predictions=None), "for 0 rows|no rows"),
    "another environment": (lambda: classify(len, binary(), env_manager="conda"), "env_manager='local'"),
    "an endpoint": (lambda: classify(len, binary(), inference_params={}), "endpoints"),
    "an evaluator": (lambda: classify(len, binary(), evaluators="shap"), "no evaluator 'shap'"),
    "texts and numbers": (lambda: classify(lambda rows: ["yes"] * len(rows), binary()), "The targets are numbers"),
    "probabilities": (lambda: classify(lambda rows: rows["a"], binary()), "Round probabilities to labels"),
    "columns of probabilities": (
        lambda: classify(classifier(binary()).predict_proba, binary()),
        "one label a row; got 2 columns",
    ),
    "a label missing": (
        lambda: classify(classifier(binary()), binary(), evaluator_config={"label_list": [0, 2]}),
        r"label_list \[0, 2\] lacks 1",
    ),
    "one label": (lambda: classify(lambda rows: np.ones(len(rows)), binary((1, 1))), "needs two labels"),
    "another positive": (
        lambda: classify(classifier(binary()), binary(), evaluator_config={"pos_label": "x"}),
        "pos_label 'x' is none of",
    ),
    "an average": (
        lambda: classify(classifier(binary()), binary(), evaluator_config={"average": "samples"}),
        "weighted, macro, micro; got 'samples'",
    ),
    "weights": (
        lambda: classify(classifier(binary()), binary(), evaluator_config={"sample_weights": [1]}),
        "one number for each of the 200 rows",
    ),
    "missing targets": (
        lambda: classify(classifier(binary()), binary().assign(answer=[np.nan] * 3 + [1.0] * 197)),
        "3 of 200 targets are missing, the first in row 0",
    ),
    "NaN predictions": (
        lambda: regress(lambda rows: rows["a"].where(rows.index != 7), binary()),
        r"1 of 200 predictions are NaN or infinite, the first in row 7",
    ),
    "texts to predict": (lambda: regress(lambda rows: rows["a"], binary(("no", "yes"))), "regression are numbers"),
    "outputs that differ": (lambda: regress(lambda rows: rows[["a", "b"]].to_numpy(), binary()), "200 × 2 values"),
    "a model id that is not there": (lambda: classify(len, binary(), model_id="m-" + "0" * 32), "no logged model"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_said(case: str) -> None:
    call, words = REFUSED[case]
    with pytest.raises(MltrackError, match=words):
        call()
    assert all(run.info.status == "FAILED" for run in mltrack.search_runs(output_format="list"))


@pytest.mark.parametrize("unknown", [-1, 2])
def test_labels_the_model_does_not_know_leave_out_what_they_make_undefined(unknown: int) -> None:
    frame = binary()
    more = pd.concat([frame, frame[:20].assign(answer=unknown)], ignore_index=True)
    result = classify(classifier(frame), more)
    assert {"log_loss", "roc_auc"}.isdisjoint(result.metrics)
    assert f"does not know the label {unknown}" in result.about.notes[0]
    table = result.tables["per_class_metrics"].set_index("positive_class")
    assert table.index.tolist() == sorted([0, 1, unknown])
    assert table["roc_auc"].isna().tolist() == [label == unknown for label in table.index]
    assert (table["roc_auc"].dropna() > 0.6).all()


def test_rows_of_one_label_are_measured_where_the_model_knows_two() -> None:
    frame = binary()
    result = classify(classifier(frame), frame[frame["answer"] == 1])
    assert math.isnan(result.metrics["roc_auc"])
    assert result.metrics["true_negatives"] == 0
    assert "one label only" in result.about.notes[0]


def test_a_class_that_the_rows_lack_does_not_shift_the_probabilities() -> None:
    random = np.random.default_rng(2)
    rows = pd.DataFrame(random.normal(size=(600, 2)), columns=["a", "b"])
    answer = np.where(rows["a"] > 0.5, "c", np.where(rows["a"] < -0.5, "a", "b"))
    model = linear_model.LogisticRegression(C=100).fit(rows, answer)
    kept = answer != "a"
    result = classify(model, rows[kept], targets=answer[kept])
    assert result.metrics["log_loss"] < 0.3
    assert "no target is 'a'" in result.about.notes[0]


def test_several_outputs_have_a_row_each() -> None:
    random = np.random.default_rng(3)
    rows = pd.DataFrame(random.normal(size=(50, 2)), columns=["a", "b"])
    data = rows.assign(x=rows["a"] * 2, y=rows["b"] + 1)
    result = regress(lambda given: np.stack([given["a"] * 2, given["b"]], axis=1), data, targets=["x", "y"])
    assert result.metrics["mean_absolute_error"] == pytest.approx(0.5)
    table = result.tables["per_output_metrics"]
    assert table["output"].tolist() == ["x", "y"]
    assert table["mean_absolute_error"].tolist() == pytest.approx([0, 1])


def test_a_constant_target_has_finite_metrics() -> None:
    result = regress(lambda rows: rows["a"], binary().assign(answer=2.0))
    assert result.metrics["r2_score"] == 0
    assert all(map(math.isfinite, result.metrics.values()))


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_a_result_comes_back_as_it_was_saved(kind: str, tmp_path: Path) -> None:
    frame = binary()
    result = evaluate(classifier(frame), frame, targets="answer", model_type=kind, slices="a")
    result.save(tmp_path / "result")
    loaded = EvaluationResult.load(tmp_path / "result")
    assert (loaded.metrics, loaded.about, loaded.run_id) == (result.metrics, result.about, result.run_id)
    assert loaded.columns() == result.columns()
    assert set(loaded.charts) == set(result.charts) != set()


@pytest.mark.parametrize("uri", ["..", "file:///x/..", "/", "x/%2e%2e", "x/..%2fmetrics.json"])
def test_no_file_outside_a_saved_result_is_read(uri: str, tmp_path: Path) -> None:
    classify(classifier(binary()), binary()).save(tmp_path)
    listed = {"stolen": {"uri": uri, "class_name": "os.system"}}
    (tmp_path / "artifacts_metadata.json").write_text(json.dumps(listed))
    with pytest.raises(NotFoundError):
        EvaluationResult.load(tmp_path)


def test_a_folder_without_a_result_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no evaluation"):
        EvaluationResult.load(tmp_path)


def test_without_scikit_learn_it_is_said() -> None:
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "from mltrack.evaluation.evaluate import evaluate\n"
        "import pandas\n"
        "try: evaluate(None, pandas.DataFrame({'y': [0, 1], 'p': [0, 1]}), targets='y', predictions='p',"
        " model_type='classifier')\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("MissingLibraryError An evaluation needs scikit-learn")


def test_an_error_in_the_active_run_leaves_it_open() -> None:
    with mltrack.start_run() as run:
        with pytest.raises(InvalidParameterError):
            classify(len, binary(), targets="y")
        assert run.is_open
