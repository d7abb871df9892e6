"""Evaluations of fixed models, run by the real mlflow or by mltrack: ``python evaluations.py mlflow|mltrack FOLDER``.

The models answer with what stands in the data, so that both find the same predictions to the last bit.
"""

from __future__ import annotations

import json
import math
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

ROWS = 300


class Told(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier whose probabilities are its features."""

    def __init__(self, labels: Any = ()) -> None:
        self.labels = labels

    def fit(self, X: Any, y: Any) -> Told:  # noqa: ARG002, N803 - scikit-learn's names
        self.classes_ = np.array(self.labels)
        return self

    def predict_proba(self, X: Any) -> Any:  # noqa: N803 - as above
        return np.asarray(X, dtype=float)

    def predict(self, X: Any) -> Any:  # noqa: N803 - as above
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class Summed(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A regressor that adds its features up."""

    def fit(self, X: Any, y: Any) -> Summed:  # noqa: ARG002, N803 - as above
        self.fitted_ = True
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803 - as above
        return np.asarray(X, dtype=float).sum(axis=1)


def summed(rows: Any) -> Any:
    return np.asarray(rows, dtype=float).sum(axis=1)


def likeliest(rows: Any) -> Any:
    return np.asarray(rows, dtype=float).argmax(axis=1)


def classes(labels: list[Any]) -> tuple[Told, pd.DataFrame]:
    random = np.random.RandomState(len(labels))
    logits = random.normal(size=(ROWS, len(labels)))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    true = (logits + random.normal(size=logits.shape)).argmax(axis=1)
    frame = pd.DataFrame(shares, columns=[f"p{at}" for at in range(len(labels))])
    return Told(labels).fit(None, None), frame.assign(answer=np.array(labels)[true])


def numbers() -> tuple[Summed, pd.DataFrame]:
    random = np.random.RandomState(9)
    frame = pd.DataFrame(random.normal(size=(ROWS, 3)), columns=["a", "b", "c"])
    return Summed().fit(None, None), frame.assign(answer=frame.sum(axis=1) + random.normal(size=ROWS))


WEIGHTS = (np.arange(ROWS) % 7 + 0.5).tolist()


def double(predictions: Any, targets: Any) -> float:
    return float((predictions - targets).abs().sum() * 2)


def derived(double: Any, metrics: Any, scale: float = 3) -> float:
    return float(double.aggregate_results["double"] + metrics["max_error"].aggregate_results["max_error"] * scale)


def older(eval_df: Any, builtin_metrics: Any) -> float:
    return float(eval_df["prediction"].sum() + builtin_metrics["example_count"])


def by_column(predictions: Any, a: Any, factor: float) -> float:
    return float(a.sum() * factor)


CASES: dict[str, dict[str, Any]] = {
    "binary": {"labels": [0, 1]},
    "binary texts": {"labels": ["no", "yes"]},
    "binary, the first positive": {"labels": ["bad", "good"], "config": {"pos_label": "bad"}},
    "binary weighted": {"labels": [0, 1], "config": {"sample_weights": WEIGHTS}},
    "binary booleans": {"labels": [False, True]},
    "binary with a prefix": {"labels": [0, 1], "config": {"metric_prefix": "val_"}},
    "three classes": {"labels": [0, 1, 2]},
    "four texts": {"labels": ["a", "b", "c", "d"]},
    "macro": {"labels": [0, 1, 2], "config": {"average": "macro"}},
    "micro": {"labels": [0, 1, 2], "config": {"average": "micro"}},
    "three classes weighted": {"labels": [0, 1, 2], "config": {"sample_weights": WEIGHTS}},
    "eleven classes": {"labels": list(range(11))},
    "a function": {"labels": [0, 1, 2], "model": likeliest},
    "predictions": {"labels": [0, 1], "model": None},
    "regression": {},
    "regression weighted": {"config": {"sample_weights": WEIGHTS}},
    "regression by a function": {"model": summed},
    "regression of predictions": {"model": None},
    "extra metrics": {"extra": True, "config": {"factor": 2.0}},
}


def run_case(package: Any, name: str, folder: Path) -> dict[str, Any]:
    case = CASES[name]
    labels = case.get("labels")
    estimator, frame = classes(labels) if labels else numbers()
    given = case.get("model", estimator)
    options: dict[str, Any] = {"evaluator_config": {**case.get("config", {}), "log_model_explainability": False}}
    if given is None:
        frame = frame.assign(guess=estimator.predict(frame.drop(columns="answer")))
        options["predictions"] = "guess"
    if case.get("extra"):
        functions = {"derived": derived, "double": double, "older": older, "by_column": by_column}
        options["extra_metrics"] = [
            package.models.make_metric(eval_fn=function, greater_is_better=True, name=key)
            for key, function in functions.items()
        ]
    with package.start_run():
        result = package.models.evaluate(
            given if given is not estimator else package.model_of(estimator, folder / name.replace(" ", "_")),
            frame,
            targets="answer",
            model_type="classifier" if labels else "regressor",
            **options,
        )
    result.save(str(folder / f"saved {name}"))
    classes_table = result.artifacts.get("per_class_metrics")
    told = {"metrics": {key: plain(value) for key, value in result.metrics.items()}}
    return told | {"per_class": package.rows_of(classes_table) if classes_table else None}


def plain(value: Any) -> float | None:
    return None if math.isnan(value) else float(value)


def main(which: str, folder: Path) -> dict[str, Any]:
    warnings.simplefilter("ignore")
    if which == "mlflow":
        import mlflow  # it is there in one of the two environments
        from mlflow.models.evaluation.default_evaluator import BuiltInEvaluator  # as above

        BuiltInEvaluator._log_image_artifact = lambda *_: None  # drawing takes most of a minute
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        package: Any = mlflow

        def model_of(estimator: Any, path: Path) -> Any:
            mlflow.sklearn.save_model(estimator, path, serialization_format="cloudpickle", pip_requirements=[])
            return str(path)

        mlflow.model_of = model_of
        mlflow.rows_of = lambda artifact: artifact.content.to_dict("list")
    else:
        import types  # mltrack stands in for what the script calls

        import mltrack
        from mltrack.evaluation import evaluate, metric

        models = types.SimpleNamespace(evaluate=evaluate.evaluate, make_metric=metric.make_metric)
        package = types.SimpleNamespace(models=models, start_run=mltrack.start_run)
        package.model_of = lambda estimator, _: estimator
        package.rows_of = lambda artifact: {
            name: [row[at] for row in artifact.content["data"]] for at, name in enumerate(artifact.content["columns"])
        }
    return {name: run_case(package, name, folder) for name in CASES}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]))))
