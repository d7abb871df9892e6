"""The same fits logged by mltrack and by the real mlflow: ``python sklearn_fits.py PACKAGE`` prints what was logged.

It is run by either package's Python, in a new folder, so it imports nothing else.
"""

from __future__ import annotations

import importlib
import json
import sys
import warnings
from typing import Any

import numpy as np
import sklearn
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

X, Y = load_breast_cancer(return_X_y=True)
IRIS = load_iris(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)
WEIGHTS = np.linspace(0.5, 2.0, len(Y))


def after(model: Any, X_test: Any, y_test: Any) -> None:  # noqa: N803 - the names become parts of keys
    from sklearn.metrics import accuracy_score, f1_score

    model.score(X_test, y_test)
    predicted = model.predict(X_test)
    accuracy_score(y_test, predicted)
    accuracy_score(y_test, predicted, normalize=False)
    f1_score(y_true=y_test, y_pred=predicted, average="macro")


def later() -> None:
    X_test, y_test = IRIS[0][::2], IRIS[1][::2]  # noqa: N806 - as above
    after(GaussianNB().fit(*IRIS), X_test, y_test)


def resampled() -> None:
    from sklearn.model_selection import cross_val_score

    cross_val_score(GaussianNB(), *IRIS)


FITS: dict[str, Any] = {
    "binary": lambda: LogisticRegression(max_iter=50).fit(X, Y),
    "weighted": lambda: LogisticRegression(max_iter=50).fit(X, Y, sample_weight=WEIGHTS),
    "several classes": lambda: RandomForestClassifier(5, random_state=0).fit(*IRIS),
    "no probabilities": lambda: SVC().fit(X, Y),
    "pipeline": lambda: make_pipeline(StandardScaler(), LogisticRegression()).fit(*IRIS),
    "regression": lambda: LinearRegression().fit(*DIABETES),
    "two targets": lambda: LinearRegression().fit(DIABETES[0], DIABETES[0][:, :2]),
    "texts": lambda: GaussianNB().fit(IRIS[0], np.array(["a", "b", "c"])[IRIS[1]]),
    "clusters": lambda: KMeans(3, n_init=1, random_state=0).fit(IRIS[0]),
    "scaler": lambda: StandardScaler().fit_transform(IRIS[0]),
    "search": lambda: GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-3, 1e-1]}, cv=3).fit(*IRIS),
    "later": later,
    "resampled": resampled,
}


def main(package: str) -> None:
    tracker: Any = importlib.import_module(package)
    if package == "mltrack":  # on a busy machine 50 ms pass before the thread that makes a text has begun
        vars(importlib.import_module("mltrack.values"))["TEXT_SECONDS"] = 60
    warnings.simplefilter("ignore")
    tracker.set_tracking_uri("sqlite:///tracked.db")
    tracker.sklearn.autolog(log_models=False, max_tuning_runs=5, silent=True)
    told: dict[str, Any] = {"version": sklearn.__version__}
    for name, fit in FITS.items():
        experiment = tracker.set_experiment(name)
        fit()
        runs = tracker.search_runs([experiment.experiment_id], output_format="list")
        told[name] = sorted((facts(run) for run in runs), key=lambda each: json.dumps(each["params"], sort_keys=True))
    print(json.dumps(told))


def facts(run: Any) -> dict[str, Any]:
    tags = {name: value for name, value in run.data.tags.items() if name.startswith("estimator")}
    tags["child"] = "mlflow.parentRunId" in run.data.tags
    datasets = [
        {"context": {tag.key: tag.value for tag in each.tags}, "profile": json.loads(each.dataset.profile)}
        for each in run.inputs.dataset_inputs
    ]
    return {
        "params": run.data.params,
        "metrics": {name: value for name, value in run.data.metrics.items() if "_time" not in name},
        "times": sorted(name for name in run.data.metrics if "_time" in name),
        "tags": tags,
        "datasets": datasets,
        "status": run.info.status,
    }


if __name__ == "__main__":
    main(sys.argv[1])
