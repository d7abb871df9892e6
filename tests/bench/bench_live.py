"""What a live panel takes from a training: a loop of 200 logs a second in a kernel with JupyterLab's page open.

usage, in the repository: python -m tests.bench.bench_live [--rounds 12] [--steps 1000]
Each round trains once without the panel and once with it, in one cell, in turn; what counts is the median of the
rounds' ratios. Between two logs numpy multiplies matrices for about 5 ms, on one thread: where there are two cores, the
page's drawing would hold up a second one. The panel's own thread measures the processor time it takes. The ratio of two
trainings without a panel says how far the machine's noise reaches.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path

from tests.bench.table import Row, print_table, sizes
from tests.browser.lab import Lab

SETUP = """
import json, os, time
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
import numpy as np
%load_ext mltrack
import mltrack
from mltrack_widgets.panels.live import live

matrix = np.random.default_rng(0).random((120, 120))

def calibrate():
    begun = time.perf_counter()
    for _ in range(200):
        matrix @ matrix
    return max(1, round(0.0045 / ((time.perf_counter() - begun) / 200)))

TIMES = calibrate()

def train(steps):
    with mltrack.start_run(nested=True):
        begun = time.perf_counter()
        for step in range(steps):
            for _ in range(TIMES):
                matrix @ matrix
            mltrack.log_metrics({"loss": 1 / (step + 1), "accuracy": 1 - 1 / (step + 1)}, step=step)
        return time.perf_counter() - begun
"""
MEASURE = """
found = []
for number in range({rounds} + 1):
    plain = train({steps})
    panel = live(total={steps})
    began = time.perf_counter()
    with_panel = train({steps})
    spent = panel.pace.spent / (time.perf_counter() - began)
    panel.finish()
    again = train({steps})
    if number:
        found.append([plain, with_panel, again, spent])
print(json.dumps(found))
"""


def main() -> None:
    """Measure and print."""
    chosen = sizes(__doc__, rounds=12, steps=1000)
    with tempfile.TemporaryDirectory() as name:
        lab = Lab.start(Path(name))
        try:
            measure = MEASURE.format(rounds=chosen.rounds, steps=chosen.steps)
            lab.open(lab.write_notebook("bench.ipynb", [SETUP, measure]))
            lab.page.set_default_timeout(600_000)
            lab.run_cell(0)
            lab.run_cell(1)
            text = next(line for line in reversed(lab.cell_text(1).splitlines()) if line.startswith("[["))
        finally:
            lab.close()
    report([list(map(float, each)) for each in json.loads(text)], chosen.steps)


def report(found: list[list[float]], steps: int) -> None:
    """Print the table."""
    plain = statistics.median(each[0] for each in found)
    slowed = statistics.median(2 * each[1] / (each[0] + each[2]) for each in found)
    noise = statistics.median(each[2] / each[0] for each in found)
    rows = [
        Row("logs a second", steps / plain, "1/s"),
        Row("training with the panel", 100 * (slowed - 1), "% more", slowed, "goal: 1 %"),
        Row("training without it, once more", 100 * (noise - 1), "% more", noise, "noise"),
        Row("processor time of the panel's thread", 100 * statistics.median(each[3] for each in found), "%"),
    ]
    print_table("a live panel beside a training, medians of rounds in turn", rows)


if __name__ == "__main__":
    main()
