"""Models in the ONNX format: saving, logging and loading them; each function comes at its first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mltrack.frameworks.onnx.verbs import load_model as load_model
    from mltrack.frameworks.onnx.verbs import log_model as log_model
    from mltrack.frameworks.onnx.verbs import save_model as save_model

_VERBS = ("load_model", "log_model", "save_model")


def __getattr__(name: str) -> Any:
    if name not in _VERBS:
        raise AttributeError(f"module 'mltrack.onnx' has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.verbs"), name)
    globals()[name] = value  # found at once from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_VERBS})
