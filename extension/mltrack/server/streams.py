"""Routes whose bodies are files: who asks, what is asked, and then a stream one way or the other."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from mltrack.exceptions import MltrackError
from mltrack.server.call import Call
from mltrack.server.endpoint import HEADERS, Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor

_log = logging.getLogger("mltrack.server")
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Wire:
    """The two ways of one request, and where what blocks is done: in a thread, for a moment at a time."""

    method: str
    headers: Mapping[bytes, bytes]
    receive: Any
    send: Any
    most: int | None
    threads: Executor

    def work(self, what: Callable[..., Found], *arguments: Any) -> asyncio.Future[Found]:
        """Do something that blocks."""
        return asyncio.get_running_loop().run_in_executor(self.threads, what, *arguments)


class Stream(Protocol):
    """What a route's work gives: the rest of the request and the answer, which it sends itself."""

    async def run(self, wire: Wire) -> None:
        """Receive and send. Nothing has been sent where it raises; once something has, it ends the connection."""


class FileEndpoint(Endpoint):
    """The ASGI application of a route whose work gives a ``Stream``."""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer a request; raises what the application answers for."""
        headers, named = scope[HEADERS], scope.get("path_params", {})
        user = None if self._route.need.is_open else await self._identified(scope, headers)
        request = self._route.request.of({**self._query(scope), **named})
        stream = await self._in_thread(self._stream, Call(self._means.service, request, user, named, headers))
        sent = _Sent(send)
        try:
            await stream.run(Wire(scope["method"], headers, receive, sent, self._route.most, self._means.files))
        except MltrackError as error:
            if not sent.has_begun:
                raise
            # Half an answer cannot be taken back: the server ends the connection, and the client misses the rest.
            _log.warning("%s %s was broken off: %s", self._route.method, self._route.path, error)

    def _stream(self, call: Call) -> Stream:
        """In a thread: check who may, and say what is to be sent or received."""
        call.gate.check(self._route.need, call)
        found: Stream = self._route.work(call)
        return found


class _Sent:
    """Sends, and knows whether anything was."""

    def __init__(self, send: Any) -> None:
        self._send = send
        self.has_begun = False

    async def __call__(self, message: Any) -> None:
        self.has_begun = True
        await self._send(message)
