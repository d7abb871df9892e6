"""Which loaders an MLmodel file may name, and which library keeps a given model."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from mltrack.models.flavor import Flavor

# The module of each flavor, whose FLAVOR is an object of its class; more special ones before those they build on.
_HOMES = {
    "xgboost": "mltrack.frameworks.xgboost.flavor",
    "lightgbm": "mltrack.frameworks.lightgbm.flavor",
    "sklearn": "mltrack.frameworks.sklearn.flavor",
    "keras": "mltrack.frameworks.keras.flavor",
    "pytorch": "mltrack.frameworks.pytorch.flavor",
    "onnx": "mltrack.frameworks.onnx.flavor",
    "statsmodels": "mltrack.frameworks.statsmodels.flavor",
    "pyfunc": "mltrack.pyfunc.flavor",
}
# The modules that must have been imported before anything of the flavor's can exist.
_LIBRARIES = {"pytorch": "torch", "pyfunc": "mltrack"}
_LOADERS = {f"mlflow.{name}": name for name in _HOMES} | {
    "mlflow.pyfunc.model": "pyfunc",
    "mlflow.pyfunc.loaders.code_model": "pyfunc",
    "mlflow.tensorflow": "keras",
    "mlflow.keras.load": "keras",
}


def flavor_named(name: str) -> Flavor:
    """Give a flavor by its name, as ``sklearn``; InvalidParameterError when there is none."""
    if name not in _HOMES:
        raise InvalidParameterError(f"There is no flavor {name[:60]!r}; there are {', '.join(sorted(_HOMES))}.")
    found: Flavor = import_module(_HOMES[name]).FLAVOR
    return found


def flavor_of_loader(loader_module: str) -> Flavor | None:
    """Give the flavor that MLflow's loader of this name stands for; None for one that is not known."""
    for prefix in ("", "mlflow."):
        known = _LOADERS.get(prefix + loader_module.replace("mltrack.", "mlflow.", 1))
        if known is not None:
            return flavor_named(known)
    return None


def flavor_of(model: Any) -> Flavor:
    """Give the flavor that keeps such a model.

    Raises
    ------
    InvalidParameterError
        When no library is known to; the message says what goes.
    """
    for name in _HOMES:
        if _LIBRARIES.get(name, name) in sys.modules:
            flavor = flavor_named(name)
            if flavor.is_model(model):
                return flavor
    raise InvalidParameterError(
        f"A {type(model).__module__}.{type(model).__qualname__} is no model that is known: give a fitted model of "
        f"{', '.join(name for name in _HOMES if name != 'pyfunc')}, a PythonModel, or a function of the data."
    )
