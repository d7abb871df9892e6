"""One request and its answer on their way: what every answer gets, and what is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.server.guard import SECURITY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]

HUNG_UP = 499
"""What nginx notes of a caller who hung up."""
NO_ROUTE = "none"
"""The route of what is asked for in vain."""


class Exchange:
    """Stands between the connection and who answers."""

    __slots__ = ("_receive", "_send", "extra", "method", "received", "route", "sent", "status")

    def __init__(
        self, method: str, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        self._receive = receive
        self._send = send
        self.method = method
        self.route = NO_ROUTE
        self.extra: list[tuple[bytes, bytes]] = []
        self.status = HUNG_UP
        self.received = self.sent = 0

    @property
    def has_begun(self) -> bool:
        """Whether an answer has been begun."""
        return self.status != HUNG_UP

    async def receive(self) -> Message:
        """Receive a part of the body."""
        message = await self._receive()
        self.received += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        """Send the beginning of an answer, with the headers that all have, or a part of its body."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = list(message["headers"])
            names = {name for name, _ in own}
            message = {**message, "headers": own + [each for each in SECURITY if each[0] not in names] + self.extra}
        else:
            self.sent += len(message.get("body", b""))
        await self._send(message)
