"""Clients that send a byte a second, many at a time, to a server's port."""

from __future__ import annotations

import asyncio
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
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        self.begun += 1
        self.open += 1
        answer = asyncio.create_task(reader.read())
        with suppress(ConnectionError):
            writer.write(HEAD % self._port + (BODY if number % 2 else b"x: "))
            while not until() and not answer.done():
                await asyncio.wait((answer,), timeout=SECONDS)
                writer.write(b" ")
                await writer.drain()
        self.open -= 1
        writer.close()
        with suppress(ConnectionError):
            self.answered += bool(await answer) if answer.done() else 0
        answer.cancel()
