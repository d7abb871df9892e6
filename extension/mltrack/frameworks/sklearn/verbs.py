"""``mltrack.sklearn``'s functions for models: saving, logging and loading estimators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.frameworks.sklearn.flavor import FLAVOR, SklearnFlavor
from mltrack.models.flavor import SaveOptions
from mltrack.models.logged import LogOptions, log_with
from mltrack.models.sources import find_model
from mltrack.models.writing import save_with

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mltrack.models.mlmodel import Model, ModelInfo


def save_model(  # noqa: PLR0913, PLR0917 - MLflow's signature
    sk_model: Any,
    path: str | Path,
    conda_env: Any = None,
    code_paths: list[str] | None = None,
    mlflow_model: Model | None = None,
    serialization_format: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    pyfunc_predict_fn: str = "predict",
    metadata: Mapping[str, Any] | None = None,
    skops_trusted_types: list[str] | None = None,
    extra_files: list[str] | None = None,
) -> None:
    """Write an estimator to a new folder; see ``log_model`` for the arguments."""
    given = locals()
    save_with(_flavor(given), sk_model, path, SaveOptions.of(given), meta=mlflow_model)


def log_model(  # noqa: PLR0913, PLR0917 - MLflow's signature
    sk_model: Any,
    artifact_path: str | None = None,
    conda_env: Any = None,
    code_paths: list[str] | None = None,
    serialization_format: str | None = None,
    registered_model_name: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: float | None = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    pyfunc_predict_fn: str = "predict",
    metadata: Mapping[str, Any] | None = None,
    extra_files: list[str] | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    step: int = 0,
    model_id: str | None = None,
    name: str | None = None,
    skops_trusted_types: list[str] | None = None,
    run_id: str | None = None,
) -> ModelInfo:
    """Log a fitted estimator of scikit-learn, a pipeline or a search as well.

    Parameters
    ----------
    name
        The model's name; default ``model``. ``artifact_path`` is MLflow's older word for it.
    signature, input_example
        What goes in and comes out; without a signature it is inferred from the example.
    serialization_format
        ``skops`` (default; no code runs when it is loaded; of a model with functions or classes of yours it is a
        cloudpickle, with a warning), ``cloudpickle`` or ``pickle``.
    skops_trusted_types
        Full names of your own types that skops is to keep; loading the model has to be trusted then.
    pyfunc_predict_fn
        The method that ``mltrack.pyfunc`` calls, as ``predict_proba``.
    code_paths, extra_files, conda_env, pip_requirements, extra_pip_requirements, registered_model_name, params, \
tags, model_type, step, metadata, model_id, run_id, await_registration_for
        As for ``mltrack.pyfunc.log_model``.

    Raises
    ------
    InvalidParameterError
        When the format asked for cannot keep the model; MissingLibraryError without skops.
    """
    given = locals()
    return log_with(_flavor(given), sk_model, SaveOptions.of(given), LogOptions.of(given))


def load_model(
    model_uri: str,
    dst_path: str | None = None,
    allow_pickle: bool | None = None,  # noqa: FBT001 - one value, no switch
) -> Any:
    """Load an estimator by the URI of its model; see ``mltrack.pyfunc.load_model``.

    Raises
    ------
    UntrustedModelError
        When it would run code and this user neither made nor trusts it.
    NotFoundError
        When there is no such model, or it is none of scikit-learn.
    """
    folder = find_model(model_uri).open(allow_pickle=allow_pickle, destination=dst_path)
    folder.flavor(FLAVOR.name)
    folder.add_code()
    return FLAVOR.load(folder)


def _flavor(given: Mapping[str, Any]) -> SklearnFlavor:
    return SklearnFlavor(
        serialization_format=given["serialization_format"],
        predict_fn=given["pyfunc_predict_fn"],
        skops_trusted_types=given["skops_trusted_types"],
    )
