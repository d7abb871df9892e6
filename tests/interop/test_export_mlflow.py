"""An exported run under the real mlflow, in an environment without mltrack: the same metrics, the same parameters."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.core.exported_runs import tracked

from mltrack import export_run
from mltrack.settings import get_store

LAST = """\
layers = [8, 4]
name = "it's {odd}"
flag = True
nothing = None
score = math.sqrt(C) * sum(layers) + len(name) + flag
luck = random.random()
undefined = math.nan * C
"""
CELLS = ("import math\nimport random\n%matplotlib inline", "C = 0.5\nrandom.seed(1)", LAST)
READ = """
import json, sys, mlflow
runs = mlflow.search_runs(search_all_experiments=True, output_format="list")
print(json.dumps([[run.data.metrics, run.data.params, run.info.status] for run in runs]))
"""


def told(python: str, folder: Path, *words: str) -> Any:
    """Run a command of the real mlflow's environment in a folder, with a store of MLflow's beside it."""
    path = f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW", "MLTRACK", "PYTHON"))}
    store = f"sqlite:///{folder.with_name('mlflow.db')}"
    variables = {**kept, "PATH": path, "MLFLOW_TRACKING_URI": store}
    done = subprocess.run(
        [python, *words], cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def runs_of(python: str, folder: Path) -> list[Any]:
    """Give metrics, params and status of each run, the last begun first."""
    return list(json.loads(told(python, folder, "-c", READ).splitlines()[-1]))


@pytest.mark.slow
def test_mlflow_run_gives_the_metrics_that_mltrack_gave(mlflow_python: str, tmp_path: Path) -> None:
    run_id = tracked(*CELLS, name="a 'run'")
    expected = get_store().get_run(run_id).data
    folder = export_run(run_id, tmp_path / "out").folder
    run = ("-m", "mlflow", "run", str(folder), "--env-manager", "local")
    told(mlflow_python, folder, *run)
    told(mlflow_python, folder, *run, "-P", "C=4", "-P", "layers=[1]", "-P", "name=a b", "-P", "flag=false")
    told(mlflow_python, folder, "main.py", "--C", "4", "--layers", "[1]", "--name", "a b", "--flag", "false")
    by_hand, changed, as_it_was = runs_of(mlflow_python, folder)
    metrics, params, status = as_it_was
    assert (repr(sorted(metrics.items())), status) == (repr(sorted(expected.metrics.items())), "FINISHED")
    assert set(params) == set(expected.params)
    assert (changed[0]["score"], by_hand[0]["score"]) == (5.0, 5.0)
    assert (changed[1]["C"], changed[1]["layers"]) == ("4", "'[1]'")  # mlflow logs what it quoted for the shell
    assert (by_hand[1]["C"], by_hand[1]["layers"], by_hand[1]["nothing"]) == ("4.0", "[1]", "None")
