from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.interop.autolog import logged_runs, needs, the_run

import mltrack
from mltrack import MltrackClient
from mltrack.autologging import switch
from mltrack.exceptions import InvalidParameterError

needs("sklearn")
from sklearn.base import BaseEstimator, TransformerMixin  # noqa: E402
from sklearn.cluster import KMeans  # noqa: E402 - skipped without the library
from sklearn.compose import ColumnTransformer  # noqa: E402
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris  # noqa: E402
from sklearn.decomposition import PCA  # noqa: E402
from sklearn.ensemble import RandomForestClassifier  # noqa: E402
from sklearn.impute import SimpleImputer  # noqa: E402
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier  # noqa: E402
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV  # noqa: E402
from sklearn.multioutput import MultiOutputClassifier  # noqa: E402
from sklearn.naive_bayes import GaussianNB  # noqa: E402
from sklearn.neural_network import MLPClassifier  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.random_projection import GaussianRandomProjection  # noqa: E402
from sklearn.svm import SVC  # noqa: E402

if TYPE_CHECKING:
    from mltrack.entities import Run

X, Y = load_breast_cancer(return_X_y=True, as_frame=True)
IRIS = load_iris(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)
CLASS_METRICS = {
    f"training_{name}" for name in ("accuracy_score", "precision_score", "recall_score", "f1_score", "score")
}
PROBABILITY_METRICS = {"training_log_loss", "training_roc_auc"}
REGRESSION_METRICS = {
    f"training_{name}"
    for name in ("mean_squared_error", "root_mean_squared_error", "mean_absolute_error", "r2_score", "score")
}


@pytest.fixture(autouse=True)
def on() -> None:
    switch.autolog(libraries=["sklearn"])


def artifacts(run: Run) -> set[str]:
    return {each.path for each in MltrackClient().list_artifacts(run.info.run_id)}


def text(run: Run, name: str) -> str:
    return mltrack.artifacts.load_text(f"runs:/{run.info.run_id}/{name}")


def table(run: Run, name: str) -> list[dict[str, Any]]:
    found = json.loads(text(run, name))
    return [dict(zip(found["columns"], row, strict=True)) for row in found["data"]]


def test_a_fit_makes_a_run_of_its_own() -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.5)).fit(X, Y)
    run = the_run()
    assert (run.info.status, mltrack.active_run()) == ("FINISHED", None)
    assert run.data.params["logisticregression__C"] == "0.5"
    assert run.data.params["standardscaler__with_mean"] == "True"
    assert run.data.params.keys() == model.get_params(deep=True).keys()
    assert run.data.tags["estimator_name"] == "Pipeline"
    assert run.data.tags["estimator_class"] == "sklearn.pipeline.Pipeline"
    assert run.data.tags["mltrack.autolog"] == "sklearn"
    assert run.data.metrics.keys() == CLASS_METRICS | PROBABILITY_METRICS | {"n_iter"}
    assert run.data.metrics["training_score"] == model.score(X, Y)


@pytest.mark.parametrize(
    ("model", "data", "metrics"),
    [
        (LogisticRegression(max_iter=20), IRIS, CLASS_METRICS | PROBABILITY_METRICS | {"n_iter"}),
        (GaussianNB(), IRIS, CLASS_METRICS | PROBABILITY_METRICS),
        (SVC(), (X, Y), CLASS_METRICS | {"n_iter"}),
        (LinearRegression(), DIABETES, REGRESSION_METRICS),
        (Ridge(), (DIABETES[0], DIABETES[0][:, :2]), REGRESSION_METRICS),
        (MultiOutputClassifier(GaussianNB()), (IRIS[0], np.eye(3)[IRIS[1]]), CLASS_METRICS),
        (LinearRegression(copy_X=False), (DIABETES[0].copy(), DIABETES[1]), set()),
        (KMeans(3, n_init=1), (IRIS[0],), {"inertia", "n_iter"}),
        (PCA(2), (IRIS[0],), {"n_components", "noise_variance"}),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "get_params") else None,
)
def test_metrics_are_those_of_the_task(model: Any, data: tuple[Any, ...], metrics: set[str]) -> None:
    model.fit(*data)
    assert the_run().data.metrics.keys() == metrics


@pytest.mark.parametrize("method", ["fit_predict", "fit_transform"])
def test_other_fits_are_one_run_too(method: str) -> None:
    result = getattr(KMeans(3, n_init=1), method)(IRIS[0])
    assert len(result) == 150
    assert the_run().data.metrics.keys() == {"inertia", "n_iter"}


def test_transformers_that_inherit_fit_transform() -> None:
    GaussianRandomProjection(2).fit_transform(IRIS[0])
    assert the_run().data.tags["estimator_name"] == "GaussianRandomProjection"


class OwnTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    def fit(self, X: Any, y: Any = None) -> OwnTransformer:  # noqa: ARG002, N803 - scikit-learn's names
        return self

    def transform(self, X: Any) -> Any:  # noqa: N803
        return X


class OwnScaler(StandardScaler):  # type: ignore[misc]
    pass


@pytest.mark.parametrize("kind", [StandardScaler, OwnScaler, OwnTransformer, SimpleImputer, ColumnTransformer])
def test_what_prepares_data_is_no_training_but_inside_a_pipeline(kind: Any) -> None:
    model = kind([("a", StandardScaler(), [0, 1])]) if kind is ColumnTransformer else kind()
    model.fit(IRIS[0])
    model.fit_transform(IRIS[0])
    assert logged_runs() == []
    make_pipeline(model, GaussianNB()).fit(*IRIS)
    assert the_run().data.tags["estimator_name"] == "Pipeline"


def test_tables_are_those_of_the_charts() -> None:
    model = LogisticRegression(max_iter=5000).fit(X, Y)
    run = the_run()
    names = {"feature_importance", "training_confusion_matrix", "training_precision_recall_curve", "training_roc_curve"}
    assert artifacts(run) == {f"{name}.json" for name in names}
    counts = table(run, "training_confusion_matrix.json")
    assert sum(row["count"] for row in counts) == 569
    assert [(row["true"], row["predicted"]) for row in counts] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    curve = table(run, "training_roc_curve.json")
    assert (curve[0], curve[-1]["fpr"], curve[-1]["tpr"]) == ({"fpr": 0, "tpr": 0, "threshold": None}, 1, 1)
    features = table(run, "feature_importance.json")
    assert {row["feature"] for row in features} == set(X.columns)
    sizes = [abs(row["importance"]) for row in features]
    assert sizes == sorted(sizes, reverse=True)
    assert features[0]["importance"] == model.coef_[0][list(X.columns).index(features[0]["feature"])]


def test_features_of_a_pipelines_last_step_have_their_names() -> None:
    make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0)).fit(X, Y)
    assert {row["feature"] for row in table(the_run(), "feature_importance.json")} == set(X.columns)


def test_the_dataset_is_an_input() -> None:
    LogisticRegression(max_iter=5).fit(IRIS[0], IRIS[1])
    found = the_run().inputs.dataset_inputs[0]
    assert {tag.key: tag.value for tag in found.tags} == {"mlflow.data.context": "train"}
    assert json.loads(found.dataset.profile or "")["features_shape"] == [150, 4]
    switch.autolog(libraries=["sklearn"], log_datasets=False)
    LogisticRegression(max_iter=5).fit(IRIS[0], IRIS[1])
    assert not logged_runs()[-1].inputs.dataset_inputs


def test_losses_of_each_iteration_are_points() -> None:
    model = MLPClassifier((3,), max_iter=5, random_state=0).fit(*IRIS)
    points = MltrackClient().get_metric_history(the_run().info.run_id, "loss_curve")
    assert [(point.step, point.value) for point in points] == list(enumerate(model.loss_curve_))


def test_fits_of_one_run_get_numbers() -> None:
    with mltrack.start_run():
        for c in (1.0, 2.0, 3.0):
            LogisticRegression(C=c, max_iter=5).fit(*IRIS)
    run = the_run()
    assert (run.data.params["C"], run.data.params["C_2"], run.data.params["C_3"]) == ("1.0", "2.0", "3.0")
    assert {"training_score", "training_score_2", "training_score_3"} <= run.data.metrics.keys()
    assert "training_confusion_matrix_3.json" in artifacts(run)
    assert run.data.tags["estimator_name_2"] == "LogisticRegression"


def test_at_most_twenty_fits_of_a_run_are_logged() -> None:
    with mltrack.start_run():
        for _ in range(25):
            GaussianNB().fit(*IRIS)
    assert len([name for name in the_run().data.metrics if name.startswith("training_f1_score")]) == 20


def test_exclusive_fits_are_children() -> None:
    mltrack.sklearn.autolog(exclusive=True, extra_tags={"team": "a"})
    with mltrack.start_run() as outer:
        GaussianNB().fit(*IRIS)
    inner = next(run for run in logged_runs() if run.info.run_id != outer.info.run_id)
    assert inner.data.tags["mlflow.parentRunId"] == outer.info.run_id
    assert inner.data.tags["team"] == "a"
    assert not MltrackClient().get_run(outer.info.run_id).data.metrics


