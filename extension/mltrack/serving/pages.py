"""A route of a model server: who may use it, how large its body may be, and what it does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from mltrack.serving.limits import Body, Gone, Held
from mltrack.serving.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from mltrack.serving.guard import Access, Guard
    from mltrack.serving.limits import Room
    from mltrack.serving.messages import Answer

HEADERS = "mltrack.headers"
"""Where a scope has its headers by name."""

_PATIENCE = 0.2  # seconds after which it is looked whether a caller is still there
_PIECE = 256 * 1024  # of an answer, after which it is waited until the caller has taken most of it
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")
_RETRY, _CHALLENGE = [(b"retry-after", b"1")], [(b"www-authenticate", b"Bearer")]
_CLOSE = [(b"connection", b"close")]


class Call(NamedTuple):
    """A request that may be answered."""

    headers: Mapping[bytes, bytes]
    body: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """One route, and what is asked of those who use it; ``most`` is the size of a body in bytes, 0 for none."""

    path: str
    method: str
    access: Access
    most: int
    answer: Callable[[Call], Awaitable[Answer]]
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Endpoint:
    """Does what a page asks of callers, and then what it is for."""

    def __init__(self, page: Page, guard: Guard, *, bodies: Room, answers: Room) -> None:
        self._page = page
        self._guard = guard
        self._bodies = bodies
        self._answers = answers

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer a request."""
        headers = scope[HEADERS]
        try:
            self._guard.check_access(self._page.access, headers)
            with Body(self._bodies, self._page.most) as body:
                content = await body.read(headers, receive) if self._page.most else b""
                answer = await _while_there(self._page.answer(Call(headers, content)), receive)
            with Held(self._answers, len(answer.body)):
                await send_answer(send, answer, headers=self._page.headers)
        except Refusal as refusal:
            await send_answer(send, refusal.answer, close=refusal.close)
        except Gone:
            return


async def _while_there(work: Awaitable[Answer], receive: Any) -> Answer:
    """Do the work, but for a caller who hung up; one who is served at once is not looked after."""
    task = asyncio.current_task()
    watchers: list[asyncio.Task[Any]] = []

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        if task is not None:
            task.cancel()

    loop = asyncio.get_running_loop()
    timer = loop.call_later(_PATIENCE, lambda: watchers.append(loop.create_task(watch())))
    try:
        return await work
    except asyncio.CancelledError:
        if watchers and watchers[0].done():
            raise Gone from None
        raise
    finally:
        timer.cancel()
        for watcher in watchers:
            watcher.cancel()


async def send_answer(
    send: Any, answer: Answer, *, close: bool = False, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    """Send an answer, with what its status asks for; ``close`` ends the connection after it."""
    all_headers = [
        (b"content-type", answer.content_type.encode("latin-1")),
        (b"content-length", b"%d" % len(answer.body)),
        _NO_SNIFFING,
        *headers,
        *(_RETRY if answer.status == 503 else ()),
        *(_CHALLENGE if answer.status == 401 else ()),
        *(_CLOSE if close else ()),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": all_headers})
    for begin in range(0, len(answer.body) or 1, _PIECE):
        end = begin + _PIECE
        await send({"type": "http.response.body", "body": answer.body[begin:end], "more_body": end < len(answer.body)})
