"""A real ``mlflow server`` on loopback, in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = 600.0


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port that the system gives to nobody else meanwhile; who knows its number may listen there.

    It is bound, so nobody is given it, and nobody listens, so connections are refused. A server that may reuse
    addresses, as most do, binds it nevertheless: Linux minds only those that listen.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        port = int(holder.getsockname()[1])
        if sys.platform != "linux":
            holder.close()
        yield port


@contextmanager
def mlflow_server(python: str, folder: Path, *options: str, port: int | None = None, path: str = "") -> Iterator[str]:
    """Run a server whose store and artifacts are in a folder; gives its address.

    ``port`` is one that is reserved, and ``path`` is put first on the path of its Python.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLTRACK_", "MLFLOW_"))}
    own = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"} | ({"PYTHONPATH": path} if path else {})
    log = folder / "server.log"
    with reserved_port() if port is None else nullcontext(port) as number, log.open("wb") as output:
        command = [
            *(python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(number), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
            *("--artifacts-destination", str(folder / "artifacts"), *options),
        ]
        process = subprocess.Popen(
            command, cwd=folder, env=kept | own, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        url = f"http://127.0.0.1:{number}"
        try:
            wait_until_healthy(url, process, log)
            yield url
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(SECONDS)


def wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with suppress(OSError, urllib.error.URLError), urllib.request.urlopen(f"{url}/health", timeout=60) as answer:
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise AssertionError(f"The server did not start: {log.read_text(errors='replace')[-3000:]}")


def wait_until_refused(port: int) -> None:
    """Wait until nobody listens at a port any more: of the processes that were killed some live a moment longer."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=60).close()
        except ConnectionRefusedError:
            return
        except OSError:  # it was ended in this moment
            continue
        time.sleep(0.01)
    raise AssertionError(f"Somebody listens at port {port} still.")
