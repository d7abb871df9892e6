"""log_metric with the tracking server some way off, or in trouble, beside mlflow's own against the same server.

usage, in the repository: python -m tests.bench.bench_sender [--calls 1000] [--away 200] [--rounds 3] [--seconds 3]
``--away`` is in milliseconds, ``--seconds`` the time that each fault lasts. Every figure is of calls with a pause of
1 ms after each, as a training loop's steps have one. mlflow's rows need an environment with it (MLTRACK_MLFLOW_PYTHON).
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.mlflow_python import mlflow_python
from tests.bench.table import Row, in_turn, print_table, sizes
from tests.core.tracking_servers import running_server
from tests.faults.flaky_proxy import Faults, flaky_proxy

import mltrack
from mltrack.backlog import StoreWarning

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from tests.faults.flaky_proxy import FlakyProxy

PAUSE = 0.001
MLFLOW = """
import sys, time, mlflow
calls, synchronous = int(sys.argv[1]), sys.argv[2] == "True"
with mlflow.start_run():
    mlflow.log_metric("warm", 1.0)
    total = 0.0
    for step in range(calls):
        begun = time.perf_counter()
        mlflow.log_metric("loss", 1 / (step + 1), step=step, synchronous=synchronous)
        total += time.perf_counter() - begun
        time.sleep(0.001)
    mlflow.flush_async_logging()
print(total / calls * 1e6)
"""
FAULTS = {
    "a partition": Faults(refuse=1),
    "a delay of 5 s": Faults(delay=5),
    "half is lost": Faults(lose=0.25, cut=0.25),
    "500s": Faults(error=1),
    "bad JSON": Faults(garbage=1),
    "429s": Faults(busy=1),
}


def calls(count: int, *, until: float | None = None) -> list[float]:
    """Give the microseconds of each of so many calls, or of those until a time, into the active run."""
    found: list[float] = []
    while len(found) < count and (until is None or time.monotonic() < until):
        step = len(found)
        begun = time.perf_counter()
        mltrack.log_metric("loss", 1 / (step + 1), step=step)
        found.append((time.perf_counter() - begun) * 1e6)
        time.sleep(PAUSE)
    return found


def of_mltrack(count: int) -> float:
    """Log into a run of its own, and give the mean."""
    with mltrack.start_run():
        mltrack.log_metric("warm", 1.0)
        found = calls(count)
    return sum(found) / len(found)


def of_mlflow(python: str, url: str, count: int, *, synchronous: bool) -> float:
    """Do the same with mlflow, in its own process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLTRACK_", "MLFLOW_"))}
    command = [python, "-c", MLFLOW, str(count), str(synchronous)]
    environment = {**kept, "MLFLOW_TRACKING_URI": url}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=600)
    return float(done.stdout.split()[-1])


def in_trouble(proxy: FlakyProxy, faults: Faults, seconds: float) -> tuple[float, float]:
    """Give the 99th percentile and the worst of the calls while a fault lasts; all points arrive afterwards."""
    with mltrack.start_run() as run:
        calls(10)
        proxy.faults = faults
        found = calls(1_000_000, until=time.monotonic() + seconds)
        proxy.faults = Faults()
    stored = mltrack.MlflowClient().get_metric_history(run.info.run_id, "loss")
    assert {each.step for each in stored} == set(range(len(found)))
    found.sort()
    return found[int(len(found) * 0.99)], found[-1]


def away_rows(proxy: FlakyProxy, chosen: Namespace) -> list[Row]:
    """Measure mltrack's and mlflow's calls with the server far away, in turn."""
    proxy.faults = Faults(delay=chosen.away / 1000)
    tasks: dict[str, Callable[[], float]] = {"mltrack.log_metric": lambda: of_mltrack(chosen.calls)}
    if python := mlflow_python():
        tasks["mlflow.log_metric(synchronous=False)"] = lambda: of_mlflow(
            python, proxy.url, chosen.calls, synchronous=False
        )
        tasks["mlflow.log_metric(synchronous=True)"] = lambda: of_mlflow(python, proxy.url, 10, synchronous=True)
    found = in_turn(tasks, rounds=chosen.rounds)
    ours = found["mltrack.log_metric"]
    goal = {"mltrack.log_metric": "goal: 100 us"}
    return [
        Row(f"{name}, {chosen.away} ms away", value, "us", value / ours, goal.get(name, ""))
        for name, value in found.items()
    ]


def main() -> None:
    """Measure and print."""
    chosen = sizes(__doc__, calls=1000, away=200, rounds=3, seconds=3)
    warnings.simplefilter("ignore", StoreWarning)
    with tempfile.TemporaryDirectory() as name:
        os.environ["MLTRACK_DATA_DIR"] = str(Path(name) / "user")
        with running_server(Path(name) / "server") as server, flaky_proxy(server.port) as proxy:
            mltrack.set_tracking_uri(proxy.url)
            rows = away_rows(proxy, chosen)
            for what, faults in FAULTS.items():
                often, worst = in_trouble(proxy, faults, chosen.seconds)
                rows.append(Row(f"mltrack.log_metric, {what}: 99th percentile", often, "us", goal="goal: 1,000 us"))
                rows.append(Row(f"mltrack.log_metric, {what}: the worst", worst, "us"))
    print_table(f"a call of log_metric, medians of {chosen.rounds} rounds in turn", rows)


if __name__ == "__main__":
    main()
