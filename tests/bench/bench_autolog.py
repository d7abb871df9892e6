"""What autolog adds to scikit-learn's fits, beside MLflow's in its own environment.

usage, in the repository: python -m tests.bench.bench_autolog [--rounds 30] [--candidates 20]
The Python of an environment with mlflow and scikit-learn is MLTRACK_MLFLOW_PYTHON, default .venv-mlflow/bin/python;
without one its rows are left out. Each process fits in turn with autolog off and on, each in a new folder, with one
thread; models are logged where that is said.
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
import json, sys, time, warnings
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RandomizedSearchCV
from sklearn.preprocessing import StandardScaler
import {package} as tracker
warnings.simplefilter("ignore")
rounds, candidates = map(int, sys.argv[1:])
x, y = load_breast_cancer(return_X_y=True)
x = StandardScaler().fit_transform(x)
tracker.set_tracking_uri("sqlite:///tracked.db")
tracker.set_experiment("fits")
choices = {{"C": [10 ** (place / 10) for place in range(candidates)]}}
tasks = {{
    "LogisticRegression().fit on breast-cancer": lambda: LogisticRegression().fit(x, y),
    f"a search of {{candidates}} candidates": lambda: RandomizedSearchCV(
        LogisticRegression(), choices, n_iter=candidates, cv=3, random_state=0
    ).fit(x, y),
}}
found = {{name: [] for name in tasks}}
for name, task in tasks.items():
    for number in range(2 * (rounds + 1)):
        tracker.sklearn.autolog(disable=number % 2 == 0, silent=True, log_models={models}, max_tuning_runs=candidates)
        began, spent = time.perf_counter(), time.process_time()
        task()
        found[name].append((time.perf_counter() - began, time.process_time() - spent))
    rounds = max(1, rounds // 6)
print(json.dumps(found))
"""


def milliseconds(
    python: str, package: str, arguments: list[int], *, models: bool
) -> dict[str, list[tuple[float, float]]]:
    """Give for each task what it takes without autolog, and what autolog adds, by the wall clock and the processor.

    They are medians; what is added is that of each pair of fits one after the other.
    """
    alone = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        command = [python, "-c", SCRIPT.format(package=package, models=models), *map(str, arguments)]
        done = subprocess.run(command, cwd=folder, env=alone, capture_output=True, text=True, check=True)
    found = {}
    for name, times in json.loads(done.stdout.splitlines()[-1]).items():
        off, on = times[2::2], times[3::2]  # the first pair imports
        plain = [statistics.median(each) * 1e3 for each in zip(*off, strict=True)]
        pairs = [[one - other for one, other in zip(*pair, strict=True)] for pair in zip(on, off, strict=True)]
        added = [statistics.median(each) * 1e3 for each in zip(*pairs, strict=True)]
        found[name] = list(zip(plain, added, strict=True))
    return found


def main() -> None:
    """Measure and print."""
    chosen = sizes(__doc__, rounds=30, candidates=20)
    rows = []
    ours = sys.executable
    for package, python, models in (
        ("mltrack", ours, False),
        ("mltrack", ours, True),
        ("mlflow", mlflow_python(), False),
    ):
        if python is None:
            continue
        for name, clocks in milliseconds(python, package, [chosen.rounds, chosen.candidates], models=models).items():
            goal = "goal: 15 ms" if package == "mltrack" and not models and name.endswith("cancer") else ""
            who = f"{package}'s autolog" + (" with the model" if models else "")
            for clock, (plain, added) in zip(("wall", "processor"), clocks, strict=True):
                rows += [
                    Row(f"{name}, {clock}", plain, "ms", 1.0),
                    Row(f"added by {who}, {clock}", added, "ms", added / plain, goal),
                ]
    print_table(f"scikit-learn, medians of {chosen.rounds} rounds in turn", rows)


if __name__ == "__main__":
    main()
