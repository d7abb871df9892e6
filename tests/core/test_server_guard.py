"""Where requests may come from: Hosts, Origins, and what answers say to browsers; over the table of routes."""

from __future__ import annotations

import http.client
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from tests.core.server_routes import READERS, WRITERS, name_of, path_of
from tests.core.serving_models import exchange, status_of
from tests.core.tracking_servers import RunningServer, running_server

from mltrack.exceptions import InvalidParameterError
from mltrack.server.guard import SECURITY, Guard
from mltrack.server.settings import ServerSettings
from mltrack.server.table import ROUTES
from mltrack.serving.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

FRIEND = "https://lab.example:8443"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    options = ("--cors-allowed-origins", FRIEND, "--allowed-hosts", "lab.example, other.example:9")
    with running_server(tmp_path_factory.mktemp("server"), *options) as found:
        yield found


def status(server: RunningServer, method: str, path: str, **headers: str) -> int:
    """Send the headers as they are, and no others."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value.format(port=server.port))
        connection.endheaders()
        return connection.getresponse().status


def test_every_route_refuses_another_host(server: RunningServer) -> None:
    answers = {each: status(server, each.method, path_of(each), Host="evil.example:{port}") for each in ROUTES}
    assert {name_of(route): answer for route, answer in answers.items() if answer != 403} == {}


@pytest.mark.parametrize("header", [{"Origin": "http://evil.example"}, {"Sec_Fetch_Site": "cross-site"}], ids=str)
def test_every_route_that_writes_refuses_other_pages(server: RunningServer, header: dict[str, str]) -> None:
    own = {"Host": "127.0.0.1:{port}", **header}
    answers = {each: status(server, each.method, path_of(each), **own) for each in WRITERS}
    assert {name_of(route): answer for route, answer in answers.items() if answer != 403} == {}


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil",
            "127.0.0.1.evil.com:{port}",
            "localhost:1",
            "localhost",
            "localhost.:{port}",
            "",
            "127.0.0.1:{port},x",
        ),
        *("0x7f000001:{port}", "[::ffff:127.0.0.1]:{port}", "other.example", "other.example:{port}", "lab.example:1"),
        *("127.0.0.1:0{port}", "127.0.0.1:{port}@evil.example", "user@127.0.0.1:{port}", "127.0.0.2:{port}"),
    ],
)
def test_hosts_that_are_not_the_servers(server: RunningServer, host: str) -> None:
    assert status(server, "GET", "/health", Host=host) == 403


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:{port}", "LocalHost:{port}", "[::1]:{port}", "lab.example", "Lab.Example:{port}", "other.example:9"],
)
def test_hosts_that_are(server: RunningServer, host: str) -> None:
    assert status(server, "GET", "/health", Host=host) == 200


def test_no_host_and_two_hosts(server: RunningServer) -> None:
    assert status(server, "GET", "/health") == 403
    host = b"Host: 127.0.0.1:%d\r\n" % server.port
    assert status_of(exchange(server, b"GET /health HTTP/1.1\r\n%b%b\r\n" % (host, host))) == 403
    assert status_of(exchange(server, b"GET /health HTTP/1.0\r\n\r\n")) == 403


@pytest.mark.parametrize(
    "origin",
    [
        *("null", "http://localhost.evil", f"{FRIEND}.evil.com", "http://127.0.0.1:1", "http://lab.example:8443"),
        *("https://lab.example", "file://", "http://127.0.0.1", f"{FRIEND}/", "chrome-extension://x", "*"),
    ],
)
def test_origins_that_may_not_write(server: RunningServer, origin: str) -> None:
    own, path = "127.0.0.1:{port}", "/api/2.0/mlflow/experiments/create"
    assert status(server, "POST", path, Host=own, Origin=origin, Content_Type="application/json") == 403
    assert "access-control-allow-origin" not in server.ask("GET", "/health", Origin=origin).headers
    asked = {"Origin": origin, "Access_Control_Request_Method": "POST"}
    assert not any(name.startswith("access-control") for name in server.ask("OPTIONS", path, **asked).headers)


@pytest.mark.parametrize("origin", ["http://127.0.0.1:{port}", "https://127.0.0.1:{port}", FRIEND, FRIEND.upper()])
def test_origins_that_may(server: RunningServer, origin: str) -> None:
    path, own = "/api/2.0/mlflow/experiments/create", "127.0.0.1:{port}"
    assert status(server, "POST", path, Host=own, Origin=origin, Content_Type="application/json") == 400  # no name


def test_a_friend_may_read_the_answer_and_is_told_what_it_may_send(server: RunningServer) -> None:
    path = "/api/2.0/mlflow/experiments/create"
    for answer in (server.ask("GET", "/health", Origin=FRIEND), server.ask("POST", path, {}, Origin=FRIEND)):
        assert answer.headers["access-control-allow-origin"] == FRIEND
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert answer.headers["vary"] == "origin"
    asked = {
        "Origin": FRIEND,
        "Access_Control_Request_Method": "POST",
        "Access_Control_Request_Headers": "content-type",
    }
    answer = server.ask("OPTIONS", path, **asked)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-methods"] == "OPTIONS, POST"
    assert "content-type" in answer.headers["access-control-allow-headers"]
    assert server.ask("GET", "/health").headers["vary"] == "origin"


@pytest.mark.parametrize(
    "words",
    [
        {"cors_origins": ("*",)},
        {"cors_origins": ("https://*.example",)},
        {"cors_origins": ("null",)},
        {"cors_origins": ("lab.example",)},
        {"cors_origins": ("https://lab.example/",)},
        {"allowed_hosts": ("*",)},
        {"allowed_hosts": ("10.*",)},
        {"allowed_hosts": ("http://lab.example",)},
        {"prefix": "/a/"},
        {"prefix": "a"},
        {"prefix": "/{a}"},
        {"prefix": "/a/../b"},
        {"ssl_keyfile": "key.pem"},
    ],
    ids=str,
)
def test_what_no_server_is_started_with(words: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(InvalidParameterError):
        ServerSettings("sqlite:///x.db", **words)  # type: ignore[arg-type]


def test_the_standard_port_may_be_left_out_and_the_address_of_the_connection_is_a_name() -> None:
    plain = Guard(ServerSettings("x", host="0.0.0.0", port=80))
    secret = Guard(ServerSettings("x", host="lab", port=443, ssl_keyfile="k", ssl_certfile="c"))
    for guard, host in ((plain, b"localhost"), (plain, b"10.0.0.7"), (plain, b"10.0.0.7:80"), (secret, b"lab")):
        guard.check("GET", {b"host": host}, ("10.0.0.7", 80))
    for guard, host in ((plain, b"10.0.0.8"), (plain, b"10.0.0.7:443"), (secret, b"lab:80"), (secret, b"lab:5000")):
        with pytest.raises(Refusal):
            guard.check("GET", {b"host": host}, ("10.0.0.7", 80))
    Guard(ServerSettings("x", port=5000)).check("GET", {b"host": b"10.0.0.7:5000"}, ("::ffff:10.0.0.7", 5000))


@pytest.mark.parametrize(
    ("method", "path", "wanted"),
    [
        *(("GET", "/health", 200), ("HEAD", "/health", 200), ("OPTIONS", "/health", 204), ("GET", "/nothing", 404)),
        *(("DELETE", "/health", 405), ("GET", "/api/2.0/mlflow/experiments/get", 400), ("GET", "/version", 200)),
    ],
)
def test_every_answer_has_what_browsers_are_told(server: RunningServer, method: str, path: str, wanted: int) -> None:
    answer = server.ask(method, path)
    assert answer.status == wanted
    for name, value in SECURITY:
        assert answer.headers[name.decode()] == value.decode(), name
    assert "server" not in answer.headers


@pytest.mark.parametrize(
    "raw", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nx: %b\r\n\r\n" % (b"y" * 200_000)], ids=["no HTTP", "long"]
)
def test_so_have_those_that_no_route_gives(server: RunningServer, raw: bytes) -> None:
    answer = exchange(server, raw)
    assert status_of(answer) in (400, 431)
    assert b"nosniff" in answer
    assert b"nonsense" not in answer


def test_head_is_as_get_without_a_body(server: RunningServer) -> None:
    for route in READERS:
        path = path_of(route)
        if path == "/openapi.json":  # slow to make
            continue
        shown, told = server.ask("GET", path), server.ask("HEAD", path)
        assert (told.body, told.status) == (b"", shown.status), path
        if route.path != "/metrics":  # which counts the first
            assert told.headers.get("content-length") == shown.headers.get("content-length"), path


def test_what_writes_is_not_done_by_another_method(server: RunningServer) -> None:
    for path in sorted({path_of(route) for route in WRITERS}):
        allowed = server.ask("OPTIONS", path).headers["allow"].split(", ")
        for method in sorted({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} - set(allowed)):
            answer = server.ask(method, path)
            assert (answer.status, answer.headers.get("allow")) == (405, ", ".join(allowed)), (method, path)
