"""HTTP connections that cannot be held open for nothing: uvicorn's, with limits on number, size and slowness."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from mltrack.serving.settings import Limits

TICK_SECONDS = 0.5
KEEP_ALIVE_SECONDS = 75
"""So long a connection may wait for its next request; load balancers keep theirs for 60."""

_CLOSING_SECONDS = 1.0  # for the other side to say, in TLS, that it ends, too; those that look at nothing never do
_DRAIN_SECONDS = 3.0  # for the rest of what was refused, so that its sender gets to read the answer
_TOTAL_FACTOR = 10  # a body may take so many times the time that it may pause
_SLOWEST = 1024  # bytes a second, of a body and of an answer, after the time that it may pause
_MOST_HEAD = 64 * 1024  # bytes of a request line and its headers, and of trailers
_CHUNKED_FACTOR = 8  # a body that comes in chunks of one byte is six times as long on the wire

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\ncontent-length: 21\r\nretry-after: 1\r\n"
    b"connection: close\r\n\r\nToo many connections."
)
_LATE = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_NO_METHOD = b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_OF_UPGRADES = frozenset((b"connection", b"upgrade", b"http2-settings"))


class _Parser(httptools.HttpRequestParser):
    """httptools', which stops at a request that asks for another protocol; this one goes on."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._connection = connection

    def feed_data(self, data: Any) -> None:
        """Read on."""
        try:
            super().feed_data(data)
        except httptools.HttpParserUpgrade as stop:
            self._connection.stay(data[stop.args[0] :])


