"""Models that are a class, a function or a file of the user's: how they are written and loaded."""

from __future__ import annotations

import bz2
import gzip
import inspect
import lzma
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mltrack.exceptions import InvalidParameterError
from mltrack.models.code_models import run_model_code
from mltrack.models.flavor import Draft, Flavor, Predictor
from mltrack.models.hinted import infer_signature_from_type_hints, predict_hints, takes_context
from mltrack.models.sources import fetch_place, find_model
from mltrack.models.writing import copy_tree
from mltrack.plain_yaml import read_yaml
from mltrack.pyfunc.python_model import FunctionModel, PythonModelContext
from mltrack.store.artifacts import is_remote
from mltrack.types.hints import HintError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.models.folder import ModelFolder
    from mltrack.models.signature import ModelSignature

_PICKLE, _OWN_MODULE = "python_model.pkl", "mltrack.pyfunc.python_model"
_OPENERS = {"gzip": gzip.decompress, "bzip2": bz2.decompress, "lzma": lzma.decompress}


class PyFuncFlavor(Flavor):
    """Keeps a PythonModel or a function as a cloudpickle, a file as the code it is, or files with a loader."""

    name = "pyfunc"
    loader = "mlflow.pyfunc.model"

    def __init__(
        self,
        *,
        artifacts: Mapping[str, str] | None = None,
        model_config: Any = None,
        loader_module: str | None = None,
        data_path: str | Path | None = None,
    ) -> None:
        if artifacts is not None and not hasattr(artifacts, "items"):
            raise InvalidParameterError(f"artifacts must be a dict of paths or URIs by name; got {artifacts!r:.80}.")
        self._artifacts = dict(artifacts or {})
        self._config = read_config(model_config)
        self._loader_module = loader_module
        self._data_path = data_path

    def is_model(self, thing: Any) -> bool:
        """Say whether it is a PythonModel or a function."""
        return is_python_model(thing) or inspect.isroutine(thing)

    def save(self, model: Any, draft: Draft) -> None:
        """Write the pickle or the code, and the artifacts."""
        if self._loader_module is not None:
            self._save_with_loader(draft)
            return
        conf: dict[str, Any] = {"config": self._config} if self._config else {}
        conf |= {"artifacts": self._copy_artifacts(draft)} if self._artifacts else {}
        if isinstance(model, (str, Path)):
            source = _code_file(model)
            shutil.copyfile(source, draft.folder / source.name)
            draft.mark_pickle(source.name)
            draft.add_pyfunc(self.loader, model_code_path=source.name, streamable=False, **conf)
            return
        model = as_python_model(model)
        draft.modules.update(_modules_of(model))
        draft.write_pickle(_PICKLE, model, by_value=(_OWN_MODULE,))
        import cloudpickle  # which has just written the model

        conf |= {"python_model": _PICKLE, "cloudpickle_version": cloudpickle.__version__, "streamable": False}
        draft.add_pyfunc(self.loader, **conf)
        if draft.options.signature is None and draft.model.signature is None:
            draft.model.signature = hinted_signature(model)
            draft.model.is_signature_from_type_hint = draft.model.signature is not None

    def _save_with_loader(self, draft: Draft) -> None:
        conf: dict[str, Any] = {}
        if self._data_path is not None:
            source = _fetch(str(self._data_path))
            target = draft.folder / "data" / source.name
            target.parent.mkdir()
            copy_tree(source, target) if source.is_dir() else shutil.copyfile(source, target)
            conf["data"] = f"data/{source.name}"
        draft.mark_pickle(f"loader {self._loader_module}")
        draft.add_pyfunc(str(self._loader_module), **conf)

    def _copy_artifacts(self, draft: Draft) -> dict[str, dict[str, str]]:
        found = {}
        for name, uri in self._artifacts.items():
            source = _fetch(str(uri))
            target = draft.folder / "artifacts" / source.name
            target.parent.mkdir(exist_ok=True)
            if target.exists():
                raise InvalidParameterError(f"Two artifacts of the model are called {source.name!r}; rename one.")
            copy_tree(source, target) if source.is_dir() else shutil.copyfile(source, target)
            found[str(name)] = {"path": f"artifacts/{source.name}", "uri": str(uri)}
        return found

    def load(self, folder: ModelFolder) -> Any:
        """Give the user's own model, before ``load_context``."""
        conf = folder.pyfunc
        if code := conf.get("model_code_path"):
            file = Path(str(code)).name  # MLflow keeps the path that it had where it was logged
            content = folder.read_trusted(file, "the Python file")
            return as_python_model(run_model_code(folder.place(file), content))
        name = conf.get("python_model")
        if not isinstance(name, str):
            raise InvalidParameterError(f"The MLmodel file of {folder.uri!r} names no python_model.")
        opener = _OPENERS.get(str(conf.get("python_model_compression")))
        return folder.unpickle(name, opener=opener)

    def load_pyfunc(self, folder: ModelFolder) -> Predictor:
        """Load the model and its context."""
        conf = folder.pyfunc
        model = self.load(folder)
        named = conf.get("artifacts") or {}
        artifacts = {name: str(folder.place(each["path"])) for name, each in named.items()}
        config = {**(conf.get("config") or {}), **(read_config(folder.config) or {})}
        context = PythonModelContext(artifacts, config)  # type: ignore[no-untyped-call]
        model.load_context(context)
        return PythonPredictor(model, context)

    def wrap(self, model: Any, conf: Mapping[str, Any]) -> Predictor:
        """Give what predicts with a model that is not loaded from files."""
        if isinstance(model, (str, Path)):
            source = _code_file(model)
            model = run_model_code(source, source.read_bytes())
        model = as_python_model(model)
        artifacts = {name: str(_fetch(str(uri))) for name, uri in self._artifacts.items()}
        context = PythonModelContext(artifacts, conf.get("config"))  # type: ignore[no-untyped-call]
        model.load_context(context)
        return PythonPredictor(model, context)


