"""``mltrack.pyfunc``'s functions for models of the user's own: saving and logging them.

A PythonModel and a function are kept as a cloudpickle, which runs code when it is loaded: what you logged yourself
loads without a word, others have to trust it first. What every library's ``log_model`` takes, under MLflow's names:

``name``
    the model's name; default ``model``. ``artifact_path`` is MLflow's older word for it.
``signature``, ``input_example``
    what goes in and comes out. Without a signature it is inferred from type hints or from the example, which may be a
    tuple of data and params. ``signature=False`` leaves it out.
``code_paths``, ``extra_files``
    files and folders to keep with the model; what is in ``code_paths`` can be imported where it is loaded.
``conda_env``, ``pip_requirements``, ``extra_pip_requirements``
    what the model needs; default: the distributions of the modules that it uses.
``registered_model_name``
    registers it as the next version of this name.
``params``, ``tags``, ``model_type``, ``step``, ``metadata``, ``model_id``, ``run_id``
    what the logged model is called by in searches, the step of the run's metrics that are its own, what is kept in the
    MLmodel file, a logged model that is there already and has no files, and a run other than the active one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.models.flavor import SaveOptions
from mltrack.models.logged import LogOptions, log_with
from mltrack.models.writing import save_with
from mltrack.pyfunc.flavor import PyFuncFlavor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mltrack.models.mlmodel import Model, ModelInfo


def save_model(  # noqa: PLR0913, PLR0917 - MLflow's signature
    path: str | Path,
    loader_module: str | None = None,
    data_path: str | Path | None = None,
    code_paths: Sequence[str | Path] | None = None,
    conda_env: Any = None,
    mlflow_model: Model | None = None,
    python_model: Any = None,
    artifacts: Mapping[str, str] | None = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Mapping[str, Any] | None = None,
    model_config: Any = None,
    extra_files: Sequence[str | Path] | None = None,
) -> None:
    """Write a model of your own to a new folder; see ``log_model`` for the arguments."""
    options = SaveOptions.of(locals())
    flavor = _flavor(locals())
    save_with(flavor, python_model, path, options, meta=mlflow_model)


def log_model(  # noqa: PLR0913, PLR0917 - MLflow's signature
    artifact_path: str | None = None,
    loader_module: str | None = None,
    data_path: str | Path | None = None,
    code_paths: Sequence[str | Path] | None = None,
    conda_env: Any = None,
    python_model: Any = None,
    artifacts: Mapping[str, str] | None = None,
    registered_model_name: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: float | None = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Mapping[str, Any] | None = None,
    model_config: Any = None,
    name: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    step: int = 0,
    model_id: str | None = None,
    extra_files: Sequence[str | Path] | None = None,
    run_id: str | None = None,
) -> ModelInfo:
    """Log a model of your own: a PythonModel, a function of the data, or a Python file (a model from code).

    ``python_model`` is one of these; a file ends with ``mltrack.models.set_model(…)``. Instead of it ``loader_module``
    names a module of yours with ``_load_pyfunc(path)``, and ``data_path`` the file or folder that it loads.
    ``artifacts`` are files by name, as paths or URIs, which ``predict`` finds in ``context.artifacts``, and
    ``model_config`` a dict, or the path of a YAML file: ``context.model_config``. The others are as for every library;
    see this module.

    Raises InvalidParameterError when neither or both kinds of models are given.
    """
    given = locals()
    return log_with(_flavor(given), python_model, SaveOptions.of(given), LogOptions.of(given))


def _flavor(given: Mapping[str, Any]) -> PyFuncFlavor:
    if (given["python_model"] is None) == (given["loader_module"] is None):
        raise InvalidParameterError("Give either python_model or loader_module, not both and not none.")
    return PyFuncFlavor(
        artifacts=given["artifacts"],
        model_config=given["model_config"],
        loader_module=given["loader_module"],
        data_path=given["data_path"],
    )
