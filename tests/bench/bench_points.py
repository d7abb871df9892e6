"""Batches of points and histories beside bare SQLite on the same rows, in one process and interleaved rounds.

usage, in the repository: python -m tests.bench.bench_points [--points 1000] [--history 50000] [--rounds 9]
Ratios within one call can be read; times alone depend on the machine. A batch has at most 1,000 points. mlflow's rows
come from a process of its own, where there is an environment that has it (see ``mlflow_python``).
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.bench_log import bare_connection, microseconds_each
from tests.bench.mlflow_python import mlflow_python
from tests.bench.table import Row, in_turn, print_table, sizes

import mltrack
from mltrack import MltrackClient
from mltrack.entities import Metric

if TYPE_CHECKING:
    from argparse import Namespace

MLFLOW = """
import json, statistics, sys, time, mlflow
from mlflow.entities import Metric
points, history = int(sys.argv[1]), int(sys.argv[2])
mlflow.set_tracking_uri("sqlite:///mlflow.db")
client = mlflow.MlflowClient()
run_id, long = client.create_run("0").info.run_id, client.create_run("0").info.run_id
times = []
for number in range(5):
    made = [Metric(f"metric {each}", each / 7, number, number) for each in range(points)]
    begun = time.perf_counter()
    client.log_batch(run_id, made)
    times.append((time.perf_counter() - begun) / points * 1e6)
for start in range(0, history, 1000):
    client.log_batch(long, [Metric("loss", 1.0, step, step) for step in range(start, min(start + 1000, history))])
begun = time.perf_counter()
assert len(client.get_metric_history(long, "loss")) == history
print(json.dumps([statistics.median(times), (time.perf_counter() - begun) / history * 1e6]))
"""


class Points:
    """The tasks, each giving microseconds a point."""

    def __init__(self, folder: Path, chosen: Namespace) -> None:
        self.bare = bare_connection(folder)
        self.client = MltrackClient()
        self.points, self.history = min(1000, chosen.points), chosen.history
        self.round = 0
        self.keys = [f"metric {number}" for number in range(self.points)]
        self.live = self.client.create_run("0").info.run_id
        self.ended = self.client.create_run("0").info.run_id
        self.client.set_terminated(self.ended)
        self.long = self.client.create_run("0").info.run_id
        for start in range(0, self.history, 1000):
            steps = range(start, min(start + 1000, self.history))
            self.client.log_batch(self.long, [Metric("loss", 1 / (step + 1), step, step) for step in steps])

    def batch_bare(self) -> float:
        """Insert a batch's rows in one commit, in bare SQLite."""
        self.round += 1
        rows = [(self.round, number, 0, self.round, number / 7) for number in range(self.points)]
        begun = time.perf_counter()
        self.bare.execute("BEGIN IMMEDIATE")
        self.bare.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?)", rows)
        self.bare.execute("COMMIT")
        return microseconds_each(begun, self.points)

    def _batch(self, run_id: str) -> float:
        self.round += 1
        points = [Metric(key, number / 7, self.round, self.round) for number, key in enumerate(self.keys)]
        begun = time.perf_counter()
        self.client.log_batch(run_id, points)
        return microseconds_each(begun, self.points)

    def one_metric(self) -> float:
        """Log a batch of points of one metric."""
        self.round += 1
        now = time.time_ns() // 1_000_000
        points = [Metric("loss", number / 7, now, self.round * 1000 + number) for number in range(self.points)]
        begun = time.perf_counter()
        self.client.log_batch(self.live, points)
        return microseconds_each(begun, self.points)

    def many_metrics(self) -> float:
        """Log a batch of as many metrics as points."""
        return self._batch(self.live)

    def ended_run(self) -> float:
        """Log such a batch to a run that has ended, which keeps the latest points at once."""
        return self._batch(self.ended)

    def log_metrics(self) -> float:
        """Log such a batch by the fluent API, which makes the points."""
        values = {key: number / 7 for number, key in enumerate(self.keys)}
        with mltrack.start_run():
            begun = time.perf_counter()
            mltrack.log_metrics(values, step=self.round)
            return microseconds_each(begun, self.points)

    def get_metric_history(self) -> float:
        """Read every point of a long metric."""
        begun = time.perf_counter()
        found = self.client.get_metric_history(self.long, "loss")
        assert len(found) == self.history
        return microseconds_each(begun, self.history)


def mlflow_times(points: int, history: int) -> list[float] | None:
    """Give mlflow's microseconds a point for a batch and for a history, or None where it is not installed."""
    python = mlflow_python()
    if python is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        command = [python, "-c", MLFLOW, str(points), str(history)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    times: list[float] = json.loads(done.stdout.splitlines()[-1])
    return times


def main() -> None:
    """Measure and print."""
    chosen = sizes(__doc__, points=1000, history=50_000, rounds=9)
    with tempfile.TemporaryDirectory() as name:
        mltrack.set_tracking_uri(Path(name) / "mltrack.db")
        tasks = Points(Path(name), chosen)
        names = (
            *(tasks.batch_bare, tasks.one_metric, tasks.many_metrics, tasks.ended_run, tasks.log_metrics),
            tasks.get_metric_history,
        )
        found = in_turn({task.__name__: task for task in names}, rounds=chosen.rounds)
    bare = found["batch_bare"]

    def row(what: str, task: str, goal: str = "") -> Row:
        return Row(what, found[task], "us", found[task] / bare, goal)

    rows = [
        Row("bare SQLite, a batch in one commit, a point", bare, "us", 1.0),
        row("log_batch, points of one metric", "one_metric", "goal: 8 us"),
        row("log_batch, as many metrics", "many_metrics", "goal: 8 us"),
        row("log_batch to a run that has ended", "ended_run"),
        row("log_metrics", "log_metrics", "goal: 8 us"),
        row(f"get_metric_history of {chosen.history:,} points", "get_metric_history", "goal: 3 us"),
    ]
    if (theirs := mlflow_times(tasks.points, chosen.history)) is not None:
        rows.append(Row("mlflow's log_batch, as many metrics", theirs[0], "us", theirs[0] / bare))
        rows.append(Row("mlflow's get_metric_history", theirs[1], "us", theirs[1] / bare))
    print_table(f"batches of {tasks.points:,} points, medians of {chosen.rounds} rounds in turn", rows)


if __name__ == "__main__":
    main()
