"""``mltrack models serve``."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING

import psutil
import pytest
from tests.core.command_line import done, refused
from tests.core.serving_models import OBEDIENT, ask, is_free, predicted, rows, save_obedient, wait_for

from mltrack.serving.handles import servers

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLTRACK_DATA_DIR", str(tmp_path / "user"))


@pytest.fixture
def model(tmp_path: Path) -> str:
    return save_obedient(tmp_path / "model")


def start(*words: str) -> tuple[subprocess.Popen[str], int]:
    """Start the command; gives the process and its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mltrack", "models", "serve", *words], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:(\d+); Ctrl-C ends it", line)
    assert found, line
    return process, int(found[1])


def ports_of(pid: int) -> list[int]:
    """Give the ports that a process listens at."""
    found = psutil.Process(pid).net_connections("tcp")
    return [each.laddr.port for each in found if each.status == psutil.CONN_LISTEN]


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_serve_until_a_signal(model: str, number: signal.Signals) -> None:
    process, port = start("-m", model, "-p", "0", "-t", "120", "-w", "1", "-h", "127.0.0.1", "--no-conda")
    [server] = servers()
    assert (server.port, server.pid, server.detached) == (port, process.pid, True)
    assert predicted(server, "") == [2.0]
    process.send_signal(number)
    assert process.wait(60) == 0
    assert is_free(port)
    assert servers() == []


@pytest.mark.slow
def test_a_group_that_is_killed_leaves_nothing(model: str) -> None:
    process, port = start("-m", model, "-p", "0")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_for(lambda: is_free(port))


def test_requests_before_the_model_is_loaded_wait_for_it(tmp_path: Path) -> None:
    slow = save_obedient(tmp_path / "slow", code=f"import time; time.sleep(0.5)\n{OBEDIENT}")
    words = ("-m", slow, "-p", "0", "-t", "300")
    process = subprocess.Popen([sys.executable, "-m", "mltrack", "models", "serve", *words])
    try:
        wait_for(lambda: ports_of(process.pid))
        [port] = ports_of(process.pid)
        url = f"http://127.0.0.1:{port}/invocations"
        request = urllib.request.Request(url, rows(""), {"Content-Type": "application/json"})
        assert urllib.request.urlopen(request, timeout=300).read() == b'{"predictions": [2.0]}'
    finally:
        process.terminate()
        assert process.wait(60) == 0


@pytest.mark.slow
def test_detached_with_a_token(model: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("x" * 40 + "\n")
    options = ("--detach", "--name", "far", "-h", "0.0.0.0", "--token-file", str(file), "--max-body", "0.001")
    said = done("models", "serve", "-m", model, *options)
    [server] = servers()
    try:
        assert (server.name, server.token) == ("far", "x" * 40)
        assert "x" * 40 not in said
        assert str(server.token_file) in said
        assert ask(server, rows("")).status == 401
        assert ask(server, rows(""), Authorization="Bearer " + "x" * 40).status == 200
        assert ask(server, b" " * 2000, Authorization="Bearer " + "x" * 40).status == 413
    finally:
        server.stop()


def test_what_cannot_be_served(model: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert f"Port {port} of 127.0.0.1 is taken" in refused("models", "serve", "-m", model, "-p", str(port))
    assert "cannot be served: There is no model folder" in refused("models", "serve", "-m", str(tmp_path / "no"))
    assert "70000" in refused("models", "serve", "-m", model, "-p", "70000", code=2)
    empty = tmp_path / "empty"
    empty.write_text("")
    assert "is empty" in refused("models", "serve", "-m", model, "--token-file", str(empty))
