"""Projects whose main runs other projects, as MLflow's multi-step example does, run as they are: whole and in steps."""

from __future__ import annotations

import http.server
import json
import os
import random
import shutil
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import mltrack

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECTS = Path(__file__).with_name("projects")
READER = """
import json, sys
import mlflow
runs = mlflow.MlflowClient(sys.argv[1]).search_runs(["0"])
found = [{"step": run.data.tags.get("step"), "metrics": dict(run.data.metrics)} for run in runs]
print(json.dumps(found))
"""


def passengers() -> str:
    """Give a table like the Titanic's; some ages are missing."""
    source = random.Random(11)
    lines = ["PassengerId,Survived,Pclass,Name,Sex,Age,Fare"]
    for number in range(400):
        sex, grade = source.choice(("male", "female")), source.choice((1, 2, 3))
        age = "" if source.random() < 0.2 else str(source.randrange(1, 80))
        fare = round(source.random() * 100 / grade, 2)
        survived = int(source.random() < (0.75 if sex == "female" else 0.2) + (0.1 if grade == 1 else 0))
        lines.append(f'{number},{survived},{grade},"Passenger, No. {number}",{sex},{age},{fare}')
    return "\n".join(lines) + "\n"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@pytest.fixture
def data_url(tmp_path: Path) -> Iterator[str]:
    """The table on a server of this machine."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "titanic.csv").write_text(passengers())
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/titanic.csv"
        server.shutdown()


@pytest.fixture
def titanic(tmp_path: Path) -> Path:
    mltrack.set_tracking_uri(tmp_path / "mltrack.db")
    return Path(shutil.copytree(PROJECTS / "titanic", tmp_path / "titanic"))


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    """The example in a repository, as its steps look for runs of the same commit."""
    mltrack.set_tracking_uri(tmp_path / "mltrack.db")
    folder = Path(shutil.copytree(PROJECTS / "workflow", tmp_path / "workflow"))
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "all")):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *words], cwd=folder, check=True)
    return folder


def command_line(*words: str, python: str = sys.executable, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `mltrack run …`, or that of the real mlflow."""
    module = "mltrack" if python == sys.executable else "mlflow"
    environment = {**os.environ, "MLTRACK_TRACKING_URI": mltrack.get_tracking_uri(), **variables}
    return subprocess.run(
        [python, "-m", module, "run", *words], env=environment, capture_output=True, text=True, check=False, timeout=900
    )


