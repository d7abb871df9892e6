"""A project is submitted to a Ray that is started for it, logs to its run there, and nothing is left running."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from tests.magics.kernels import wait_until

import mltrack
from mltrack.projects.backends import ray as ours

if TYPE_CHECKING:
    from collections.abc import Iterator

JobStatus: Any = pytest.importorskip("ray.job_submission").JobStatus
pytestmark = pytest.mark.slow

FILE = """
name: on ray
entry_points:
  main:
    parameters:
      words: string
      data: path
      count: {type: float, default: 2}
    command: "python main.py {words} {data} {count}"
  wrong:
    command: "echo before the end; exit 3"
  endless:
    parameters: {ready: string}
    command: "echo it begins; touch {ready}; sleep 600"
"""
MAIN = """
import os, sys
import mlflow
import ray

words, data, count = sys.argv[1:]
ray.init()
squares = ray.get([ray.remote(lambda number: number * number).remote(number) for number in range(int(count))])
with mlflow.start_run() as run:
    mlflow.log_metric("sum", sum(squares))
    mlflow.log_param("seen", words)
    mlflow.log_text(open(data).read(), "data.txt")
print("squares", squares, "in", run.info.run_id, "not" if os.path.exists("left_out.bin") else "and", "left out")
"""
SECONDS = 600.0
HOSTILE = "it's; touch marker; $(touch marker) `touch marker`"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "MLproject").write_text(FILE)
    (folder / "main.py").write_text(MAIN)
    (folder / "left_out.bin").write_bytes(b"0" * 1000)
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    mltrack.set_tracking_uri(tmp_path / "mltrack.db")
    return folder


def processes_of_ray() -> set[tuple[int, float]]:
    """Those of Ray that belong to this process, and those that were left by one that ended."""
    found = set()
    for each in psutil.process_iter(["pid", "create_time", "cmdline", "username", "status"]):
        words = " ".join(each.info["cmdline"] or ())
        if each.info["username"] == getpass.getuser() and "/mltray-" in words and str(os.getpid()) in _ancestry(each):
            found.add((each.info["pid"], each.info["create_time"]))
    return found


def _ancestry(process: psutil.Process) -> set[str]:
    try:
        return {str(each.pid) for each in process.parents()} or {str(os.getpid())}
    except psutil.NoSuchProcess:
        return set()


@pytest.fixture
def folder_of_clusters(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where this test's Ray has its folder, and nobody else's; its path is short, as that of a socket must be."""
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_a_project_runs_as_a_job(
    project: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], folder_of_clusters: Path
) -> None:
    submitted = mltrack.projects.run(
        str(project),
        backend="ray",
        backend_config={"excludes": ["left_out.bin"], "num_cpus": 1, "resources": {"special": 1}},
        parameters={"words": HOSTILE, "data": "data.csv", "count": 4},
    )
    run = mltrack.get_run(submitted.run_id)
    assert (run.info.status, submitted.status) == ("FINISHED", "FINISHED")
    assert run.data.metrics == {"sum": 14.0}
    assert run.data.params == {"words": HOSTILE, "data": "data.csv", "count": "4", "seen": HOSTILE}
    assert run.data.tags["mlflow.project.backend"] == "ray"
    assert run.data.tags["mlflow.source.name"] == str(project)
    assert mltrack.artifacts.load_text(f"runs:/{submitted.run_id}/data.txt") == "a,b\n1,2\n"
    printed = capfd.readouterr().out
    assert f"squares [0, 1, 4, 9] in {submitted.run_id} and left out" in printed
    assert "squares [0, 1, 4, 9]" in submitted.logs()
    assert not [*tmp_path.rglob("marker")]
    assert [*folder_of_clusters.glob("mltray-*")] == []
    assert processes_of_ray() == set()


HOLDER = """
import json, os, sys
from mltrack.projects.backends.ray_cluster import start_cluster
cluster = start_cluster(os.environ, {})
token = cluster.headers["Authorization"].partition(" ")[2]
print(json.dumps({"address": cluster.address, "folder": str(cluster.folder), "token": token}), flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def holder() -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """A process that has a Ray, and what one needs to use it."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", HOLDER], text=True, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
        process.kill()


