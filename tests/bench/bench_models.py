"""What logging and loading a scikit-learn model takes, beside MLflow's in its own environment.

usage, in the repository: python -m tests.bench.bench_models [--loads 9] [--logs 5] [--mlflow 1]
The Python of an environment with mlflow and scikit-learn is MLTRACK_MLFLOW_PYTHON, default .venv-mlflow/bin/python;
without one, or with --mlflow 0, its rows are left out. The model is a pipeline of a scaler and a logistic regression
on iris, logged with five rows as its example. Each reads and writes a store of its own; the first call of a process
imports what it needs, and is told apart from the later ones.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile

from tests.bench.mlflow_python import mlflow_python
from tests.bench.table import Row, print_table, sizes

SCRIPT = """
import json, logging, os, sys, time, warnings
warnings.simplefilter("ignore")
logs, loads = map(int, sys.argv[1:])
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
import {package} as tracker
logging.getLogger("mlflow").setLevel(logging.ERROR)
x, y = load_iris(return_X_y=True, as_frame=True)
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)
tracker.set_tracking_uri("sqlite:///models.db")
tracker.set_experiment("models")
def timed(work):
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found
def log():
    with tracker.start_run():
        return tracker.sklearn.log_model(model, name="iris", input_example=x.head())
logged = [timed(log) for _ in range(logs + 1)]
uri = logged[-1][1].model_uri
loaded = [timed(lambda: tracker.pyfunc.load_model(uri))[0] for _ in range(loads + 1)]
print(json.dumps([[seconds for seconds, _ in logged], loaded]))
"""


def seconds(python: str, package: str, arguments: list[int]) -> tuple[list[float], list[float]]:
    """Give what each log_model and each load_model of one process took, in their order."""
    with tempfile.TemporaryDirectory() as folder:
        command = [python, "-c", SCRIPT.format(package=package), *map(str, arguments)]
        environment = os.environ | {"MLTRACK_DATA_DIR": folder}
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, env=environment)
    logged, loaded = json.loads(done.stdout.splitlines()[-1])
    return logged, loaded


def main() -> None:
    """Measure and print."""
    chosen = sizes(__doc__, logs=5, loads=9, mlflow=1)
    python = mlflow_python() if chosen.mlflow else None
    ours = seconds(sys.executable, "mltrack", [chosen.logs, chosen.loads])
    theirs = seconds(python, "mlflow", [min(chosen.logs, 1), chosen.loads]) if python else ([], [])
    rows = []
    names = ("log_model with an example", "pyfunc.load_model")
    goals = ("goal: 300 ms", "goal: half of MLflow's")
    for name, goal, mine, other in zip(names, goals, ours, theirs, strict=True):
        for what, part in (("a process's first", slice(0, 1)), ("the next", slice(1, None))):
            own = statistics.median(mine[part] or mine)
            foreign = statistics.median(other[part] or other) if other else None
            rows.append(Row(f"{name}, {what}", own * 1e3, "ms", own / foreign if foreign else None, goal))
            if foreign:
                rows.append(Row(f"{name}, {what}, MLflow", foreign * 1e3, "ms", 1.0))
    print_table("A pipeline of scikit-learn, medians", rows)


if __name__ == "__main__":
    main()
