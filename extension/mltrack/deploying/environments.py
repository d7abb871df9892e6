"""Environments of a model's own: the Python and the distributions that it needs, and this mltrack, apart from yours."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.deploying.conda import conda_packages
from mltrack.deploying.environment_folders import OLDEST_PYTHON, Needs, make_environment
from mltrack.deploying.names import MANAGERS
from mltrack.deploying.own_wheel import own_requirements
from mltrack.deploying.requirement_lines import python_of, requirements_of
from mltrack.exceptions import InvalidParameterError
from mltrack.models.sources import find_model

if TYPE_CHECKING:
    from mltrack.models.folder import ModelFolder


def prepare(model_uri: str, manager: str = "uv") -> Path:
    """Give the Python of an environment that has what a model needs, and this mltrack; it is made if need be.

    Parameters
    ----------
    model_uri
        Any URI of a model.
    manager
        One of ``MANAGERS``; ``local`` makes nothing and gives the Python of this process.

    Raises
    ------
    MissingLibraryError
        When uv or conda is not installed.
    InvalidParameterError
        When the model's requirements are anything but names with versions.
    StateError
        When what it needs cannot be found or installed; the message has what the installer said.
    """
    if manager not in MANAGERS:
        raise InvalidParameterError(f"The environment manager must be one of {', '.join(MANAGERS)}; got {manager!r}.")
    if manager == "local":
        return Path(sys.executable)
    return make_environment(_needs(find_model(model_uri).open(), "conda" if manager == "conda" else "uv"))


def _needs(folder: ModelFolder, manager: str) -> Needs:
    lines = tuple(str(each) for each in (*requirements_of(folder), *own_requirements(server=True)))
    wanted = max(python_of(folder) or sys.version_info[:2], OLDEST_PYTHON)
    python = f"{wanted[0]}.{wanted[1]}"
    return Needs(manager, python, lines, conda_packages(folder) if manager == "conda" else None)
