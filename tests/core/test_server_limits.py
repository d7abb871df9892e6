"""Requests that are too large, too deep, of another kind, or to strange paths; over the table of routes."""

from __future__ import annotations

import json
import socket
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from tests.core.server_routes import (
    BODIES,
    JSON,
    READERS,
    WRITERS,
    known_things,
    name_of,
    path_of,
    request_of,
    takes_json,
)
from tests.core.serving_models import exchange, status_of
from tests.core.tracking_servers import RunningServer, running_server

from mltrack.server.route import LARGE
from mltrack.server.table import ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack.server.route import Route

pytestmark = pytest.mark.slow
MIB = 1 << 20
WRONG_KINDS = ("text/plain", "multipart/form-data; boundary=---------x", "application/x-www-form-urlencoded", "")
NO_JSON = {
    "deep": b'{"a":' + b"[" * 1000 + b"]" * 1000 + b"}",
    "deeper than Python": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "a long integer": b'{"timestamp": ' + b"7" * 5000 + b"}",
    "half a pair": b'{"name": "\\ud800"}',
    "no UTF-8": b'{"name": "\xff\xfe"}',
    "twice": b'{"name": "a", "name": "b"}',
    "a list": b"[1]",
    "a text": b'"x"',
    "a number": b"5",
    "cut": b'{"name": ',
    "two": b"{}{}",
    "a mark": b"\xef\xbb\xbf{}",
}
WRONG_COUNTS = ("0", "-1", "1000000000", str(2**63), "x", "NaN", "1.5", "")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.fixture(scope="module")
def known(server: RunningServer) -> dict[str, Any]:
    return known_things(server)


def refused(server: RunningServer, routes: Iterator[Route], body: bytes, kind: str, *wanted: int) -> dict[str, int]:
    """Give what was not answered as it should be."""
    answers = {each: server.ask(each.method, path_of(each), body, Content_Type=kind) for each in routes}
    assert all(answer.value["error_code"] for answer in answers.values())
    return {name_of(each): answer.status for each, answer in answers.items() if answer.status not in wanted}


@pytest.mark.parametrize("kind", WRONG_KINDS)
def test_forms_are_not_taken(server: RunningServer, kind: str) -> None:
    assert refused(server, filter(takes_json, BODIES), b"name=x", kind, 400, 415) == {}


@pytest.mark.parametrize("fault", NO_JSON)
def test_what_is_no_object_of_json_is_refused(server: RunningServer, fault: str) -> None:
    assert refused(server, filter(takes_json, BODIES), NO_JSON[fault], "application/json", 400) == {}


def test_json_of_a_hundred_thousand_levels_is_refused(server: RunningServer) -> None:
    body = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert refused(server, filter(takes_json, BODIES), body, "application/json", 400, 413) == {}


def test_a_body_that_says_that_it_is_too_large_is_not_read(server: RunningServer) -> None:
    for route in filter(takes_json, BODIES):
        head = f"{route.method} {path_of(route)} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        head += "Content-Type: application/json\r\n"
        said = exchange(server, f"{head}Content-Length: {(route.most or 0) + 1}\r\n\r\n".encode())
        assert status_of(said) == 413, name_of(route)
        assert status_of(exchange(server, f"{head}Content-Length: x\r\n\r\n".encode())) == 400
        assert status_of(exchange(server, f"{head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}".encode())) == 400
        packed = f"{head}Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"
        assert status_of(exchange(server, packed.encode())) == 415, name_of(route)


def chunked(server: RunningServer, route: Route, *, most: int) -> tuple[int, int]:
    """Send chunks without end; gives the status, and how many bytes went out before it came."""
    head = f"{route.method} {path_of(route)} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
    head += "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk, sent = b"10000\r\n" + b" " * 65536 + b"\r\n", 0
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(head.encode())
        connection.setblocking(False)
        answer = b""
        while b"\r\n\r\n" not in answer and sent < most:
            try:
                answer += connection.recv(65536) or pytest.fail("the connection was ended without an answer")
            except BlockingIOError:
                connection.setblocking(True)
                with suppress(ConnectionError):  # the answer has come meanwhile, and its time is over
                    connection.sendall(chunk)
                connection.setblocking(False)
                sent += 65536
    return status_of(answer), sent


