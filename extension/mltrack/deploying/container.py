"""What runs in a container: ``python -m mltrack.deploying.container serve``, the word that SageMaker calls.

``serve`` becomes the model server; with ``--nginx FILE`` it starts nginx before it, and ends when one of the two does.
``ping`` is the health check: exit code 0 when the server answers.
"""

from __future__ import annotations

import argparse
import http.client
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MODEL = "/opt/ml/model"
PORT = 8080
"""The folder and the port that SageMaker's contract names."""
_GRACE = 20.0  # seconds for what runs to end by itself


def main(words: Sequence[str] | None = None) -> int:
    """Do what the words say and give the exit code."""
    given = _parser().parse_args(words)
    if given.word == "ping":
        return 0 if answers(given.port) else 1
    if given.nginx is None:
        command = server_command(given.model, given.port, given.workers, host="0.0.0.0")  # noqa: S104 - a container's
        os.execv(command[0], command)  # noqa: S606 - no shell: the arguments are a list
    return run_behind_nginx(server_command(given.model, given.behind, given.workers), given.nginx)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mltrack-container", description="Serve the model of a container.")
    parser.add_argument("--model", default=MODEL, help="the folder of the model")
    parser.add_argument("--port", type=int, default=PORT, help="where callers ask")
    parser.add_argument("--behind", type=int, default=PORT + 1, help="where the server listens behind nginx")
    parser.add_argument("--workers", type=int, default=1, help="processes that hold the model")
    parser.add_argument("--nginx", metavar="FILE", help="put nginx with this configuration before the server")
    parser.add_argument("word", choices=("serve", "ping"), help="serve the model, or ask whether it is served")
    return parser


def server_command(model: str, port: int, workers: int, *, host: str = "127.0.0.1") -> list[str]:
    """Give the arguments of the model server; on all addresses the platform before it asks callers who they are."""
    command = [sys.executable, "-m", "mltrack", "models", "serve", "--model-uri", model]
    command += ["--host", host, "--port", str(port), "--workers", str(workers)]
    return command if host == "127.0.0.1" else [*command, "--allow-unauthenticated"]


def run_behind_nginx(server: Sequence[str], config: str) -> int:
    """Run the server and nginx until one ends or a signal comes, end the other, and give the exit code."""
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    running = [subprocess.Popen([*server]), subprocess.Popen([nginx, "-e", "stderr", "-c", config])]
    stopped: list[int] = []

    def stop(number: int, _frame: object) -> None:
        stopped.append(number)
        _tell(running)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    code = _wait_for_one(running)
    _tell(running)
    for each in running:
        try:
            each.wait(_GRACE)
        except subprocess.TimeoutExpired:
            each.kill()
    return 0 if stopped else code or 1


def _wait_for_one(running: Sequence[subprocess.Popen[bytes]]) -> int:
    """Wait until one of the processes ends; process 1 of a container also buries those that it never started."""
    while True:
        pid, status = os.wait()
        for each in running:
            if each.pid == pid:
                each.returncode = os.waitstatus_to_exitcode(status)
                return each.returncode


def _tell(running: Sequence[subprocess.Popen[bytes]]) -> None:
    for each in running:
        if each.returncode is None:
            each.terminate()


def answers(port: int) -> bool:
    """Say whether a server on this machine answers ``/ping``."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/ping")
        return connection.getresponse().status == http.client.OK
    return False


if __name__ == "__main__":
    sys.exit(main())
