"""Requests to servers that answer well, badly, slowly, without an end, or not at all."""

from __future__ import annotations

import itertools
import json
import os
import socket
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from tests.core.fake_servers import STOP, Asked, ask_at_once, closes, fake_server, raw, refuses, says

from mltrack.exceptions import (
    AlreadyExistsError,
    InvalidParameterError,
    MltrackError,
    NotFoundError,
    PermissionDeniedError,
    ServerUnavailableError,
    StateError,
    UnauthenticatedError,
)
from mltrack.rest import answers
from mltrack.rest import transport as transport_module
from mltrack.rest.transport import Transport

OK = says('{"a": 1}')


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    ask_at_once(monkeypatch)


def test_what_is_asked_and_answered() -> None:
    with fake_server(OK) as server:
        transport = Transport(f"{server.url}/team/")
        query = {"run_id": "a b&c", "stages": ["x", "y"], "none": None, "yes": True}
        assert transport.call("GET", "runs/get", query=query) == {"a": 1}
        assert transport.call("POST", "/api/2.0/other", body={"x": "é"}) == {"a": 1}
        first, second = server.asked
    assert first.target == "/team/api/2.0/mlflow/runs/get?run_id=a+b%26c&stages=x&stages=y&yes=true"
    assert (second.method, second.target) == ("POST", "/team/api/2.0/other")
    assert json.loads(second.body) == {"x": "é"}
    assert second.headers["content-type"] == "application/json"
    assert first.headers["user-agent"].startswith("mltrack/")
    assert "authorization" not in first.headers


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("RESOURCE_DOES_NOT_EXIST", 404, NotFoundError),
        ("RESOURCE_ALREADY_EXISTS", 400, AlreadyExistsError),
        ("INVALID_PARAMETER_VALUE", 400, InvalidParameterError),
        ("BAD_REQUEST", 400, InvalidParameterError),
        ("PERMISSION_DENIED", 403, PermissionDeniedError),
        ("UNAUTHENTICATED", 401, UnauthenticatedError),
        ("INVALID_STATE", 500, StateError),
        ("ENDPOINT_NOT_FOUND", 404, MltrackError),
        ("NOT_IMPLEMENTED", 501, MltrackError),
    ],
)
def test_errors_come_back_as_what_they_are(code: str, status: int, kind: type[MltrackError]) -> None:
    with fake_server(refuses(code, "no such thing", status)) as server, pytest.raises(MltrackError) as caught:
        Transport(server.url.replace("//", "//me:pass-word@")).call("GET", "runs/get")
    assert type(caught.value) is kind
    assert caught.value.error_code == code
    assert "no such thing" in str(caught.value)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, UnauthenticatedError),
        (403, PermissionDeniedError),
        (404, MltrackError),
        (405, MltrackError),
        (413, MltrackError),
    ],
)
def test_pages_instead_of_errors(status: int, kind: type[MltrackError]) -> None:
    with fake_server(says("<html>No.</html>", status)) as server, pytest.raises(kind) as caught:
        Transport(server.url).call("GET", "runs/get")
    assert caught.value.error_code != "RESOURCE_DOES_NOT_EXIST"
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("server", "answer", "shown"),
    [
        ("", refuses("UNAUTHENTICATED", "Say who you are.", 401), "wants to know who asks. Set MLTRACK_TRACKING_US"),
        ("me:pass@", refuses("UNAUTHENTICATED", "Not right.", 401), "does not know who asks: Not right. Set MLTRACK"),
        ("", refuses("ENDPOINT_NOT_FOUND", "No page.", 404), "or one with another prefix: No page."),
        ("", closes, "(ProtocolError: Remote end closed connection without response)"),
    ],
    ids=["nobody", "somebody", "elsewhere", "closed"],
)
def test_what_a_caller_can_do_is_said_once(
    server: str, answer: Any, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLTRACK_HTTP_REQUEST_MAX_RETRIES", "0")
    with fake_server(answer) as fake, pytest.raises(MltrackError) as caught:
        Transport(fake.url.replace("//", f"//{server}")).call("GET", "runs/get")
    assert shown in str(caught.value)


def test_a_message_is_shown_harmlessly() -> None:
    text = r"\u001b[2Jgone ghp_abcdefghijklmnopqrstuvwxyz0123456789 \u202e" + "x" * 5000
    with fake_server(refuses("INVALID_PARAMETER_VALUE", text, 400)) as server, pytest.raises(MltrackError) as caught:
        Transport(server.url).call("GET", "runs/get")
    shown = str(caught.value)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "ghp_" not in shown
    assert len(shown) < 2500


@pytest.mark.parametrize(
    "failure", [says("", 500), says("", 503, Retry_After="0"), says("", 429), says("x", 502), closes]
)
def test_what_fails_is_asked_again(failure: Any) -> None:
    with fake_server(failure, failure, OK) as server:
        assert Transport(server.url).call("GET", "runs/get") == {"a": 1}
        assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("failure", "tries"), [(says("", 500), 1), (closes, 1), (says("", 503), 5), (says("", 429), 5)]
)
def test_what_must_not_be_done_twice(failure: Any, tries: int) -> None:
    with fake_server(failure) as server, pytest.raises(ServerUnavailableError):
        Transport(server.url).call("POST", "runs/create", body={}, retry=False)
    assert len(server.asked) == tries


