"""Who asks a server, through which proxy, and by which certificates."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

import pytest
from tests.core.certificates import own_certificate
from tests.core.fake_servers import ask_at_once, fake_server, says

from mltrack.exceptions import InvalidParameterError, ServerUnavailableError
from mltrack.rest.transport import Transport

OK = says('{"a": 1}')


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    ask_at_once(monkeypatch)


def _basic(text: str) -> str:
    return f"Basic {b64encode(text.encode()).decode()}"


@pytest.mark.parametrize(
    ("user", "environment", "expected"),
    [
        ("", {}, None),
        ("u:p%40ss@", {}, _basic("u:p@ss")),
        ("u:p@", {"MLTRACK_TRACKING_TOKEN": "t"}, _basic("u:p")),
        ("", {"MLTRACK_TRACKING_USERNAME": "a", "MLTRACK_TRACKING_PASSWORD": "b"}, _basic("a:b")),
        ("", {"MLFLOW_TRACKING_USERNAME": "a", "MLFLOW_TRACKING_PASSWORD": "é"}, _basic("a:é")),
        ("", {"MLFLOW_TRACKING_USERNAME": "a", "MLTRACK_TRACKING_TOKEN": "t"}, "Bearer t"),
        ("", {"MLFLOW_TRACKING_TOKEN": "t"}, "Bearer t"),
        ("", {"MLFLOW_TRACKING_TOKEN": "old", "MLTRACK_TRACKING_TOKEN": "new"}, "Bearer new"),
    ],
)
def test_who_asks(
    user: str, environment: dict[str, str], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("MLFLOW_TRACKING_")]:
        monkeypatch.delenv(name)
    with fake_server(OK) as server:
        transport = Transport(server.url.replace("//", f"//{user}"))
        for name, value in environment.items():  # also when they are set later
            monkeypatch.setenv(name, value)
        transport.call("GET", "runs/get")
        assert server.asked[0].headers.get("authorization") == expected
    assert transport.uri == server.url
    assert "p" not in repr(transport.address).partition("given")[2]


def test_a_token_with_a_line_end_sends_no_header_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLTRACK_TRACKING_TOKEN", "t\r\nX-Evil: 1")
    with fake_server(OK) as server:
        with pytest.raises(InvalidParameterError, match="MLTRACK_TRACKING_TOKEN") as caught:
            Transport(server.url).call("GET", "runs/get")
        assert server.asked == []
    assert "Evil" not in str(caught.value)


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_through_a_proxy(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_server(OK) as proxy:
        monkeypatch.setenv(variable, proxy.url.replace("//", "//u:p%40@"))
        assert Transport("http://team.invalid:80").call("GET", "runs/get") == {"a": 1}
        (asked,) = proxy.asked
    assert asked.target.startswith("http://team.invalid")
    assert asked.headers["proxy-authorization"] == _basic("u:p@")


@pytest.mark.parametrize(
    ("host", "excepted", "is_proxied"),
    [
        ("team.invalid", "other", True),
        ("127.0.0.1", "127.0.0.0/8", False),
        ("127.0.0.1", "10.0.0.0/8, 127.0.0.1", False),
        ("127.0.0.1", "*", False),
        ("127.0.0.1", "10.0.0.0/8", True),
    ],
)
def test_what_goes_by_no_proxy(host: str, excepted: str, *, is_proxied: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_server(OK) as proxy, fake_server(OK) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", excepted)
        Transport(server.url.replace("127.0.0.1", host)).call("GET", "runs/get")
        assert (len(proxy.asked), len(server.asked)) == ((1, 0) if is_proxied else (0, 1))


def test_a_kind_of_proxy_that_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "socks5://u:pass-word@127.0.0.1:1")
    with pytest.raises(InvalidParameterError, match="NO_PROXY") as caught:
        Transport("http://127.0.0.1:1").call("GET", "runs/get")
    assert "pass-word" not in str(caught.value)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody vouches for, with its key."""
    folder = tmp_path_factory.mktemp("tls")
    made = own_certificate(folder)
    for name, parts in (("cert.pem", [made.certificate]), ("both.pem", [made.key, made.certificate])):
        (folder / name).write_bytes(b"".join(Path(each).read_bytes() for each in parts))
    return folder


def test_a_server_without_tls_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLTRACK_HTTP_REQUEST_MAX_RETRIES", "0")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        uri = f"http://127.0.0.1:{listening.getsockname()[1]}"

        def answer() -> None:
            with listening.accept()[0] as connection:
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                # What it has not read when it closes would have the system reset the connection before it is heard.
                with suppress(OSError):
                    while connection.recv(1 << 16):
                        pass

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with pytest.raises(ServerUnavailableError, match=rf"is it {uri}\?"):
            Transport(uri.replace("http:", "https:")).call("GET", "runs/get")
        thread.join(60)


def test_what_speaks_plain_text_to_a_server_with_tls_is_asked(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "both.pem")
    with fake_server(OK, tls=context) as server, pytest.raises(ServerUnavailableError) as refused:
        Transport(server.url.replace("https:", "http:")).call("GET", "runs/get", retry=False)
    assert f"does it speak TLS: {server.url}?" in str(refused.value)


NAMES = ["MLTRACK_TRACKING_SERVER_CERT_PATH", "MLTRACK_TRACKING_CLIENT_CERT_PATH", "REQUESTS_CA_BUNDLE"]


@pytest.mark.parametrize("name", NAMES)
def test_a_certificate_that_is_not_there_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in (*NAMES, "CURL_CA_BUNDLE"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, "no.pem")
    with pytest.raises(InvalidParameterError, match=f"{name} names 'no.pem'"):
        Transport("https://127.0.0.1:1").call("GET", "runs/get", timeout=0)


def test_certificates_are_checked(certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "both.pem")
    for name in (*NAMES, "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with fake_server(OK, tls=context) as server:
        with pytest.raises(ServerUnavailableError, match="name that file in MLTRACK_TRACKING_SERVER_CERT_PATH"):
            Transport(server.url).call("GET", "runs/get")
        monkeypatch.setenv("CURL_CA_BUNDLE", str(certificate / "cert.pem"))
        assert Transport(server.url).call("GET", "runs/get") == {"a": 1}
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", own_certificate(tmp_path).certificate)
        with pytest.raises(ServerUnavailableError, match="which REQUESTS_CA_BUNDLE names"):
            Transport(server.url).call("GET", "runs/get")
        monkeypatch.setenv("MLTRACK_TRACKING_SERVER_CERT_PATH", str(certificate / "cert.pem"))
        assert Transport(server.url).call("GET", "runs/get") == {"a": 1}
        with pytest.raises(ServerUnavailableError):  # the name is checked, too
            Transport(server.url.replace("127.0.0.1", "localhost")).call("GET", "runs/get")
        monkeypatch.setenv("MLTRACK_TRACKING_INSECURE_TLS", "true")
        with pytest.raises(InvalidParameterError, match="both set"):
            Transport(server.url).call("GET", "runs/get")
        monkeypatch.delenv("MLTRACK_TRACKING_SERVER_CERT_PATH")
        with pytest.warns(Warning, match="Unverified"):
            assert Transport(server.url).call("GET", "runs/get") == {"a": 1}
