"""Models of any library behind one ``predict``, and models that are a class or a function of yours.

The names are those of ``mlflow.pyfunc``; each comes from its module at first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mltrack.pyfunc.loading import get_model_dependencies as get_model_dependencies
    from mltrack.pyfunc.loading import load_model as load_model
    from mltrack.pyfunc.model import PyFuncModel as PyFuncModel
    from mltrack.pyfunc.python_model import PythonModel as PythonModel
    from mltrack.pyfunc.python_model import PythonModelContext as PythonModelContext
    from mltrack.pyfunc.verbs import log_model as log_model
    from mltrack.pyfunc.verbs import save_model as save_model

_HOMES = {
    "loading": ("get_model_dependencies", "load_model"),
    "model": ("PyFuncModel",),
    "python_model": ("PythonModel", "PythonModelContext"),
    "verbs": ("log_model", "save_model"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}
__all__ = [*_HOME_OF]  # noqa: PLE0604 - texts, put together


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'mltrack.pyfunc' has no attribute {name!r}")
    value = getattr(import_module(f"mltrack.pyfunc.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
