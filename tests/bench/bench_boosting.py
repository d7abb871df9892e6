"""What autolog adds to XGBoost's training with two eval sets, beside MLflow's in its own environment.

usage, in the repository: python -m tests.bench.bench_boosting [--rows 10000] [--trees 500] [--rounds 9]
The Python of an environment with mlflow and xgboost is MLTRACK_MLFLOW_PYTHON, default .venv-mlflow/bin/python; without
one its rows are left out. Each process trains in turn with autolog off and on, each in a new folder, with one
thread, so that what else the machine does is seen less.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile

from tests.bench.mlflow_python import mlflow_python
from tests.bench.table import Row, print_table, sizes

SCRIPT = """
import json, sys, time, warnings
import numpy, xgboost
import {package} as tracker
warnings.simplefilter("ignore")
rows, trees, rounds = map(int, sys.argv[1:])
random = numpy.random.default_rng(0)
x = random.normal(size=(rows, 30))
tracker.set_tracking_uri("sqlite:///tracked.db")
tracker.set_experiment("boosting")
number = 1
{switch}
y = (x[:, :5].sum(axis=1) + random.normal(size=rows) > 0).astype(int)
x_train, x_test = x[: rows * 4 // 5], x[rows * 4 // 5 :]
data, valid = xgboost.DMatrix(x_train, y[: len(x_train)]), xgboost.DMatrix(x_test, y[len(x_train) :])
params = {{"objective": "binary:logistic", "eval_metric": ["logloss", "auc"], "max_depth": 4, "nthread": 1}}
found = []
for number in range(2 * (rounds + 1)):
    {switch}
    began, spent = time.perf_counter(), time.process_time()
    xgboost.train(params, data, trees, evals=[(data, "train"), (valid, "eval")], verbose_eval=False)
    found.append((time.perf_counter() - began, time.process_time() - spent))
print(json.dumps([found[2::2], found[3::2]]))
"""
SWITCHES = {
    "mltrack": "tracker.autolog(disable=number % 2 == 0, libraries=['xgboost'], log_models=False)",
    "mltrack with the model": "tracker.autolog(disable=number % 2 == 0, libraries=['xgboost'])",
    "mlflow": "tracker.xgboost.autolog(disable=number % 2 == 0, silent=True, log_models=False)",
}


def seconds(python: str, package: str, arguments: list[int]) -> list[tuple[float, float]]:
    """Give what a training takes without autolog, and what autolog adds, both by the wall clock and of the processor.

    They are medians; what is added is that of each pair of trainings one after the other.
    """
    script = SCRIPT.format(package=package.partition(" ")[0], switch=SWITCHES[package])
    with tempfile.TemporaryDirectory() as folder:
        command = [python, "-c", script, *map(str, arguments)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    off, on = json.loads(done.stdout.splitlines()[-1])
    plain = [statistics.median(times) for times in zip(*off, strict=True)]
    pairs = [[one - other for one, other in zip(*times, strict=True)] for times in zip(on, off, strict=True)]
    added = [statistics.median(times) for times in zip(*pairs, strict=True)]
    return list(zip(plain, added, strict=True))


def main() -> None:
    """Measure and print."""
    chosen = sizes(__doc__, rows=10_000, trees=500, rounds=9)
    arguments = [chosen.rows, chosen.trees, chosen.rounds]
    pythons = {"mltrack": sys.executable, "mltrack with the model": sys.executable, "mlflow": mlflow_python()}
    rows = []
    for package, python in pythons.items():
        if python is None:
            continue
        goal = "goal: 3 %" if package == "mltrack" else ""
        for clock, (plain, added) in zip(("wall", "processor"), seconds(python, package, arguments), strict=True):
            rows += [
                Row(f"xgboost.train without {package}, {clock}", plain * 1e3, "ms", 1.0),
                Row(f"added by the autolog of {package}, {clock}", added * 1e3, "ms"),
                Row("of the training", 100 * added / plain, "%", goal=goal),
            ]
    print_table(f"XGBoost, {chosen.trees} rounds, two eval sets, {chosen.rows} rows of 30, medians", rows)


if __name__ == "__main__":
    main()
