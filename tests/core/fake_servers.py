"""Servers that answer as they are told, well or badly: one thread a connection, on a free port of loopback."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mltrack.rest import transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    Answer = Callable[["Asked", socket.socket], object]

SECONDS = 60.0


@dataclass(frozen=True)
class Asked:
    """A request: its first line's method and target, its headers in small letters, and its body."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class FakeServer:
    """What a server was asked, and what it answers with: the next of ``answers``, the last one for ever."""

    answers: list[Answer]
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    connections: int = 0

    def serve(self, connection: socket.socket) -> None:
        with suppress(OSError, ssl.SSLError), connection:
            connection.settimeout(SECONDS)
            reader = connection.makefile("rb")
            while (request := _read(reader)) is not None:
                self.asked.append(request)
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if answer(request, connection) is STOP:
                    return


STOP = object()


def _read(reader: object) -> Asked | None:
    first = reader.readline()  # type: ignore[attr-defined]
    if not first:
        return None
    method, target, _ = first.decode().split(" ", 2)
    headers = {}
    while line := reader.readline().decode("latin-1").strip():  # type: ignore[attr-defined]
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = reader.read(int(headers.get("content-length", 0)))  # type: ignore[attr-defined]
    return Asked(method, target, headers, body)


def says(body: bytes | str, status: int = 200, **headers: str) -> Answer:
    """Answer with a whole body."""
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    whole = "\r\n".join([*lines, "", ""]).encode() + content
    return lambda _asked, connection: connection.sendall(whole)


def refuses(code: str, message: str, status: int) -> Answer:
    """Answer with an error as MLflow's servers do."""
    return says(f'{{"error_code": "{code}", "message": "{message}"}}', status)


def raw(content: bytes) -> Answer:
    """Send these bytes and close."""

    def answer(_asked: Asked, connection: socket.socket) -> object:
        connection.sendall(content)
        return STOP

    return answer


def closes(_asked: Asked, _connection: socket.socket) -> object:
    """Close without a word."""
    return STOP


@contextmanager
def fake_server(*answers: Answer, tls: ssl.SSLContext | None = None) -> Iterator[FakeServer]:
    """Run a server for a block."""
    found = FakeServer(list(answers))
    listener = socket.create_server(("127.0.0.1", 0))
    found.url = f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
    open_now: list[socket.socket] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                open_now.append(connection)
                found.connections += 1
                threading.Thread(target=handle, args=(connection,), daemon=True).start()

    def handle(connection: socket.socket) -> None:
        with suppress(OSError, ssl.SSLError):
            found.serve(tls.wrap_socket(connection, server_side=True) if tls else connection)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield found
    finally:
        for each in (listener, *open_now):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def ask_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clients wait for nothing between tries, and use no proxy of this machine's."""
    monkeypatch.setattr(transport, "_FIRST_WAIT", 0.001)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
