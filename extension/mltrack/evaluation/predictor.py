"""What is evaluated, as functions of rows: a model by its URI, a loaded one, a fitted estimator, a plain function."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mltrack.autologging.calls import Call, inside
from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mltrack.evaluation.examples import Examples

_MODEL_ID = re.compile(r"models:/(m-[^/@]+)")
# The flavors whose own model predicts labels, and their probabilities beside them.
_RAW = frozenset({"mlflow.sklearn", "mlflow.xgboost", "mlflow.lightgbm", "mlflow.catboost"})
_SCORED = "mlflow.sklearn"


@dataclass(frozen=True, slots=True)
class Predictor:
    """A model as functions of features; each that it lacks is None.

    ``wants`` is what it takes: ``features`` as they were given, or a ``frame`` of its own.
    """

    name: str
    predict: Callable[[Any], Any]
    estimator: Any = None
    has_score: bool = False
    model_id: str | None = None
    wants: str = "features"

    def features(self, examples: Examples) -> Any:
        """Give the rows as the model takes them: of a frame, the columns that an estimator was fitted on."""
        if self.wants == "frame":
            return examples.frame()
        fitted = getattr(self.estimator, "feature_names_in_", None)
        columns = getattr(examples.features, "columns", ())
        if fitted is None or len(fitted) >= len(columns) or not set(fitted) <= set(columns):
            return examples.features
        return examples.features[list(fitted)]

    @property
    def classes(self) -> list[Any] | None:
        """The labels that the model knows, in the order of its probabilities."""
        found = getattr(self.estimator, "classes_", None)
        one_list = isinstance(found, np.ndarray) and found.ndim == 1
        return found.tolist() if one_list and found is not None else None

    def probabilities(self, features: Any) -> Any:
        """Give a column of probabilities for each class; None when the model gives none."""
        return self._call("predict_proba", features)

    def scores(self, features: Any) -> Any:
        """Give what ``decision_function`` gives; None when the model has none."""
        return self._call("decision_function", features)

    def _call(self, name: str, features: Any) -> Any:
        method = getattr(self.estimator, name, None)
        return None if method is None else method(features)

    def known_score(self) -> str | None:
        """Give the metric that the estimator's own ``score`` is by its class; None when it may be anything."""
        owner = next((kind for kind in type(self.estimator).__mro__ if "score" in vars(kind)), None)
        of_sklearn = owner is not None and owner.__module__ == "sklearn.base"
        names = {"ClassifierMixin": "accuracy_score", "RegressorMixin": "r2_score"}
        return names.get(owner.__name__) if of_sklearn and owner is not None else None


def not_logged() -> inside:
    """Make a block in which nothing that an evaluated model does is logged automatically."""
    return inside(Call("mltrack", "evaluate", (), {}))


def predictor_of(model: Any, *, model_config: Mapping[str, Any] | None = None) -> Predictor:
    """Make a predictor of what ``evaluate`` was given as a model.

    Raises
    ------
    InvalidParameterError
        When it is nothing that predicts.
    """
    if isinstance(model, str):
        from mltrack.pyfunc import load_model  # with what loads models, which other models do not need

        loaded = load_model(model, model_config=model_config or None)
        named = _MODEL_ID.match(model)
        return _of_pyfunc(loaded, name=model, model_id=named.group(1) if named else None)
    if model_config:
        raise InvalidParameterError("`model_config` is for models given by a URI; configure a loaded one itself.")
    if hasattr(getattr(model, "metadata", None), "flavors") and hasattr(model, "predict"):
        return _of_pyfunc(model, name=str(getattr(model, "uri", None) or type(model).__name__))
    if callable(getattr(model, "predict", None)) and not isinstance(model, type):
        return Predictor(type(model).__name__, model.predict, estimator=model, has_score=hasattr(model, "score"))
    if callable(model) and not isinstance(model, type):
        return Predictor(getattr(model, "__name__", type(model).__name__), model, wants="frame")
    raise InvalidParameterError(
        f"A model to evaluate is a URI, what mltrack.pyfunc.load_model gives, a fitted estimator or a function; "
        f"got {type(model).__name__}."
    )


def _of_pyfunc(model: Any, *, name: str, model_id: str | None = None) -> Predictor:
    metadata = model.metadata
    loader = (metadata.flavors.get("python_function") or {}).get("loader_module")
    found = model_id or getattr(metadata, "model_id", None)
    raw = _raw_model(model) if loader in _RAW else None
    if raw is None:
        return Predictor(name, model.predict, model_id=found, wants="frame")
    return Predictor(name, raw.predict, raw, has_score=loader == _SCORED and hasattr(raw, "score"), model_id=found)


def _raw_model(model: Any) -> Any:
    """Give the estimator inside, which skips the signature; a booster has other inputs and is left alone."""
    getter = getattr(model, "get_raw_model", None) or getattr(
        getattr(model, "_model_impl", None), "get_raw_model", None
    )
    raw = getter() if getter is not None else getattr(model, "_model_impl", None)
    return raw if hasattr(raw, "fit") and hasattr(raw, "predict") else None


def output_column(output: Any, name: str | None, *, count: int) -> tuple[Any, pd.DataFrame | None]:
    """Find the predictions in a model's output, and what else is in it, one of each a row.

    Raises
    ------
    InvalidParameterError
        When it has several columns and ``name`` is none of them, or another number of rows.
    """
    if isinstance(output, list) and output and all(isinstance(each, dict) for each in output):
        output = pd.DataFrame(output)
    if isinstance(output, dict):
        output = pd.DataFrame(output)
    rest = None
    if isinstance(output, pd.DataFrame):
        chosen = _chosen(list(output.columns), name)
        if chosen is not None:
            rest = output.drop(columns=chosen).reset_index(drop=True)
            output = output[chosen]
    found = np.asarray(output)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found.ravel()
    if found.ndim not in (1, 2) or len(found) != count:
        shape = "×".join(map(str, found.shape)) or "one value"
        raise InvalidParameterError(f"The model gave predictions of shape {shape} for {count} rows; give one a row.")
    return found, rest


def _chosen(columns: Sequence[Any], name: str | None) -> Any:
    """Choose the column of predictions; None when all of them are."""
    if name in columns:
        return name
    if len(columns) == 1:
        return columns[0]
    if name is None and all(isinstance(each, int) for each in columns):
        return None
    wanted = f"none is called {name!r}" if name is not None else "which one is not said"
    raise InvalidParameterError(
        f"The model's output has the columns {columns[:8]}, and {wanted}; name one with `predictions`."
    )
