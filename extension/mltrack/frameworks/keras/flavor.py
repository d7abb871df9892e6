"""How Keras' models are written and loaded: as ``.keras`` files, which run no code unless a layer is a function."""

from __future__ import annotations

import os
import shutil
import sys
from importlib import import_module
from importlib.util import find_spec
from math import prod
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.frameworks.keras.archives import why_unsafe
from mltrack.models.flavor import Draft, Flavor, Predictor, SaveOptions
from mltrack.models.logged import LogOptions, log_with
from mltrack.models.sources import find_model
from mltrack.models.writing import private_folder, save_with

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mltrack.models.folder import ModelFolder
    from mltrack.models.mlmodel import Model, ModelInfo

_FOLDER, _FILE, _OLD_FILE, _MODULE_FILE = "data", "model.keras", "model.h5", "keras_module.txt"
_CUSTOM = ("global_custom_objects.cloudpickle", "custom_objects.cloudpickle")
"""What MLflow 1.x and 2.x kept of the user's classes, as pickles; the later of two counts."""
_BACKENDS = ("tensorflow", "jax", "torch")


class KerasFlavor(Flavor):
    """Keras' way, of Keras 3 on any backend.

    Parameters
    ----------
    save_options
        For ``keras.Model.save``.
    load_options
        For ``keras.saving.load_model``, as ``compile``; ``safe_mode`` follows from the trust in the model.
    custom_objects
        Classes and functions of yours by name, which the model was made of.
    """

    name = "keras"
    loader = "mlflow.keras"

    def __init__(
        self,
        *,
        save_options: Mapping[str, Any] | None = None,
        load_options: Mapping[str, Any] | None = None,
        custom_objects: Mapping[str, Any] | None = None,
    ) -> None:
        self._save_options = dict(save_options or {})
        self._load_options = {name: value for name, value in (load_options or {}).items() if name != "safe_mode"}
        self._custom_objects = dict(custom_objects or {})

    def is_model(self, thing: Any) -> bool:
        """Say whether it is a model."""
        return isinstance(thing, getattr(sys.modules.get("keras"), "Model", ()))

    def size(self, model: Any) -> int:
        """Give the bytes of its weights, of two bytes a number at least."""
        return 2 * sum(int(prod(each.shape)) for each in model.weights)

    def save(self, model: Any, draft: Draft) -> None:
        """Write the ``.keras`` file, marked when Keras would run code for it."""
        keras = import_module("keras")
        target = draft.folder / _FOLDER
        target.mkdir()
        (target / _MODULE_FILE).write_text("keras", encoding="utf-8")
        model.save(target / _FILE, **self._save_options)
        if why_unsafe((target / _FILE).read_bytes()) is not None:
            draft.mark_pickle(f"{_FOLDER}/{_FILE}")
        backend = keras.backend.backend()
        draft.modules.update({"keras", backend})
        draft.add_pyfunc(self.loader)
        conf = {"keras_version": keras.__version__, "keras_backend": backend, "save_exported_model": False}
        draft.add_flavor(self.name, data=_FOLDER, **conf)

    def load(self, folder: ModelFolder) -> Any:
        """Give the model."""
        conf = folder.model.flavors.get(self.name) or folder.model.flavors.get("tensorflow") or {}
        place = str(conf.get("data") or _FOLDER)
        name = next((f"{place}/{each}" for each in (_FILE, _OLD_FILE) if (folder.path / place / each).is_file()), None)
        if name is None or conf.get("save_exported_model"):
            raise InvalidParameterError(
                f"The model {folder.uri!r} has no {place}/{_FILE} or {_OLD_FILE}. A SavedModel of TensorFlow's needs "
                "TensorFlow, or Keras' TFSMLayer; save it as .keras to load it here."
            )
        keras = _keras_for(conf.get("keras_backend"))
        objects = {**_kept_objects(folder, place), **self._custom_objects}
        content, safe = folder.read(name), True
        unsafe = why_unsafe(content, {*objects, *keras.saving.get_custom_objects()})
        if unsafe is not None:
            content, safe = folder.read_trusted(name, f"{unsafe} in"), False
            folder.add_code()
        return self._loaded(keras, content, objects, suffix=name[name.rindex(".") :], safe=safe)

    def _loaded(self, keras: Any, content: bytes, objects: Mapping[str, Any], *, suffix: str, safe: bool) -> Any:
        """Load what was read and looked at, from a file that nobody else can change."""
        folder = private_folder()
        try:
            path = folder / f"model{suffix}"
            path.write_bytes(content)
            # What old files say of the compilation, Keras 3 reads in part only.
            options = {"compile": suffix != ".h5", **self._load_options}
            return keras.saving.load_model(path, custom_objects=objects, safe_mode=safe, **options)
        except (ValueError, TypeError, OSError, KeyError) as error:
            raise InvalidParameterError(
                f"Keras {keras.__version__} cannot load the model: {type(error).__name__}: {str(error)[:400]} Classes "
                "of yours are given as custom_objects."
            ) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def wrap(self, model: Any, conf: Mapping[str, Any]) -> Predictor:  # noqa: ARG002 - as every flavor
        """Give what predicts."""
        return KerasPredictor(model)


