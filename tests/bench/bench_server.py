"""The tracking server beside a real ``mlflow server`` on SQLite, both started as their users do, in rounds by turns.

usage, in the repository: python -m tests.bench.bench_server [--milliseconds 3000] [--runs 10000] [--searches 10]
    [--clients 8] [--rounds 5] [--mlflow 1]
One light process sends the load. MLflow comes from MLTRACK_MLFLOW_PYTHON, or .venv-mlflow; ``--mlflow 0`` leaves it
out.
Ratios within one call can be read; times alone depend on the machine.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.http_load import ask, load, request
from tests.bench.many_runs import EXPERIMENTS, batches, many_runs
from tests.bench.mlflow_python import mlflow_python
from tests.bench.table import Row, in_turn, print_table, sizes

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator

READY_SECONDS = 120.0
BATCH = 1_000  # points
FOUND = 100  # runs of a search
SEARCHES = {
    "newest": {},
    "best": {"filter": "params.p0 = '3' and metrics.m1 > 0.2", "order_by": ["metrics.m0 DESC"]},
}


class Server:
    """A tracking server under load."""

    def __init__(self, command: list[str], folder: Path, chosen: Namespace) -> None:
        self.chosen = chosen
        self.port = int(command[command.index("--port") + 1])
        self.failed = 0
        self._steps = itertools.count()
        self.log = folder / "server.log"
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("MLTRACK_", "MLFLOW_"))}
        begun = time.perf_counter()
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=folder, stdout=log, stderr=log, env=variables, start_new_session=True
            )
        self._wait()
        self.start = time.perf_counter() - begun
        self.run = ask(self.port, "runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"]

    def _wait(self) -> None:
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as asking:
                asking.sendall(f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n".encode())
                if asking.recv(100).startswith(b"HTTP/1.1 200"):
                    return
            time.sleep(0.01)
        raise RuntimeError(self.log.read_text()[-3000:])

    def stop(self) -> None:
        """End it, with the processes that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def log_metric(self) -> float:
        """One point a request: requests a second."""
        return self._rate(
            "runs/log-metric", ({"run_id": self.run, "key": "loss", **self._point()} for _ in self._steps)
        )

    def log_batch(self) -> float:
        """A thousand points a request: points a second."""
        batch = (
            {"run_id": self.run, "metrics": [{"key": "loss", **self._point()} for _ in range(BATCH)]}
            for _ in self._steps
        )
        return self._rate("runs/log-batch", batch) * BATCH

    def _point(self) -> dict[str, float]:
        step = next(self._steps)
        return {"value": 1 / (step + 1), "timestamp": 1_700_000_000_000 + step, "step": step}

    def _rate(self, path: str, bodies: Iterator[dict[str, Any]]) -> float:
        """Send for some seconds what was made before, so that the making takes nothing from the server."""
        seconds = self.chosen.milliseconds / 1000
        most = int(seconds * (600 if path.endswith("batch") else 12_000)) + self.chosen.clients
        made = [request(self.port, path, body) for body in itertools.islice(bodies, most)]
        found = load(self.port, iter(made), clients=self.chosen.clients, seconds=seconds)
        self.failed += found.failed
        return found.rate

    def search(self, name: str) -> float:
        """Search for a hundred of the runs: ms a search."""
        asked = {"experiment_ids": [str(each) for each in range(EXPERIMENTS)], "max_results": FOUND, **SEARCHES[name]}
        begun = time.perf_counter()
        for _ in range(self.chosen.searches):
            found = ask(self.port, "runs/search", asked).get("runs", ())
        spent = float(time.perf_counter() - begun)
        assert len(found) == min(FOUND, self.chosen.runs + 1) or name != "newest"
        return spent / int(self.chosen.searches) * 1e3


def ours(folder: Path, chosen: Namespace) -> Server:
    """Start our server on a store of many runs."""
    shutil.copy(many_runs(chosen.runs), folder / "mltrack.db")
    command = [sys.executable, "-m", "mltrack", "server", "--port", str(free_port())]
    return Server([*command, "--backend-store-uri", f"sqlite:///{folder}/mltrack.db"], folder, chosen)


