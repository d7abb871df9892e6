"""``mltrack.pytorch``'s functions for models: saving, logging and loading modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.frameworks.pytorch.flavor import EXPORTED, PICKLE, PytorchFlavor
from mltrack.models.flavor import SaveOptions
from mltrack.models.logged import LogOptions, log_with
from mltrack.models.sources import find_model
from mltrack.models.writing import save_with

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mltrack.models.mlmodel import Model, ModelInfo


def save_model(  # noqa: PLR0913, PLR0917 - MLflow's signature
    pytorch_model: Any,
    path: str | Path,
    conda_env: Any = None,
    mlflow_model: Model | None = None,
    code_paths: list[str] | None = None,
    pickle_module: Any = None,
    signature: Any = None,
    input_example: Any = None,
    extra_files: list[str] | None = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Mapping[str, Any] | None = None,
    export_model: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    serialization_format: str | None = None,
) -> None:
    """Write a module to a new folder; see ``log_model`` for the arguments."""
    given = locals()
    save_with(_flavor(given), pytorch_model, path, SaveOptions.of(given), meta=mlflow_model)


def log_model(  # noqa: PLR0913, PLR0917 - MLflow's signature
    pytorch_model: Any,
    artifact_path: str | None = None,
    conda_env: Any = None,
    code_paths: list[str] | None = None,
    pickle_module: Any = None,
    registered_model_name: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: float | None = None,
    extra_files: list[str] | None = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Mapping[str, Any] | None = None,
    name: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    step: int = 0,
    model_id: str | None = None,
    export_model: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    serialization_format: str | None = None,
) -> ModelInfo:
    """Log a module, or a TorchScript of one, without a pickle where that can be.

    Parameters
    ----------
    pytorch_model
        The ``torch.nn.Module``. It is kept as it predicts after training, and is left as it is.
    input_example
        What it takes: an array, a tensor, a frame of numbers; a list of arrays or tensors for a module of several
        inputs, which then has no pyfunc flavor. With it the module is exported by ``torch.export``.
    serialization_format
        ``"pt2"`` exports it, or raises what ``torch.export`` raises. ``"state_dict"`` keeps the weights as safetensors;
        loading makes the class anew by its name, or takes ``load_model(URI, model=MODULE)``. ``"pickle"`` keeps
        everything, and runs code when it is loaded. Default: the first of these that can be.
    export_model
        MLflow's older word for ``serialization_format="pt2"``.
    pickle_module
        Is not used: pickles are written by cloudpickle.
    name
        The model's name; default ``model``. ``artifact_path`` is MLflow's older word for it.
    signature
        What goes in and comes out; inferred from the example when it is left out. Sizes of -1 stay free.
    conda_env, code_paths, registered_model_name, extra_files, pip_requirements, extra_pip_requirements, metadata, \
params, tags, model_type, step, model_id, await_registration_for
        As for every library; see ``mltrack.pyfunc.log_model``.
    """
    given = locals()
    return log_with(_flavor(given), pytorch_model, SaveOptions.of(given), LogOptions.of(given))


def _flavor(given: Mapping[str, Any]) -> PytorchFlavor:
    chosen = given["serialization_format"]
    if given["export_model"]:
        if chosen == PICKLE:
            raise InvalidParameterError("Give export_model=True or serialization_format='pickle', not both.")
        chosen = EXPORTED
    return PytorchFlavor(serialization_format=chosen)


def load_model(
    model_uri: str,
    dst_path: str | None = None,
    allow_pickle: bool | None = None,  # noqa: FBT001 - one value, no switch
    model: Any = None,
    map_location: Any = None,
) -> Any:
    """Give the module of a model, ready to predict.

    Parameters
    ----------
    model_uri, dst_path, allow_pickle
        As for ``mltrack.pyfunc.load_model``.
    model
        A module to load a state dict into; default: one of the class that it was logged from.
    map_location
        The device; default: the CPU.

    Raises
    ------
    UntrustedModelError
        When loading would run code, and neither you made the model nor trust it.
    InvalidParameterError
        When the file is damaged, or the weights are those of another module.
    """
    folder = find_model(model_uri).open(allow_pickle=allow_pickle, destination=dst_path)
    loaded = PytorchFlavor(instance=model).load(folder)
    return loaded if map_location is None else loaded.to(map_location)
