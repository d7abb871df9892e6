"""What Ray is given for a project, and what is refused before it is asked. Ray itself is in the tests of interop."""

from __future__ import annotations

import importlib
import shlex
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import mltrack
from mltrack.entities import RunStatus
from mltrack.exceptions import InvalidParameterError, MissingLibraryError
from mltrack.projects.backends import NAMES, find_backend, ray
from mltrack.projects.backends.remote_run import RemoteRun
from mltrack.projects.backends.submission import Submission
from mltrack.projects.commands import ComposedCommand
from mltrack.projects.entities import EntryPoint, Parameter, Project, ProjectFile
from mltrack.projects.project_run import make_run
from mltrack.projects.request import KEPT, RunRequest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOSTILE = "it's; touch marker $(id) `id`\n--x {other}"


@pytest.fixture
def submission(tmp_path: Path) -> Callable[..., Submission]:
    mltrack.set_tracking_uri(tmp_path / "mltrack.db")

    def make(**config: Any) -> Submission:
        request = RunRequest("p", backend="ray", backend_config=config, output=KEPT)
        project = Project("p", tmp_path)
        main = EntryPoint("main", "echo {words} {data}", (Parameter("words"), Parameter("data", "path")))
        command = ComposedCommand("echo", {"words": HOSTILE, "data": "data.csv", "other": "data.csv"})
        file = ProjectFile(entry_points={"main": main})
        return Submission(request, project, file, command, make_run(request, project, command))

    return make


def test_no_value_reaches_the_shell_of_ray(submission: Callable[..., Submission], tmp_path: Path) -> None:
    made = submission()
    words = shlex.split(ray._entry_point(made, "/a b/python"))
    assert words == [
        *("/a b/python", "-m", "mltrack", "run", "--run-id", made.run.run_id, "--entry-point", "main"),
        *("--env-manager", "local", "--trust", "-P", f"words={HOSTILE}", "-P", f"data={tmp_path}/data.csv"),
        *("-P", "other=data.csv", "."),
    ]


def test_the_job_gets_the_store_and_what_is_configured(
    submission: Callable[..., Submission], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLTRACK_STAND_IN", "false")
    made = submission(excludes=["*.bin"], runtime_env={"pip": ["a"], "env_vars": {"N": 1}, "excludes": ["b"]})
    assert ray._runtime_environment(made) == {
        "pip": ["a"],
        "working_dir": str(tmp_path),
        "excludes": ["b", "*.bin"],
        "env_vars": {
            "MLTRACK_TRACKING_URI": made.run.tracking_uri,
            "MLFLOW_TRACKING_URI": f"mltrack+{made.run.tracking_uri}",
            "MLTRACK_STAND_IN": "false",
            "MLTRACK_TEST_MODE": "1",
            "MLTRACK_DATA_DIR": f"{tmp_path}/user",
            "N": "1",
        },
    }


WRONG: dict[str, dict[str, Any]] = {
    "unknown": {"num_cpu": 1},
    "text for a number": {"num_cpus": "2"},
    "true for a number": {"num_gpus": True},
    "text for a list": {"excludes": "*.bin"},
    "list for a mapping": {"resources": ["a"]},
    "number for an address": {"address": 8265},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_configuration_is_named(submission: Callable[..., Submission], name: str) -> None:
    (key,) = WRONG[name]
    with pytest.raises(InvalidParameterError, match=f"{key!r}.* configuration|configuration.*{key!r}|{key!r} of the"):
        ray.submit(submission(**WRONG[name]))


def test_without_ray_it_is_said_how_to_get_it(
    submission: Callable[..., Submission], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray.job_submission", None)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingLibraryError, match=r"jupyter-mltrack\[ray\]"):
        ray.submit(submission())


ADDRESSES = {
    "http://127.0.0.1:8265": True,
    "auto": True,
    "localhost:6379": True,
    "ray://head:10001": False,
    "https://ray.example.com": False,
    "10.0.0.7:6379": False,
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_ray_elsewhere_needs_the_same_store(submission: Callable[..., Submission], address: str) -> None:
    said: list[str] = []
    made = submission()
    ray._say_what_must_be_shared(replace(made, request=replace(made.request, say=said.append)), address)
    assert bool(said) is not ADDRESSES[address]
    assert all(address in line and made.run.tracking_uri in line for line in said)


@pytest.mark.parametrize("name", ["databricks", "nowhere", "", "Ray", "local "])
def test_an_unknown_backend_is_named_with_those_that_are(name: str) -> None:
    with pytest.raises(InvalidParameterError, match=", ".join(NAMES)):
        find_backend(name)


def test_backends_are_loaded_without_what_they_need() -> None:
    for name in NAMES[1:]:
        assert find_backend(name) is importlib.import_module(f"mltrack.projects.backends.{name}")


class Told(RemoteRun):
    """A run on a backend that says what it is told to."""

    pause = 0.001

    def __init__(self, submission: Submission, *answers: RunStatus | Exception) -> None:
        super().__init__(submission)
        self.answers = list(answers)
        self.was_stopped = False
        self.printed = ""

    def look(self) -> RunStatus:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.printed += f"{answer!r:.8}\nand "
        if isinstance(answer, Exception):
            raise answer
        return answer

    def stop(self) -> None:
        self.was_stopped = True

    def read_logs(self) -> str:
        return self.printed


RUNNING, FINISHED = RunStatus.RUNNING, RunStatus.FINISHED
GONE = OSError("no route")
STORIES: dict[str, tuple[tuple[RunStatus | Exception, ...], str]] = {
    "finishes": ((RunStatus.SCHEDULED, RUNNING, FINISHED), "FINISHED"),
    "fails": ((RUNNING, RunStatus.FAILED), "FAILED"),
    "cannot be asked for a while": ((RUNNING, *[GONE] * 9, RUNNING, *[GONE] * 9, FINISHED), "FINISHED"),
    "cannot be asked any longer": ((RUNNING, GONE), "FAILED"),
}


@pytest.mark.parametrize("name", STORIES)
def test_a_run_is_followed_to_its_end(submission: Callable[..., Submission], name: str) -> None:
    answers, expected = STORIES[name]
    cleaned: list[bool] = []
    run = Told(submission(), *answers)
    run.begin(lambda: cleaned.append(True))
    assert run.wait() is (expected == "FINISHED")
    assert (run.status, mltrack.get_run(run.run_id).info.status, cleaned) == (expected, expected, [True])
    run.cancel()  # it has ended: nothing happens
    assert (run.status, run.was_stopped) == (expected, False)


def test_a_run_may_be_cancelled(submission: Callable[..., Submission]) -> None:
    run = Told(submission(), RUNNING)
    run.begin(lambda: None)
    run.cancel()
    assert (run.was_stopped, run.status, run.wait()) == (True, "KILLED", False)
    assert mltrack.get_run(run.run_id).info.status == "KILLED"
