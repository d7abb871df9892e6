"""``mltrack.onnx``'s functions for models: saving, logging and loading them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.frameworks.onnx.flavor import FLAVOR, OnnxFlavor
from mltrack.models.flavor import SaveOptions
from mltrack.models.logged import LogOptions, log_with
from mltrack.models.sources import find_model
from mltrack.models.writing import save_with

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mltrack.models.mlmodel import Model, ModelInfo


def save_model(  # noqa: PLR0913, PLR0917 - MLflow's signature
    onnx_model: Any,
    path: str | Path,
    conda_env: Any = None,
    code_paths: list[str] | None = None,
    mlflow_model: Model | None = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    onnx_execution_providers: Sequence[Any] | None = None,
    onnx_session_options: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    save_as_external_data: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    extra_files: list[str] | None = None,
) -> None:
    """Write an ONNX model to a new folder; see ``log_model`` for the arguments."""
    given = locals()
    save_with(_flavor(given), onnx_model, path, SaveOptions.of(given), meta=mlflow_model)


def log_model(  # noqa: PLR0913, PLR0917 - MLflow's signature
    onnx_model: Any,
    artifact_path: str | None = None,
    conda_env: Any = None,
    code_paths: list[str] | None = None,
    registered_model_name: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: float | None = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    onnx_execution_providers: Sequence[Any] | None = None,
    onnx_session_options: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    save_as_external_data: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    extra_files: list[str] | None = None,
    name: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    step: int = 0,
    model_id: str | None = None,
) -> ModelInfo:
    """Log an ONNX model; InvalidParameterError when it does not pass ``onnx.checker``.

    Parameters
    ----------
    onnx_model
        The ``onnx.ModelProto``.
    onnx_execution_providers
        Of ONNX Runtime, by preference. Default: CUDA, then the CPU.
    onnx_session_options
        ``intra_op_num_threads``, ``inter_op_num_threads``, ``execution_mode`` (``"sequential"``, ``"parallel"``),
        ``graph_optimization_level``, ``extra_session_config``.
    save_as_external_data
        Write tensors from 1 KiB on to a file beside the model.
    name
        The model's name; default ``model``. ``artifact_path`` is MLflow's older word for it.
    signature, input_example
        What goes in and comes out. Without a signature it is inferred from the example.
    conda_env, code_paths, registered_model_name, pip_requirements, extra_pip_requirements, metadata, extra_files, \
params, tags, model_type, step, model_id, await_registration_for
        As for every library; see ``mltrack.pyfunc.log_model``.
    """
    given = locals()
    return log_with(_flavor(given), onnx_model, SaveOptions.of(given), LogOptions.of(given))


def _flavor(given: Mapping[str, Any]) -> OnnxFlavor:
    return OnnxFlavor(
        providers=given["onnx_execution_providers"],
        session_options=given["onnx_session_options"],
        external=given["save_as_external_data"],
    )


def load_model(
    model_uri: str,
    dst_path: str | None = None,
    allow_pickle: bool | None = None,  # noqa: FBT001 - one value, no switch
) -> Any:
    """Give the ``onnx.ModelProto`` of a model, checked; nothing in it runs code.

    Raises
    ------
    InvalidParameterError
        When it is damaged, or takes tensors from outside of its folder.
    """
    return FLAVOR.load(find_model(model_uri).open(allow_pickle=allow_pickle, destination=dst_path))
