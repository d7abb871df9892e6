from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
from tests.interop.autolog import logged_runs, needs, the_run

import mltrack
from mltrack import active
from mltrack.autologging import switch
from mltrack.frameworks.sklearn import afterwards

needs("sklearn")
from sklearn import metrics  # noqa: E402 - skipped without the library
from sklearn.datasets import load_breast_cancer  # noqa: E402
from sklearn.metrics import accuracy_score, roc_auc_score  # noqa: E402 - imported before autolog is switched on
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split  # noqa: E402
from sklearn.naive_bayes import GaussianNB  # noqa: E402

X, Y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, Y, random_state=0)


@pytest.fixture
def model() -> Any:
    switch.autolog(libraries=["sklearn"])
    return GaussianNB().fit(X_train, y_train)


def later() -> dict[str, float]:
    """The metrics of the one run that were not logged by the fit."""
    return {name: value for name, value in the_run().data.metrics.items() if not name.startswith("training_")}


def test_a_metric_of_predictions_is_logged_to_the_models_run(model: Any) -> None:
    value = accuracy_score(y_test, model.predict(X_test))
    assert later() == {"accuracy_score_X_test": value}
    assert the_run().info.status == "FINISHED"


def test_the_second_call_has_a_number(model: Any) -> None:
    predicted = model.predict(X_test)
    first, second = accuracy_score(y_test, predicted), accuracy_score(y_pred=predicted, y_true=y_test, normalize=False)
    assert later() == {"accuracy_score_X_test": first, "accuracy_score-2_X_test": second}


def test_the_score_of_a_model(model: Any) -> None:
    value = model.score(X_test, y_test)
    assert later() == {"GaussianNB_score_X_test": value}


def test_a_scorer(model: Any) -> None:
    value = metrics.get_scorer("f1")(model, X_test, y_test)
    assert later() == {"f1_score_X_test": value}


@pytest.mark.parametrize("place", [slice(None), (slice(None), 1), (slice(0, 50), 1)], ids=str)
def test_views_of_a_prediction_are_predictions(model: Any, place: Any) -> None:
    probabilities = model.predict_proba(X_test)
    chosen = probabilities[place]
    if chosen.ndim == 2:
        metrics.log_loss(y_test, chosen)
    else:
        roc_auc_score(y_test[: len(chosen)], chosen)
    assert len(later()) == 1
    assert next(iter(later())).endswith("_X_test")


def test_the_name_is_the_outermost_callers(model: Any) -> None:
    def evaluate(*data: Any) -> float:
        def inner(features: Any, truth: Any) -> float:
            return float(accuracy_score(truth, model.predict(features)))

        return inner(*data)

    evaluate(X_test, y_test)
    assert later().keys() == {"accuracy_score_X_test"}


def test_data_without_a_name(model: Any) -> None:
    model.score(X_test[:20], y_test[:20])
    assert later().keys() == {"GaussianNB_score_unknown_dataset"}


def test_what_is_not_ours_is_not_logged(model: Any) -> None:
    other = model.predict(X_test).copy()
    accuracy_score(y_test, other)
    metrics.confusion_matrix(y_test, model.predict(X_test))
    metrics.classification_report(y_test, model.predict(X_test))
    cross_val_score(model, X_test, y_test)
    assert later() == {}


def test_a_prediction_that_is_the_data_is_none(model: Any) -> None:
    class Echo(GaussianNB):  # type: ignore[misc]
        def predict(self, data: Any) -> Any:
            return data[:, 0]

    echo = Echo().fit(X_train, y_train)
    before = logged_runs()[-1].data.metrics
    echo.predict(X_test)
    metrics.mean_squared_error(y_test, X_test[:, 1])
    assert logged_runs()[-1].data.metrics == before


def test_a_loop_is_logged_a_hundred_times(model: Any) -> None:
    predicted = model.predict(X_test)
    for _ in range(150):
        accuracy_score(y_test, predicted)
    assert len(later()) == 100


def test_two_models_of_one_run_keep_their_numbers() -> None:
    switch.autolog(libraries=["sklearn"])
    with mltrack.start_run():
        one, two = (GaussianNB().fit(X_train, y_train) for _ in range(2))
    two.score(X_test, y_test)
    one.score(X_test, y_test)
    assert later().keys() == {"GaussianNB_score_X_test_2", "GaussianNB_score_X_test"}


def test_a_search_is_a_model_too() -> None:
    mltrack.sklearn.autolog(max_tuning_runs=0)
    search = GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}, cv=2).fit(X_train, y_train)
    value = search.score(X_test, y_test)
    assert the_run().data.metrics["GridSearchCV_score_X_test"] == value


@pytest.mark.parametrize("off", ["library", "option", "all"])
def test_it_can_be_switched_off(off: str) -> None:
    mltrack.sklearn.autolog(log_post_training_metrics=off != "option")
    model = GaussianNB().fit(X_train, y_train)
    if off == "library":
        mltrack.sklearn.autolog(disable=True)
    if off == "all":
        switch.autolog(disable=True)
    model.score(X_test, y_test)
    accuracy_score(y_test, model.predict(X_test))
    assert later() == {}


def test_of_a_tracked_cells_model_it_is_logged_in_every_cell() -> None:
    switch.listen_in_cells(on=True)
    with mltrack.start_run() as run:
        run.belong_to_cell()
        model = GaussianNB().fit(X_train, y_train)
    accuracy_score(y_test, model.predict(X_test))
    assert later().keys() == {"accuracy_score_X_test"}
    with mltrack.start_run() as other:
        other.belong_to_cell()
        switch.leave_out_cell(other.info.run_id)
        accuracy_score(y_test, model.predict(X_test))
    assert "accuracy_score-2_X_test" not in logged_runs()[0].data.metrics
    assert active.cell_run() is None


def test_garbage_is_forgotten(model: Any) -> None:
    def predict_some() -> None:
        predicted = [model.predict(X_test) for _ in range(5)]
        assert all(afterwards._predictions.find(each) for each in predicted)

    predict_some()  # its frame goes, and with it what it called its arrays
    gc.collect()
    assert len(afterwards._predictions) == 0


def test_nothing_is_written_on_a_model(model: Any) -> None:
    before = set(vars(model))
    accuracy_score(y_test, model.predict(X_test))
    switch.reset()
    assert set(vars(model)) == before == set(vars(GaussianNB().fit(X_train, y_train)))


def test_values_are_never_compared(model: Any) -> None:
    class Strange(np.ndarray[Any, Any]):
        def __eq__(self, other: object) -> Any:
            raise AssertionError("compared")

        __hash__ = None

    data = X_test.view(Strange)
    model.predict(np.asarray(data))
    assert accuracy_score(y_test, model.predict(X_test)) > 0.8
    with pytest.raises(AssertionError, match="compared"):
        assert data == data  # noqa: PLR0124 - that it would be noticed
