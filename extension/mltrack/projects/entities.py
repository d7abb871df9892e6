"""What a project is: its folder, its file ``MLproject`` and what that names.

Source of the format: https://mlflow.org/docs/latest/ml/projects/.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PYTHON, CONDA, DOCKER, NONE = "python", "conda", "docker", "none"
"""The kinds of environments that a project may name."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an entry point: its type (``string``, ``float``, ``path`` or ``uri``) and its default.

    ``default`` is None when a value must be given; 0, an empty text and false are defaults.
    """

    name: str
    type: str = "string"
    default: Any = None


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A command of a project, with ``{name}`` where a parameter goes."""

    name: str
    command: str
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class EnvironmentFile:
    """What a project says its environment is: the kind, and the file that says it; for ``docker`` its mapping."""

    kind: str = NONE
    file: Path | None = None
    docker: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """A file ``MLproject``, read and checked; a folder without one has an empty one.

    ``steps`` is the mapping under ``steps:``, which MLflow does not read (see ``mltrack.pipelines``).
    """

    name: str | None = None
    environment: EnvironmentFile = field(default_factory=EnvironmentFile)
    entry_points: Mapping[str, EntryPoint] = field(default_factory=dict)
    steps: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Project:
    """A project that is on this machine: its folder, and where it came from.

    Attributes
    ----------
    uri
        As it was given, a local path made whole; with ``#subdirectory`` where one was named.
    folder
        The project's root: that of the file ``MLproject``.
    is_own
        True for a local folder of this user's, whose code is run without a question.
    commit, repository, branch
        Of the git checkout it is or came from, where known; ``branch`` only when a branch was asked for.
    is_temporary
        True when it was fetched into a folder that goes when the run is over.
    root
        What was fetched or opened as a whole, where ``folder`` is a subdirectory of it; None: ``folder`` itself.
    """

    uri: str
    folder: Path
    is_own: bool = True
    commit: str | None = None
    repository: str | None = None
    branch: str | None = None
    is_temporary: bool = False
    root: Path | None = None


@dataclass(frozen=True, slots=True)
class PreparedEnvironment:
    """An environment that is ready: the manager that made it, its Python, and the variables a child needs for it.

    ``manager`` is what the tag ``mlflow.project.env`` says: ``local``, ``virtualenv``, ``uv``, ``conda`` or ``docker``;
    ``left_out`` are the requirements that could not be had, one line each, for the user to read.
    """

    manager: str
    python: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
