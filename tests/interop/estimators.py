"""Fitted models of scikit-learn, XGBoost and LightGBM, made the same by mltrack's Python and by the real mlflow's.

Run by the latter, ``estimators.py FOLDER`` reads ``FOLDER/ours/NAME``, keeps what it predicts in
``FOLDER/read/NAME.npy``, writes ``FOLDER/theirs/NAME`` and what that predicts beside it.
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from pathlib import Path
from typing import Any

os.environ.update(MLFLOW_ALLOW_PICKLE_DESERIALIZATION="true", MLFLOW_ENABLE_TELEMETRY="false")
warnings.simplefilter("ignore")

import numpy as np  # noqa: E402 - what it brings along is told first what to be
import pandas as pd  # noqa: E402
from sklearn import cluster, compose, ensemble, linear_model, model_selection, preprocessing, tree  # noqa: E402
from sklearn.base import BaseEstimator, TransformerMixin  # noqa: E402
from sklearn.calibration import CalibratedClassifierCV  # noqa: E402
from sklearn.decomposition import PCA  # noqa: E402
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer  # noqa: E402
from sklearn.feature_selection import SelectKBest  # noqa: E402
from sklearn.impute import SimpleImputer  # noqa: E402
from sklearn.naive_bayes import GaussianNB, MultinomialNB  # noqa: E402
from sklearn.neighbors import KNeighborsClassifier  # noqa: E402
from sklearn.neural_network import MLPClassifier  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.svm import SVC  # noqa: E402

_numbers = np.random.default_rng(0)
X = _numbers.normal(size=(80, 4))
FRAME = pd.DataFrame(X, columns=list("abcd"))
Y = (X[:, 0] + X[:, 1] > 0).astype("int64")
WORDS = np.where(Y > 0, "yes", "no").astype(object)
MIXED = FRAME.assign(city=np.where(X[:, 2] > 0, "Bern", "Rome"), a=FRAME.a.where(FRAME.a > -1))
TEXTS = ["good red wine", "bad beer", "red beer is good", "bad bad wine"] * 10


def own_transformer() -> Any:
    class Clipper(TransformerMixin, BaseEstimator):  # type: ignore[misc]
        def __init__(self, limit: float = 1.0) -> None:
            self.limit = limit

        def fit(self, data: Any, targets: Any = None) -> Any:  # noqa: ARG002 - scikit-learn's signature
            return self

        def transform(self, data: Any) -> Any:
            return np.clip(data, -self.limit, self.limit)

    return make_pipeline(Clipper(0.5), linear_model.LogisticRegression()).fit(FRAME, Y)


def columns() -> Any:
    numbers = make_pipeline(SimpleImputer(), preprocessing.StandardScaler())
    parts = [("n", numbers, ["a", "b"]), ("c", preprocessing.OneHotEncoder(handle_unknown="ignore"), ["city"])]
    return make_pipeline(compose.ColumnTransformer(parts), linear_model.Ridge()).fit(MIXED, X[:, 0])


def histograms() -> Any:
    data = MIXED.assign(city=MIXED.city.astype("category"))
    return ensemble.HistGradientBoostingClassifier(max_iter=8, random_state=0, categorical_features="from_dtype").fit(
        data, Y
    )


SKLEARN: dict[str, Any] = {
    "logistic": lambda: make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression()).fit(FRAME, Y),
    "line": lambda: linear_model.LinearRegression().fit(X, Y),
    "words": lambda: linear_model.SGDClassifier(random_state=0).fit(X, WORDS),
    "tree": lambda: tree.DecisionTreeRegressor(random_state=0).fit(FRAME, X[:, 0]),
    "forest": lambda: ensemble.RandomForestClassifier(9, random_state=0).fit(FRAME, Y),
    "boosting": lambda: ensemble.GradientBoostingRegressor(n_estimators=9, random_state=0).fit(FRAME, X[:, 1]),
    "histograms": histograms,
    "isolation": lambda: ensemble.IsolationForest(n_estimators=9, max_features=3, random_state=0).fit(X),
    "bagging": lambda: ensemble.BaggingClassifier(max_features=2, n_estimators=4, random_state=0).fit(X, Y),
    "voting": lambda: ensemble.VotingClassifier(
        [("n", GaussianNB()), ("t", tree.DecisionTreeClassifier(random_state=0))], voting="soft"
    ).fit(X, Y),
    "neighbours": lambda: KNeighborsClassifier(3).fit(X, Y),
    "network": lambda: MLPClassifier(5, max_iter=20, random_state=0).fit(X, Y),
    "vectors": lambda: SVC(random_state=0).fit(FRAME, WORDS),
    "calibrated": lambda: CalibratedClassifierCV(GaussianNB()).fit(X, Y),
    "means": lambda: cluster.KMeans(3, n_init=1, random_state=0).fit(X),
    "columns": columns,
    "selected": lambda: make_pipeline(SelectKBest(k=2), PCA(2), GaussianNB()).fit(FRAME, Y),
    "search": lambda: model_selection.GridSearchCV(linear_model.LogisticRegression(), {"C": [0.1, 1]}).fit(FRAME, Y),
    "texts": lambda: make_pipeline(TfidfVectorizer(stop_words="english"), linear_model.LogisticRegression()).fit(
        TEXTS, Y[:40]
    ),
    "counts": lambda: make_pipeline(CountVectorizer(ngram_range=(1, 2)), MultinomialNB()).fit(TEXTS, WORDS[:40]),
    "log": lambda: make_pipeline(preprocessing.FunctionTransformer(np.log1p), GaussianNB()).fit(np.abs(X), Y),
    "own": own_transformer,
    "lambda": lambda: make_pipeline(preprocessing.FunctionTransformer(lambda data: data * 2), GaussianNB()).fit(X, Y),
    "birch": lambda: cluster.Birch(n_clusters=3).fit(X),
}
PICKLED = {"own", "lambda", "birch"}
"""Those that skops does not keep."""


def boosters() -> dict[str, Any]:
    """Those of XGBoost and LightGBM, by names that begin with their library's."""
    import lightgbm
    import xgboost

    quiet = {"verbosity": -1, "num_threads": 1}
    three = np.digitize(X[:, 0], [-0.5, 0.5])
    city = MIXED.assign(city=MIXED.city.astype("category"))
    of_xgboost: dict[str, Any] = {"n_estimators": 7, "n_jobs": 1}
    of_lightgbm: dict[str, Any] = {"n_estimators": 7, "n_jobs": 1, "verbose": -1, "min_child_samples": 5}
    early = {"early_stopping_rounds": 2, "evals": [(xgboost.DMatrix(FRAME, Y), "eval")], "verbose_eval": False}
    return {
        "xgboost_booster": lambda: xgboost.train(
            {"objective": "binary:logistic"}, xgboost.DMatrix(FRAME, Y), 30, **early
        ),
        "xgboost_classifier": lambda: xgboost.XGBClassifier(**of_xgboost).fit(FRAME, three),
        "xgboost_regressor": lambda: xgboost.XGBRegressor(**of_xgboost).fit(X, X[:, 0]),
        "xgboost_forest": lambda: xgboost.XGBRFClassifier(**of_xgboost).fit(FRAME, Y),
        "xgboost_ranker": lambda: xgboost.XGBRanker(**of_xgboost).fit(FRAME, Y, group=[40, 40]),
        "xgboost_linear": lambda: xgboost.XGBRegressor(booster="gblinear", **of_xgboost).fit(X, X[:, 0]),
        "lightgbm_booster": lambda: lightgbm.train(quiet, lightgbm.Dataset(FRAME, X[:, 0]), 7),
        "lightgbm_classifier": lambda: lightgbm.LGBMClassifier(**of_lightgbm).fit(FRAME, three),
        "lightgbm_words": lambda: lightgbm.LGBMClassifier(**of_lightgbm).fit(city, WORDS),
        "lightgbm_regressor": lambda: lightgbm.LGBMRegressor(**of_lightgbm).fit(X, X[:, 0]),
        "lightgbm_ranker": lambda: lightgbm.LGBMRanker(**of_lightgbm).fit(FRAME, Y, group=[40, 40]),
        "sklearn_of_xgboost": lambda: make_pipeline(
            preprocessing.StandardScaler(), xgboost.XGBClassifier(**of_xgboost)
        ).fit(X, Y),
        "sklearn_of_lightgbm": lambda: make_pipeline(
            preprocessing.StandardScaler(), lightgbm.LGBMRegressor(**of_lightgbm)
        ).fit(X, X[:, 0]),
    }


