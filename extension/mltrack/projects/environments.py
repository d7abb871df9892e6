"""The environments that projects run in: this process's, or one made of what the project's files ask for."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from mltrack.deploying.environment_folders import OLDEST_PYTHON, Needs, make_environment
from mltrack.deploying.names import MANAGERS
from mltrack.deploying.own_wheel import own_requirements
from mltrack.exceptions import ExecutionError, InvalidParameterError
from mltrack.projects.entities import PYTHON, PreparedEnvironment
from mltrack.projects.environment_files import read_wanted
from mltrack.projects.local_environment import local_environment, path_after
from mltrack.projects.project_file import environment_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mltrack.projects.entities import Project, ProjectFile
    from mltrack.projects.environment_files import Wanted

_NOTEBOOK = ".ipynb"
_FOR_NOTEBOOKS = ("papermill>=2.6", "ipykernel")
_VERSION_LINE = re.compile(r"^version(?:_info)?\s*=\s*(\d+)\.(\d+)", re.MULTILINE)


def prepare_environment(project: Project, file: ProjectFile, manager: str | None = None) -> PreparedEnvironment:
    """Give the environment that a project's commands are to run in; it is made if need be, which runs code of others.

    Parameters
    ----------
    manager
        ``local``: this process's; ``uv``, or ``virtualenv``, which is the same: one made of the project's files;
        ``conda``: the same by conda, mamba or micromamba. Default: ``uv`` where the project has such a file.

    Raises
    ------
    InvalidParameterError
        When there is no such manager, or a file asks for what is not taken from a project.
    MissingLibraryError
        When uv or conda is not installed.
    StateError
        When something cannot be installed; the message has what the installer said.
    """
    if manager is not None and manager not in MANAGERS:
        raise InvalidParameterError(f"The environment manager must be one of {', '.join(MANAGERS)}; got {manager!r}.")
    chosen = manager or ("uv" if environment_file(project, file) is not None else "local")
    if chosen == "local":
        return local_environment()
    if chosen == "conda" and file.environment.kind == PYTHON:
        raise ExecutionError(
            "python_env project cannot be executed using conda. Set the environment manager to uv, virtualenv or "
            "local, or name a conda_env in the file MLproject.",
            "INVALID_PARAMETER_VALUE",
        )
    wanted = read_wanted(project, file, with_twins=chosen != "conda")
    needs = _needs(wanted, chosen, has_notebooks=_has_notebooks(project, file))
    python = make_environment(needs)
    left_out = (*wanted.left_out, *_other_python(wanted, python))
    return PreparedEnvironment(chosen, python, _variables(python, chosen), left_out)


def _needs(wanted: Wanted, manager: str, *, has_notebooks: bool) -> Needs:
    own = [str(each) for each in own_requirements(notebooks=has_notebooks)]
    extra = _FOR_NOTEBOOKS if has_notebooks else ()
    python = max(wanted.python or sys.version_info[:2], OLDEST_PYTHON)
    conda = None
    if manager == "conda":
        from mltrack.deploying.conda import packages_of  # reads models' files, which uv does without

        conda = packages_of(wanted.conda or {}, "the project")
    return Needs(
        "conda" if manager == "conda" else "uv",
        f"{python[0]}.{python[1]}",
        (*wanted.lines, *own, *extra, "pip"),  # pip, or a command's pip would be another environment's
        conda,
        wanted.constraints,
        noun="project",
        any_python=True,
    )


def _has_notebooks(project: Project, file: ProjectFile) -> bool:
    commands = [each.command for each in file.entry_points.values()]
    return any(_NOTEBOOK in each for each in commands) or any(project.folder.glob(f"*{_NOTEBOOK}"))


def _other_python(wanted: Wanted, python: Path) -> Sequence[str]:
    """Say that another Python is used than was asked for; the third part of a version is not minded."""
    if wanted.python is None:
        return ()
    settings = python.parent.parent / "pyvenv.cfg"
    match = _VERSION_LINE.search(settings.read_text(encoding="utf-8")) if settings.is_file() else None
    got = (int(match[1]), int(match[2])) if match else max(wanted.python, OLDEST_PYTHON)
    if got == wanted.python:
        return ()
    asked, used = (".".join(map(str, each)) for each in (wanted.python, got))
    return (f"python {asked}: {used} is used, as the nearest there is that mltrack runs in",)


def _variables(python: Path, manager: str) -> Mapping[str, str]:
    place = python.parent if manager == "conda" and sys.platform == "win32" else python.parent.parent
    named = {"CONDA_PREFIX": str(place)} if manager == "conda" else {"VIRTUAL_ENV": str(place)}
    return {**named, "PATH": path_after(python.parent), **_no_home()}


def _no_home() -> Mapping[str, str]:
    """Take back a setting that would lead the environment's Python to this one's library; empty is as unset."""
    return {"PYTHONHOME": ""} if os.environ.get("PYTHONHOME") else {}
