"""What was asked for when a project is to be run."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

INHERITED, SHOWN, KEPT = "inherited", "shown", "kept"
"""What becomes of the output: it goes where this process's goes; it is shown and kept; it is only kept."""


def say_to_user(line: str) -> None:
    """Print a line for the user beside what the project prints."""
    print(f"mltrack: {line}", file=sys.stderr)


@dataclass(frozen=True, slots=True)
class RunRequest:
    """The arguments of ``mltrack.projects.run``, and how the one who asks is talked to.

    Attributes
    ----------
    uri, version
        A folder, ``file://PATH``, a git repository, a zip file here or behind http(s); ``#SUBDIRECTORY`` may follow.
        The version is a commit, branch or tag of a git repository.
    entry_point, parameters
        One of the file ``MLproject``, or a ``.py``, ``.sh`` or ``.ipynb`` file of the project. Values that it does not
        declare follow its command as ``--name value``.
    experiment_name, experiment_id
        Where the run goes; default: the experiment in use.
    backend, backend_config
        ``local``, ``ray`` or ``kubernetes``, and its configuration; ``run`` also takes it as JSON or a ``.json`` file.
    storage_dir
        Where parameters of the type ``path`` are fetched to; default: a temporary folder.
    run_id, run_name
        A run to take up instead of making one; a new one's name.
    env_manager
        ``local``, ``uv``, ``virtualenv`` (made by uv as well) or ``conda``; default: uv where the project names an
        environment, else local.
    docker_args, build_image, docker_auth
        For ``docker_env``: options of ``docker run``, building an image of the project, logging in to its registry.
    trust
        Run a project that is not this user's own without asking.
    ask
        Asks the user a question and gives whether the answer was yes; None where nobody can be asked.
    say
        Takes lines for the user.
    output
        One of ``INHERITED``, ``SHOWN`` and ``KEPT``; only what is kept can be read from ``logs()``.
    """

    uri: str
    entry_point: str = "main"
    version: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    docker_args: Mapping[str, Any] = field(default_factory=dict)
    experiment_name: str | None = None
    experiment_id: str | None = None
    backend: str = "local"
    backend_config: Mapping[str, Any] = field(default_factory=dict)
    storage_dir: str | Path | None = None
    run_id: str | None = None
    run_name: str | None = None
    env_manager: str | None = None
    build_image: bool = False
    docker_auth: Mapping[str, Any] | None = None
    trust: bool = False
    ask: Callable[[str], bool] | None = None
    say: Callable[[str], object] = say_to_user
    output: str = SHOWN
