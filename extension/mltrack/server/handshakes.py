"""Connections that were taken and do not speak TLS yet: so many, and for so long.

They are no connections to uvicorn, which knows of one when its TLS stands, nor to the limits of those; asyncio waits a
minute for each, and has no limit of their number.
"""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

TICK_SECONDS = 0.5


class Listener(socket.socket):
    """A socket that listens already; ``on_accept`` is told of each connection that is taken there."""

    def __init__(self, taken: socket.socket) -> None:
        super().__init__(fileno=taken.detach())
        self.on_accept: Callable[[socket.socket], None] | None = None

    def listen(self, backlog: int = 0, /) -> None:
        """Leave it as it is: where others listen there too, what one asks of it counts for all."""

    def accept(self) -> tuple[socket.socket, object]:
        """Take a connection."""
        connection, address = super().accept()
        if self.on_accept is not None:
            self.on_accept(connection)
        return connection, address


class Handshakes:
    """The connections whose TLS does not stand, oldest first; of more than ``most`` the oldest are ended."""

    def __init__(self, *, most: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._begun: dict[int, tuple[float, socket.socket]] = {}

    def begin(self, connection: socket.socket) -> None:
        """Take a connection."""
        number = connection.fileno()
        self._begun.pop(number, None)  # one that has ended, whose number this is now
        while len(self._begun) >= self._most:
            self._end(next(iter(self._begun)))
        self._begun[number] = self._clock(), connection

    def done(self, transport: asyncio.Transport) -> None:
        """Leave a connection alone, whose TLS stands."""
        self._begun.pop(transport.get_extra_info("socket").fileno(), None)

    def check(self) -> None:
        """End those that take too long."""
        late = self._clock() - self._seconds
        for number, (began, connection) in tuple(self._begun.items()):
            if connection.fileno() != number:
                del self._begun[number]
            elif began < late:
                self._end(number)

    async def watch(self) -> None:
        """Look after them as long as this runs."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.check()

    def _end(self, number: int) -> None:
        """Have asyncio read the end of what comes in; it is asyncio's to close."""
        _, connection = self._begun.pop(number)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
