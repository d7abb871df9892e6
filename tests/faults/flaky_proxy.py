"""A proxy that a network's faults can be had from: between a client and a real server, on loopback.

Each request is met by the first of the faults that its chance picks; the others go through. What a fault does to a
request is counted, so that a test can see that it happened.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 1 << 16
PAGE = b"<html><body>Welcome to the hotel's network!</body></html>"
GARBAGE = b'{"run": {"info": {"run_id": \xff\xfe]'


@dataclass(frozen=True, slots=True)
class Faults:
    """What may happen to a request, each with its chance from 0 to 1.

    ``delay`` is the seconds before a request goes on, or is answered; that of a client which has hung up is dropped.
    ``refuse``: the connection ends before the request is read. ``lose``: the request is read and goes nowhere. ``cut``:
    the server has it, and its answer is lost on the way back. ``half``: the answer is cut in its middle. ``error``:
    500, ``busy``: 429, ``garbage``: 200 with what is no JSON, ``page``: 200 with a page.
    """

    refuse: float = 0.0
    lose: float = 0.0
    cut: float = 0.0
    half: float = 0.0
    error: float = 0.0
    busy: float = 0.0
    garbage: float = 0.0
    page: float = 0.0
    delay: float = 0.0


KINDS = ("refuse", "lose", "cut", "half", "error", "busy", "garbage", "page")
_ANSWERS = {
    "error": (500, PAGE),
    "busy": (429, b'{"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "Slow down."}'),
    "garbage": (200, GARBAGE),
    "page": (200, PAGE),
}


class FlakyProxy:
    """Listens on a free port of loopback, and hands requests on to a server, as its ``faults`` let it."""

    def __init__(self, port: int, seed: int = 0) -> None:
        self.target = port
        self.faults = Faults()
        self.seen: Counter[str] = Counter()
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _fault(self) -> str:
        with self._lock:
            drawn = self._chance.random()
            for kind in KINDS:
                drawn -= getattr(self.faults, kind)
                if drawn < 0:
                    self.seen[kind] += 1
                    return kind
            self.seen["through"] += 1
            return "through"

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                client.settimeout(60)
                begun = client.recv(1, socket.MSG_PEEK)
                fault = self._fault() if begun else "end"
                if fault in ("end", "refuse"):
                    return
                request = read_message(client)
                time.sleep(self.faults.delay)
                if has_hung_up(client):  # it asks again, or has given up: too late, this would undo what it said since
                    return
                if fault in _ANSWERS:
                    client.sendall(_answer(*_ANSWERS[fault]))
                    continue
                if fault == "lose" or not self._hand_on(client, request, fault):
                    return

    def _hand_on(self, client: socket.socket, request: bytes, fault: str) -> bool:
        """Ask the server; True when the client has the whole answer."""
        with socket.create_connection(("127.0.0.1", self.target), timeout=60) as server:
            server.sendall(_to(request, self.target))
            answer = read_message(server)
        if fault == "cut" or not answer:
            return False
        client.sendall(answer[: len(answer) // 2] if fault == "half" else answer)
        return fault == "through"


def has_hung_up(client: socket.socket) -> bool:
    """Tell whether a client waits for no answer any more."""
    waits = client.gettimeout()
    client.settimeout(0)
    try:
        return not client.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    finally:
        client.settimeout(waits)


def read_message(connection: socket.socket) -> bytes:
    """Read one request or answer with a Content-Length; what came when the other side ends before."""
    content = b""
    while b"\r\n\r\n" not in content:
        block = connection.recv(_BLOCK)
        if not block:
            return content
        content += block
    head, _, body = content.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    wanted = int(lengths[0].partition(b":")[2]) if lengths else 0
    blocks, size = [content], len(body)
    while size < wanted:
        block = connection.recv(_BLOCK)
        if not block:
            break
        blocks.append(block)
        size += len(block)
    return b"".join(blocks)


def _to(request: bytes, port: int) -> bytes:
    """Give a request with the server's own name as its host, as a proxy is set up."""
    head, blank, body = request.partition(b"\r\n\r\n")
    lines = [
        b"Host: 127.0.0.1:%d" % port if line.lower().startswith(b"host:") else line
        for line in head.split(b"\r\n")
        if not line.lower().startswith(b"connection:")
    ]
    return b"\r\n".join([*lines, b"Connection: close"]) + blank + body


def _answer(status: int, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} Whatever\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@contextmanager
def flaky_proxy(port: int, seed: int = 0) -> Iterator[FlakyProxy]:
    """Run a proxy in front of a server's port for a block."""
    proxy = FlakyProxy(port, seed)
    try:
        yield proxy
    finally:
        proxy.close()
