"""The backend ``ray``: the project becomes a job of a Ray cluster, where it logs to the same run.

Source of the interface: https://docs.ray.io/en/latest/cluster/running-applications/job-submission/.
"""

from __future__ import annotations

import os
import shlex
import socket
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mltrack.config import TRACKING_URI, VARIABLES, shown_uri, uri_for_mlflow
from mltrack.entities import RunStatus
from mltrack.exceptions import InvalidParameterError, MissingLibraryError, StateError
from mltrack.masking import mask_text
from mltrack.plain_text import visible
from mltrack.projects.backends.ray_cluster import RayCluster, start_cluster
from mltrack.projects.backends.remote_run import RemoteRun

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mltrack.projects.backends.submission import Submission

ADDRESSES = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")
_KEYS: dict[str, tuple[type, ...]] = {
    "address": (str,),
    "excludes": (list,),
    "num_cpus": (int, float),
    "num_gpus": (int, float),
    "resources": (dict,),
    "runtime_env": (dict,),
}
_STATUSES = {
    "PENDING": RunStatus.SCHEDULED,
    "RUNNING": RunStatus.RUNNING,
    "SUCCEEDED": RunStatus.FINISHED,
    "FAILED": RunStatus.FAILED,
    "STOPPED": RunStatus.KILLED,
}
_MOST_SHOWN = 1000
_STOP_SECONDS = 30.0
_READY_SECONDS = 60.0
_NOT_YET = "No available agent"
_HERE = {"localhost", "127.0.0.1", "::1", "auto"}


def submit(submission: Submission) -> RayRun:
    """Submit a project to the Ray that is named, else to one that is started for it on this machine.

    The address is ``backend_config``'s ``address``, else the variable ``RAY_ADDRESS``.

    Raises
    ------
    InvalidParameterError
        When ``backend_config`` has a key or value that is not known.
    MissingLibraryError
        When Ray is not installed.
    StateError
        When the Ray does not answer or take the job, or does not start.
    """
    _check(submission.config)
    _require_ray()
    address = submission.config.get("address") or next(filter(None, map(os.environ.get, ADDRESSES)), None)
    if address is None:
        submission.request.say("Starting a Ray on this machine; it ends with the run.")
        cluster = start_cluster(os.environ, _own_resources(submission.config))
        return _submitted(submission, cluster.address, cluster)
    _say_what_must_be_shared(submission, address)
    return _submitted(submission, address, None)


class RayRun(RemoteRun):
    """A project's run that is a job of Ray."""

    def __init__(self, submission: Submission, client: Any, cluster: RayCluster | None) -> None:
        super().__init__(submission)
        self._client = client
        self._cluster = cluster
        self._last_logs = ""

    @property
    def job_id(self) -> str:
        """The job's name in Ray."""
        return f"mltrack-{self.run_id}"

    def hand_in(self, submission: Submission, *, python: str) -> None:
        """Submit the job; a Ray that has just been started may need a moment until it can take one."""
        until = time.monotonic() + _READY_SECONDS
        while True:
            try:
                self._client.submit_job(
                    entrypoint=_entry_point(submission, python),
                    submission_id=self.job_id,
                    runtime_env=_runtime_environment(submission),
                    metadata={"mltrack.run_id": self.run_id},
                    entrypoint_num_cpus=submission.config.get("num_cpus"),
                    entrypoint_num_gpus=submission.config.get("num_gpus"),
                    entrypoint_resources=submission.config.get("resources"),
                )
            except RuntimeError as error:
                if _NOT_YET not in str(error) or time.monotonic() > until:
                    raise
                time.sleep(0.5)
            else:
                return

    def look(self) -> RunStatus:
        """Ask Ray how the job stands."""
        return _STATUSES[str(self._client.get_job_status(self.job_id).value)]

    def stop(self) -> None:
        """Have Ray stop the job, which it does within seconds."""
        self._client.stop_job(self.job_id)
        until = time.monotonic() + _STOP_SECONDS
        while not self.look().is_final and time.monotonic() < until:
            time.sleep(0.1)

    def read_logs(self) -> str:
        """Give what the job printed so far, as long as its Ray is there, else what was read last."""
        if self._client is not None:
            self._last_logs = str(self._client.get_job_logs(self.job_id))
        return self._last_logs

    def release(self) -> None:
        """End the Ray that was started for it."""
        if self._cluster is not None:
            self._client = None
            self._cluster.stop()