class PythonPredictor:
    """Calls the ``predict`` of a PythonModel with what it takes."""

    def __init__(self, python_model: Any, context: Any) -> None:
        self.python_model = python_model
        self.hint = predict_hints(_predicting(python_model)).data
        self.config = context.model_config
        self._context = context
        taken = inspect.signature(python_model.predict).parameters
        self._takes_context = takes_context([name for name in taken if name != "params"])
        self._takes_params = "params" in taken

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Give what the user's ``predict`` gives."""
        given = (self._context, data) if self._takes_context else (data,)
        return self.python_model.predict(*given, **({"params": params} if self._takes_params else {}))


def is_python_model(thing: Any) -> bool:
    """Say whether it is a PythonModel, of ours, of MLflow's, or of one that was pickled by value."""
    return any(each.__name__ == "PythonModel" for each in type(thing).__mro__)


def as_python_model(thing: Any) -> Any:
    """Give a PythonModel as it is, a function as one.

    Raises
    ------
    InvalidParameterError
        For anything else, and for a function that takes neither one nor two arguments.
    """
    if is_python_model(thing):
        return thing
    if not callable(thing):
        raise InvalidParameterError(
            f"A {type(thing).__name__} is no python_model; give a PythonModel, a function, or a path of a Python file."
        )
    taken = list(inspect.signature(thing).parameters)
    if len(taken) not in (1, 2):
        raise InvalidParameterError(f"The function must take (data) or (data, params); it takes {', '.join(taken)}.")
    return FunctionModel(thing, takes_params=len(taken) == 2)  # type: ignore[no-untyped-call]


def hinted_signature(model: Any) -> ModelSignature | None:
    """Give the signature that the type hints of ``predict``, or of the function, say; None when they say none."""
    try:
        return infer_signature_from_type_hints(_predicting(model))
    except HintError:
        return None


def _predicting(model: Any) -> Any:
    return getattr(model, "function", model.predict)


def read_config(given: Any) -> dict[str, Any] | None:
    """Give a configuration as a dict: of one as it is, of the path of a YAML file what is in it."""
    if given is None or isinstance(given, dict):
        return cast("dict[str, Any] | None", given)
    if not isinstance(given, (str, Path)) or not Path(given).is_file():
        raise InvalidParameterError(f"model_config must be a dict or the path of a YAML file; got {given!r:.200}.")
    found = read_yaml(Path(given).read_text(encoding="utf-8"), given)
    if not isinstance(found, dict):
        raise InvalidParameterError(f"The configuration {str(given)[:200]!r} is no mapping.")
    return found


def _code_file(given: str | Path) -> Path:
    source = Path(given)
    if not source.is_file() or source.suffix != ".py":
        raise InvalidParameterError(f"{str(given)[:200]!r} is no Python file that is there, so it cannot be a model.")
    return source


def _modules_of(model: Any) -> set[str]:
    """Give the modules that a function or class of the user's uses by its globals."""
    thing = model.function if isinstance(model, FunctionModel) else type(model).predict
    used = getattr(thing, "__globals__", {})
    names = getattr(getattr(thing, "__code__", None), "co_names", ())
    found = {getattr(used.get(name), "__name__", "") for name in names if inspect.ismodule(used.get(name))}
    return {each for each in found if each}


def _fetch(uri: str) -> Path:
    if uri.startswith("models:/"):
        return find_model(uri).fetch()
    if is_remote(uri):
        return fetch_place(uri)
    if "://" in uri or uri.startswith(("runs:/", "mlflow-artifacts:/")):
        from mltrack.artifacts.loading import download_artifacts  # for artifacts of runs only

        return Path(download_artifacts(uri))
    source = Path(uri.removeprefix("file:"))
    if not source.is_file() and not source.is_dir():
        raise InvalidParameterError(f"There is no file or folder {uri[:200]!r} to put into the model.")
    return source


FLAVOR = PyFuncFlavor()
