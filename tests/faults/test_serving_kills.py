"""Kernels, fronts and workers of model servers that are killed: nothing of a server is left, and its port is free."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import psutil
import pytest
from tests.core.serving_models import OBEDIENT, ask, is_free, predicted, rows, save_obedient
from tests.faults.processes import are_gone, new_chance, wait_for
from tests.magics.kernels import running_kernel

from mltrack.serving.handles import serve, servers

if TYPE_CHECKING:
    from pathlib import Path

KERNELS = int(os.environ.get("KILLED_KERNELS", "25"))
OWNER = """
import sys, time
from mltrack.serving.handles import serve
server = serve(sys.argv[1], port=0)
print(server.pid, server.port, flush=True)
time.sleep(600)
"""

ASKING = """
import sys, urllib.request
urllib.request.urlopen(urllib.request.Request(sys.argv[1], sys.argv[2].encode(), {"Content-Type": "application/json"}))
"""
# A server that does not answer within some seconds is asked again.
TELLS = """
    states = (server.state for _ in range(30))
    print(next((state for state in states if state != "unreachable"), "unreachable"), flush=True)
"""
PARENT = """
import os, subprocess, time
if os.fork() == 0: time.sleep(600)
subprocess.Popen(["sleep", "600"])
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLTRACK_DATA_DIR", str(tmp_path / "user"))


@pytest.fixture
def model(tmp_path: Path) -> str:
    return save_obedient(tmp_path / "model")


def start_owner(model: str, code: str = OWNER) -> tuple[subprocess.Popen[str], list[psutil.Process], int]:
    """Start a process that serves a model; gives it, the processes of its server, and the port."""
    owner = subprocess.Popen([sys.executable, "-c", code, model], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid, port = map(int, owner.stdout.readline().split())
    front = psutil.Process(pid)
    return owner, [front, *front.children(recursive=True)], port


def keep_busy(port: int) -> subprocess.Popen[bytes]:
    """Have a model work for minutes, at a request of a process that this gives."""
    words = [sys.executable, "-c", ASKING, f"http://127.0.0.1:{port}/invocations", rows("sleep:600").decode()]
    caller = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    [server] = servers()
    wait_for(lambda: server.stats()["in_flight"] == 1)
    return caller


@pytest.mark.slow
def test_a_killed_owner_takes_its_server_down(model: str) -> None:
    owner, processes, port = start_owner(model)
    assert len(processes) == 2
    owner.kill()
    owner.wait()
    wait_for(lambda: are_gone(processes) and is_free(port))
    assert servers() == []


@pytest.mark.slow
def test_a_killed_owner_with_a_forked_child_takes_its_server_down(model: str) -> None:
    """The child holds the owner's end of the pipe, so that this does not tell of the end."""
    fork = OWNER.replace("print(", "import os\nif os.fork() == 0: time.sleep(600); os._exit(0)\nprint(")
    owner, processes, port = start_owner(model, fork)
    [child] = {*psutil.Process(owner.pid).children()} - {*processes}
    owner.kill()
    owner.wait()
    wait_for(lambda: are_gone(processes) and is_free(port))
    child.kill()


def test_a_killed_owner_with_a_busy_model_takes_its_server_down(model: str) -> None:
    owner, processes, port = start_owner(model)
    caller = keep_busy(port)
    owner.kill()
    owner.wait()
    wait_for(lambda: are_gone(processes) and is_free(port))
    assert caller.wait() != 0


@pytest.mark.slow
def test_a_killed_front_leaves_no_worker(model: str) -> None:
    owner, processes, port = start_owner(model)
    caller = keep_busy(port)
    processes[0].kill()
    wait_for(lambda: are_gone(processes))
    assert caller.wait() != 0
    wait_for(lambda: not is_free(port))  # its owner starts another
    owner.kill()
    owner.wait()
    wait_for(lambda: is_free(port))


@pytest.mark.slow
def test_a_killed_worker_comes_back(model: str) -> None:
    with serve(model) as server:
        [worker] = psutil.Process(server.pid).children()
        worker.kill()
        wait_for(lambda: server.stats()["restarts"] == 1 and server.state == "ready")
        assert predicted(server, "") == [2.0]
        wait_for(lambda: "SIGKILL" in str(server.error))  # which is another one while it does not answer in time


def test_an_interrupted_owner_keeps_its_server(model: str) -> None:
    waits = "print(server.pid, server.port, flush=True)\ntime.sleep(600)"
    assert waits in OWNER
    ends = f"try:\n    {waits.replace(chr(10), '; ')}\nexcept KeyboardInterrupt:\n    {TELLS}"
    code = OWNER.replace(waits, ends)
    owner = subprocess.Popen([sys.executable, "-c", code, model], stdout=subprocess.PIPE, text=True, process_group=0)
    assert owner.stdout is not None
    owner.stdout.readline()
    os.killpg(owner.pid, signal.SIGINT)
    assert owner.stdout.readline() == "ready\n"
    assert owner.wait(60) == 0
    wait_for(lambda: servers() == [])


@pytest.mark.slow
def test_a_model_whose_children_outlive_it(model: str, tmp_path: Path) -> None:
    """What a worker has started ends with it, and does not hold its socket open."""
    parent = save_obedient(tmp_path / "parent", code=OBEDIENT.replace("def predict", f"{PARENT}\ndef predict"))
    with serve(parent) as server:
        family = psutil.Process(server.pid).children(recursive=True)
        assert len(family) == 3
        assert ask(server, rows("exit:1")).status == 503
        wait_for(lambda: are_gone(family))
        wait_for(lambda: server.state == "ready")
        assert predicted(server, "") == [2.0]
        family = psutil.Process(server.pid).children(recursive=True)
    wait_for(lambda: are_gone(family))


@pytest.mark.slow
def test_many_kernels_are_killed(model: str, tmp_path: Path) -> None:
    """Each is a kernel of its own, with a server of its own that starts or has just started."""
    chance = new_chance()
    for number in range(KERNELS):
        folder = tmp_path / f"kernel{number}"
        folder.mkdir()
        with running_kernel(folder, load=False, MLTRACK_DATA_DIR=os.environ["MLTRACK_DATA_DIR"]) as kernel:
            kernel.run("from mltrack.serving.handles import serve")
            kernel.send(f"server = serve({model!r}, port=0)")
            time.sleep(chance.random() * 2)
            family = psutil.Process(kernel.pid).children(recursive=True)
            kernel.kill()
            wait_for(partial(are_gone, family))
    # What a server was starting when its kernel was killed is not among the family, and needs a moment, too.
    wait_for(lambda: not serving(tmp_path) and servers() == [])


def serving(folder: Path) -> list[int]:
    """Give the processes of this test's servers."""
    names = ("mltrack.serving.program", "mltrack.serving.worker")
    running = [each.pid for each in psutil.process_iter() if any(name in _words(each) for name in names)]
    return [pid for pid in running if _serves(pid, folder)]


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def _serves(pid: int, folder: Path) -> bool:
    """Say whether a process is one of this test's."""
    try:
        return str(folder) in str(psutil.Process(pid).environ().get("MLTRACK_DATA_DIR"))
    except psutil.Error:
        return False
