"""A light load of HTTP: several connections that each send the next request once the last one was answered."""

from __future__ import annotations

import json
import selectors
import socket
import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 60.0


class Outcome(NamedTuple):
    """What a load came to: requests that were answered 200 in each second, and how many were answered otherwise."""

    rate: float
    failed: int


def request(port: int, path: str, body: object) -> bytes:
    """Give the bytes of a POST below MLflow's base."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = (
        f"POST /api/2.0/mlflow/{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def ask(port: int, path: str, body: object) -> Any:
    """Send one request and give what was answered; it must be 200."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        connection.sendall(request(port, path, body))
        received = b""
        while not _is_whole(received):
            received += _received(connection)
    assert received.startswith(b"HTTP/1.1 200"), received[:1000]
    return json.loads(received.partition(b"\r\n\r\n")[2])


def load(port: int, requests: Iterator[bytes], *, clients: int, seconds: float) -> Outcome:
    """Send requests from so many connections for some seconds; what is under way then is still waited for."""
    with selectors.DefaultSelector() as selector:
        for _ in range(clients):
            connection = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ, bytearray())
        begun = time.perf_counter()
        for key in list(selector.get_map().values()):
            key.fileobj.sendall(next(requests))  # type: ignore[union-attr] # a socket
        done, failed = _exchange(selector, requests, begun + seconds)
    return Outcome(done / (time.perf_counter() - begun), failed)


def _exchange(selector: selectors.BaseSelector, requests: Iterator[bytes], end: float) -> tuple[int, int]:
    done = failed = 0
    while selector.get_map():
        for key, _ in selector.select(SECONDS):
            connection: Any = key.fileobj
            key.data.extend(_received(connection))
            if not _is_whole(key.data):
                continue
            is_fine = key.data.startswith(b"HTTP/1.1 200")
            done, failed = done + is_fine, failed + (not is_fine)
            key.data.clear()
            following = next(requests, None) if time.perf_counter() < end else None
            if following is None:
                selector.unregister(connection)
                connection.close()
            else:
                connection.sendall(following)
    return done, failed


def _received(connection: socket.socket) -> bytes:
    received = connection.recv(1 << 18)
    if not received:
        raise ConnectionError("The server hung up.")
    return received


def _is_whole(received: bytes | bytearray) -> bool:
    head = received.find(b"\r\n\r\n")
    if head < 0:
        return False
    lowered = bytes(received[:head]).lower()
    place = lowered.find(b"content-length:")
    if place < 0:
        return lowered.find(b"chunked") >= 0 and received.endswith(b"0\r\n\r\n")
    return len(received) - head - 4 >= int(lowered[place + 15 :].split(b"\r\n", 1)[0])
