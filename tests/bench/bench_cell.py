"""What an empty tracked cell costs beside a plain one, in a kernel that has executed a long notebook.

usage, in the repository: python -m tests.bench.bench_cell [--cells 200] [--kilobytes 5000] [--rounds 30]
Times are the client's, from sending the request to the kernel being idle again. The time before the user's code is
measured in the kernel, between a callback registered before mltrack's and one registered after.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from tests.bench.kernel import Kernel, kernel
from tests.bench.table import Row, in_turn, print_table, sizes

FIRST = """
import time
_marks, _loads, _ends = [], [], []
get_ipython().events.register("pre_run_cell", lambda info: _marks.append([info.raw_cell, time.perf_counter_ns()]))
"""
LOAD = """
_began = time.perf_counter_ns()
%load_ext mltrack
_loads.append(time.perf_counter_ns() - _began)
"""
LAST = """
get_ipython().events.register("pre_run_cell", lambda info: _marks[-1].append(time.perf_counter_ns()))
"""
TRACKED = "%%track_run\npass"
QUIET = "%%track_run --quiet\npass"
PLAIN = "pass"


def fill(notebook: Kernel, cells: int, kilobytes: int) -> None:
    """Execute a notebook of so many cells whose outputs have so many kilobytes in all."""
    size = max(1, kilobytes * 1000 // cells)
    for number in range(cells):
        code = f"x{number} = {number}\nprint(('{number} ' * {size})[:{size}])"
        notebook.run(code, cell_id=f"filled-{number}")


def main() -> None:
    """Measure and print."""
    chosen = sizes(__doc__, cells=200, kilobytes=5000, rounds=30)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with kernel(folder / "kernel", folder / "mltrack.db") as notebook:
            for code in (FIRST, LOAD, LAST):
                notebook.run(code)
            fill(notebook, chosen.cells, chosen.kilobytes)
            first = notebook.run(TRACKED, cell_id="tracked")
            found = in_turn(
                {
                    "plain": lambda: notebook.run(PLAIN, cell_id="plain"),
                    "tracked": lambda: notebook.run(TRACKED, cell_id="tracked"),
                    "quiet": lambda: notebook.run(QUIET, cell_id="quiet"),
                },
                rounds=chosen.rounds,
            )
            marks = notebook.ask("_marks", folder / "marks.json")
            load = notebook.ask("_loads[0]", folder / "load.json")
    report(found, first, [mark for mark in marks if len(mark) == 3], load)


def report(found: dict[str, float], first: float, marks: list[list[object]], load: int) -> None:
    """Print the table."""
    before = {
        code: statistics.median(float(str(end)) - float(str(begin)) for raw, begin, end in marks if raw == code) / 1e6
        for code in (TRACKED, PLAIN)
    }
    plain = found["plain"] * 1e3
    rows = [
        Row("%load_ext mltrack in the kernel", load / 1e6, "ms"),
        Row("a plain cell", plain, "ms", 1.0),
        Row("the first tracked cell, over plain", first * 1e3 - plain, "ms"),
        Row("an empty tracked cell, over plain", found["tracked"] * 1e3 - plain, "ms", found["tracked"] * 1e3 / plain,
            "goal: 30 ms"),
        Row("the same without its card (--quiet), over plain", found["quiet"] * 1e3 - plain, "ms"),
        Row("of it before the user's code", before[TRACKED], "ms", goal="goal: 10 ms"),
        Row("before the user's code in a plain cell", before[PLAIN], "ms"),
    ]  # fmt: skip
    print_table("an empty tracked cell, medians of rounds in turn", rows)


if __name__ == "__main__":
    main()
