"""What the projects for all engines have in common: options, the model with its requirements, texts from templates."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mltrack.deploying.dockerfile import ImageOptions, write_image_folder
from mltrack.deploying.environment_folders import OLDEST_PYTHON
from mltrack.deploying.model_copy import copy_model
from mltrack.deploying.names import check_deployment, check_image
from mltrack.deploying.own_wheel import make_wheel, own_requirements
from mltrack.deploying.requirement_lines import python_of, requirements_of
from mltrack.deploying.templates import fill
from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mltrack.models.folder import ModelFolder

EXAMPLE = "example.json"
_CODE_NOTE = "\nLoading the model runs code; whoever exported it trusted it, and so does who runs this."


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How a model is deployed: its name, the image's where there is one, replicas, and how the image serves."""

    name: str = "model"
    image: str | None = None
    replicas: int = 1
    serving: ImageOptions = field(default_factory=ImageOptions)

    def __post_init__(self) -> None:
        check_deployment(self.name)
        check_image(self.image_name)
        if not 1 <= self.replicas <= 1000:
            raise InvalidParameterError(f"A model is deployed with 1 to 1000 replicas; got {self.replicas!r}.")

    @property
    def image_name(self) -> str:
        """The image's name; by default that of the deployment, with the tag ``latest``."""
        return self.image or f"{self.name}:latest"


def write_python_project(folder: ModelFolder, target: Path, options: ExportOptions, *, engine: str, needs: str) -> None:
    """Write the project of an engine that runs in Python: templates, model, requirements, and mltrack's wheel.

    The model's requirements are as it says; those of mltrack are ranges, so that the engine finds versions it takes.

    Parameters
    ----------
    engine
        The folder of its templates.
    needs
        The engine's own requirement, as ``ray[serve]>=2.50``.
    """
    runs_code = copy_model(folder, target / "model")
    wheel = make_wheel(target)
    lines = sorted({str(each) for each in (*requirements_of(folder), *own_requirements())})
    (target / "requirements.txt").write_text("".join(f"{each}\n" for each in [*lines, needs]), encoding="utf-8")
    python = max(python_of(folder) or sys.version_info[:2], OLDEST_PYTHON)
    values = {"wheel": wheel.name, "allow_pickle": str(runs_code or None), "python": f"{python[0]}.{python[1]}"}
    _finish(folder, target, engine, _values(options, runs_code=runs_code) | values)


def write_image_project(folder: ModelFolder, target: Path, options: ExportOptions, *, engine: str) -> None:
    """Write the project of an engine that runs an image: a folder for ``docker build``, and templates."""
    runs_code = write_image_folder(folder, target, options.serving)
    _finish(folder, target, engine, _values(options, runs_code=runs_code))


def _values(options: ExportOptions, *, runs_code: bool) -> dict[str, str]:
    note = _CODE_NOTE if runs_code else ""
    return {"name": options.name, "image": options.image_name, "replicas": str(options.replicas), "code_note": note}


def _finish(folder: ModelFolder, target: Path, engine: str, values: Mapping[str, str]) -> None:
    """Fill in the templates, and write the input example as a body."""
    for name, text in fill(engine, values).items():
        (target / name).write_text(text, encoding="utf-8")
    example = folder.model.get_serving_input(folder.path)
    if example is not None:
        (target / EXAMPLE).write_text(json.dumps(example), encoding="utf-8")
