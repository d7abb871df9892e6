"""The models that autolog logs: with signature and example, each once, none that is too large."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.interop import estimators as cases
from tests.interop.autolog import needs

import mltrack
from mltrack.autologging.safety import AutologWarning
from mltrack.exceptions import InvalidParameterError
from mltrack.models import get_model_info
from mltrack.models.sources import find_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mltrack.entities import LoggedModel

needs("sklearn")
xgboost, lightgbm = needs("xgboost"), needs("lightgbm")
from sklearn import cluster, linear_model, model_selection, preprocessing, tree  # noqa: E402 - only where they are
from sklearn.base import BaseEstimator, ClassifierMixin  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402


@pytest.fixture(autouse=True)
def logged_automatically() -> Iterator[None]:
    mltrack.autolog()
    yield
    mltrack.autolog(disable=True)


def logged() -> list[LoggedModel]:
    """The models of the store, the oldest first."""
    found: list[LoggedModel] = mltrack.search_logged_models(output_format="list")
    return sorted(found, key=lambda model: (model.creation_timestamp, model.name == "best_estimator"))


def the_model() -> LoggedModel:
    found = logged()
    assert len(found) == 1, [model.name for model in found]
    return found[0]


def line(data: Any = cases.FRAME) -> Any:
    return linear_model.LinearRegression().fit(data, cases.X[:, 0])


FITS: dict[str, tuple[Callable[[], Any], Any]] = {
    "pipeline": (cases.SKLEARN["logistic"], cases.FRAME),
    "columns": (cases.SKLEARN["columns"], cases.MIXED),
    "texts": (cases.SKLEARN["texts"], cases.TEXTS),
    "array": (lambda: line(cases.X), cases.X),
    "xgboost": (cases.boosters()["xgboost_classifier"], cases.FRAME),
    "xgboost.train": (lambda: xgboost.train({}, xgboost.DMatrix(cases.FRAME, cases.Y), 2), cases.FRAME),
    "lightgbm": (cases.boosters()["lightgbm_regressor"], cases.X),
    "lightgbm.train": (
        lambda: lightgbm.train({"verbosity": -1}, lightgbm.Dataset(cases.FRAME, cases.Y), 2),
        cases.FRAME,
    ),
    "lightgbm of categories": (cases.boosters()["lightgbm_words"], cases.data_of("lightgbm_words")),
}


@pytest.mark.parametrize("name", FITS)
def test_a_fit_logs_its_model_with_signature_and_example(name: str) -> None:
    fit, data = FITS[name]
    with mltrack.start_run() as run:
        model = fit()
    found = the_model()
    assert (found.name, found.source_run_id, found.status, found.tags) == ("model", run.info.run_id, "READY", {})
    loaded = mltrack.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    example, signature = loaded.input_example, loaded.metadata.signature
    assert len(example) == 5
    assert signature is not None
    assert signature.inputs is not None
    assert signature.outputs is not None
    for given, rows in ((data, data), (example, data[:5])):  # of five rows a processor may round otherwise than of all
        raw = xgboost.DMatrix(rows) if isinstance(model, xgboost.Booster) else rows
        assert np.asarray(loaded.predict(given)).tolist() == np.asarray(model.predict(raw)).tolist()


def test_the_models_metrics_and_params_are_the_runs() -> None:
    with mltrack.start_run() as run:
        line()
    found, data = the_model(), mltrack.get_run(run.info.run_id).data
    assert {each.key: each.value for each in found.metrics} == data.metrics
    assert found.params == data.params


def test_a_search_logs_itself_and_its_best() -> None:
    search = model_selection.GridSearchCV(linear_model.Ridge(), {"alpha": [0.1, 1]})
    with mltrack.start_run() as run:
        search.fit(cases.FRAME, cases.X[:, 0])
    assert [model.name for model in logged()] == ["model", "best_estimator"]
    for name in ("model", "best_estimator"):
        loaded = mltrack.pyfunc.load_model(f"runs:/{run.info.run_id}/{name}")
        assert loaded.predict(cases.FRAME).tolist() == search.predict(cases.FRAME).tolist()


def test_a_search_that_keeps_no_model_logs_none() -> None:
    search = model_selection.GridSearchCV(linear_model.Ridge(), {"alpha": [0.1, 1]}, refit=False)
    with mltrack.start_run():
        search.fit(cases.FRAME, cases.X[:, 0])
    assert logged() == []


def test_the_second_fit_of_a_run_has_a_model_of_its_own() -> None:
    with mltrack.start_run():
        line()
        line(cases.FRAME[["a"]])
    assert [model.name for model in logged()] == ["model", "model_2"]


def test_equal_models_are_kept_once() -> None:
    for _ in range(3):
        with mltrack.start_run():
            tree.DecisionTreeRegressor(random_state=0).fit(cases.FRAME, cases.X[:, 0])
    files = [find_model(model.model_uri).fetch() / "model.skops" for model in logged()]
    assert len(files) == 3
    assert {file.stat().st_size for file in files} != {0}
    assert len({file.stat().st_ino for file in files}) == 1


@pytest.mark.parametrize(
    ("options", "names", "signature", "example"),
    [
        ({"log_models": False}, [], None, None),
        ({"log_input_examples": False}, ["model"], True, False),
        ({"log_model_signatures": False}, ["model"], False, True),
        ({"log_model_signatures": False, "log_input_examples": False}, ["model"], False, False),
        ({}, ["model"], True, True),
    ],
)
def test_the_options_say_what_is_logged(
    options: dict[str, Any], names: list[str], signature: bool | None, example: bool | None
) -> None:
    for switch_on, fit in (
        (mltrack.autolog, line),
        (mltrack.sklearn.autolog, line),
        (mltrack.xgboost.autolog, FITS["xgboost.train"][0]),
        (mltrack.lightgbm.autolog, FITS["lightgbm"][0]),
    ):
        switch_on(**options)
        with mltrack.start_run() as run:
            fit()
        mine = [model for model in logged() if model.source_run_id == run.info.run_id]
        assert [model.name for model in mine] == names
        for model in mine:
            info = get_model_info(model.model_uri)
            assert (info.signature is not None) == signature
            assert (info.saved_input_example_info is not None) == example


@pytest.mark.parametrize("fit", [line, FITS["xgboost.train"][0], FITS["lightgbm.train"][0]])
def test_a_model_that_is_too_large_is_left_out_with_one_line(
    fit: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLTRACK_AUTOLOG_MODEL_MEGABYTES", "0.0001")
    with mltrack.start_run() as run, pytest.warns(AutologWarning, match=r"the model was not logged\. .*over the limit"):
        assert fit() is not None
    assert logged() == []
    assert mltrack.get_run(run.info.run_id).data.params


def test_a_large_model_is_not_even_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLTRACK_AUTOLOG_MODEL_MEGABYTES", "0.002")
    monkeypatch.setattr("mltrack.models.logged.write_model", None)
    with mltrack.start_run(), pytest.warns(AutologWarning, match="over the limit of 0.002 MB"):
        tree.DecisionTreeRegressor().fit(cases.FRAME, cases.X[:, 0])


def test_a_limit_that_is_no_number_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLTRACK_AUTOLOG_MODEL_MEGABYTES", "many")
    with mltrack.start_run(), pytest.raises(InvalidParameterError, match="must be a number of megabytes; got 'many'"):
        line()  # in test mode faults are raised


def test_a_model_is_registered() -> None:
    mltrack.sklearn.autolog(registered_model_name="line")
    for _ in range(2):
        with mltrack.start_run():
            line()
    assert [each.version for each in mltrack.MltrackClient().search_model_versions("name = 'line'")] == ["2", "1"]
    assert mltrack.pyfunc.load_model("models:/line/2").predict(cases.FRAME).shape == (80,)


def test_what_needs_a_pickle_is_marked_and_not_talked_about() -> None:
    with mltrack.start_run(), warnings.catch_warnings():
        warnings.simplefilter("error")
        model = make_pipeline(preprocessing.FunctionTransformer(lambda data: data * 2), linear_model.Ridge())
        model.fit(cases.X, cases.Y)
    found = the_model()
    assert found.tags == {"mltrack.pickle": "model.pkl"}
    assert mltrack.pyfunc.load_model(found.model_uri).predict(cases.X).tolist() == model.predict(cases.X).tolist()


class Odd(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts from all that it was fitted to and nothing else, and cannot be pickled if that is said."""

    def __init__(self, *, held: Any = None) -> None:
        self.held = held

    def fit(self, data: Any, targets: Any) -> Any:
        self.classes_, self.count_ = np.unique(targets), len(data)
        self.thing_ = self.held
        return self

    def predict(self, data: Any) -> Any:
        if len(data) != self.count_:
            raise RuntimeError("other data")
        return np.zeros(len(data), dtype=int)


