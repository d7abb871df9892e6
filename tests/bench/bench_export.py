"""What it costs to write a run as a project: of a small notebook and of a large one, here and as a command.

usage, in the repository: python -m tests.bench.bench_export [--cells 200] [--rounds 5]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.table import Row, in_turn, print_table, sizes
from tests.core.exported_runs import tracked

from mltrack import export_run, set_tracking_uri

GOAL = "goal: 1 s"
HEAD = ("import math\nimport numpy as np\nimport sklearn.svm", "C = 0.5\nrows = [1, 2]")
LAST = "depth = 3\nscore = math.sqrt(C) * depth * sum(rows)"


def cells_of(count: int) -> list[str]:
    """Make a notebook's cells: every other one is one that the result depends on."""
    middle = [f"rows = rows + [{number}]" if number % 2 else f"aside_{number} = {number}" for number in range(count)]
    return [*HEAD, *middle, LAST]


def exported(run_id: str, folder: Path) -> float:
    """Export in this process; gives the seconds."""
    began = time.perf_counter()
    export_run(run_id, folder / f"{run_id}-{time.perf_counter_ns()}")
    return time.perf_counter() - began


def by_command(run_id: str, folder: Path) -> float:
    """Export by the command, the start of Python included."""
    words = [sys.executable, "-m", "mltrack", "--store", str(folder / "mltrack.db"), "export", run_id]
    began = time.perf_counter()
    subprocess.run([*words, str(folder / f"{time.perf_counter_ns()}")], check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    given = sizes(__doc__, cells=200, rounds=5)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.chdir(folder)
        set_tracking_uri(folder / "mltrack.db")
        packages = {f"package-{number}": "1.0" for number in range(300)} | {"numpy": "2.0", "scikit-learn": "1.5"}
        small, large = (tracked(*cells_of(count), packages=packages) for count in (3, given.cells))
        first = exported(small, folder)
        found = in_turn(
            {
                "a notebook of 5 cells": lambda: exported(small, folder),
                f"a notebook of {given.cells} cells": lambda: exported(large, folder),
                "the same by `mltrack export`": lambda: by_command(large, folder),
            },
            rounds=given.rounds,
        )
        rows = [Row("the first, with what it imports", first, "s", goal=GOAL)]
        rows += [Row(name, seconds, "s", goal=GOAL) for name, seconds in found.items()]
        print_table("Export without --verify", rows)


if __name__ == "__main__":
    main()