def by_step(runs: list[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for run in runs:
        found.setdefault(run.data.tags["step"], []).append(run)
    return found


def every_run() -> list[Any]:
    return list(mltrack.search_runs(output_format="list"))


def test_steps_are_children_and_pass_their_files_on(titanic: Path, data_url: str) -> None:
    options = ("-P", "env_manager=local", "-P", f"data_url={data_url}", "--env-manager", "local")
    done = command_line(str(titanic), "-P", "steps=download, clean", *options)
    assert done.returncode == 0, done.stderr
    found = by_step(every_run())
    assert {step: len(runs) for step, runs in found.items()} == {"main": 1, "download": 1, "clean": 1}
    (main,), (download,), (clean,) = found["main"], found["download"], found["clean"]
    assert {run.data.tags.get("mlflow.parentRunId") for run in (download, clean)} == {main.info.run_id}
    assert {run.info.status for run in (main, download, clean)} == {"FINISHED"}
    assert main.data.params["steps"] == "download, clean"
    assert clean.data.params["data"] == f"runs:/{download.info.run_id}/raw.csv"
    assert download.data.metrics == {"bytes": float(len(passengers()))}
    assert clean.data.metrics["filled"] > 0
    assert download.data.tags["mlflow.project.entryPoint"] == "main"
    again = mltrack.projects.run(
        str(titanic), parameters={"steps": "clean", "data_url": data_url, "env_manager": "local"}, env_manager="local"
    )
    assert len(by_step(every_run())["clean"]) == 2
    assert len(by_step(every_run())["download"]) == 1
    assert by_step(every_run())["clean"][0].data.tags["mlflow.parentRunId"] == again.run_id
    assert by_step(every_run())["clean"][0].data.metrics == clean.data.metrics


def test_a_step_that_fails_fails_the_whole(titanic: Path) -> None:
    options = ("-P", "env_manager=local", "--env-manager", "local", "-P", "data_url=http://127.0.0.1:1/none")
    done = command_line(str(titanic), "-P", "steps=download", *options)
    assert done.returncode == 1
    assert {run.info.status for run in every_run()} == {"FAILED"}
    assert len(every_run()) == 2


@pytest.mark.slow
def test_one_step_is_a_project_by_itself(titanic: Path, data_url: str) -> None:
    done = command_line(str(titanic / "download"), "-P", f"data_url={data_url}", "--env-manager", "local")
    assert done.returncode == 0, done.stderr
    (run,) = every_run()
    assert "mlflow.parentRunId" not in run.data.tags
    subdirectory = command_line(f"{titanic}#clean", "-P", f"data=runs:/{run.info.run_id}/raw.csv", "--no-conda")
    assert subdirectory.returncode == 0, subdirectory.stderr
    assert by_step(every_run())["clean"][0].data.metrics["rows"] == 400


def run_workflow(folder: Path, *options: str) -> str:
    done = command_line(str(folder), "--env-manager", "local", *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_steps_that_have_run_are_found_again(workflow: Path) -> None:
    first = run_workflow(workflow)
    assert first.count("Launching new run") == 3
    assert len(every_run()) == 4
    second = run_workflow(workflow, "-P", "reg_param=0.5")
    assert second.count("Found existing run") == 2
    assert second.count("Launching new run for entrypoint=train") == 1
    assert len(every_run()) == 6
    (workflow / "train.py").write_text((workflow / "train.py").read_text() + "\n# changed\n")
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qam", "b"], cwd=workflow, check=True
    )
    assert run_workflow(workflow).count("Launching new run") == 3
    commits = {run.data.tags["mlflow.source.git.commit"] for run in every_run()}
    assert len(commits) == 2
    mains = [run.info.run_id for run in every_run() if run.data.tags["mlflow.project.entryPoint"] == "main"]
    parents = {run.data.tags.get("mlflow.parentRunId") for run in every_run()}
    assert parents == {None, *mains}


def of_mlflow(python: str, folder: Path, uri: str, *options: str) -> list[dict[str, Any]]:
    """Run a project with the real mlflow, and give what it logged."""
    variables = {"MLFLOW_TRACKING_URI": uri, "PATH": f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"}
    done = command_line(str(folder), "--env-manager", "local", *options, python=python, **variables)
    assert done.returncode == 0, done.stderr[-3000:]
    read = subprocess.run([python, "-c", READER, uri], capture_output=True, text=True, check=True)
    return list(json.loads(read.stdout.splitlines()[-1]))


def metrics_of(runs: list[dict[str, Any]]) -> list[tuple[str, dict[str, float]]]:
    return sorted(((each["step"], each["metrics"]) for each in runs), key=str)


@pytest.mark.slow
def test_the_real_mlflow_gets_the_same_of_the_pipeline(
    titanic: Path, data_url: str, mlflow_python: str, tmp_path: Path
) -> None:
    options = ("-P", "env_manager=local", "-P", f"data_url={data_url}")
    done = command_line(str(titanic), "--env-manager", "local", *options)
    assert done.returncode == 0, done.stderr
    theirs = of_mlflow(mlflow_python, titanic, f"sqlite:///{tmp_path}/mlflow.db", *options)
    ours = [{"step": each.data.tags["step"], "metrics": dict(each.data.metrics)} for each in every_run()]
    assert len(ours) == 4
    for (step, mine), (other, real) in zip(metrics_of(ours), metrics_of(theirs), strict=True):
        assert step == other
        assert mine == pytest.approx(real, rel=1e-9)


@pytest.mark.slow
def test_each_step_has_an_environment_of_its_own(titanic: Path, data_url: str) -> None:
    """All of it in environments made of the files ``conda.yaml``, by uv."""
    done = command_line(str(titanic), "-P", f"data_url={data_url}", "--env-manager", "uv")
    assert done.returncode == 0, done.stderr[-3000:]
    found = by_step(every_run())
    assert {step: len(runs) for step, runs in found.items()} == {"main": 1, "download": 1, "clean": 1, "train": 1}
    assert {run.data.tags["mlflow.project.env"] for run in every_run()} == {"uv"}
    assert set(found["train"][0].data.metrics) == {"accuracy", "log_loss"}
