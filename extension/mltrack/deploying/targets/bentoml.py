"""A project for BentoML: a service, and what builds an image of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.deploying.targets.project import write_python_project

if TYPE_CHECKING:
    from pathlib import Path

    from mltrack.deploying.targets.project import ExportOptions
    from mltrack.models.folder import ModelFolder

NEEDS = "bentoml>=1.4"


def write(folder: ModelFolder, target: Path, options: ExportOptions) -> None:
    """Write service.py, bentofile.yaml, requirements.txt, README.md, mltrack's wheel and the model to a folder."""
    write_python_project(folder, target, options, engine="bentoml", needs=NEEDS)