def search_runs_of(search: Any) -> tuple[Run, list[Run]]:
    search.fit(*IRIS)
    runs = logged_runs()
    parent = next(run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert len(children) == len(runs) - 1
    return parent, children


def test_a_search_has_its_candidates_as_children() -> None:
    search = GridSearchCV(LogisticRegression(max_iter=20), {"C": [0.01, 0.1, 1.0, 10.0]}, cv=3)
    parent, children = search_runs_of(search)
    assert parent.data.params["best_C"] == str(search.best_params_["C"])
    assert parent.data.metrics["best_cv_score"] == search.best_score_
    assert parent.data.metrics["training_score"] == search.score(*IRIS)
    assert "estimator__C" not in parent.data.params
    assert {run.data.params["C"] for run in children} == {"0.01", "0.1", "1.0", "10.0"}
    best = min(children, key=lambda run: run.data.metrics["rank_test_score"])
    assert best.data.params["C"] == str(search.best_params_["C"])
    assert best.data.params["max_iter"] == "20"
    assert best.data.metrics.keys() == {
        *("mean_fit_time", "std_fit_time", "mean_score_time", "std_score_time"),
        *("mean_test_score", "std_test_score", "rank_test_score"),
    }
    assert best.data.tags["estimator_name"] == "LogisticRegression"
    assert {run.info.status for run in children} == {"FINISHED"}
    rows = list(csv.DictReader(io.StringIO(text(parent, "cv_results.csv"))))
    assert [float(row["mean_test_score"]) for row in rows] == list(search.cv_results_["mean_test_score"])
    assert rows[0].keys() == search.cv_results_.keys()


@pytest.mark.parametrize(("most", "children"), [(2, 2), (0, 0), (None, 4)])
def test_the_best_of_many_candidates_are_kept(most: int | None, children: int) -> None:
    mltrack.sklearn.autolog(max_tuning_runs=most)
    search = GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-1, 1.0, 10.0]}, cv=2)
    _, found = search_runs_of(search)
    assert len(found) == children
    ranks = sorted(search.cv_results_["rank_test_score"])
    assert sorted(run.data.metrics["rank_test_score"] for run in found) == ranks[:children]


def test_searches_with_several_scores_without_refit() -> None:
    search = RandomizedSearchCV(
        GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}, n_iter=2, cv=2, refit=False, scoring=["accuracy", "f1_macro"]
    )
    parent, children = search_runs_of(search)
    assert len(children) == 2
    assert "best_cv_score" not in parent.data.metrics
    assert "mean_test_f1_macro" in children[0].data.metrics


def test_a_halving_search() -> None:
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - the switch for it
    from sklearn.model_selection import HalvingGridSearchCV

    search = HalvingGridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-3, 1e-1]}, cv=2, min_resources=30)
    _, children = search_runs_of(search)
    assert len(children) == len(search.cv_results_["params"])
    assert "n_resources" in children[0].data.metrics


def test_labels_may_be_texts() -> None:
    model = LogisticRegression(max_iter=20).fit(IRIS[0], np.array(["a", "b", "c"])[IRIS[1]])
    run = the_run()
    assert run.data.metrics["training_score"] == model.score(IRIS[0], np.array(["a", "b", "c"])[IRIS[1]])
    assert {row["true"] for row in table(run, "training_confusion_matrix.json")} == {"a", "b", "c"}


def test_lists_are_data_too() -> None:
    GaussianNB().fit(IRIS[0].tolist(), IRIS[1].tolist())
    assert the_run().data.metrics.keys() == CLASS_METRICS | PROBABILITY_METRICS


def test_the_positive_class_may_be_chosen() -> None:
    mltrack.sklearn.autolog(pos_label=0)
    model = GaussianNB().fit(X, Y)
    from sklearn.metrics import recall_score

    assert the_run().data.metrics["training_recall_score"] == recall_score(Y, model.predict(X), pos_label=0)


def test_partial_fits_are_not_logged() -> None:
    model = SGDClassifier()
    for _ in range(3):
        model.partial_fit(*IRIS, classes=[0, 1, 2])
    assert logged_runs() == []


def test_functions_of_scikit_learn_log_nothing() -> None:
    from sklearn.inspection import permutation_importance
    from sklearn.model_selection import cross_val_score, cross_validate, learning_curve

    cross_val_score(GaussianNB(), *IRIS)
    cross_validate(GaussianNB(), *IRIS, n_jobs=2)
    learning_curve(GaussianNB(), *IRIS)
    assert logged_runs() == []
    model = GaussianNB().fit(*IRIS)
    permutation_importance(model, *IRIS)
    assert the_run().data.metrics.keys() == CLASS_METRICS | PROBABILITY_METRICS


@pytest.mark.parametrize("most", [-1, -50])
def test_options_are_checked(most: int) -> None:
    with pytest.raises(InvalidParameterError, match="max_tuning_runs"):
        mltrack.sklearn.autolog(max_tuning_runs=most)
