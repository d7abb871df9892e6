"""What goes into a model and comes out of it: the types, columns, tensors and params of ``mlflow.types``.

Nothing is loaded before it is asked for; of numpy and pandas only what the user's own data needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mltrack.types.columns import ColSpec as ColSpec
    from mltrack.types.datatype import DataType as DataType
    from mltrack.types.params import ParamSchema as ParamSchema
    from mltrack.types.params import ParamSpec as ParamSpec
    from mltrack.types.schema import Schema as Schema
    from mltrack.types.tensors import TensorSpec as TensorSpec

_HOME_OF = {
    "ColSpec": "columns",
    "DataType": "datatype",
    "ParamSchema": "params",
    "ParamSpec": "params",
    "Schema": "schema",
    "TensorSpec": "tensors",
}
_MODULES = ("schema", "infer")  # found as attributes, as MLflow's are after `import mlflow.types`
__all__ = [*_HOME_OF]  # noqa: PLE0604 - texts, put together


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"mltrack.types.{name}")
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'mltrack.types' has no attribute {name!r}")
    value = getattr(import_module(f"mltrack.types.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF, *_MODULES})
