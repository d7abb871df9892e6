"""Answers that are text, and who gives them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from mltrack.server.call import Call
from mltrack.server.endpoint import HEADERS, Means
from mltrack.server.message import Message, Nothing

if TYPE_CHECKING:
    from mltrack.server.route import Route


class PlainText(Message):
    """An answer of plain text."""

    content_type: ClassVar[str] = "text/plain; charset=utf-8"


class TextEndpoint:
    """The ASGI application of a route whose work gives bytes of text.

    What is open to everybody is answered in the event loop: it must be there when all threads are at work.
    """

    def __init__(self, route: Route, means: Means) -> None:
        self._route = route
        self._means = means
        kind = route.answer if isinstance(route.answer, type) and issubclass(route.answer, PlainText) else PlainText
        self._content_type = kind.content_type.encode()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer a request."""
        del receive
        body = await self._answer(scope)
        headers = [(b"content-type", self._content_type), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: dict[str, Any]) -> bytes:
        service, need = self._means.service, self._route.need
        call = Call(service, Nothing(), headers=scope[HEADERS])
        if need.is_open:
            return bytes(self._route.work(call))
        client = (scope.get("client") or ("",))[0]

        def work() -> bytes:
            call.user = service.gate.identify(call.headers, client)
            service.gate.check(need, call)
            return bytes(self._route.work(call))

        return await asyncio.get_running_loop().run_in_executor(self._means.threads, work)