def _submitted(submission: Submission, address: str, cluster: RayCluster | None) -> RayRun:
    run = None
    try:
        run = RayRun(submission, _client(address, dict(cluster.headers) if cluster else None), cluster)
        run.hand_in(submission, python=sys.executable if _is_here(address) else "python")
    except BaseException as error:
        if cluster:
            cluster.stop()
        elif run is not None and not isinstance(error, Exception):
            with suppress(Exception):  # the Ray may not have taken the job yet
                run.stop()
        if not isinstance(error, (RuntimeError, ValueError, TypeError, OSError)):
            raise
        said = visible(mask_text(str(error)))[:_MOST_SHOWN]
        raise StateError(f"The Ray at {visible(address)} did not take the project: {said}") from error
    return run


def _entry_point(submission: Submission, python: str) -> str:
    """Give the job's command: Ray gives it to a shell, so each word is quoted."""
    request = submission.request
    words = [python, "-m", "mltrack", "run", "--run-id", submission.run.run_id, "--entry-point", request.entry_point]
    words += ["--env-manager", request.env_manager or "local", "--trust"]
    for name, value in submission.parameters().items():
        words += ["-P", f"{name}={value}"]
    return shlex.join([*words, "."])


def _runtime_environment(submission: Submission) -> dict[str, Any]:
    """Give what Ray makes the job's surroundings of; what the configuration names goes over our own."""
    named = dict(submission.config.get("runtime_env") or {})
    own = {variable.name: found for variable in VARIABLES if (found := os.environ.get(variable.name))}
    uri = submission.run.tracking_uri
    own |= {TRACKING_URI.name: uri, "MLFLOW_TRACKING_URI": uri_for_mlflow(uri)}
    named["env_vars"] = {**own, **_texts(named.get("env_vars") or {})}
    named.setdefault("working_dir", str(submission.project.folder))
    excludes = [*(named.get("excludes") or ()), *submission.config.get("excludes", ())]
    return {**named, "excludes": excludes} if excludes else named


def _texts(variables: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in variables.items()}


def _own_resources(config: Mapping[str, Any]) -> dict[str, str]:
    """Give the options that let a Ray of our own have what the job asks for, beyond what it finds itself."""
    import json  # of the standard library, and seldom needed

    found = {}
    if config.get("num_cpus"):
        found["--num-cpus"] = str(max(int(config["num_cpus"] + 0.999), os.cpu_count() or 1))
    if config.get("resources"):
        found["--resources"] = json.dumps(config["resources"])
    return found


def _client(address: str, headers: dict[str, str] | None) -> Any:
    from ray.job_submission import JobSubmissionClient  # slow, and optional

    with _without(ADDRESSES):  # they would go before what was chosen
        return JobSubmissionClient(address, headers=headers)


@contextmanager
def _without(names: tuple[str, ...]) -> Iterator[None]:
    kept = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


def _require_ray() -> None:
    try:
        import ray.job_submission  # noqa: F401 - optional, and slow
    except ImportError as error:
        raise MissingLibraryError(
            "The backend 'ray' needs Ray with its job server: pip install 'jupyter-mltrack[ray]'."
        ) from error


def _check(config: Mapping[str, Any]) -> None:
    for key, value in config.items():
        if key not in _KEYS:
            raise InvalidParameterError(
                f"The backend 'ray' knows no key {str(key)[:80]!r} in its configuration; it knows {', '.join(_KEYS)}."
            )
        if not isinstance(value, _KEYS[key]) or isinstance(value, bool):
            names = " or ".join(each.__name__ for each in _KEYS[key])
            raise InvalidParameterError(
                f"The key {key!r} of the configuration of the backend 'ray' takes a {names}; got {str(value)[:80]!r}."
            )


def _is_here(address: str) -> bool:
    host = urlsplit(address if "://" in address else f"//{address}").hostname or address
    return host in _HERE or host == socket.gethostname()


def _say_what_must_be_shared(submission: Submission, address: str) -> None:
    if not _is_here(address):
        submission.request.say(
            f"The Ray at {visible(address)} is elsewhere: its nodes need mltrack, and the store at "
            f"{shown_uri(submission.run.tracking_uri)} under the same path, as on a shared disk."
        )
