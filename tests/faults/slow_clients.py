"""Clients that send a byte a second, many at a time, to a server's port."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = b"POST /api/2.0/mlflow/experiments/create HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
BODY = b"Content-Length: 100\r\n\r\n"
SECONDS = 1.0


class SlowClients:
    """Half of them are slow in their headers, half in the body."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._count = count
        self.begun = self.open = self.answered = 0

    async def run(self, until: Callable[[], bool]) -> None:
        """Connect them all, and send until then; those whose connection was ended do not come again."""
        await asyncio.gather(*(self._send(number, until) for number in range(self._count)))

    async def _send(self, number: int, until: Callable[[], bool]) -> None:
        loop = asyncio.get_running_loop()
        # Bare sockets: asyncio's streams throw away what came where a byte cannot be sent any more.
        with socket.socket() as caller:
            caller.setblocking(False)
            await loop.sock_connect(caller, ("127.0.0.1", self._port))
            self.begun += 1
            self.open += 1
            answer = asyncio.create_task(_answer(caller))
            with suppress(ConnectionError):
                await loop.sock_sendall(caller, HEAD % self._port + (BODY if number % 2 else b"x: "))
                while not until() and not answer.done():
                    await asyncio.wait((answer,), timeout=SECONDS)
                    await loop.sock_sendall(caller, b" ")
            if not until():
                await answer  # the connection was ended, so all that came is there
            self.answered += answer.done() and bool(answer.result())
            self.open -= 1
            answer.cancel()
            await asyncio.wait((answer,))


async def _answer(caller: socket.socket) -> bytes:
    """Give what comes until the connection is ended."""
    found = b""
    with suppress(ConnectionError):
        while block := await asyncio.get_running_loop().sock_recv(caller, 4096):
            found += block
    return found
