"""What making a project's environment takes, and finding it again; and fetching the project.

usage, in the repository: python -m tests.bench.bench_project_environments [--rounds 5]
Two projects with a python_env.yaml: one asks for scikit-learn, the other for mlflow and scikit-learn, in whose place
this mltrack comes with what mlflow would have brought. The caches of uv are filled first. ``mltrack run`` runs
``python -c pass`` in the made environment.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.table import Row, print_table, sizes

from mltrack import config
from mltrack.projects.environments import prepare_environment
from mltrack.projects.fetching import fetch
from mltrack.projects.project_file import read_project_file

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = "name: bench\npython_env: python_env.yaml\nentry_points:\n  main:\n    command: python -c pass\n"
ASKED = {"scikit-learn": "[scikit-learn]", "mlflow, scikit-learn": "[mlflow, scikit-learn]"}


def write_project(folder: Path, dependencies: str) -> Path:
    """Write a project of one command that does nothing."""
    folder.mkdir()
    (folder / "MLproject").write_text(PROJECT)
    (folder / "python_env.yaml").write_text(f"build_dependencies: [pip]\ndependencies: {dependencies}\n")
    return folder


def prepare(folder: Path) -> None:
    """Make the project's environment, or find it."""
    with fetch(str(folder)) as project:
        prepare_environment(project, read_project_file(project.folder), "uv")


def run(folder: Path) -> None:
    """Run it as from a terminal."""
    command = [sys.executable, "-m", "mltrack", "run", str(folder)]
    subprocess.run(command, cwd=folder.parent, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def seconds(task: Callable[[], None]) -> float:
    """Time one call."""
    began = time.perf_counter()
    task()
    return time.perf_counter() - began


def measure(name: str, folder: Path, rounds: int) -> list[Row]:
    """Give the rows of one project."""
    prepare(folder)
    cold: list[float] = []
    whole: list[float] = []
    for into, task in ((cold, prepare), (whole, run)) * rounds:
        shutil.rmtree(config.user_folder(), ignore_errors=True)
        into.append(seconds(lambda task=task: task(folder)))  # type: ignore[misc]
    warm = [seconds(lambda: prepare(folder)) for _ in range(rounds)]
    again = [seconds(lambda: run(folder)) for _ in range(rounds)]
    return [
        Row(f"{name}: environment made", statistics.median(cold), "s", goal="5 s"),
        Row(f"{name}: found again", statistics.median(warm) * 1e3, "ms"),
        Row(f"{name}: mltrack run, environment made", statistics.median(whole), "s", goal="5 s"),
        Row(f"{name}: mltrack run again", statistics.median(again), "s", goal="0.5 s"),
    ]


def main() -> None:
    """Measure and print."""
    rounds = sizes(__doc__, rounds=5).rounds
    with tempfile.TemporaryDirectory() as scratch:
        os.environ[config.DATA_DIR.name] = f"{scratch}/user"
        rows = []
        for number, (name, dependencies) in enumerate(ASKED.items()):
            rows += measure(name, write_project(Path(scratch) / f"p{number}", dependencies), rounds)
    print_table("Environments of projects, medians", rows)


if __name__ == "__main__":
    main()
