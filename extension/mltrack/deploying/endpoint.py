"""A model for an engine that owns the process and speaks HTTP itself: what each path answers, as our server does.

It is an ASGI application as well. While the model predicts, what comes in waits, and is then answered together.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import mltrack
from mltrack.pyfunc import load_model
from mltrack.serving.messages import Answer, Request
from mltrack.serving.scoring import JSON, Scorer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

MAX_BODY = 16 << 20
"""Bytes of a body; more are answered 413."""
_MOST_TOGETHER = 64
_PATHS = {"/invocations": "POST", "/ping": "GET", "/health": "GET", "/version": "GET"}


class Endpoint:
    """One model in this process.

    Parameters
    ----------
    folder
        The model's folder.
    allow_pickle
        True loads what runs code when it is loaded; None asks whether this user trusts it.
    """

    def __init__(self, folder: str | Path, *, allow_pickle: bool | None = None) -> None:
        self._scorer = Scorer(load_model(str(folder), allow_pickle=allow_pickle))
        self._waiting: list[tuple[Request, asyncio.Future[Answer]]] = []
        self._task: asyncio.Task[None] | None = None

    async def answer(self, method: str, path: str, *, content_type: str = "", body: bytes = b"") -> Answer:
        """Answer a request: its status, Content-Type and body."""
        allowed = _PATHS.get(path)
        if allowed is None:
            return _refusal(404, "ENDPOINT_NOT_FOUND", "There is no such path; POST to /invocations.")
        if method != allowed:
            return _refusal(405, "BAD_REQUEST", f"{path} takes {allowed}.")
        if path == "/version":
            return Answer(200, "text/plain", mltrack.__version__.encode())
        if path != "/invocations":
            return Answer(200, JSON, b"\n")
        if len(body) > MAX_BODY:
            return _refusal(413, "BAD_REQUEST", f"The body has over {MAX_BODY} bytes.")
        return await self._predict(Request(content_type, body))

    async def _predict(self, request: Request) -> Answer:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        """Answer all that wait, in one thread: a library's model need not bear two."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_MOST_TOGETHER], self._waiting[_MOST_TOGETHER:]
                answers = await asyncio.to_thread(self._scorer.answer, [request for request, _ in batch])
                for (_, future), answer in zip(batch, answers, strict=True):
                    if not future.done():  # whoever asked has gone
                        future.set_result(answer)
        finally:
            self._task = None

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer as an ASGI application; what is no HTTP request is left alone."""
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        body = await _body(receive)
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        answer = await self.answer(scope["method"], path, content_type=content_type, body=body)
        fields = [(b"content-type", answer.content_type.encode("latin-1"))]
        fields.append((b"content-length", str(len(answer.body)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": fields})
        await send({"type": "http.response.body", "body": answer.body})


async def _body(receive: Receive) -> bytes:
    """Read a body, and no more of one that is too large than shows that."""
    parts: list[bytes] = []
    size, more = 0, True
    while more and size <= MAX_BODY:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = message.get("more_body", False)
    return b"".join(parts)


def _refusal(status: int, code: str, message: str) -> Answer:
    error = mltrack.MlflowException(message, error_code=code)
    return Answer(status, JSON, error.serialize_as_json().encode())
