"""The few modules of ``mlflow.utils`` and its neighbours that MLflow's examples import, each with what they take."""

from importlib import import_module
from types import ModuleType

_NAMES = ("logging_utils", "mlflow_tags", "validation")


def __getattr__(name: str) -> ModuleType:
    if name in _NAMES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"mltrack, which stands in for mlflow in this project, has no 'mlflow.utils.{name}'")
