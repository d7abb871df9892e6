"""Models from code: a Python file that says by ``set_model`` what the model is."""

from __future__ import annotations

import importlib.abc
import importlib.util
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from threading import RLock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_lock = RLock()  # names of modules are the process'
_chosen: ContextVar[list[Any] | None] = ContextVar("mltrack_code_model", default=None)


def set_model(model: Any) -> None:
    """Say, in a file that is logged as a model from code, what the model is: a PythonModel or a function."""
    chosen = _chosen.get()
    if chosen is not None:
        chosen[:] = [model]


class _Source(importlib.abc.SourceLoader):
    """Loads what was read of a file, and keeps nothing beside it."""

    def __init__(self, path: Path, content: bytes) -> None:
        self._path, self._content = path, content

    def get_filename(self, fullname: str) -> str:
        """Give the file's path, which tracebacks show."""
        del fullname
        return str(self._path)

    def get_data(self, path: str | bytes) -> bytes:
        """Give what was read."""
        del path
        return self._content


def run_model_code(path: Path, content: bytes) -> Any:
    """Execute a file's content and give what it said by ``set_model``; the caller asked whether it is trusted.

    Raises
    ------
    InvalidParameterError
        When it said nothing.
    """
    name = f"mltrack_code_model_{uuid4().hex}"
    spec = importlib.util.spec_from_file_location(name, path, loader=_Source(path, content))
    if spec is None or spec.loader is None:
        raise InvalidParameterError(f"{path.name} is no Python file, so it cannot be a model from code.")
    module = importlib.util.module_from_spec(spec)
    chosen: list[Any] = []
    token = _chosen.set(chosen)
    sys.modules[name] = module
    try:
        with _lock, _mlflow_names():
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        _chosen.reset(token)
    if not chosen:
        raise InvalidParameterError(
            f"The model's code {path.name} did not say what the model is: end it with mltrack.models.set_model(MODEL)."
        )
    return chosen[0]


@contextmanager
def _mlflow_names() -> Iterator[None]:
    """Let ``import mlflow`` find mltrack where MLflow is not installed: a file that was logged with it says so."""
    absent = importlib.util.find_spec("mlflow") is None
    names = ("", ".models", ".pyfunc", ".types", ".types.schema") if absent else ()
    sys.modules.update({f"mlflow{part}": import_module(f"mltrack{part}") for part in names})
    try:
        yield
    finally:
        for part in names:
            sys.modules.pop(f"mlflow{part}", None)
