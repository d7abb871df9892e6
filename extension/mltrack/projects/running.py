"""Runs projects: fetched, agreed to, their environment made, their command started in a run of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltrack.deploying.names import MANAGERS
from mltrack.entities import RunStatus
from mltrack.exceptions import ExecutionError, InvalidParameterError, MissingLibraryError
from mltrack.keys import ENVIRONMENT_TAG
from mltrack.masking import mask_text
from mltrack.plain_text import printable
from mltrack.projects.backends import LOCAL, find_backend
from mltrack.projects.commands import command_of
from mltrack.projects.entities import DOCKER
from mltrack.projects.fetching import fetch
from mltrack.projects.launch import launch, run_variables
from mltrack.projects.local_environment import local_environment
from mltrack.projects.project_file import environment_file, read_project_file
from mltrack.projects.project_run import make_run
from mltrack.projects.request import KEPT, RunRequest
from mltrack.projects.submitted import LocalSubmittedRun, SubmittedRun, start_command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.projects.commands import ComposedCommand
    from mltrack.projects.entities import PreparedEnvironment, Project, ProjectFile
    from mltrack.projects.project_run import ProjectRun


def run(  # noqa: PLR0913, PLR0917 - MLflow's signature
    uri: str,
    entry_point: str = "main",
    version: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    docker_args: Mapping[str, Any] | None = None,
    experiment_name: str | None = None,
    experiment_id: str | None = None,
    backend: str = LOCAL,
    backend_config: Mapping[str, Any] | str | None = None,
    storage_dir: str | None = None,
    synchronous: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    run_id: str | None = None,
    run_name: str | None = None,
    env_manager: str | None = None,
    build_image: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    docker_auth: Mapping[str, Any] | None = None,
    *,
    trust: bool = False,
) -> SubmittedRun:
    """Run a project, with MLflow's name and arguments; ``RunRequest`` says more of each.

    Parameters
    ----------
    uri, version
        A folder, ``file://PATH``, git repository or zip file, ``#SUBDIRECTORY`` after it; git's commit, branch or tag.
    entry_point, parameters
        One of the file ``MLproject``, or a ``.py``, ``.sh`` or ``.ipynb`` file, and its values by name.
    synchronous
        Wait for the end; else a handle is given at once, and a script's end waits for the project's.
    trust
        Run a project that is not this user's own without asking.

    Raises
    ------
    ExecutionError
        When it cannot be run, and when it was waited for and failed.
    UntrustedProjectError
        When it is not this user's own, and was not agreed to.
    """
    request = RunRequest(
        *(str(uri), entry_point, version, parameters or {}, docker_args or {}, experiment_name, experiment_id),
        *(backend, read_config(backend_config), storage_dir, run_id, run_name, env_manager, build_image),
        *(docker_auth, trust),
    )
    submitted = submit(request)
    if synchronous:
        wait_for(submitted)
    return submitted


def submit(request: RunRequest) -> SubmittedRun:
    """Start a project and return without waiting for its end.

    Raises
    ------
    ExecutionError, UntrustedProjectError
        When it cannot be run; a run that was made for it is FAILED then.
    """
    if request.env_manager not in (None, *MANAGERS):
        raise InvalidParameterError(
            f"There is no environment manager {request.env_manager!r}; there are {', '.join(MANAGERS)}."
        )
    if request.backend != LOCAL:
        find_backend(request.backend)  # an unknown one makes no run
    with ExitStack() as stack:
        project = stack.enter_context(fetch(request.uri, request.version))
        looked_at = None if project.is_own else _digest(project)
        file = read_project_file(project.folder)
        command = command_of(
            project,
            file,
            entry_point=request.entry_point,
            parameters=request.parameters,
            storage_dir=request.storage_dir,
        )
        if command.downloads is not None:
            stack.callback(shutil.rmtree, command.downloads, ignore_errors=True)
        agreed = None if project.is_own else _agreed(request, project, command, looked_at)
        made = make_run(request, project, command)
        try:
            return _start(request, (project, file, command), run=made, stack=stack, agreed=agreed)
        except BaseException as error:
            made.end(RunStatus.KILLED if isinstance(error, KeyboardInterrupt) else RunStatus.FAILED)
            raise


def wait_for(submitted: SubmittedRun) -> None:
    """Wait for the end of a project; an interrupt ends it, and goes on.

    Raises
    ------
    ExecutionError
        When it failed; the message says how.
    """
    try:
        succeeded = submitted.wait()
    except BaseException:
        if isinstance(submitted, LocalSubmittedRun):
            submitted.interrupt()
        else:
            submitted.cancel()
        raise
    if not succeeded:
        code = getattr(submitted, "exit_code", None)
        how = f"its command ended with exit code {code}" if code is not None else f"it ended as {submitted.status}"
        raise ExecutionError(f"Run (ID '{submitted.run_id}') failed: {how}.")


def read_config(given: Mapping[str, Any] | str | None) -> Mapping[str, Any]:
    """Give a backend's configuration: a mapping, the path of a ``.json`` file, or JSON as text."""
    if given is None or not isinstance(given, (str, os.PathLike)):
        return given or {}
    text = str(given)
    try:
        found = json.loads(Path(text).read_text(encoding="utf-8") if text.endswith(".json") else text)
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidParameterError(f"The backend's configuration {text[:80]!r} cannot be read: {error}.") from error
    if not isinstance(found, dict):
        raise InvalidParameterError(f"The backend's configuration {text[:80]!r} is no JSON object.")
    return found


