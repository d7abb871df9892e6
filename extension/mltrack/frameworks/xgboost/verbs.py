"""``mltrack.xgboost``'s functions for models: saving, logging and loading them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.frameworks.xgboost.flavor import FLAVOR, XGBoostFlavor
from mltrack.models.flavor import SaveOptions
from mltrack.models.logged import LogOptions, log_with
from mltrack.models.sources import find_model
from mltrack.models.writing import save_with

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mltrack.models.mlmodel import Model, ModelInfo


def save_model(  # noqa: PLR0913, PLR0917 - MLflow's signature
    xgb_model: Any,
    path: str | Path,
    conda_env: Any = None,
    code_paths: list[str] | None = None,
    mlflow_model: Model | None = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    model_format: str = "ubj",
    metadata: Mapping[str, Any] | None = None,
    extra_files: list[str] | None = None,
) -> None:
    """Write a model of XGBoost to a new folder; see ``log_model`` for the arguments."""
    given = locals()
    save_with(_flavor(given), xgb_model, path, SaveOptions.of(given), meta=mlflow_model)


def log_model(  # noqa: PLR0913, PLR0917 - MLflow's signature
    xgb_model: Any,
    artifact_path: str | None = None,
    conda_env: Any = None,
    code_paths: list[str] | None = None,
    registered_model_name: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: float | None = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    model_format: str = "ubj",
    metadata: Mapping[str, Any] | None = None,
    extra_files: list[str] | None = None,
    name: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    step: int = 0,
    model_id: str | None = None,
    run_id: str | None = None,
) -> ModelInfo:
    """Log a model of XGBoost.

    Parameters
    ----------
    xgb_model
        A ``Booster``, or an estimator such as ``XGBClassifier``.
    model_format
        ``ubj`` (default) or ``json``; loading either runs no code.
    name
        The model's name; default ``model``. ``artifact_path`` is MLflow's older word for it.
    signature, input_example
        What goes in and comes out; without a signature it is inferred from the example.
    code_paths, extra_files, conda_env, pip_requirements, extra_pip_requirements, registered_model_name, params, \
tags, model_type, step, metadata, model_id, run_id, await_registration_for
        As for ``mltrack.pyfunc.log_model``.

    Raises
    ------
    InvalidParameterError
        When it is no model of XGBoost.
    """
    given = locals()
    return log_with(_flavor(given), xgb_model, SaveOptions.of(given), LogOptions.of(given))


def load_model(
    model_uri: str,
    dst_path: str | None = None,
    allow_pickle: bool | None = None,  # noqa: FBT001 - one value, no switch
) -> Any:
    """Load a booster or estimator by the URI of its model; see ``mltrack.pyfunc.load_model``.

    Raises
    ------
    UntrustedModelError
        When it would run code and this user neither made nor trusts it.
    NotFoundError
        When there is no such model, or it is none of XGBoost.
    """
    folder = find_model(model_uri).open(allow_pickle=allow_pickle, destination=dst_path)
    folder.flavor(FLAVOR.name)
    folder.add_code()
    return FLAVOR.load(folder)


def _flavor(given: Mapping[str, Any]) -> XGBoostFlavor:
    return XGBoostFlavor(model_format=given["model_format"])
