"""A caller's connection to a tracking server: that of a model server, but some bodies may be of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.server.guard import SECURITY
from mltrack.serving.connections import Connection
from mltrack.serving.settings import Limits

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, MutableMapping

    from mltrack.server.handshakes import Handshakes

STREAMS = "mltrack.streams"
"""A scope that has this is of a request whose body may be of any size."""
LIMITS = Limits()
"""Seconds that callers may take; and connections, of which the program lowers the number where files are few."""

_HEADERS = b"".join(b"%b: %b\r\n" % pair for pair in SECURITY)


def allow_any_size(scope: MutableMapping[str, Any]) -> None:
    """Let the body of this request be of any size: whoever reads it must have a place for it."""
    scope[STREAMS] = True


class TrackingConnection(Connection):
    """One caller's connection; ``on_change`` is told how many there are, whenever that changes.

    ``handshakes`` has those that do not speak TLS yet, where they are to.
    """

    def __init__(
        self,
        *,
        on_change: Callable[[int], None] | None = None,
        handshakes: Handshakes | None = None,
        **arguments: Any,
    ) -> None:
        super().__init__(**arguments)
        self._on_change = on_change or _ignore
        self._handshakes = handshakes

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        if self._handshakes is not None:
            self._handshakes.done(transport)
        super().connection_made(transport)
        self._on_change(len(self.connections))

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        super().connection_lost(exc)
        self._on_change(len(self.connections))

    @property
    def is_streaming(self) -> bool:
        """Whether the route of the request has said that it takes a body of any size."""
        return STREAMS in self.scope

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, with nothing of it."""
        del msg
        self._end(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

    def _end(self, answer: bytes, *, drain: bool = True) -> None:
        status, end, rest = answer.partition(b"\r\n")
        super()._end(status + end + _HEADERS + rest, drain=drain)


def _ignore(count: int) -> None:
    del count
