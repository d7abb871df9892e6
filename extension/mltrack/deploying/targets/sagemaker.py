"""A project for SageMaker: an image that keeps its contract, and the three requests that make an endpoint of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.deploying.targets.project import write_image_project

if TYPE_CHECKING:
    from pathlib import Path

    from mltrack.deploying.targets.project import ExportOptions
    from mltrack.models.folder import ModelFolder


def write(folder: ModelFolder, target: Path, options: ExportOptions) -> None:
    """Write a folder for ``docker build``, three JSON files for the AWS command line, and README.md."""
    write_image_project(folder, target, options, engine="sagemaker")
