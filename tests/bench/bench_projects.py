"""``mltrack run`` of a project whose command is ``true``, in the local environment, and the real ``mlflow run``.

usage, in the repository: python -m tests.bench.bench_projects [--rounds 7]
Each is a program of its own with a store that is there already. Bare Python, and the guard alone, are the floor.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.mlflow_python import mlflow_python
from tests.bench.table import Row, in_turn, print_table, sizes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FILE = 'name: empty\nentry_points:\n  main:\n    command: "true"\n'


def task(words: Sequence[str], folder: Path) -> Callable[[], float]:
    """Give what runs a program once and measures its seconds."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    variables = {
        **{name: value for name, value in kept.items() if not name.startswith(("MLTRACK_", "MLFLOW_"))},
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "MLTRACK_TRACKING_URI": f"sqlite:///{folder}/mltrack.db",
        "MLTRACK_DATA_DIR": str(folder / "user"),
    }

    def once() -> float:
        begun = time.perf_counter()
        subprocess.run([*words], cwd=folder, env=variables, capture_output=True, check=True)
        return time.perf_counter() - begun

    return once


def main() -> None:
    """Measure and print."""
    rounds = sizes(__doc__, rounds=7).rounds
    python = mlflow_python()
    words = ["run", "empty", "--env-manager", "local"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        (folder / "empty").mkdir()
        (folder / "empty" / "MLproject").write_text(FILE)
        tasks = {
            "python -c pass": task([sys.executable, "-c", "pass"], folder),
            "mltrack --version": task([sys.executable, "-m", "mltrack", "--version"], folder),
            "mltrack run": task([sys.executable, "-m", "mltrack", *words], folder),
        }
        if python:
            tasks["mlflow run"] = task([python, "-m", "mlflow", *words], folder)
        for each in tasks.values():  # makes the stores, and compiles what is not yet
            each()
        found = in_turn(tasks, rounds=rounds)
    theirs = found.get("mlflow run")
    rows = [
        Row(
            what,
            seconds * 1e3,
            "ms",
            seconds / theirs if theirs else None,
            "goal: x 0.10" if what == "mltrack run" else "",
        )
        for what, seconds in found.items()
    ]
    print_table(f"an empty project, median of {rounds}, beside mlflow run", rows)


if __name__ == "__main__":
    main()
