"""``mltrack server``: how it begins, how many processes it is, how it ends, and what it refuses to begin with."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from tests.core.command_line import refused
from tests.core.serving_models import wait_for
from tests.core.tracking_servers import RunningServer, running_server, start_server

from mltrack.server.need import OPEN, USER, Need, Role
from mltrack.server.table import ROUTES, check_table

if TYPE_CHECKING:
    from pathlib import Path

    from mltrack.server.route import Route

SAID = next(route for route in ROUTES if route.method == "POST" and route.path == "experiments/create")
READ = next(route for route in ROUTES if route.method == "GET" and route.path == "experiments/get")


def test_a_server_says_where_it_is_and_ends_at_a_signal(tmp_path: Path) -> None:
    with running_server(tmp_path, "--static-prefix", "/lab") as server:
        assert server.url == f"http://127.0.0.1:{server.port}/lab"
        assert (server.ask("GET", "/lab/health").status, server.ask("GET", "/health").status) == (200, 404)
        assert [server.ask("GET", path).status for path in ("/lab", "/labhealth", "/lab/lab/health")] == [404] * 3
        assert server.ask("POST", "/lab/ajax-api/2.0/mlflow/experiments/create", {"name": "x"}).status == 200
        assert server.stop(signal.SIGINT) == 0
    assert server.log.read_text() == ""


@pytest.mark.parametrize(
    ("options", "message", "code"),
    [
        (("--host", "0.0.0.0", "--backend-store-uri", "a.db"), "users add NAME --backend-store-uri a.db", 1),
        (("--host", "::"), "mltrack server users add", 1),
        (("--host", "0.0.0.0", "--default-role", "none"), "mltrack server users add", 1),
        (("--cors-allowed-origins", "https://a.example,*"), "'*'", 2),
        (("--allowed-hosts", "*"), "'*'", 2),
        (("--static-prefix", "lab"), "'lab'", 2),
        (("--artifacts-destination", f"{__file__}/here"), "--artifacts-destination", 2),
        (("--artifacts-destination", "gs://b/x", "--backend-store-uri", "a.db"), "jupyter-mltrack[gcs]", 1),
        (("--default-artifact-root", "ftp://x"), "'ftp://x'", 2),
        (("--ssl-keyfile", "no.pem"), "--ssl-certfile", 2),
        (("--ssl-keyfile", "no.pem", "--ssl-certfile", "no.pem"), "no.pem", 2),
        (("--workers", "0"), "'--workers'", 2),
        (("--backend-store-uri", "http://127.0.0.1:5000"), "http://127.0.0.1:5000", 2),
        (("--backend-store-uri", "http://ann:secret@127.0.0.1:5000"), "sqlite:///", 2),
        (("--backend-store-uri", "mysql://ann:secret@a/b"), "mysql", 2),
    ],
    ids=lambda each: " ".join(each).replace(__file__, "FILE") if isinstance(each, tuple) else "",
)
def test_what_a_server_is_not_started_with(options: tuple[str, ...], message: str, code: int) -> None:
    said = refused("server", "-p", "0", *options, code=code)
    assert message in said
    assert "secret" not in said


def test_a_server_that_others_reach_without_tls_says_so(tmp_path: Path) -> None:
    with running_server(tmp_path, "--host", "0.0.0.0", users=True) as server:
        assert server.process.stdout is not None
        assert "plain text" in server.process.stdout.readline()


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"Port {port} of 127.0.0.1 is taken" in refused("server", "-p", port)


@pytest.mark.parametrize("name", ["--host", "-h", "--port", "-p", "--backend-store-uri", "--default-artifact-root"])
def test_the_words_are_mlflows(name: str) -> None:
    assert "requires an argument" in refused("server", name, code=2)


def changed(**wrong: Any) -> Route:
    return replace(SAID, **wrong)


@pytest.mark.parametrize(
    ("route", "fault"),
    [
        (replace(SAID, method="LOOK"), "method"),
        (replace(SAID, path=""), "no path"),
        (replace(SAID, bases=()), "no path"),
        (changed(request=dict), "no request"),
        (changed(request=None), "no request"),
        (changed(answer=dict), "no answer"),
        (changed(need=None), "who may use it"),
        (replace(SAID, need=Need(Role.READ)), "of what"),
        (replace(SAID, need=USER & Need(Role.READ)), "of what"),
        (replace(SAID, need=replace(OPEN, is_admin=True)), "is open"),
        (changed(work=None), "nothing"),
        (replace(SAID, most=0), "size"),
        (replace(READ, most=None), "size"),
        (replace(READ, most=1), "size"),
        (replace(SAID, seconds=None), "no time"),
        (replace(SAID, seconds=0), "time"),
        (SAID, "twice"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_no_route_leaves_anything_open(route: Route, fault: str) -> None:
    with pytest.raises(TypeError, match=fault) as caught:
        check_table((*ROUTES, route))
    assert not route.path or route.path in str(caught.value)


def test_every_route_is_whole_and_mlflows_are_under_all_their_bases() -> None:
    check_table()
    for base in ("/api/2.0/mlflow", "/ajax-api/2.0/mlflow", "/api/2.0/preview/mlflow"):
        assert f"{base}/experiments/create" in SAID.paths


def children(server: RunningServer) -> set[int]:
    return {each.pid for each in psutil.Process(server.process.pid).children()}


def counted(server: RunningServer, path: str) -> float:
    """How many GETs of a path all processes together have counted."""
    lines = server.ask("GET", "/metrics").body.decode().splitlines()
    name = f'mltrack_requests_total{{method="GET",route="{path}",status="200"}} '
    return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))


@pytest.mark.slow
def test_processes_share_a_port_and_one_that_dies_is_started_again(tmp_path: Path) -> None:
    with running_server(tmp_path, "--workers", "3") as server:
        before = children(server)
        assert len(before) == 3
        for _ in range(40):
            assert server.ask("GET", "/health").status == 200
        # An answer is out a moment before it is counted, and another process may be the one that is asked for counts.
        wait_for(lambda: counted(server, "/health") == 40)
        killed = min(before)
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda: len(children(server) - {killed}) == 3)
        for _ in range(40):
            server.ask("GET", "/health")
        wait_for(lambda: counted(server, "/health") == 80)  # with those of the one that is gone
        wait_for(lambda: b"mltrack_requests_in_flight 1.0" in server.ask("GET", "/metrics").body)
        assert server.stop() == 0
    assert "killed by SIGKILL" in server.log.read_text()
    assert not psutil.pid_exists(killed)


@pytest.mark.slow
def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    (tmp_path / "counts").mkdir()
    options, env = ("--workers", "2"), {"TMPDIR": str(tmp_path / "counts")}
    server = start_server(tmp_path / "a", *options, env=env)
    found = children(server)
    server.kill()
    wait_for(lambda: not any(psutil.pid_exists(pid) for pid in found))
    with socket.create_server(("127.0.0.1", server.port)):
        pass  # the port is free
    left = set((tmp_path / "counts").iterdir())
    with running_server(tmp_path / "b", *options, env=env), running_server(tmp_path / "c", *options, env=env):
        there = set((tmp_path / "counts").iterdir())
        assert (len(left), len(there), len(left & there)) == (1, 2, 0)  # what was left is gone, what is in use is not
    assert not list((tmp_path / "counts").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "lasting"), [("1", 1), ("2", 2)])
def test_a_server_that_is_stopped_answers_what_it_is_at(tmp_path: Path, workers: str, lasting: int) -> None:
    """A body that is on its way when the signal comes is read to its end; one that never ends is not waited for."""
    with running_server(tmp_path, "--workers", workers) as server, ExitStack() as stack:
        body = json.dumps({"name": "slow"}).encode()
        head = f"POST /api/2.0/mlflow/experiments/create HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        address = ("127.0.0.1", server.port)
        slow, *endless = [stack.enter_context(socket.create_connection(address, timeout=60)) for _ in range(lasting)]
        for each in (slow, *endless):
            each.sendall(head.encode() + body[:5])
        in_flight = f"mltrack_requests_in_flight {lasting + 1}.0".encode()
        wait_for(lambda: in_flight in server.ask("GET", "/metrics").body)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        wait_for(lambda: refuses(server.port))
        slow.sendall(body[5:])
        assert slow.recv(4096).startswith(b"HTTP/1.1 200")
        assert all(each.recv(4096).startswith(b"HTTP/1.1 503") for each in endless)
        stopping.join(120)
        assert server.process.poll() == 0


def refuses(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return False
    except OSError:
        return True
