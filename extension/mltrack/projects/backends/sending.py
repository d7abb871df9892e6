"""Starts a project in a container of this machine, or on a backend."""

from __future__ import annotations

import shlex
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.projects.backends import LOCAL, find_backend
from mltrack.projects.backends.submission import Submission
from mltrack.projects.docker_environment import ContainerOptions, container_for
from mltrack.projects.entities import DOCKER, PreparedEnvironment
from mltrack.projects.launch import launch, run_variables
from mltrack.projects.submitted import start_command

if TYPE_CHECKING:
    from contextlib import ExitStack

    from mltrack.projects.commands import ComposedCommand
    from mltrack.projects.entities import Project, ProjectFile
    from mltrack.projects.project_run import ProjectRun
    from mltrack.projects.request import RunRequest
    from mltrack.projects.submitted import SubmittedRun


def send(
    request: RunRequest, what: tuple[Project, ProjectFile, ComposedCommand], *, run: ProjectRun, stack: ExitStack
) -> SubmittedRun:
    """Start a project that is not run by this machine's own Python; what ``stack`` has is done when it has ended."""
    submission = Submission(request, *what, run=run)
    if request.backend == LOCAL:
        return _run_container(submission, stack)
    submitted = find_backend(request.backend).submit(submission)
    submitted.begin(stack.pop_all().close)
    return submitted


def _run_container(submission: Submission, stack: ExitStack) -> SubmittedRun:
    request, run = submission.request, submission.run
    container = container_for(
        submission.project,
        submission.file,
        command=submission.command.text,
        variables=run_variables(run.run_id, run.experiment_id, run.tracking_uri),
        options=ContainerOptions(request.docker_args, request.build_image, request.docker_auth, request.say),
    )
    submission.tag_image(container.image)
    environment = PreparedEnvironment(DOCKER, Path(sys.executable))
    start = partial(launch, folder=submission.project.folder, environment=environment, variables=container.variables)
    return start_command(run, shlex.join(container.words), start, output=request.output, stack=stack)
