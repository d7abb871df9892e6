"""``mltrack.pipelines.run``: reads a pipeline, checks all of it, and runs what has changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Unpack

from mltrack import given_run
from mltrack.active import current_run
from mltrack.exceptions import InvalidParameterError
from mltrack.keys import PARENT_TAG, PIPELINE_TAG, SOURCE_NAME_TAG, SOURCE_TYPE_TAG
from mltrack.pipelines.decisions import Judge
from mltrack.pipelines.digests import Digests
from mltrack.pipelines.folder_lock import FolderLock
from mltrack.pipelines.jobs import folder_of, job_of
from mltrack.pipelines.pipeline_run import Parts, PipelineRun
from mltrack.pipelines.progress import Progress
from mltrack.pipelines.records import Records
from mltrack.pipelines.scheduler import Scheduler
from mltrack.pipelines.step_runs import StepRuns
from mltrack.projects.fetching import fetch
from mltrack.projects.trust import digest_of, require_trust, require_unchanged
from mltrack.settings import current_experiment_id, get_store, named_experiment
from mltrack.tracking import describe_run
from mltrack.values import make_param

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mltrack.entities import RunInfo
    from mltrack.pipelines.jobs import Job
    from mltrack.pipelines.settings import PipelineOptions
    from mltrack.pipelines.steps import Pipeline
    from mltrack.projects.entities import Project
    from mltrack.store.protocol import Store


def run(
    directory: str | Path, parameters: Mapping[str, Any] | None = None, **options: Unpack[PipelineOptions]
) -> PipelineRun:
    """Run a project's steps, those whose inputs, code and parameters changed, each as a child of one run.

    Parameters
    ----------
    directory
        The folder with the file ``MLproject`` that has ``steps:``.
    parameters
        Values for the parameters that the steps take.
    jobs
        Steps at once; default: as many as there are processors.
    force
        Run every step, changed or not; with ``steps``, only those.
    steps
        Names of steps: these and what they depend on; default: all.
    env_manager
        As that of ``mltrack.projects.run``.
    experiment_name
        The experiment of the runs; default: the chosen one.
    run_name
        The name of the pipeline's run; default: the pipeline's name.
    synchronous
        False: return at once, with a handle to ``wait`` for, look at and ``cancel``.
    trust
        Run code that is not this user's own without asking.
    ask
        Asks whether code of others may be run, given the text that shows it; default: nobody is asked, and it is not.

    Raises
    ------
    InvalidParameterError, NotFoundError
        When something in the file, or a value, is not as it must be; nothing has run then.
    StateError
        When a step failed. What has finished is kept, and skipped the next time.
    """
    begun = _begun(directory, parameters or {}, options)
    if options.get("synchronous", True):
        begun.wait()
        begun.check()
    return begun


def _begun(directory: str | Path, parameters: Mapping[str, Any], options: PipelineOptions) -> PipelineRun:
    with fetch(str(folder_of(directory))) as project:
        looked_at = None if project.is_own else digest_of(project)  # before its commands are read
        job = _job(directory, parameters, options)
        jobs = _jobs(options)
        agreed = _require_trust(job, project, options, digest=looked_at)
    store, lock = get_store(), FolderLock(job.pipeline.root)
    lock.take()
    try:
        require_unchanged(project, agreed)
        info = _begin_run(store, job.pipeline, parameters, options)
        begun = _prepared(store, job, info, jobs=jobs)
    except BaseException:
        lock.release()
        raise
    begun.begin(lock)
    return begun


def _job(directory: str | Path, parameters: Mapping[str, Any], options: PipelineOptions) -> Job:
    manager = options.get("env_manager")
    steps, force = tuple(options.get("steps") or ()), options.get("force", False)
    return job_of(directory, parameters, steps=steps, force=force, env_manager=manager)


def _jobs(options: PipelineOptions) -> int:
    """Give how many steps go at once: by default as many as there are processors that this process may use."""
    jobs = options.get("jobs")
    if jobs is not None:
        if type(jobs) is not int or jobs < 1:
            raise InvalidParameterError(f"jobs must be a whole number from 1; got {jobs!r}.")
        return jobs
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _require_trust(job: Job, project: Project, options: PipelineOptions, *, digest: str | None) -> str | None:
    commands = [_shown_command(job, name) for name in job.arguments]
    return require_trust(project, commands, trust=options.get("trust", False), ask=options.get("ask"), digest=digest)


def _shown_command(job: Job, name: str) -> str:
    step = job.pipeline.steps[name]
    entry = job.pipeline.entry_of(step)
    given = " ".join(f"{key}={value!r}" for key, value in job.arguments[name].given.items())
    command = step.entry_point if entry is None else entry.command
    return f"{name}: {command}" + (f"   with {given}" if given else "")


def _begin_run(store: Store, pipeline: Pipeline, parameters: Mapping[str, Any], options: PipelineOptions) -> RunInfo:
    name = options.get("experiment_name")
    experiment_id = named_experiment(name).experiment_id if name else current_experiment_id()
    tags = {PIPELINE_TAG: pipeline.name, SOURCE_NAME_TAG: str(pipeline.root), SOURCE_TYPE_TAG: "PROJECT"}
    outer = current_run()
    parent_id = outer.info.run_id if outer is not None else given_run.belongs_to()
    if parent_id:
        tags[PARENT_TAG] = parent_id
    new = describe_run(options.get("run_name") or pipeline.name, experiment_id=experiment_id, tags=tags)
    info = store.create_run(new)
    if parameters:
        store.log_batch(info.run_id, params=[make_param(key, value) for key, value in parameters.items()])
    return info


def _prepared(store: Store, job: Job, info: RunInfo, *, jobs: int) -> PipelineRun:
    digests, records = Digests(), Records(store, job.pipeline.name)
    progress = Progress(job.arguments)
    work = StepRuns(job, Judge(job.pipeline, records, digests), records, progress, parent=info)
    scheduler = Scheduler(job.graph, progress, work, jobs=jobs)
    parts = Parts(store, digests, progress, scheduler, work)
    return PipelineRun(info, job.pipeline.name, job.graph, parts=parts)
