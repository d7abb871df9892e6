"""``mltrack server`` and TLS: the files it takes, and connections that never get as far as speaking it."""

from __future__ import annotations

import http.client
import resource
import socket
import ssl
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, cast

import psutil
import pytest
from tests.core.certificates import Pair, own_certificate
from tests.core.serving_models import wait_for
from tests.core.tracking_servers import RunningServer, running_server

from mltrack.exceptions import InvalidParameterError
from mltrack.server.connection import LIMITS
from mltrack.server.handshakes import Handshakes, Listener
from mltrack.server.settings import ServerSettings
from mltrack.server.tls import check_files

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

VARIABLE, PASSWORD = "MLTRACK_SSL_KEYFILE_PASSWORD", "one of four words"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that a server may be told to use."""
    folder = tmp_path_factory.mktemp("tls")
    own_certificate(folder)
    own_certificate(folder, "other")
    own_certificate(folder, "locked", password=PASSWORD)
    (folder / "text.pem").write_text("none\n")
    return folder


@pytest.mark.parametrize(
    ("key", "certificate", "password", "message"),
    [
        ("no.pem", "own-certificate.pem", None, "no.pem' cannot be read: No such file"),
        ("own-key.pem", "no.pem", None, "no.pem' cannot be read: No such file"),
        ("own-key.pem", ".", None, "cannot be read: Is a directory"),
        ("other-key.pem", "own-certificate.pem", None, "other-key.pem' is of another certificate"),
        ("text.pem", "own-certificate.pem", None, "text.pem' has no private key"),
        ("own-certificate.pem", "own-certificate.pem", None, "own-certificate.pem' has no private key"),
        ("own-key.pem", "own-key.pem", None, "own-key.pem' has no certificate"),
        ("own-key.pem", "text.pem", None, "text.pem' has no certificate"),
        ("locked-key.pem", "locked-certificate.pem", None, f"has a password; say it in {VARIABLE}"),
        ("locked-key.pem", "locked-certificate.pem", "", f"has a password; say it in {VARIABLE}"),
        ("locked-key.pem", "locked-certificate.pem", "another", f"in {VARIABLE}, is not right"),
        ("own-key.pem", "own-certificate.pem", "not needed", None),
        ("locked-key.pem", "locked-certificate.pem", PASSWORD, None),
    ],
)
def test_what_is_wrong_with_a_file_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, key: str, certificate: str, password: str | None, message: str | None
) -> None:
    if password is not None:
        monkeypatch.setenv(VARIABLE, password)
    settings = ServerSettings("x", ssl_keyfile=str(folder / key), ssl_certfile=str(folder / certificate))
    if message is None:
        check_files(settings)
        return
    with pytest.raises(InvalidParameterError) as caught:
        check_files(settings)
    assert message in str(caught.value)


class Transport:
    """A connection whose TLS stands."""

    def __init__(self, taken: socket.socket) -> None:
        self._taken = taken

    def get_extra_info(self, name: str) -> socket.socket:
        assert name == "socket"
        return self._taken


def is_over(caller: socket.socket) -> bool:
    try:
        return caller.recv(1) == b""
    except BlockingIOError:
        return False


def wait_until_over(callers: list[socket.socket], *expected: bool) -> None:
    """Wait until these are over and the others are not: a caller hears of it a moment later."""
    wait_for(lambda: [is_over(each) for each in callers] == [*expected])


def test_handshakes_are_so_many_and_so_long() -> None:
    now = [0.0]
    handshakes = Handshakes(most=3, seconds=15, clock=lambda: now[0])
    callers, taken = [], []
    with ExitStack() as opened:
        listening = opened.enter_context(Listener(socket.create_server(("127.0.0.1", 0))))
        listening.on_accept = handshakes.begin
        for number in range(5):
            callers.append(opened.enter_context(socket.create_connection(listening.getsockname())))
            callers[-1].setblocking(False)
            taken.append(opened.enter_context(listening.accept()[0]))
            now[0] += 1
            if number == 0:
                handshakes.done(cast("asyncio.Transport", Transport(taken[0])))
        wait_until_over(callers, False, True, False, False, False)
        taken[2].close()  # by asyncio
        now[0] = 18.5
        handshakes.check()
        wait_until_over(callers, False, True, True, True, False)
        now[0] = 20
        handshakes.check()
        wait_until_over(callers, False, True, True, True, True)


def health(server: RunningServer, pair: Pair) -> bytes:
    context = ssl.create_default_context(cafile=pair.certificate)
    with closing(http.client.HTTPSConnection("127.0.0.1", server.port, timeout=60, context=context)) as connection:
        connection.request("GET", "/health")
        return connection.getresponse().read()


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_speaks_tls(tmp_path: Path, workers: str) -> None:
    pair = own_certificate(tmp_path, password=PASSWORD)
    with running_server(tmp_path, "--workers", workers, *pair.options, env={VARIABLE: PASSWORD}) as server:
        assert server.url.startswith("https://127.0.0.1:")
        assert health(server, pair) == b"OK"
        with pytest.raises(OSError, match="certificate verify failed"):
            health(server, own_certificate(tmp_path, "other"))
        with pytest.raises((OSError, http.client.HTTPException)):
            server.ask("GET", "/health")  # not in TLS
    assert server.process.returncode == 0
    assert server.log.read_text() == ""


@pytest.mark.slow
def test_those_who_never_speak_tls_keep_nobody_out(tmp_path: Path) -> None:
    """They are more than there may be open files; the oldest give way, and none is waited for longer than headers."""
    pair = own_certificate(tmp_path)
    with running_server(tmp_path, "--workers", "2", *pair.options) as server, ExitStack() as opened:
        process = psutil.Process(server.process.pid)
        for each in [process, *process.children()]:
            each.rlimit(resource.RLIMIT_NOFILE, (400, 400))
        callers = []
        for _ in range(700):
            callers.append(opened.enter_context(socket.create_connection(("127.0.0.1", server.port), 60)))
            callers[-1].setblocking(False)
        assert health(server, pair) == b"OK"
        wait_for(lambda: all(is_over(each) for each in callers), seconds=LIMITS.header_timeout + 120)
    assert server.process.returncode == 0


@pytest.mark.slow
def test_a_caller_who_looks_at_nothing_does_not_keep_it_from_ending(tmp_path: Path) -> None:
    """As a pool's connection, at which nobody reads that the server closes it: asyncio waits for its word."""
    pair = own_certificate(tmp_path)
    context = ssl.create_default_context(cafile=pair.certificate)
    with running_server(tmp_path, *pair.options) as server, ExitStack() as opened:
        caller = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=60, context=context)
        opened.callback(caller.close)
        caller.request("GET", "/health")
        caller.getresponse().read()
        assert server.stop() == 0
    assert "timeout" not in server.log.read_text()  # uvicorn's word when it has waited for as long as it may