def test_a_body_without_end_is_cut(server: RunningServer) -> None:
    route = next(each for each in BODIES if each.path == "experiments/create")
    status, sent = chunked(server, route, most=256 * MIB)
    assert status == 413
    assert sent < 64 * MIB  # what the sockets hold, and what is read until the connection is closed


def test_no_body_without_end_takes_the_servers_memory(server: RunningServer) -> None:
    routes = [each for each in BODIES if takes_json(each) and each.most == LARGE]
    before = psutil.Process(server.process.pid).memory_info().rss
    for route in routes:
        assert chunked(server, route, most=1024 * MIB)[0] == 413, name_of(route)
    assert psutil.Process(server.process.pid).memory_info().rss - before <= 3 * LARGE


def test_many_ranges_and_many_parts_are_no_work(server: RunningServer) -> None:
    ranges = "bytes=" + ",".join(["0-0"] * 10_000)
    for route in READERS:
        assert server.ask("GET", path_of(route), Range=ranges).status < 500, name_of(route)
    parts = b"".join(b"-----x\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n" for _ in range(1000))
    assert refused(server, filter(takes_json, BODIES), parts, "multipart/form-data; boundary=---x", 400, 415) == {}


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        *(("GET //health", 404), ("GET /health/", 404), ("GET /health;p", 404), ("GET /HEALTH", 404), ("GET /.", 404)),
        *(("GET /api/../health", 404), ("GET /./health", 404), ("GET /health%2f", 404), ("GET /health%00", 404)),
        *(("GET http://evil.example/health", 404), ("GET /api/2.0/mlflow/../mlflow/experiments/get", 404)),
        *(
            ("GET /%2e%2e/health", 404),
            ("GET *", 404),
            ("OPTIONS *", 404),
            ("TRACE /health", 405),
            ("PROPFIND /health", 405),
        ),
        *(("PURGE /health", 405), ("FOO /health", 400), ("get /health", 400), ("CONNECT evil:80", 405)),
        *(("POST /api/2.0/mlflow/experiments/create/", 404), ("POST /api/2.0/mlflow//experiments/create", 404)),
        *(("PUT /api/2.0/mlflow/experiments/create", 405), ("GET /api/2.0/mlflow/experiments/get#x", 400)),
    ],
)
def test_strange_paths_and_verbs(server: RunningServer, line: str, wanted: int) -> None:
    answer = exchange(server, f"{line} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
    assert status_of(answer) == wanted


def test_another_protocol_is_not_spoken(server: RunningServer) -> None:
    head = f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    head += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n"
    assert status_of(exchange(server, head.encode())) == 200


@pytest.mark.parametrize("count", WRONG_COUNTS)
def test_counts_that_cannot_be(server: RunningServer, known: dict[str, Any], count: str) -> None:
    """Every search takes one and refuses these; an empty one in a query is as none."""
    for route in ROUTES:
        if "max_results" not in route.request.model_fields:
            continue
        values = {name: value for name, value in known.items() if name in route.request.model_fields}
        path, body = request_of(route, {**values, "max_results": 1})
        assert server.ask(route.method, path, body, **JSON).status == 200, name_of(route)
        path, body = request_of(route, {**values, "max_results": count})
        answer = server.ask(route.method, path, body, **JSON)
        assert answer.status == 400, (name_of(route), answer)
        assert "max_results" in answer.value["message"], name_of(route)


def content(server: RunningServer) -> list[str]:
    with closing(sqlite3.connect(server.store_uri.removeprefix("sqlite:///"))) as connection:
        return list(connection.iterdump())


def test_nothing_that_is_read_writes(server: RunningServer, known: dict[str, Any]) -> None:
    before = content(server)
    for route in READERS:
        server.ask("GET", request_of(route, {k: v for k, v in known.items() if k in route.request.model_fields})[0])
    assert content(server) == before


def test_nothing_that_is_refused_writes(server: RunningServer) -> None:
    before = content(server)
    for route in WRITERS:
        path, own = path_of(route), f"http://127.0.0.1:{server.port}"
        body = json.dumps({"name": "evil", "experiment_id": "0", "run_id": "0" * 32}).encode()
        for headers in ({"Host": "evil"}, {"Origin": "http://evil"}, {"Content_Type": "text/plain", "Origin": own}):
            server.ask(
                route.method,
                path,
                body if takes_json(route) else b"",
                **{"Content_Type": "application/json", **headers},
            )
    assert content(server) == before
