"""Logging and searching beside bare SQLite with one commit a call, in one process and interleaved rounds.

usage, in the repository: python -m tests.bench.bench_log [--points 5000] [--runs 1000] [--rounds 7]
Ratios within one call can be read; times alone depend on the machine.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.table import Row, in_turn, print_table, sizes

import mltrack
from mltrack import MltrackClient
from mltrack.entities import Metric
from mltrack.store.connection import sqlite3

if TYPE_CHECKING:
    from argparse import Namespace
    from sqlite3 import Connection


FLOOR = """
CREATE TABLE metrics (run INT, key INT, step INT, ts INT, value REAL, PRIMARY KEY (run, key, step, ts, value))
WITHOUT ROWID
"""


def bare_connection(folder: Path) -> Connection:
    """Open the floor: the same library, journal and durability, with nothing around it."""
    connection: Connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(FLOOR)
    return connection


def microseconds_each(begun: float, count: int) -> float:
    """Give the time since ``begun`` for each of so many."""
    return (time.perf_counter() - begun) / count * 1e6


class Logging:
    """The tasks, each giving microseconds an item."""

    def __init__(self, folder: Path, chosen: Namespace) -> None:
        self.bare = bare_connection(folder)
        self.points, self.runs = chosen.points, chosen.runs
        self.round = 0

    def log_bare(self) -> float:
        """One point a commit, in bare SQLite."""
        self.round += 1
        begun = time.perf_counter()
        for step in range(self.points):
            row = (self.round, 1, step, time.time_ns() // 1_000_000, 1 / (step + 1))
            self.bare.execute("BEGIN IMMEDIATE")
            self.bare.execute("INSERT INTO metrics VALUES (?, ?, ?, ?, ?)", row)
            self.bare.execute("COMMIT")
        return microseconds_each(begun, self.points)

    def log_metric(self) -> float:
        """One point a call."""
        with mltrack.start_run():
            begun = time.perf_counter()
            for step in range(self.points):
                mltrack.log_metric("loss", 1 / (step + 1), step=step)
            return microseconds_each(begun, self.points)

    def log_batch(self) -> float:
        """A thousand points a call."""
        client, now = MltrackClient(), time.time_ns() // 1_000_000
        with mltrack.start_run() as run:
            begun = time.perf_counter()
            for start in range(0, self.points, 1000):
                steps = range(start, min(self.points, start + 1000))
                client.log_batch(run.info.run_id, metrics=[Metric("loss", 1 / (step + 1), now, step) for step in steps])
            return microseconds_each(begun, self.points)

    def short_run(self) -> float:
        """Runs of 10 params and 5 metrics, each from its start to its end."""
        begun = time.perf_counter()
        for number in range(20):
            with mltrack.start_run():
                mltrack.log_params({f"p{place}": (number * 7 + place) % 10 for place in range(10)})
                mltrack.log_metrics({f"m{place}": number / 997 + place for place in range(5)})
        return microseconds_each(begun, 20)


def search(runs: int, rounds: int) -> float:
    """Give the milliseconds of a search for the 100 best of so many runs, as a data frame."""
    mltrack.set_experiment("searched")
    for number in range(runs):
        with mltrack.start_run():
            mltrack.log_params({f"p{place}": (number * 7 + place) % 10 for place in range(10)})
            mltrack.log_metrics({f"m{place}": (number * 31 % 997) / 997 + place for place in range(5)})

    def once() -> float:
        begun = time.perf_counter()
        mltrack.search_runs(
            filter_string="params.p0 = '3' and metrics.m1 > 1.2", order_by=["metrics.m0 DESC"], max_results=100
        )
        return (time.perf_counter() - begun) * 1e3

    once()  # imports pandas
    return in_turn({"search": once}, rounds=max(5, rounds * 3))["search"]


def bytes_a_point(folder: Path, points: int) -> float:
    """Give what a point costs on the disk, logged one by one into a store of its own, its log moved in."""
    path = folder / "size.db"
    mltrack.set_tracking_uri(path)
    with mltrack.start_run():
        mltrack.log_metric("loss", 0.5, step=-1)
        before = size_of(path)
        for step in range(points):
            mltrack.log_metric("loss", 1 / (step + 1), step=step)
    return (size_of(path) - before) / points


def size_of(path: Path) -> int:
    """Give the size of a store once its log is moved into it."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    return path.stat().st_size


def main() -> None:
    """Measure and print."""
    chosen = sizes(__doc__, points=5000, runs=1000, rounds=7)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mltrack.set_tracking_uri(folder / "mltrack.db")
        tasks = Logging(folder, chosen)
        names = (tasks.log_bare, tasks.log_metric, tasks.log_batch, tasks.short_run)
        found = in_turn({task.__name__: task for task in names}, rounds=chosen.rounds)
        searched = search(chosen.runs, chosen.rounds)
        size = bytes_a_point(folder, max(1000, chosen.points))
    bare = found["log_bare"]
    rows = [
        Row("bare SQLite, one commit a point", bare, "us", 1.0),
        Row("log_metric, one call a point", found["log_metric"], "us", found["log_metric"] / bare, "goal: x 1.5"),
        Row("log_batch of 1,000, a point", found["log_batch"], "us", found["log_batch"] / bare),
        Row("10 params and 5 metrics, a run", found["short_run"] / 1e3, "ms", found["short_run"] / bare, "goal: 3 ms"),
        Row(f"the best 100 of {chosen.runs} runs as a data frame", searched, "ms", goal="goal: 25 ms"),
        Row("a point on the disk", size, "bytes", goal="goal: 60"),
    ]
    print_table(f"logging and searching, medians of {chosen.rounds} rounds in turn", rows)


if __name__ == "__main__":
    main()
