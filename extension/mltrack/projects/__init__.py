"""Projects: folders with a file ``MLproject`` that says what can be run in them, and how; MLflow's names."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mltrack.exceptions import ExecutionException as ExecutionException
    from mltrack.projects.running import run as run
    from mltrack.projects.submitted import LocalSubmittedRun as LocalSubmittedRun
    from mltrack.projects.submitted import SubmittedRun as SubmittedRun

_HOMES = {
    "ExecutionException": "mltrack.exceptions",
    "LocalSubmittedRun": "mltrack.projects.submitted",
    "SubmittedRun": "mltrack.projects.submitted",
    "run": "mltrack.projects.running",
}
__all__ = ["ExecutionException", "LocalSubmittedRun", "SubmittedRun", "run"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mltrack.projects' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
