"""A large file up to the tracking server and down from it, beside a bare Starlette application and `mlflow server`.

usage, in the repository: python -m tests.bench.bench_server_artifacts [--megabytes 1024] [--rounds 5]
Each server is a process of its own. The memory is that of ours at the most, over what it had before.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from tests.bench.mlflow_python import mlflow_python
from tests.bench.table import Row, in_turn, print_table, sizes
from tests.core.server_files import PROXY, make_owners
from tests.core.tracking_servers import running_server, server_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MEBIBYTE = 2**20
_BLOCK = bytes(range(256)) * 4096
_SECONDS = 120.0


def up(port: int, path: str, megabytes: int) -> Callable[[], float]:
    """Give what sends a file of so many MiB and measures the seconds until it was taken."""

    def once() -> float:
        with socket.create_connection(("127.0.0.1", port), _SECONDS) as connection:
            head = f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {megabytes * MEBIBYTE}\r\n\r\n"
            begun = time.perf_counter()
            connection.sendall(head.encode())
            for _ in range(megabytes):
                connection.sendall(_BLOCK)
            answer = connection.recv(1000)
            taken = time.perf_counter() - begun
            assert b" 200 " in answer.partition(b"\r\n")[0] + b" ", answer
            return taken

    return once


def down(port: int, path: str, megabytes: int) -> Callable[[], float]:
    """Give what gets that file and measures the seconds until it is here."""
    room = memoryview(bytearray(MEBIBYTE))

    def once() -> float:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
        begun = time.perf_counter()
        connection.request("GET", path)
        answer = connection.getresponse()
        size = 0
        while count := answer.readinto(room):
            size += count
        taken = time.perf_counter() - begun
        connection.close()
        assert (answer.status, size) == (200, megabytes * MEBIBYTE), (answer.status, size)
        return taken

    return once


@contextmanager
def serving(words: list[str], port: int, **variables: str) -> Iterator[int]:
    """Run another server; gives its port once that takes connections."""
    environment = server_environment(Path.cwd(), variables)
    with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + _SECONDS
            while True:
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                assert time.monotonic() < end, words
                time.sleep(0.1)
            yield port
        finally:
            process.terminate()


def free_port() -> int:
    """Find a port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found


def bare_server(folder: Path) -> tuple[list[str], int, dict[str, str]]:
    """Give the command, port and environment of the bare application."""
    port = free_port()
    words = [sys.executable, "-m", "uvicorn", "tests.bench.bare_app:app", "--port", str(port), "--no-access-log"]
    return words, port, {"BARE_FILE": str(folder / "bare.bin"), "PYTHONPATH": os.getcwd()}


def mlflow_server(folder: Path, python: str) -> tuple[list[str], int, dict[str, str]]:
    """Give those of the real mlflow's."""
    port = free_port()
    words = [python, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    words += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "mlflow")]
    return words, port, {}


class Memory(threading.Thread):
    """Looks how much memory a process has; ``most`` is the most over what it had at the beginning, in MiB."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(pid)
        self._before = self._process.memory_info().rss
        self.most = 0.0
        self.start()

    def run(self) -> None:
        """Look twenty times a second."""
        with suppress(psutil.Error):
            while True:
                self.most = max(self.most, (self._process.memory_info().rss - self._before) / MEBIBYTE)
                time.sleep(0.05)


def main() -> None:
    """Measure and print."""
    given = sizes(__doc__, megabytes=1024, rounds=5)
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name).resolve()
        server = running.enter_context(running_server(folder / "server"))
        owners = make_owners(server, "bench")
        up(server.port, f"{PROXY}/artifacts/{owners.run_root}/first.bin", 8)()
        words, port, variables = bare_server(folder)
        places = {
            "bare": (running.enter_context(serving(words, port, **variables)), "/file"),
            "mltrack": (server.port, f"{PROXY}/artifacts/{owners.run_root}/large.bin"),
        }
        if python := mlflow_python():
            words, port, variables = mlflow_server(folder, python)
            places["mlflow"] = (
                running.enter_context(serving(words, port)),
                f"{PROXY}/artifacts/0/x/artifacts/large.bin",
            )
        memory = Memory(server.process.pid)
        rows = []
        for what, way in (("up", up), ("down", down)):
            found = in_turn({each: way(*place, given.megabytes) for each, place in places.items()}, rounds=given.rounds)
            rows += [
                Row(f"{each}, {given.megabytes} MiB {what}", seconds, "s", seconds / found["bare"], _goal(each))
                for each, seconds in found.items()
            ]
        rows.append(Row("mltrack's memory, at the most", memory.most, "MiB", goal="flat"))
        print_table(__doc__.partition("\n")[0], rows)


def _goal(name: str) -> str:
    return "x 1.5" if name == "mltrack" else ""


if __name__ == "__main__":
    main()