BOOSTERS = (
    *("xgboost_booster", "xgboost_classifier", "xgboost_regressor", "xgboost_forest", "xgboost_ranker"),
    *("xgboost_linear", "lightgbm_booster", "lightgbm_classifier", "lightgbm_words", "lightgbm_regressor"),
    *("lightgbm_ranker", "sklearn_of_xgboost", "sklearn_of_lightgbm"),
)
_ARRAYS = {
    *("line", "words", "isolation", "bagging", "voting", "neighbours", "network", "calibrated", "means", "lambda"),
    *("birch", "xgboost_regressor", "xgboost_linear", "lightgbm_regressor", "sklearn_of_xgboost"),
    "sklearn_of_lightgbm",
}


def data_of(name: str) -> Any:
    """What a model predicts from."""
    if name in ("texts", "counts"):
        return TEXTS[:6]
    if name == "columns":
        return MIXED
    if name in ("histograms", "lightgbm_words"):
        return MIXED.assign(city=MIXED.city.astype("category"))
    return np.abs(X) if name == "log" else X if name in _ARRAYS else FRAME


def library_of(name: str) -> str:
    return name.partition("_")[0] if name in BOOSTERS else "sklearn"


def values_of(predicted: Any) -> Any:
    """An array that can be kept without a pickle."""
    found = np.asarray(predicted)
    return found.astype("U9") if found.dtype.kind in "OUT" else found


def write_theirs(folder: Path) -> None:
    mlflow, skops = importlib.import_module("mlflow"), importlib.import_module("skops.io")
    for name, make in {**SKLEARN, **boosters()}.items():
        model, library = make(), library_of(name)
        given: dict[str, Any] = {"pip_requirements": []}
        if name in PICKLED or name == "lightgbm_ranker":
            given["serialization_format"] = "cloudpickle"
        elif library == "sklearn":
            given["skops_trusted_types"] = skops.get_untrusted_types(data=skops.dumps(model))
        getattr(mlflow, library).save_model(model, str(folder / name), **given)


def main(folder: Path) -> None:
    pyfunc = importlib.import_module("mlflow.pyfunc")
    write_theirs(folder / "theirs")
    for kind, target in (("ours", "read"), ("theirs", "theirs")):
        for each in sorted((folder / kind).glob("*/MLmodel")):
            name = each.parent.name
            predicted = pyfunc.load_model(str(each.parent)).predict(data_of(name))
            np.save(folder / target / f"{name}.npy", values_of(predicted))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