def test_tries_come_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    with fake_server(says("", 500)) as server:
        with pytest.raises(ServerUnavailableError, match="status 500"):
            Transport(server.url).call("GET", "runs/get")
        assert len(server.asked) == 3
        with pytest.raises(ServerUnavailableError):
            Transport(server.url).call("GET", "runs/get", timeout=0.0)
        assert len(server.asked) <= 4


@pytest.mark.parametrize("name", ["MLTRACK_HTTP_REQUEST_TIMEOUT", "MLTRACK_HTTP_REQUEST_MAX_RETRIES"])
@pytest.mark.parametrize("value", ["x", "-1", "nan", "inf"])
def test_limits_that_are_none(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with fake_server(says("", 500)) as server, pytest.raises(InvalidParameterError, match=name):
        Transport(server.url).call("GET", "runs/get")


GARBAGE = [
    b"<html>",
    b"[1]",
    b'"x"',
    b"5",
    b'{"a": ',
    b"[" * 100_000,
    b'{"a": ' + b"9" * 5000 + b"}",
    b"\xff\xfe",
    b"\x1f\x8b\x08",
]


@pytest.mark.parametrize("content", GARBAGE, ids=lambda content: repr(content[:8]))
def test_garbage_is_said_to_be_some(content: bytes) -> None:
    with fake_server(says(content)) as server, pytest.raises(ServerUnavailableError, match="no JSON object"):
        Transport(server.url).call("GET", "runs/get")


@pytest.mark.parametrize("head", ["Content-Length: 10000000000\r\n", "Transfer-Encoding: chunked\r\n", ""])
def test_an_answer_without_an_end_is_cut(head: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mltrack.rest.answers.MOST", 1 << 20)
    monkeypatch.setattr("mltrack.rest.answers.read_body.__kwdefaults__", {"most": 1 << 20})
    sent = []

    def endless(_asked: Asked, connection: socket.socket) -> object:
        connection.sendall(f"HTTP/1.1 200 OK\r\n{head}\r\n".encode())
        block = b" " * 65536
        while True:
            connection.sendall(b"10000\r\n" + block + b"\r\n" if "chunked" in head else block)
            sent.append(len(block))

    with fake_server(endless) as server, pytest.raises(MltrackError, match="over 1 MiB") as caught:
        Transport(server.url).call("GET", "runs/get")
    assert caught.value.error_code == "RESOURCE_EXHAUSTED"
    assert sum(sent) < 16 << 20


def test_an_answer_that_is_cut_short_is_none() -> None:
    cut = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}")
    with fake_server(cut) as server, pytest.raises(ServerUnavailableError):
        Transport(server.url).call("GET", "runs/get")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nobody_is_sent_elsewhere(status: int) -> None:
    with fake_server(OK) as other:
        elsewhere = says("", status, Location=other.url.replace("//", "//u:secret-word@"))
        with fake_server(elsewhere) as server, pytest.raises(MltrackError, match="does not follow") as caught:
            Transport(server.url.replace("//", "//me:pass-word@")).call("GET", "runs/get")
        assert other.asked == []
    assert "secret-word" not in str(caught.value)
    assert "pass-word" not in str(caught.value)


def test_a_server_that_hangs_is_left() -> None:
    release = threading.Event()

    def hangs(_asked: Asked, _connection: socket.socket) -> object:
        release.wait(30)
        return STOP

    with fake_server(hangs) as server, pytest.raises(ServerUnavailableError, match="cannot be reached"):
        Transport(server.url).call("GET", "runs/get", timeout=0.2)
    release.set()


def test_a_server_that_drips_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock is ten seconds after the one before, so that it counts what came, and not this machine."""
    looks = itertools.count(time.monotonic() + 10, 10)
    monkeypatch.setattr(answers, "time", SimpleNamespace(monotonic=lambda: next(looks)))
    stop = threading.Event()

    def drips(_asked: Asked, connection: socket.socket) -> object:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not stop.wait(0.02):
            connection.sendall(b" ")
        return STOP

    with fake_server(drips) as server, pytest.raises(ServerUnavailableError, match="too slowly"):
        Transport(server.url).call("GET", "runs/get", timeout=60)
    stop.set()


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and it does not listen; nobody else can
        transport = Transport(f"http://me:pass-word@127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(ServerUnavailableError, match=r"127\.0\.0\.1") as caught:
            transport.call("GET", "runs/get")
    assert "pass-word" not in str(caught.value)
    assert "me:" not in str(caught.value)


def test_which_server_it_is() -> None:
    with fake_server(says('{"mltrack": {"version": "1"}}')) as server:
        transport = Transport(server.url)
        assert transport.is_ours()
        assert transport.describe(60) == "mltrack 1"
        assert len(server.asked) == 1
    with fake_server(says("<html>", 404)) as server:
        assert not Transport(server.url).is_ours()
    with fake_server(says('{"store_type": "SqlStore"}'), says("3.17.2")) as server:
        transport = Transport(server.url)
        assert not transport.is_ours()
        assert transport.describe(60) == "MLflow 3.17.2"
    with fake_server(says("", 500)) as server, pytest.raises(ServerUnavailableError):
        Transport(server.url).is_ours()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_forked_child_has_connections_of_its_own() -> None:
    with fake_server(OK) as server:
        transport = Transport(server.url)
        transport.call("GET", "runs/get")
        mine = transport._connections.pool()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = int(transport._connections.pool() is mine or transport.call("GET", "x") != {"a": 1})
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        assert transport._connections.pool() is mine
        assert transport.call("GET", "runs/get") == {"a": 1}


def test_a_connection_is_used_again() -> None:
    with fake_server(OK, refuses("BAD_REQUEST", "no", 400), OK) as server:
        transport = Transport(server.url)
        transport.call("GET", "x")
        with pytest.raises(InvalidParameterError):
            transport.call("GET", "x")
        transport.call("POST", "x", body={})
        with transport.stream("/x") as response:
            response.read()
        transport.put("/x", [b"abc"], size=3)
        assert server.connections == 1


def test_many_threads_at_once() -> None:
    with fake_server(OK) as server:
        transport, found = Transport(server.url), []
        threads = [threading.Thread(target=lambda: found.append(transport.call("GET", "x"))) for _ in range(20)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert found == [{"a": 1}] * 20


def test_time_is_bounded_over_all_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "_LONGEST_WAIT", 3600.0)
    with fake_server(says("", 503, Retry_After="3600")) as server:
        with pytest.raises(ServerUnavailableError):
            Transport(server.url).call("GET", "runs/get", timeout=60)
        assert len(server.asked) == 1  # the next would come after the time is over