def test_a_model_that_predicts_from_nothing_else_has_no_outputs() -> None:
    with mltrack.start_run():
        Odd().fit(cases.FRAME, cases.Y)
    signature = get_model_info(the_model().model_uri).signature
    assert (len(signature.inputs), signature.outputs) == (4, None)


def test_a_model_that_cannot_be_kept_is_one_line() -> None:
    with mltrack.start_run(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            assert Odd(held=(each for each in "abc")).fit(cases.FRAME, cases.Y).count_ == 80
    said = [str(each.message) for each in caught if each.category is AutologWarning]
    assert len(said) == 1
    assert said[0].startswith("mltrack: sklearn: the model was not logged. It cannot be pickled: TypeError")
    assert logged() == []


def test_clusters_and_their_like_are_models_as_well() -> None:
    with mltrack.start_run():
        cluster.DBSCAN().fit(cases.FRAME)
    info = get_model_info(the_model().model_uri)
    assert list(info.flavors) == ["sklearn"]
    assert info.signature.outputs is None


def test_the_format_can_be_chosen() -> None:
    mltrack.sklearn.autolog(serialization_format="cloudpickle")
    mltrack.xgboost.autolog(model_format="json")
    with mltrack.start_run():
        line()
        FITS["xgboost.train"][0]()
    flavors = [get_model_info(model.model_uri).flavors for model in logged()]
    assert [each.get("sklearn", {}).get("serialization_format") for each in flavors] == ["cloudpickle", None]
    assert flavors[1]["xgboost"]["data"] == "model.json"
    with pytest.raises(InvalidParameterError, match="serialization_format must be"):
        mltrack.sklearn.autolog(serialization_format="zip")


def test_what_the_user_draws_next_is_the_same() -> None:
    def draw() -> list[float]:
        np.random.seed(7)
        model = linear_model.SGDRegressor(random_state=np.random.RandomState(3)).fit(cases.FRAME, cases.X[:, 0])
        return [*model.predict(cases.FRAME[:2]), *np.random.normal(size=2), model.random_state.normal()]

    with mltrack.start_run():
        tracked = draw()
    mltrack.autolog(disable=True)
    assert tracked == draw()