def theirs(python: str, folder: Path, chosen: Namespace) -> Server:
    """Start MLflow's server on a store of the same runs."""
    uri = f"sqlite:///{folder}/mlflow.db"
    subprocess.run([python, "-m", "mlflow", "db", "upgrade", uri], cwd=folder, check=True, capture_output=True)
    fill_mlflow(folder / "mlflow.db", chosen.runs)
    command = [python, "-m", "mlflow", "server", "--port", str(free_port()), "--backend-store-uri", uri]
    return Server([*command, "--artifacts-destination", str(folder / "files")], folder, chosen)


def fill_mlflow(path: Path, count: int) -> None:
    """Put the runs of ``many_runs`` into MLflow's tables."""
    connection = sqlite3.connect(path)
    first = connection.execute("SELECT count(*) FROM experiments").fetchone()[0]
    connection.executemany(
        "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage) VALUES (?, ?, ?, 'active')",
        [(each, f"experiment {each}", f"mlflow-artifacts:/{each}") for each in range(first, EXPERIMENTS)],
    )
    for rows in batches(count):
        uuids = {row[0]: row[1] for row in rows["runs"]}
        connection.executemany(
            "INSERT INTO runs (run_uuid, name, user_id, status, start_time, end_time, lifecycle_stage, artifact_uri,"
            " experiment_id, source_type) VALUES (?, ?, ?, 'FINISHED', ?, ?, 'active', ?, ?, 'LOCAL')",
            [
                (uuid, name, user, start, end, f"mlflow-artifacts:/{place}/{uuid}/artifacts", place)
                for _, uuid, place, name, user, start, end in rows["runs"]
            ],
        )
        for table in ("params", "tags"):
            texts = [(uuids[run], key, value) for run, key, value in rows[table]]
            connection.executemany(f"INSERT INTO {table} (run_uuid, key, value) VALUES (?, ?, ?)", texts)
        points = [(uuids[run], key, step, when, value) for run, key, step, when, value in rows["metrics"]]
        for table in ("metrics", "latest_metrics"):
            names = f"{table} (run_uuid, key, step, timestamp, value, is_nan)"
            connection.executemany(f"INSERT INTO {names} VALUES (?, ?, ?, ?, ?, 0)", points)
    connection.commit()
    connection.close()


def free_port() -> int:
    """Give a port that nobody has."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def main() -> None:
    """Measure and print."""
    chosen = sizes(__doc__, milliseconds=3000, runs=10_000, searches=10, clients=8, rounds=5, mlflow=1)
    python = mlflow_python() if chosen.mlflow else None
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as ends:
        servers: dict[str, Server] = {}
        starts: dict[str, Callable[[Path, Namespace], Server]] = {"mltrack": ours}
        if python:
            starts["mlflow"] = lambda folder, options: theirs(python, folder, options)
        for who, started in starts.items():
            folder = Path(name) / who
            folder.mkdir()
            servers[who] = started(folder, chosen)
            ends.callback(servers[who].stop)
        tasks: dict[str, Callable[[], float]] = {}
        for who, server in servers.items():
            tasks |= {f"{who} log-metric": server.log_metric, f"{who} log-batch": server.log_batch}
            for kind in SEARCHES:
                tasks[f"{who} {kind}"] = lambda server=server, kind=kind: server.search(kind)  # type: ignore[misc]
        found = in_turn(tasks, rounds=chosen.rounds) | {f"{who} start": each.start for who, each in servers.items()}
        failed = {who: server.failed for who, server in servers.items()}
    print_rows(found, chosen)
    print(f"  answered other than 200: {json.dumps(failed)}")


def print_rows(found: dict[str, float], chosen: Namespace) -> None:
    """Print the table: ratios are ours to MLflow's."""
    rows = []
    for task, what, unit, goal in (
        ("log-metric", f"log-metric, {chosen.clients} clients", "/s", "goal: x 10"),
        ("log-batch", f"log-batch of {BATCH:,}, points", "/s", "goal: x 20"),
        ("newest", f"runs/search, newest {FOUND} of {chosen.runs:,}", "ms", "goal: x 0.10"),
        ("best", f"runs/search, best {FOUND} by filter and metric", "ms", "goal: x 0.10"),
        ("start", "start until /health answers", "s", "goal: 1.5 s"),
    ):
        real = found.get(f"mlflow {task}")
        ratio = found[f"mltrack {task}"] / real if real else None
        rows.append(Row(what, found[f"mltrack {task}"], unit, ratio, goal))
        rows += [Row(f"  mlflow server: {task}", real, unit)] if real else []
    print_table(f"the tracking server, medians of {chosen.rounds} rounds in turn", rows)


if __name__ == "__main__":
    main()
