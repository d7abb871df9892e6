"""The run that a project logs to: made before the command is started, and ended by how that ended."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack import given_run
from mltrack.active import current_run
from mltrack.entities import RunStatus
from mltrack.exceptions import ExecutionError
from mltrack.keys import (
    BACKEND_TAG,
    ENTRY_POINT_TAG,
    GIT_BRANCH_TAG,
    GIT_COMMIT_TAG,
    GIT_REPOSITORY_TAG,
    MAX_BATCH_PARAMS,
    PARENT_TAG,
    SOURCE_NAME_TAG,
    SOURCE_TYPE_TAG,
    check_run_id,
)
from mltrack.process import current_owner
from mltrack.settings import current_experiment_id, get_store, get_tracking_uri, named_experiment
from mltrack.store.protocol import RunChange
from mltrack.tracking import describe_run
from mltrack.values import make_param, make_tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import Param
    from mltrack.projects.commands import ComposedCommand
    from mltrack.projects.entities import Project
    from mltrack.projects.request import RunRequest
    from mltrack.store.protocol import Store


@dataclass(frozen=True, slots=True)
class ProjectRun:
    """A run in its store."""

    store: Store
    run_id: str
    name: str
    experiment_id: str
    tracking_uri: str

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags of it."""
        self.store.log_batch(self.run_id, tags=[make_tag(key, value) for key, value in tags.items()])

    def end(self, status: str) -> None:
        """End it, unless what it ran did so; a run cannot have finished whose command failed."""
        now = self.store.get_run(self.run_id).info.status
        if RunStatus(now).is_final and (now != RunStatus.FINISHED or status == RunStatus.FINISHED):
            return
        self.store.update_run(self.run_id, RunChange(status, end_time=time.time_ns() // 1_000_000))


def experiment_of(request: RunRequest) -> str:
    """Give the id of the experiment that was asked for, else of the one in use.

    Raises
    ------
    ExecutionError
        When it was asked for by its name and by its id.
    """
    if request.experiment_name and request.experiment_id:
        raise ExecutionError("Specify only one of experiment_name and experiment_id.", "INVALID_PARAMETER_VALUE")
    if request.experiment_id:
        return get_store().get_experiment(str(request.experiment_id)).experiment_id
    if request.experiment_name:
        return named_experiment(request.experiment_name).experiment_id
    return current_experiment_id()


def make_run(request: RunRequest, project: Project, command: ComposedCommand) -> ProjectRun:
    """Make the run, or take up the one that was named, with what is known of the project and the values.

    It becomes a child of the run that is active here, else of the one that this process belongs to.
    """
    store = get_store()
    tags = _tags(request, project)
    params = [make_param(key, value) for key, value in command.parameters.items()]  # no run is made for a bad name
    if request.run_id:
        change = RunChange(RunStatus.RUNNING, run_name=request.run_name, owner=str(current_owner()))
        info = store.update_run(check_run_id(request.run_id), change)
    else:
        if parent := _parent():
            tags[PARENT_TAG] = parent
        new = describe_run(request.run_name, experiment_id=experiment_of(request), tags=tags)
        info = store.create_run(new)
    run = ProjectRun(store, info.run_id, info.run_name, info.experiment_id, get_tracking_uri())
    try:
        if request.run_id:  # it keeps what it has: a backend's job takes up the run of the project that was sent
            known = store.get_run(run.run_id).data.tags
            run.set_tags({key: value for key, value in tags.items() if key not in known})
        _log_params(run, params)
    except BaseException:
        run.end(RunStatus.FAILED)
        raise
    return run


def _parent() -> str | None:
    active = current_run()
    return active.info.run_id if active is not None else given_run.belongs_to()


def _tags(request: RunRequest, project: Project) -> dict[str, str]:
    tags = {
        SOURCE_NAME_TAG: project.uri,
        SOURCE_TYPE_TAG: "PROJECT",
        ENTRY_POINT_TAG: request.entry_point,
        BACKEND_TAG: request.backend,
        GIT_COMMIT_TAG: project.commit,
        GIT_REPOSITORY_TAG: project.repository,
        GIT_BRANCH_TAG: project.branch,
    }
    return {key: value for key, value in tags.items() if value is not None}


def _log_params(run: ProjectRun, values: Sequence[Param]) -> None:
    """Log the values; a run that was taken up keeps those that it has."""
    known = run.store.get_run(run.run_id).data.params
    params = [each for each in values if each.key not in known]
    for start in range(0, len(params), MAX_BATCH_PARAMS):
        run.store.log_batch(run.run_id, params=params[start : start + MAX_BATCH_PARAMS])
