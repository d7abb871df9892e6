"""The backend ``kubernetes``: the project's image runs as a Job of a cluster, with MLflow's configuration."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltrack.config import KUBERNETES_URI, shown_uri
from mltrack.deploying.image import find_engine
from mltrack.entities import RunStatus
from mltrack.exceptions import ExecutionError, InvalidParameterError, MissingLibraryError
from mltrack.plain_yaml import write_yaml
from mltrack.projects.backends.kubectl import Kubectl
from mltrack.projects.backends.kubernetes_job import job_manifest, job_name, read_template
from mltrack.projects.backends.remote_run import RemoteRun
from mltrack.projects.docker_environment import environment_of
from mltrack.projects.docker_image import Image, build_image, built_name, log_in, named_image, push_image
from mltrack.projects.entities import DOCKER
from mltrack.projects.launch import run_variables
from mltrack.serving.states import write_private
from mltrack.store.protocol import RunChange

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.projects.backends.submission import Submission

CONTEXT, TEMPLATE, REPOSITORY = "kube-context", "kube-job-template-path", "repository-uri"
MANIFEST_ONLY = "manifest-only"
_KEYS = {CONTEXT: (str, type(None)), TEMPLATE: (str,), REPOSITORY: (str,), MANIFEST_ONLY: (str, bool)}
_REQUIRED = (TEMPLATE, REPOSITORY)


def submit(submission: Submission) -> RemoteRun:
    """Run a project with ``docker_env`` as a Job.

    With ``--build-image`` the project's image is built and pushed to ``repository-uri``, else the image that it names
    is used as it is. ``manifest-only``, which is not MLflow's, writes the manifest and applies nothing.

    Raises
    ------
    InvalidParameterError
        When the configuration or the template is not as it must be, or the project has no ``docker_env``.
    MissingLibraryError
        When there is no kubectl; the manifest was written then, and the message says where and what to run. Or when
        an image is to be built, and there is no Docker engine.
    ExecutionError
        When the cluster does not take the Job.
    """
    config = _checked(submission.config)
    if submission.file.environment.kind != DOCKER:
        raise InvalidParameterError(
            "The backend 'kubernetes' runs projects in an image, and this one names none: its MLproject needs "
            "docker_env with image: NAME."
        )
    template = read_template(config[TEMPLATE])
    variables = _variables(submission)
    image = _image(submission, str(config[REPOSITORY]))
    submission.tag_image(image)
    name = job_name(submission.file.name)
    whole = f"{image.name}@{image.id}" if submission.request.build_image and image.id else image.name
    manifest = write_yaml(
        job_manifest(template, name=name, image=whole, command=submission.command.text, variables=variables)
    )
    namespace = (template.get("metadata") or {}).get("namespace")
    kubectl = Kubectl(shutil.which("kubectl") or "kubectl", config.get(CONTEXT) or None, namespace)
    return _apply(submission, kubectl, name=name, manifest=manifest)


class KubernetesRun(RemoteRun):
    """A project's run that is a Job of a cluster."""

    pause = 2.0

    def __init__(self, submission: Submission, kubectl: Kubectl, job: str) -> None:
        super().__init__(submission)
        self._kubectl = kubectl
        self.job = job
        """The Job's name."""

    def look(self) -> RunStatus:
        """Ask the cluster how the Job stands."""
        return status_of(self._kubectl.job(self.job))

    def stop(self) -> None:
        """Delete the Job with its pods."""
        self._kubectl.delete_job(self.job)

    def read_logs(self) -> str:
        """Give what the Job's pod printed so far; nothing when it was deleted."""
        return self._kubectl.logs(self.job)


class WrittenRun(RemoteRun):
    """A project whose Job was only written down: its run waits for somebody to apply it."""

    def look(self) -> RunStatus:
        """Say that it waits."""
        return RunStatus.SCHEDULED

    def begin(self, clean_up: Any) -> None:
        """Leave the run as it is for the Job, which takes it up."""
        clean_up()
        self._run.store.update_run(self.run_id, RunChange(RunStatus.SCHEDULED))

    def wait(self) -> bool:
        """Say at once that what was asked for was done."""
        return True

    def cancel(self) -> None:
        """End the run; the manifest is left."""
        self._run.end(RunStatus.KILLED)

    def stop(self) -> None:
        """Do nothing: there is nothing that runs."""

    def read_logs(self) -> str:
        """Give nothing."""
        return ""


def status_of(job: Mapping[str, Any]) -> RunStatus:
    """Give the status of a run by what a cluster says of its Job."""
    status = job.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition.get("status") == "True" and condition.get("type") in ("Complete", "Failed"):
            return RunStatus.FINISHED if condition["type"] == "Complete" else RunStatus.FAILED
    return RunStatus.RUNNING if status.get("startTime") else RunStatus.SCHEDULED


def _apply(submission: Submission, kubectl: Kubectl, *, name: str, manifest: str) -> RemoteRun:
    asked = submission.config.get(MANIFEST_ONLY)
    has_kubectl = shutil.which(kubectl.program) is not None
    if has_kubectl and not asked:
        kubectl.apply(manifest)
        submission.request.say(f"Kubernetes has the Job {name}.")
        return KubernetesRun(submission, kubectl, name)
    file = Path(asked if isinstance(asked, str) else f"{name}.yaml").absolute()
    write_private(file, manifest)  # variables of a project may be secrets
    call = shlex.join(kubectl.words("apply", "-f", str(file)))
    if not asked:
        raise MissingLibraryError(
            f"The program kubectl is not installed here. The Job was written to {file}; where there is one, run: {call}"
        )
    submission.request.say(f"The Job was written to {file}; apply it with: {call}")
    return WrittenRun(submission)


def _variables(submission: Submission) -> dict[str, str]:
    """Give the container's variables; the store may be elsewhere as seen from the cluster."""
    run = submission.run
    uri = KUBERNETES_URI.get()
    if uri is None:
        uri = run.tracking_uri
        submission.request.say(
            f"The Job logs to {shown_uri(uri)}, which must be there in its pod: mount it by the Job template, or name "
            f"another place in {KUBERNETES_URI.name}."
        )
    return {**run_variables(run.run_id, run.experiment_id, uri), **environment_of(submission.file)}


def _image(submission: Submission, repository: str) -> Image:
    request = submission.request
    image = Image(named_image(submission.file))
    if not request.build_image:
        return image
    name = built_name(submission.project, repository)
    engine = find_engine()
    if request.docker_auth is not None:
        log_in(engine, request.docker_auth)
    build_image(engine, submission.project, submission.file, name=name, say=request.say)
    return push_image(engine, name)


def _checked(config: Mapping[str, Any]) -> Mapping[str, Any]:
    for key, value in config.items():
        if key not in _KEYS:
            raise InvalidParameterError(
                f"The backend 'kubernetes' knows no key {str(key)[:80]!r} in its configuration; it knows "
                f"{', '.join(_KEYS)}."
            )
        if not isinstance(value, _KEYS[key]):
            raise InvalidParameterError(f"The key {key!r} of the configuration takes a text; got {str(value)[:80]!r}.")
    if missing := [key for key in _REQUIRED if not config.get(key)]:
        raise ExecutionError(
            f"The backend 'kubernetes' needs {' and '.join(missing)} in its configuration (-c FILE.json)."
        )
    return config
