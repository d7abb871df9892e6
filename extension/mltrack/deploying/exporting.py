"""Writing a model as a ready project for an engine."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from mltrack.deploying.targets.project import ExportOptions
from mltrack.deploying.whole_outputs import whole_folder
from mltrack.exceptions import InvalidParameterError
from mltrack.models.sources import find_model

_MODULES = ("ray_serve", "bentoml", "kserve", "sagemaker")
TARGETS = {each.replace("_", "-"): f"mltrack.deploying.targets.{each}" for each in _MODULES}
"""The module of each engine, by the name that users give."""


def export_model(model_uri: str, target: str, folder: str | Path, options: ExportOptions | None = None) -> Path:
    """Write a model as a project for an engine to a new folder, whole or not at all, and give its path.

    Parameters
    ----------
    target
        One of ``TARGETS``.

    Raises
    ------
    AlreadyExistsError
        When the folder is there and holds something.
    UntrustedModelError
        When loading the model runs code, and this user neither made nor trusted it.
    InvalidParameterError
        When there is no such engine, or a name is none that engines take.
    """
    if target not in TARGETS:
        raise InvalidParameterError(f"There is no target {target[:60]!r}; there are {', '.join(TARGETS)}.")
    opened = find_model(model_uri).open()
    with whole_folder(folder) as draft:
        import_module(TARGETS[target]).write(opened, draft, options or ExportOptions())
    return Path(folder)