class Connection(HttpToolsProtocol):
    """One caller's connection."""

    def __init__(self, *, limits: Limits, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.parser = _Parser(self)
        self._limits = limits
        self._heard = self._began = time.monotonic()  # the last bytes, and the first of the request that comes in
        self._in_head, self._in_body = True, False
        self._messages = 0
        self._head = self._body = 0  # their bytes so far
        self._answered = 0.0
        self._unsent, self._unsent_at, self._unsent_since = 0, 0, 0.0
        self._closing_since: float | None = None
        self._ended: float | None = None  # since when there are no more answers, and what comes is not looked at

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection; where there are as many as may be, that which has waited longest goes for it."""
        super().connection_made(transport)
        if len(self.connections) <= self._limits.connections:
            return
        others = [each for each in self.connections if isinstance(each, Connection) and each is not self]
        oldest = min((each for each in others if each.is_idle), key=lambda each: each.since, default=None)
        if oldest is None:
            self._end(_FULL, drain=False)
        else:
            oldest.transport.abort()

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits for an answer here, and no body comes in."""
        is_over = self._ended is not None or not self._in_body
        return self._answers_none and is_over and not self.transport.is_closing()

    @property
    def _answers_none(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    @property
    def is_streaming(self) -> bool:
        """Whether the body that comes in may be of any size, and so come for any time, if it comes fast enough."""
        return False

    @property
    def since(self) -> float:
        """When it was last of use: the beginning of a request's headers, or the end of an answer."""
        return max(self._began, self._answered)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._ended is not None:
            return
        self._heard = time.monotonic()
        before, in_message = self._messages, self._in_body or (self._in_head and self._messages > 0)
        super().data_received(data)
        if self._messages > before + (not in_message):
            return  # how much of this is of the last request is not known; it is no more than one reading
        if self._in_head:
            self._head += len(data)
            if self._head > _MOST_HEAD:
                self._end(_LONG)
        elif self._in_body:
            self._body += len(data)
            if not self.is_streaming and self._body > self._limits.max_body * _CHUNKED_FACTOR + _MOST_HEAD:
                self.transport.abort()

    def stay(self, rest: bytes) -> None:
        """Read a request that asks for another protocol, as HTTP/2, as one that does not; ``rest`` follows its headers.

        Whoever asks must take that (RFC 9110, 7.8): Java's HttpClient asks with every request.
        """
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        if method == b"CONNECT":
            self._end(_NO_METHOD)
            return
        kept = [b"%b: %b\r\n" % pair for pair in self.headers if pair[0] not in _OF_UPGRADES]
        if not self.parser.should_keep_alive():
            kept.append(b"connection: close\r\n")
        head = b"%b %b HTTP/%b\r\n%b\r\n" % (method, self.url, version, b"".join(kept))
        self.parser = _Parser(self)
        self.parser.feed_data(head + rest)

    def on_message_begin(self) -> None:
        """Note that a request begins."""
        self._began = self._heard
        self._in_head = True
        self._messages += 1
        self._head = self._body = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; what comes after the body is none, whatever it is called."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Note that the body begins."""
        if self.parser.should_upgrade():
            return  # they come once more
        self._in_head, self._in_body = False, True
        if not self.url.startswith(b"/"):
            self.url = b"/" + self.url  # an address of a host, as proxies are sent: no page has that name
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the request is here."""
        if self.parser.should_upgrade():
            return
        self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Note that the answer is out."""
        self._answered = time.monotonic()
        super().on_response_complete()

    def check(self, now: float) -> None:
        """End the connection if it has been waited for long enough."""
        if self._reads_too_slowly(now) or self._closes_too_slowly(now):
            self.transport.abort()
        elif self._ended is not None:
            if now - self._ended > _DRAIN_SECONDS:
                self.transport.abort()
        elif self.flow.read_paused:  # by us: the request waits for the one before it
            self._heard = self._began = now
        elif self._in_body:
            if self._sends_too_slowly(now):
                self.transport.abort()
        elif self.is_idle:
            if self._in_head and now - self.since > self._limits.header_timeout:
                self._end(_LATE)
            elif now - self.since > KEEP_ALIVE_SECONDS:
                self.transport.close()

    def _closes_too_slowly(self, now: float) -> bool:
        """Say whether all is sent, and the connection is not closed yet for that the other side says nothing."""
        if not self.transport.is_closing() or self.transport.get_write_buffer_size():
            return False
        self._closing_since = self._closing_since or now
        return now - self._closing_since > _CLOSING_SECONDS

    def _sends_too_slowly(self, now: float) -> bool:
        """Say whether a body has paused, or takes too long, or goes on after it was refused."""
        silent = now - self._heard > self._limits.body_timeout
        slow = now - self._began > self._limits.body_timeout + self._body / _SLOWEST
        endless = not self.is_streaming and now - self._began > self._limits.body_timeout * _TOTAL_FACTOR
        refused = self.cycle.response_complete and now - self._answered > _DRAIN_SECONDS
        return silent or slow or endless or refused

    def _reads_too_slowly(self, now: float) -> bool:
        """Say whether of an answer less was taken than should have been, since it was last looked."""
        size = self.transport.get_write_buffer_size()
        if not size or size > self._unsent:  # all is taken, or more was written
            self._unsent_at, self._unsent_since = size, now
        self._unsent = size
        seconds = now - self._unsent_since
        if not size or seconds < self._limits.body_timeout:
            return False
        is_slow = self._unsent_at - size < _SLOWEST * seconds
        self._unsent_at, self._unsent_since = size, now
        return is_slow

    def _end(self, answer: bytes, *, drain: bool = True) -> None:
        """Give a last answer; then, for a while, take what still comes (RFC 9112, 9.6).

        Bytes that come to a connection that is closed reset it, and whoever sends them does not get to read the answer.
        """
        if self.transport.is_closing() or self._ended is not None:
            return
        self.transport.write(answer)
        if drain and self._answers_none and self.transport.can_write_eof():
            self._ended = time.monotonic()
            self.transport.write_eof()
        else:
            self.transport.close()


async def watch(connections: set[Any]) -> None:
    """Look after connections as long as this runs."""
    while True:
        await asyncio.sleep(TICK_SECONDS)
        now = time.monotonic()
        for connection in tuple(connections):
            connection.check(now)
