"""A project for Ray Serve: replicas of the model on one machine or on many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.deploying.targets.project import write_python_project

if TYPE_CHECKING:
    from pathlib import Path

    from mltrack.deploying.targets.project import ExportOptions
    from mltrack.models.folder import ModelFolder

NEEDS = "ray[serve]>=2.50"


def write(folder: ModelFolder, target: Path, options: ExportOptions) -> None:
    """Write service.py, serve.yaml, requirements.txt, README.md, mltrack's wheel and the model to a folder."""
    write_python_project(folder, target, options, engine="ray-serve", needs=NEEDS)
