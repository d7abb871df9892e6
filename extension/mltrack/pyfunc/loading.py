"""Loading a model of any library by its URI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.models.flavors import flavor_of_loader
from mltrack.models.sources import find_model
from mltrack.pyfunc.model import PyFuncModel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mltrack.models.flavor import Predictor
    from mltrack.models.folder import ModelFolder


def load_model(
    model_uri: str,
    suppress_warnings: bool = False,  # noqa: FBT001, FBT002, ARG001 - MLflow's signature; nothing is warned about
    dst_path: str | None = None,
    model_config: Mapping[str, Any] | str | Path | None = None,
    allow_pickle: bool | None = None,  # noqa: FBT001 - one value, no switch
) -> PyFuncModel:
    """Load a model by its URI, whatever library made it.

    Parameters
    ----------
    model_uri
        ``models:/NAME/3``, ``models:/NAME@champion``, ``models:/MODEL_ID``, ``runs:/RUN_ID/NAME``, or a path.
    dst_path
        A folder to copy the files to first.
    model_config
        Values that take the place of those of the same names that the model was logged with.
    allow_pickle
        True loads what runs code when loaded, whoever made it. Default: what this user made or trusts.

    Raises
    ------
    UntrustedModelError
        When it would run code and is not trusted; the message says what is inside.
    ArtifactChangedError
        When a file is not what was logged or registered.
    NotFoundError, InvalidParameterError
        When there is no such model, or it is none that can be loaded.
    """
    folder = find_model(model_uri).open(allow_pickle=allow_pickle, destination=dst_path)
    if model_config is not None:
        folder.config = model_config
    return PyFuncModel(folder.model, load_predictor(folder), uri=str(model_uri), folder=folder.path)


def load_predictor(folder: ModelFolder) -> Predictor:
    """Give what predicts, of an opened folder: by a loader that is known, else by the model's own if it is trusted."""
    name = folder.pyfunc.get("loader_module")
    if not isinstance(name, str):
        raise InvalidParameterError(f"The MLmodel file of {folder.uri!r} names no loader_module.")
    flavor = flavor_of_loader(name)
    if flavor is not None:
        folder.add_code()
        return flavor.load_pyfunc(folder)
    module = folder.import_code(name)
    data = folder.pyfunc.get("data")
    made = module._load_pyfunc(str(folder.place(data) if data else folder.path))
    return _Own(made)


class _Own:
    """What a loader of the user's own gave; its ``predict`` may take no params."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Give the predictions."""
        return self.model.predict(data) if params is None else self.model.predict(data, params=params)


def get_model_dependencies(model_uri: str, format: str = "pip") -> str:  # noqa: A002 - MLflow's signature
    """Give the path of the file with what a model needs: ``requirements.txt``, or with ``"conda"`` ``conda.yaml``."""
    files = {"pip": "requirements.txt", "conda": "conda.yaml"}
    if format not in files:
        raise InvalidParameterError(f"format must be 'pip' or 'conda'; got {format!r}.")
    return str(find_model(model_uri).fetch_file(files[format]))
