"""``mlflow.tracking.fluent``: the verbs, and the experiment that MLflow's multi-step example asks for."""

from typing import Any

import mltrack
from mltrack.settings import current_experiment_id


def _get_experiment_id() -> str:
    """Give the id of the experiment that the next run is of."""
    return current_experiment_id()


def __getattr__(name: str) -> Any:
    return getattr(mltrack, name)
