"""Serving what is in a variable: an estimator as autolog has logged it, or logged then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import sklearn
import xgboost
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import mltrack
from mltrack.exceptions import InvalidParameterError, MltrackError
from mltrack.frameworks.sklearn.features import signature_of_features
from mltrack.serving.handles import serve
from mltrack.serving.openapi import describe
from mltrack.serving.options import settings_of
from mltrack.serving.targets import model_uri_of
from mltrack.types.datatype import DataType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack.entities import LoggedModel

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.random((60, 3)), columns=["a", "b", "c"])
Y = (X["a"] > 0.5).astype(int)
CATEGORIES = X.assign(a=pd.Categorical(np.where(X["a"] > 0.5, "u", "v")))
ONE_HOT = OneHotEncoder(handle_unknown="ignore")


@pytest.fixture
def autolog() -> Iterator[None]:
    mltrack.autolog()
    yield
    mltrack.autolog(disable=True)


def logged(uri: str) -> LoggedModel:
    return mltrack.MltrackClient().get_logged_model(uri.removeprefix("models:/"))


@pytest.mark.usefixtures("autolog")
@pytest.mark.parametrize(
    "make",
    [
        LogisticRegression,
        lambda: RandomForestClassifier(5),
        lambda: make_pipeline(StandardScaler(), SGDClassifier()),
        lambda: GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=2),
        lambda: make_pipeline(FunctionTransformer(lambda data: data), LogisticRegression()),  # a pickle
        lambda: xgboost.XGBClassifier(n_estimators=2),
        lambda: lightgbm.LGBMClassifier(n_estimators=2, verbose=-1),
    ],
)
def test_what_autolog_has_logged_is_served_as_it_is(make: Any) -> None:
    model = make()
    with mltrack.start_run() as run:
        model.fit(X, Y)
    count = len(mltrack.search_logged_models(output_format="list"))
    uri = model_uri_of(model)
    assert logged(uri).source_run_id == run.info.run_id
    assert logged(uri).name == "model"
    assert len(mltrack.search_logged_models(output_format="list")) == count


@pytest.mark.usefixtures("autolog")
def test_a_model_that_was_changed_since_is_another() -> None:
    model = SGDClassifier()
    with mltrack.start_run():
        model.fit(X, Y)
    first = model_uri_of(model)
    assert model_uri_of(model) == first
    model.partial_fit(X[:5], Y[:5])  # which is not logged
    second = model_uri_of(model)
    assert (second != first, logged(second).source_run_id) == (True, None)
    with mltrack.start_run() as run:
        model.fit(X * 2, Y)
    assert logged(model_uri_of(model)).source_run_id == run.info.run_id
    model.coef_ = model.coef_ * 2
    assert logged(model_uri_of(model)).source_run_id is None


@pytest.mark.usefixtures("autolog")
def test_a_model_that_is_not_in_the_store_is_logged_again(tmp_path: Any) -> None:
    model = LogisticRegression()
    with mltrack.start_run():
        model.fit(X, Y)
    first = model_uri_of(model)
    mltrack.MltrackClient().delete_logged_model(first.removeprefix("models:/"))
    second = model_uri_of(model)
    assert second != first
    mltrack.set_tracking_uri(tmp_path / "other.db")
    assert logged(model_uri_of(model)).source_run_id is None


@pytest.mark.parametrize(
    ("model", "data", "inputs"),
    [
        (LogisticRegression(), X, "names"),
        (make_pipeline(StandardScaler(), LogisticRegression()), X, "names"),
        (GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=2), X, "names"),
        (HistGradientBoostingClassifier(max_iter=2), X, "names"),
        (xgboost.XGBClassifier(n_estimators=2), X, "names"),
        (lightgbm.LGBMClassifier(n_estimators=2, verbose=-1), X, "names"),
        (LogisticRegression(), X.to_numpy(), "array"),
        (make_pipeline(ONE_HOT, LogisticRegression()), CATEGORIES, None),
        (make_pipeline(make_column_transformer((ONE_HOT, ["a"])), LogisticRegression()), CATEGORIES, None),
        (VotingClassifier([("a", make_pipeline(ONE_HOT, LogisticRegression()))]), CATEGORIES, None),
        (HistGradientBoostingClassifier(max_iter=2), CATEGORIES, None),
        (xgboost.XGBClassifier(n_estimators=2, enable_categorical=True), CATEGORIES, None),
        (lightgbm.LGBMClassifier(n_estimators=2, verbose=-1), CATEGORIES, None),
        (LogisticRegression(), None, None),
    ],
)
def test_the_signature_that_features_allow(model: Any, data: Any, inputs: str | None) -> None:
    if isinstance(model, HistGradientBoostingClassifier) and data is CATEGORIES and sklearn.__version__ < "1.6":
        pytest.skip("this scikit-learn does not find categories by itself")
    found = signature_of_features(model if data is None else model.fit(data, Y))
    if inputs is None:
        assert found is None
        return
    assert found is not None
    assert found.inputs is not None
    assert found.inputs.is_tensor_spec() == (inputs == "array")
    if inputs == "names":
        assert found.inputs.input_names() == ["a", "b", "c"]
        assert {*found.inputs.input_types()} == {DataType.double}
    else:
        assert found.inputs.inputs[0].shape == (-1, 3)


def test_an_estimator_that_nobody_has_logged() -> None:
    """It is served under its class's name, with fields for a form, and frames with booleans go as numbers."""
    flags = X.assign(d=X["a"] > 0.5)
    model = LogisticRegression().fit(flags, Y)
    with serve(model, port=0) as server:
        assert server.name == "LogisticRegression"
        assert server.predict(flags).tolist() == model.predict(flags).tolist()
        with pytest.raises(InvalidParameterError, match="'c'"):
            server.predict(X[["a", "b"]])
        assert "'d'" in str(describe(mltrack.pyfunc.load_model(server.model_uri)))  # which the form is made from


def test_an_estimator_of_arrays_takes_arrays() -> None:
    model = LogisticRegression().fit(X.to_numpy(), Y)
    loaded = mltrack.pyfunc.load_model(model_uri_of(model))
    assert loaded.predict(X.to_numpy()).tolist() == model.predict(X.to_numpy()).tolist()
    with pytest.raises(MltrackError, match=r"\(-1, 3\)"):
        loaded.predict(X.to_numpy()[:, :2])


def test_options_are_looked_at_before_anything_is_logged() -> None:
    model = LogisticRegression().fit(X, Y)
    for options in ({"port": 70000}, {"env_manager": "docker"}, {"prot": 1}):
        with pytest.raises(InvalidParameterError):
            serve(model, **options)
    assert mltrack.search_logged_models(output_format="list") == []
    assert settings_of(model, {}, owned=False).name == "LogisticRegression"
