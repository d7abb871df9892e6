"""How soon a server answers after it is started, and how soon while hundreds of clients send a byte a second.

usage, in the repository: python -m tests.bench.bench_server_start [--rounds 7] [--clients 500] [--asked 500]
    [--mlflow 1]
``--mlflow 0`` leaves MLflow out.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

from tests.bench.mlflow_python import mlflow_python
from tests.bench.table import Row, in_turn, print_table, sizes
from tests.core.tracking_servers import running_server
from tests.faults.slow_clients import SlowClients

SECONDS = 120.0
MOMENT = 0.01


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def is_healthy(port: int) -> bool:
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False


def seconds_to_health(python: str, module: str, *options: str) -> float:
    """Start a server on a new store, wait until it answers, and end it."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        uri = f"sqlite:///{Path(folder) / 'store.db'}"
        command = [python, "-m", module, "server", "-p", str(port), "--backend-store-uri", uri, *options]
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=kept, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            while not is_healthy(port) and time.perf_counter() - begun < SECONDS:
                time.sleep(MOMENT)
            return time.perf_counter() - begun
        finally:
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a server with all that it has started, which MLflow's leaves behind."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(SECONDS)


def milliseconds(clients: int, asked: int) -> list[float]:
    """Ask for health beside slow clients; gives how long each answer took."""
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder)) as server:
        done = threading.Event()
        slow = SlowClients(server.port, clients)
        thread = threading.Thread(target=lambda: asyncio.run(slow.run(done.is_set)))
        thread.start()
        while slow.open < clients:
            time.sleep(MOMENT)
        found = []
        for _ in range(asked):
            begun = time.perf_counter()
            assert server.ask("GET", "/health").status == 200
            found.append((time.perf_counter() - begun) * 1e3)
            time.sleep(MOMENT)
        done.set()
        thread.join()
    return sorted(found)


def main() -> None:
    """Measure and print."""
    given = sizes(__doc__, rounds=7, clients=500, asked=500, mlflow=1)
    rows = start_rows(given.rounds, mlflow_python() if given.mlflow else None)
    times = milliseconds(given.clients, given.asked)
    beside = f"/health beside {given.clients} clients of a byte a second"
    rows += [
        Row(f"{beside}: median", statistics.median(times), "ms"),
        Row(f"{beside}: p99", times[int(len(times) * 0.99)], "ms", goal="goal: 200 ms"),
    ]
    print_table("from the start until /health answers, and how soon it does later", rows)


def start_rows(rounds: int, other: str | None) -> list[Row]:
    """Start each in turn."""
    tasks = {
        "mltrack server": lambda: seconds_to_health(sys.executable, "mltrack"),
        "mltrack server --workers 4": lambda: seconds_to_health(sys.executable, "mltrack", "--workers", "4"),
    }
    if other is not None:
        tasks["mlflow server (4 workers)"] = lambda: seconds_to_health(other, "mlflow")
        tasks["mlflow server --workers 1"] = lambda: seconds_to_health(other, "mlflow", "--workers", "1")
    in_turn(tasks, rounds=1)  # compiles what is not yet
    found = in_turn(tasks, rounds=rounds)
    ours = found["mltrack server"]
    return [Row(name, each, "s", each / ours, "goal: 1.5 s" if each is ours else "") for name, each in found.items()]


if __name__ == "__main__":
    main()