def _keras_for(backend: object) -> Any:
    """Import Keras, on the backend that the model was made on unless the user has chosen one."""
    chosen = backend in _BACKENDS and find_spec(str(backend)) is not None
    if "keras" in sys.modules or "KERAS_BACKEND" in os.environ or not chosen:
        return import_module("keras")
    os.environ["KERAS_BACKEND"] = str(backend)
    try:
        return import_module("keras")
    finally:
        del os.environ["KERAS_BACKEND"]


def _kept_objects(folder: ModelFolder, place: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in _CUSTOM:
        if (folder.path / place / name).is_file():
            kept = folder.unpickle(f"{place}/{name}")
            if not isinstance(kept, dict):
                raise InvalidParameterError(f"{place}/{name} of {folder.uri!r} holds no dict of classes and functions.")
            found.update(kept)
    return found


class KerasPredictor:
    """Predicts as ``mlflow.keras`` does: a frame for a frame, an array for anything else."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:  # noqa: ARG002 - there are none
        """Give the predictions; InvalidParameterError for what is neither a frame, an array, a list nor a dict."""
        pandas = sys.modules.get("pandas")
        if pandas is not None and isinstance(data, pandas.DataFrame):
            return pandas.DataFrame(self.model.predict(data.to_numpy(), verbose=0), index=data.index)
        if not isinstance(data, (list, tuple, dict)) and not hasattr(data, "dtype"):
            raise InvalidParameterError(
                f"A Keras model takes a DataFrame, an array, a list or a dict; got a {type(data).__name__}."
            )
        return import_module("keras").ops.convert_to_numpy(self.model.predict(data, verbose=0))


def save_model(  # noqa: PLR0913, PLR0917 - MLflow's signature
    model: Any,
    path: str | Path,
    save_exported_model: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    conda_env: Any = None,
    mlflow_model: Model | None = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    save_model_kwargs: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    code_paths: list[str] | None = None,
    extra_files: list[str] | None = None,
) -> None:
    """Write a model to a new folder; see ``log_model`` for the arguments."""
    given = locals()
    save_with(_flavor(given), model, path, SaveOptions.of(given), meta=mlflow_model)


def log_model(  # noqa: PLR0913, PLR0917 - MLflow's signature
    model: Any,
    artifact_path: str | None = None,
    save_exported_model: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    conda_env: Any = None,
    signature: Any = None,
    input_example: Any = None,
    registered_model_name: str | None = None,
    await_registration_for: float | None = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    save_model_kwargs: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    name: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    step: int = 0,
    model_id: str | None = None,
    code_paths: list[str] | None = None,
    extra_files: list[str] | None = None,
) -> ModelInfo:
    """Log a model of Keras 3 as a ``.keras`` file.

    Layers that are functions (``Lambda``) and classes of your own run code when they are loaded: what you logged
    yourself loads without a word, others have to trust it first.

    Parameters
    ----------
    model
        The ``keras.Model``.
    save_exported_model
        Is not there: a SavedModel needs TensorFlow. True raises InvalidParameterError.
    save_model_kwargs
        For ``keras.Model.save``.
    name
        The model's name; default ``model``. ``artifact_path`` is MLflow's older word for it.
    signature, input_example
        What goes in and comes out. Without a signature it is inferred from the example.
    conda_env, registered_model_name, pip_requirements, extra_pip_requirements, metadata, code_paths, extra_files, \
params, tags, model_type, step, model_id, await_registration_for
        As for every library; see ``mltrack.pyfunc.log_model``.
    """
    given = locals()
    return log_with(_flavor(given), model, SaveOptions.of(given), LogOptions.of(given))


def _flavor(given: Mapping[str, Any]) -> KerasFlavor:
    if given["save_exported_model"]:
        raise InvalidParameterError(
            "save_exported_model=True writes a SavedModel of TensorFlow's; only .keras is here."
        )
    return KerasFlavor(save_options=given["save_model_kwargs"])


def load_model(
    model_uri: str,
    dst_path: str | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    load_model_kwargs: Mapping[str, Any] | None = None,
    allow_pickle: bool | None = None,  # noqa: FBT001 - one value, no switch
) -> Any:
    """Give the model, of Keras 3 or, as far as Keras 3 reads it, of an older one (``.h5``).

    Parameters
    ----------
    model_uri, dst_path, allow_pickle
        As for ``mltrack.pyfunc.load_model``.
    custom_objects
        Classes and functions of yours by name.
    load_model_kwargs
        For ``keras.saving.load_model``, as ``{"compile": False}``, which is the default for ``.h5``.

    Raises
    ------
    UntrustedModelError
        When it has a Lambda layer, or a class that is none of Keras', and neither you made it nor trust it.
    """
    flavor = KerasFlavor(load_options=load_model_kwargs, custom_objects=custom_objects)
    return flavor.load(find_model(model_uri).open(allow_pickle=allow_pickle, destination=dst_path))


FLAVOR = KerasFlavor()
