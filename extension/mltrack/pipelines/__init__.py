"""Pipelines: a project whose ``MLproject`` names steps with inputs and outputs, run as far as something changed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mltrack.pipelines.pipeline_run import PipelineRun as PipelineRun
    from mltrack.pipelines.planning import plan as plan
    from mltrack.pipelines.running import run as run

__all__ = ["PipelineRun", "plan", "run"]

_HOMES = {
    "PipelineRun": "mltrack.pipelines.pipeline_run",
    "plan": "mltrack.pipelines.planning",
    "run": "mltrack.pipelines.running",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mltrack.pipelines' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
