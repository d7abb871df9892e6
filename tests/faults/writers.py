"""What the processes of these tests do; run as a script: ``python writers.py WHAT STORE [ARGUMENT…]``.

An acknowledgement is a line appended to a side file once the call has returned.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import mltrack
from mltrack import MltrackClient
from mltrack.entities import Metric
from mltrack.store import connection, opening
from mltrack.store.fork_gate import gate

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = 20
MOST_CALLS = 200_000  # should nobody kill it


class Side:
    """A file that gets a line, in one system call, for each acknowledgement."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)

    def note(self, text: object) -> None:
        os.write(self._descriptor, f"{text}\n".encode())


def points(side_path: str) -> None:
    """Log one point a call until killed; the side file begins with the run's id."""
    side = Side(side_path)
    side.note(mltrack.start_run().info.run_id)
    for step in range(MOST_CALLS):
        mltrack.log_metric("loss", 1 / (step + 1), step=step)
        side.note(step)


def batches(side_path: str) -> None:
    """Log batches until killed; the side file begins with the run's id and then has each batch's number."""
    side = Side(side_path)
    client = MltrackClient()
    run_id = mltrack.start_run().info.run_id
    side.note(run_id)
    for number in range(MOST_CALLS // BATCH):
        now = time.time_ns() // 1_000_000
        client.log_batch(run_id, metrics=[Metric("loss", 0.5, now, number * BATCH + place) for place in range(BATCH)])
        side.note(number)


def live(side_path: str) -> None:
    """Hold a run open, logging now and then, until a line comes in."""
    side = Side(side_path)
    with mltrack.start_run() as run:
        side.note(run.info.run_id)
        waiter = threading.Thread(target=sys.stdin.readline, daemon=True)
        waiter.start()
        step = 0
        while waiter.is_alive():
            mltrack.log_metric("pulse", step, step=step)
            side.note(step)
            step += 1
            time.sleep(0.01)


def count(side_path: str, threads: str, calls: str) -> None:
    """Log so many points from each of so many threads into one run, and end it; the side file gets the run's id."""
    with mltrack.start_run() as run:

        def work(name: str) -> None:
            for step in range(int(calls)):
                mltrack.log_metric(name, step, step=step)

        workers = [threading.Thread(target=work, args=(f"m{number}",)) for number in range(int(threads))]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    Side(side_path).note(run.info.run_id)


def create(side_path: str, barrier: str) -> None:
    """Open a store that is not there yet once the barrier file is gone, and leave a run in it."""
    importlib.import_module("mltrack.store.schema")  # slow: it would spread the openings over half a second
    Side(side_path).note("ready")
    while Path(barrier).exists():
        time.sleep(0.0005)
    with mltrack.start_run() as run:
        mltrack.log_metric("a", 1.0)
    Side(side_path).note(run.info.run_id)


def loop(side_path: str) -> None:
    """A plain script that logs until it is interrupted."""
    side = Side(side_path)
    mltrack.start_run()
    side.note(mltrack.active_run().info.run_id)  # type: ignore[union-attr]
    for step in range(MOST_CALLS):
        mltrack.log_metric("loss", 0.5, step=step)
        side.note(step)


def caught(side_path: str) -> None:
    """A script that catches each interrupt of its loop, says so, and goes on when a line comes in."""
    side = Side(side_path)
    side.note(mltrack.start_run().info.run_id)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    step = 0
    while True:
        with contextlib.suppress(KeyboardInterrupt):
            print("go", flush=True)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            while True:
                step += 1
                mltrack.log_metric("loss", 0.5, step=step)
                side.note(step)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        print(_how_it_stands(), flush=True)
        if sys.stdin.readline().strip() == "end":
            break


def _how_it_stands() -> str:
    """Say "caught", or what the interrupt left held: another thread must be able to write, and a fork to go on."""
    other = threading.Thread(target=mltrack.log_metric, args=("other", 1.0), daemon=True)
    other.start()
    other.join(60)
    if other.is_alive():
        return "another thread waits"
    return "inside the gate" if gate._inside else "caught"


TASKS: dict[str, Callable[..., None]] = {
    task.__name__: task for task in (points, batches, live, count, create, loop, caught)
}

if __name__ == "__main__":
    if sys.argv[1] != "count":  # by which one sees that nobody waits too long for a turn
        for module in (connection, opening):
            vars(module)["BUSY_SECONDS"] = 300  # one that is killed or stopped may hold the lock
    mltrack.set_tracking_uri(sys.argv[2])
    TASKS[sys.argv[1]](*sys.argv[3:])