def run_there(project: Path, ray: dict[str, str], *options: str) -> subprocess.Popen[str]:
    """Begin `mltrack run` with a Ray that somebody else has started."""
    named = {"RAY_ADDRESS": ray["address"], "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": ray["token"]}
    return subprocess.Popen(
        [sys.executable, "-m", "mltrack", "run", str(project), "-b", "ray", *options],
        env={**os.environ, **named, "MLTRACK_TRACKING_URI": mltrack.get_tracking_uri()},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_one_that_fails_is_said_to(project: Path, holder: tuple[subprocess.Popen[str], dict[str, str]]) -> None:
    process = run_there(project, holder[1], "-e", "wrong")
    printed, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 1, said
    assert "before the end" in printed
    assert "Starting a Ray" not in said
    (run,) = mltrack.search_runs(output_format="list")
    assert run.info.status == "FAILED"


def processes_with(word: str) -> list[psutil.Process]:
    return [each for each in psutil.process_iter(["cmdline"]) if word in " ".join(each.info["cmdline"] or ())]


def test_one_may_be_cancelled(
    project: Path, tmp_path: Path, holder: tuple[subprocess.Popen[str], dict[str, str]]
) -> None:
    ready = tmp_path / "ready"
    process = run_there(project, holder[1], "-e", "endless", "-P", f"ready={ready}")
    wait_until(lambda: ready.exists() or process.poll() is not None, seconds=SECONDS)
    assert process.poll() is None
    process.terminate()
    _, said = process.communicate(timeout=SECONDS)
    assert process.returncode not in (0, None), said
    (run,) = mltrack.search_runs(output_format="list")
    assert run.info.status == "KILLED"
    # Ray kills a job that takes more than some seconds to end, whose guard then ends what the job had started.
    wait_until(lambda: not processes_with(str(ready)))


def test_a_job_is_stopped_when_its_submission_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Ray may have taken it by then."""
    stopped = []

    class Interrupted:
        def submit_job(self, **_: object) -> None:
            raise KeyboardInterrupt

        def stop_job(self, name: str) -> None:
            stopped.append(name)

        def get_job_status(self, _: str) -> Any:
            return JobStatus.STOPPED

    monkeypatch.setattr(ours, "_client", lambda *_: Interrupted())
    monkeypatch.setattr(ours, "_entry_point", lambda *_, **__: "true")
    monkeypatch.setattr(ours, "_runtime_environment", lambda _: {})
    request = SimpleNamespace(say=print, output="")
    submission: Any = SimpleNamespace(run=SimpleNamespace(run_id="a" * 32), request=request, config={})
    with pytest.raises(KeyboardInterrupt):
        ours._submitted(submission, "http://127.0.0.1:1", None)
    assert stopped == [f"mltrack-{'a' * 32}"]


def test_a_ray_listens_on_this_machine_only(holder: tuple[subprocess.Popen[str], dict[str, str]]) -> None:
    process, ray = holder
    family = [process.pid, *(each.pid for each in psutil.Process(process.pid).children(recursive=True))]
    addresses = {
        each.laddr.ip.removeprefix("::ffff:")
        for each in psutil.net_connections("inet")
        if each.pid in family and each.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{ray['address']}/api/jobs/", timeout=SECONDS)


def test_a_ray_ends_with_the_process_that_started_it(holder: tuple[subprocess.Popen[str], dict[str, str]]) -> None:
    """Killed outright, that has no time to end it. This test is the last one that uses it."""
    process, ray = holder
    assert os.path.isdir(ray["folder"])
    started = psutil.Process(process.pid).children(recursive=True)
    assert len(started) > 5
    process.kill()
    _, alive = psutil.wait_procs(started, timeout=SECONDS)
    assert alive == []
    assert not os.path.exists(ray["folder"])