def _start(
    request: RunRequest,
    what: tuple[Project, ProjectFile, ComposedCommand],
    *,
    run: ProjectRun,
    stack: ExitStack,
    agreed: str | None,
) -> SubmittedRun:
    """Start the command where it is to run; what ``stack`` has to clean up is done when it has ended."""
    project, file, command = what
    if request.backend != LOCAL or file.environment.kind == DOCKER:
        _check_unchanged(project, agreed)
        return _send(request, what, run=run, stack=stack)
    environment = _environment(request, project, file, command)
    if environment.manager != LOCAL:
        run.set_tags({ENVIRONMENT_TAG: environment.manager})
    for line in environment.left_out:
        request.say(line)
    if request.output != KEPT:
        request.say(f"run {printable(run.name)} ({run.run_id}): {printable(mask_text(command.text))}")
    _check_unchanged(project, agreed)  # making an environment takes a while
    variables = run_variables(run.run_id, run.experiment_id, run.tracking_uri)
    start = partial(launch, folder=project.folder, environment=environment, variables=variables)
    return start_command(run, command.text, start, output=request.output, stack=stack)


def _environment(
    request: RunRequest, project: Project, file: ProjectFile, command: ComposedCommand
) -> PreparedEnvironment:
    manager = request.env_manager
    if manager == LOCAL or (manager is None and environment_file(project, file) is None):
        if command.is_notebook and importlib.util.find_spec("papermill") is None:
            raise MissingLibraryError(
                "A notebook is run by papermill, which is not installed here: pip install 'jupyter-mltrack[projects]'."
            )
        return local_environment()
    from mltrack.projects.environments import prepare_environment  # what makes environments, where one is made

    return prepare_environment(project, file, manager)


def _digest(project: Project) -> str:
    from mltrack.projects.trust import digest_of  # what one's own projects do without

    return digest_of(project)


def _agreed(request: RunRequest, project: Project, command: ComposedCommand, digest: str | None) -> str | None:
    from mltrack.projects.trust import require_trust  # what one's own projects do without

    return require_trust(project, [command.text], trust=request.trust, ask=request.ask, digest=digest)


def _check_unchanged(project: Project, digest: str | None) -> None:
    if digest is not None:
        from mltrack.projects.trust import require_unchanged  # what one's own projects do without

        require_unchanged(project, digest)


def _send(
    request: RunRequest, what: tuple[Project, ProjectFile, ComposedCommand], *, run: ProjectRun, stack: ExitStack
) -> SubmittedRun:
    """Have a container or a backend carry the command out."""
    from mltrack.projects.backends.sending import send  # what knows them, where one is asked for

    return send(request, what, run=run, stack=stack)
