"""What comes over the wire to a model server: routes, hosts, origins, sizes, and requests that are wrong."""

from __future__ import annotations

import json
import select
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import psutil
import pytest
from tests.core.serving_models import ask, exchange, predicted, rows, serving, status_of

import mltrack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack.serving.handles import Server

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("wire"), header_timeout=300) as found:
        yield found


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with little patience for slow clients."""
    with serving(tmp_path_factory.mktemp("hurried"), header_timeout=2, body_timeout=0.6) as found:
        yield found


def post(server: Server, *lines: str, body: bytes = b"", host: str | None = None) -> bytes:
    """Send a POST with exactly these headers; ``host`` None is the right one, an empty text none."""
    hosts = [f"Host: 127.0.0.1:{server.port}"] if host is None else [f"Host: {host}"] if host else []
    head = ["POST /invocations HTTP/1.1", *hosts, "Content-Type: application/json", *lines]
    return exchange(server, "\r\n".join([*head, "", ""]).encode() + body)


@pytest.mark.parametrize("path", ["/ping", "/health"])
def test_health(server: Server, path: str) -> None:
    answer = ask(server, path=path)
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"\n", "application/json")
    assert answer.headers["mltrack-server"] == server._state.settings.nonce


def test_version_openapi_and_docs(server: Server) -> None:
    assert ask(server, path="/version").body.decode() == mltrack.__version__
    assert "/invocations" in ask(server, path="/openapi.json").value["paths"]
    docs = ask(server, path="/docs")
    assert docs.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in docs.headers["content-security-policy"]


def test_a_prediction(server: Server) -> None:
    answer = ask(server, rows("", "", x=2.5))
    assert (answer.status, answer.value) == (200, {"predictions": [5.0, 5.0]})
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/invocations", 405),
        ("PUT", "/invocations", 405),
        ("DELETE", "/ping", 405),
        ("OPTIONS", "/invocations", 405),
        ("BREW", "/invocations", 400),
        ("POST", "/nothing", 404),
        ("GET", "/", 404),
        ("POST", "/invocations/", 404),
        ("POST", "//invocations", 404),
        ("POST", "/api/../invocations", 404),
        ("POST", "/invocations;a=b", 404),
        ("POST", "/INVOCATIONS", 404),
        ("POST", "/mltrack/reload", 401),
        ("GET", "/mltrack/statistics", 401),
        ("POST", "/<script>alert(1)</script>", 404),
        ("GET", "http://evil/ping", 404),
        ("POST", "http://127.0.0.1/invocations", 404),
        ("GET", "//evil/ping", 404),
        ("GET", "/mltrack%2fstatistics", 401),
        ("GET", "/%70ing", 200),
        ("GET", "/ping%00", 404),
        ("HEAD", "/ping", 200),
        ("HEAD", "/invocations", 405),
        ("TRACE", "/invocations", 405),
        ("OPTIONS", "*", 404),
    ],
)
def test_other_routes_and_methods(server: Server, method: str, path: str, status: int) -> None:
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: localhost:{server.port}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    )
    answer = exchange(server, head.encode())
    assert status_of(answer) == status
    assert b"<script>" not in answer
    if status in (404, 405) and method != "HEAD":
        assert b"x-content-type-options: nosniff" in answer
        assert set(json.loads(answer.partition(b"\r\n\r\n")[2])) == {"error_code", "message"}


@pytest.mark.parametrize(
    "host",
    [
        "evil",
        "evil.com:PORT",
        "127.0.0.1.evil.com:PORT",
        "",
        "127.0.0.1:1",
        "127.0.0.1",
        "127.0.0.1:PORT.",
        "localhost.:PORT",
        "127.0.0.1:PORT, evil",
        "user@127.0.0.1:PORT",
        "127.0.0.1:PORT\r\nHost: evil",
        "0.0.0.0:PORT",
    ],
)
def test_a_host_that_is_not_the_servers(server: Server, host: str) -> None:
    answer = post(server, "Content-Length: 2", body=b"{}", host=host.replace("PORT", str(server.port)))
    # The HTTP parser itself may refuse what is no valid request at all.
    assert status_of(answer) == (403 if host else status_of(answer)) in (400, 403)
    assert b"evil" not in answer


@pytest.mark.parametrize("host", ["127.0.0.1:PORT", "localhost:PORT", "LocalHost:PORT", "[::1]:PORT"])
def test_a_host_that_is(server: Server, host: str) -> None:
    body = rows("")
    answer = post(server, f"Content-Length: {len(body)}", body=body, host=host.replace("PORT", str(server.port)))
    assert status_of(answer) == 200


@pytest.mark.parametrize(
    "header",
    [
        "Origin: null",
        "Origin: http://localhost.evil",
        "Origin: http://127.0.0.1:PORT.evil.com",
        "Origin: http://127.0.0.1:1",
        "Origin: http://127.0.0.1",
        "Origin: http://localhost:PORT",  # another origin than 127.0.0.1:PORT
        "Origin: file://",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
        "Sec-Fetch-Site: made-up",
        "Origin: http://127.0.0.1:PORT\r\nOrigin: http://evil",
    ],
)
def test_a_page_of_another_origin_is_refused(server: Server, header: str) -> None:
    body = rows("exit:9")
    answer = post(server, header.replace("PORT", str(server.port)), f"Content-Length: {len(body)}", body=body)
    assert status_of(answer) in ((403,) if header.count("Origin") < 2 else (400,))
    assert b"evil" not in answer
    assert b"access-control" not in answer.lower()


def test_the_servers_own_page_is_let_in(server: Server) -> None:
    body = rows("")
    origin = f"Origin: http://127.0.0.1:{server.port}"
    answer = post(server, origin, "Sec-Fetch-Site: same-origin", f"Content-Length: {len(body)}", body=body)
    assert status_of(answer) == 200


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("text/plain", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/octet-stream", 415),
        ("application/python-pickle", 415),
        ("application/json; charset=latin-1", 415),
        ("", 415),
    ],
)
def test_what_a_form_can_send_and_what_is_not_read(server: Server, content_type: str, status: int) -> None:
    assert ask(server, rows(""), Content_Type=content_type).status == status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b'{"dataframe_records": [{"x": NaN, "act": ""}]}',
        b'{"dataframe_records": [{"x": 1e999, "act": ""}]}',
        b'{"dataframe_records": [{"x": ' + b"9" * 5000 + b', "act": ""}]}',
        b'{"dataframe_records": [{"x": 1, "x": 2, "act": ""}]}',
        b'{"dataframe_records": [{"x": 1, "act": "\\ud800"}]}',
        b'{"dataframe_records": [{"x": 1, "act": "\xff"}]}',
        b'{"dataframe_records": [{"x": "one", "act": ""}]}',
        b'{"dataframe_records": [{"act": ""}]}',
        b'{"inputs": [], "instances": []}',
    ],
)
def test_wrong_bodies_are_400_and_the_server_goes_on(server: Server, body: bytes) -> None:
    answer = ask(server, body)
    assert (answer.status, set(answer.value)) == (400, {"error_code", "message"})
    assert predicted(server, "") == [2.0]


def test_a_body_that_says_it_is_too_large(server: Server) -> None:
    answer = post(server, f"Content-Length: {1 << 30}")
    assert status_of(answer) == 413
    assert ask(server, b"x" * (17 * MIB)).status == 413  # all of it is sent before the answer is read


@pytest.mark.slow
def test_an_endless_body_is_cut_at_the_limit(server: Server) -> None:
    front = psutil.Process(server.pid)
    before = front.memory_info().rss
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        head = f"POST /invocations HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        chunk = b"%x\r\n" % MIB + b"[" * MIB + b"\r\n"
        for _ in range(17):
            connection.sendall(chunk)
        assert status_of(connection.recv(4096)) == 413
        with pytest.raises(OSError, match=r"reset|Broken"):  # what goes on is not read for ever
            send_on(connection, chunk)
    assert front.memory_info().rss - before < 32 * MIB


def send_on(connection: socket.socket, chunk: bytes) -> None:
    for _ in range(1000):
        connection.sendall(chunk)
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (("Content-Length: 2", "Transfer-Encoding: chunked"), 400),
        (("Transfer-Encoding: chunked", "Content-Length: 2"), 400),
        (("Content-Length: 2", "Content-Length: 2"), 400),
        (("Content-Length: 2", "Content-Length: 3"), 400),
        (("Content-Length: 2, 2",), 400),
        (("Content-Length: +2",), 400),
        (("Content-Length: 0x2",), 400),
        (("Content-Length: -1",), 400),
        (("Content-Length: 18446744073709551618",), 400),
        (("Content-Length : 2",), 400),
        (("Transfer-Encoding: xchunked",), 400),
        (("Transfer-Encoding: chunked, identity",), 400),
        (("Transfer-Encoding:", " chunked"), 400),
        (("X: a", " b", "Content-Length: 2"), 400),
        (("X: a\nY: b", "Content-Length: 2"), 400),
        (("X: a\0b", "Content-Length: 2"), 400),
        (("Transfer-Encoding: gzip, chunked",), 415),
    ],
)
def test_a_length_that_could_be_read_in_two_ways_is_refused(
    server: Server, lines: tuple[str, ...], status: int
) -> None:
    assert status_of(post(server, *lines, body=b"2\r\n{}\r\n0\r\n\r\n")) == status


def test_a_caller_who_waits_to_be_asked_for_the_body(server: Server) -> None:
    body = rows("")
    lines = ("Expect: 100-continue", f"Content-Length: {len(body)}")
    assert b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK" in post(server, *lines, body=body)
    assert status_of(post(server, "Expect: 100-continue", f"Content-Length: {1 << 30}")) == 413


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip"])
def test_a_compressed_body_is_never_unpacked(server: Server, encoding: str) -> None:
    assert ask(server, b"\x1f\x8b", Content_Encoding=encoding).status == 415


def test_long_headers_are_refused(server: Server) -> None:
    found = exchange(server, b"GET /ping HTTP/1.1\r\n", *(b"A: %s\r\n" % (b"b" * 10_000) for _ in range(8)))
    assert status_of(found) == 431
    ranges = ",".join(f"{n}-{n}" for n in range(5_000))
    assert ask(server, path="/docs", Range=f"bytes={ranges}").status == 200


def test_slow_clients_are_cut_off(hurried: Server) -> None:
    head = f"POST /invocations HTTP/1.1\r\nHost: 127.0.0.1:{hurried.port}\r\nContent-Length: 10\r\n\r\n{{"
    with ThreadPoolExecutor(3) as pool:
        late, silent, paused = pool.map(partial(exchange, hurried), (b"GET /ping HT", b"", head.encode()))
    assert (status_of(late), status_of(silent), paused) == (408, 408, b"")


def drip(server: Server) -> socket.socket:
    """Begin a request whose headers may come byte by byte."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    connection.sendall(b"GET /ping HTTP/1.1\r\n")
    return connection


def test_clients_who_send_a_byte_now_and_then_do_not_starve_others(server: Server) -> None:
    """500 of them; /ping answers all the same, before any of them is cut off."""
    held = [drip(server) for _ in range(500)]
    for _ in range(2):
        for each in held:
            each.sendall(b"A")
        assert {ask(server, path="/ping").status for _ in range(5)} == {200}
    ended = select.poll()  # which takes files of any number
    for each in held[:50]:
        ended.register(each, select.POLLIN)
    assert ended.poll(0) == []
    assert predicted(server, "") == [2.0]
    for each in held:
        each.close()


def test_clients_who_send_a_byte_now_and_then_are_cut_off_as_those_who_are_silent(hurried: Server) -> None:
    began = time.monotonic()
    with drip(hurried) as connection, pytest.raises(ConnectionError):
        send_on(connection, b"A")
    assert time.monotonic() - began > 2
    assert predicted(hurried, "") == [2.0]
