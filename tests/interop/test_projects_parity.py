"""The same projects and options under the real mlflow and here: the same ends, arguments, params and tags."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.interop.project_calls import CALLS

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("project_calls.py")
SHOW = "import json, os, sys\njson.dump([sys.argv[1:], os.getcwd()], open(os.environ['SHOWN'], 'w'))\n"
SHELL = 'python show.py "$@"\n'
LOG = """
import importlib, os, sys
library = importlib.import_module(os.environ["LIBRARY"])
with library.start_run() as run:
    library.log_metric("loss", 1.5)
    library.log_param("own", "x")
sys.exit(4 if "fail" in sys.argv else 0)
"""
FILE = """
name: parity
entry_points:
  main:
    parameters:
      text: string
      number: {type: float, default: 0}
      flag: {type: string, default: false}
      empty: {type: string, default: ""}
    command: "python show.py {text} {number} {flag} {empty}"
  paths:
    parameters: {path: path, where: uri}
    command: "python show.py {path} {where}"
  braces:
    parameters: {text: string}
    command: "X=1; python show.py ${{X}} {{}} {text}"
  unknown:
    parameters: {text: string}
    command: "python show.py {other}"
  fails:
    command: "exit 3"
"""
OWN = {"mlflow.user", "mlflow.runName"}
# MLflow runs a script that is not there, finds out by its exit code, and leaves a run; a field that is no parameter
# ends it with a KeyError, after it has made one.
NO_RUN_HERE = {"no file", "an unknown field"}
# MLflow makes a run before it looks at values, and leaves it RUNNING.
LEFT_RUNNING = {"a path that is not there", "no URI"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder for each library."""
    return {name: tmp_path_factory.mktemp(name) for name in ("mlflow", "mltrack")}


@pytest.fixture(scope="module")
def outcomes(mlflow_python: str, folders: dict[str, Path]) -> dict[str, dict[str, Any]]:
    """What came of the calls, by library; each has a project of its own in its folder."""
    pythons = {"mlflow": mlflow_python, "mltrack": sys.executable}
    return {name: run_all(name, pythons[name], folder) for name, folder in folders.items()}


@pytest.fixture(scope="module")
def stores(folders: dict[str, Path]) -> dict[str, str]:
    """The stores that the calls made, since mlflow takes seconds to make one."""
    return {name: f"sqlite:///{folder}/{name}.db" for name, folder in folders.items()}


def make_project(folder: Path) -> Path:
    (folder / "data").mkdir()
    (folder / "data" / "a b.csv").write_text("1")
    project = folder / "project"
    project.mkdir()
    for name, text in {"MLproject": FILE, "show.py": SHOW, "show.sh": SHELL, "log.py": LOG}.items():
        (project / name).write_text(text)
    return project


def run_all(name: str, python: str, folder: Path) -> dict[str, Any]:
    project = make_project(folder)
    path = os.pathsep.join([str(Path(python).parent), os.environ["PATH"]])
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MLTRACK_", "MLFLOW_"))}
    done = subprocess.run(
        [python, str(SCRIPT), name, str(project)],
        env={**kept, "PATH": path, "SHELL": "/bin/bash", "MLTRACK_DATA_DIR": str(folder / "user")},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1].replace(str(folder), "FOLDER"))
    assert isinstance(found, dict)
    return found


def as_here(found: Mapping[str, Any]) -> list[Any]:
    """MLflow's runs without what is each one's own, and values without the quotes of the shell that it logs."""
    runs = []
    for status, params, tags, metrics in found["runs"]:
        plain = {shlex.split(name)[0]: " ".join(shlex.split(text)) if text else text for name, text in params.items()}
        kept = {name: text for name, text in tags.items() if name not in OWN}
        runs.append([status, plain, kept, metrics])
    return runs


@pytest.mark.parametrize("call", CALLS)
def test_the_child_is_given_the_same(outcomes: dict[str, dict[str, Any]], call: str) -> None:
    theirs, ours = outcomes["mlflow"][call], outcomes["mltrack"][call]
    assert ours["child"] == theirs["child"]
    assert not ours["marker"]
    assert bool(ours["error"]) == bool(theirs["error"])
    assert ours["error"] in ("", "ExecutionException")


@pytest.mark.parametrize("call", CALLS)
def test_the_run_keeps_the_same(outcomes: dict[str, dict[str, Any]], call: str) -> None:
    theirs, ours = as_here(outcomes["mlflow"][call]), outcomes["mltrack"][call]["runs"]
    ours = [[status, params, {k: v for k, v in tags.items() if k not in OWN}, m] for status, params, tags, m in ours]
    if call in NO_RUN_HERE | LEFT_RUNNING:
        assert ours == []
        return
    assert ours == theirs


@pytest.mark.parametrize(("words", "code"), [(["-P", "text=a=b"], 0), (["-e", "fails"], 1)], ids=["well", "fails"])
def test_the_exit_code_is_the_same(
    outcomes: dict[str, Any], stores: dict[str, str], mlflow_python: str, tmp_path: Path, words: list[str], code: int
) -> None:
    project = make_project(tmp_path)
    shown = {}
    for name, python in (("mlflow", mlflow_python), ("mltrack", sys.executable)):
        variables = {"SHOWN": str(tmp_path / name), f"{name.upper()}_TRACKING_URI": stores[name]}
        program = [python, "-m", name, "run", *words, "--env-manager", "local", str(project)]
        path = os.pathsep.join([str(Path(python).parent), os.environ["PATH"]])
        done = subprocess.run(program, env={**os.environ, **variables, "PATH": path}, capture_output=True, check=False)
        assert done.returncode == code, done.stderr
        shown[name] = (tmp_path / name).read_text() if (tmp_path / name).exists() else None
    assert shown["mlflow"] == shown["mltrack"]
    assert (shown["mltrack"] is not None) == (code == 0)
