"""The front of a model server: its routes, each with who may use it, how large its body may be, and what it does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

import mltrack
from mltrack.exceptions import MltrackError
from mltrack.serving import docs_page
from mltrack.serving.errors import described
from mltrack.serving.guard import Access, Guard, single_headers
from mltrack.serving.limits import Room
from mltrack.serving.messages import Answer, Request
from mltrack.serving.pages import HEADERS, Call, Endpoint, Page, send_answer
from mltrack.serving.refusals import JSON, Refusal, refuse
from mltrack.serving.statistics import Statistics

if TYPE_CHECKING:
    from mltrack.serving.dispatch import Dispatcher
    from mltrack.serving.settings import Settings
    from mltrack.serving.supervisor import Supervisor

NONCE = "mltrack-server"
"""The header of every answer that says which server this is."""

OWN = "/mltrack"
"""Below this is what only the server's owner may use."""

_SMALL = 64 * 1024
_HELD = 16  # so many of the largest bodies may be held at a time, and as many bytes of answers


class Front:
    """The ASGI application of a server."""

    def __init__(self, settings: Settings, port: int, *, dispatcher: Dispatcher, supervisor: Supervisor) -> None:
        self._settings = settings
        self._dispatcher = dispatcher
        self._supervisor = supervisor
        self._statistics = Statistics()
        self._guard = Guard(settings, port)
        bodies, answers = (Room(settings.limits.max_body * _HELD) for _ in range(2))
        self._router = Starlette(
            routes=[
                Route(page.path, Endpoint(page, self._guard, bodies=bodies, answers=answers), methods=[page.method])
                for page in self.pages()
            ],
            exception_handlers={404: _no_page, 405: _no_page},
        )
        self._router.router.redirect_slashes = False  # it would send callers to a Host of their own choice

    def pages(self) -> tuple[Page, ...]:
        """Give all routes."""
        return (
            Page("/ping", "GET", Access.OPEN, 0, self._ping),
            Page("/health", "GET", Access.OPEN, 0, self._ping),
            Page("/version", "GET", Access.CALLER, 0, self._version),
            Page("/invocations", "POST", Access.CALLER, self._settings.limits.max_body, self._invocations),
            Page("/openapi.json", "GET", Access.CALLER, 0, self._openapi),
            Page(
                "/docs", "GET", Access.OPEN, 0, self._docs, ((b"content-security-policy", docs_page.policy().encode()),)
            ),
            Page(f"{OWN}/statistics", "GET", Access.OWNER, 0, self._figures),
            Page(f"{OWN}/reload", "POST", Access.OWNER, _SMALL, self._reload),
        )

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer a request, if it comes from where it may."""
        try:
            headers = single_headers(scope["headers"])
            self._guard.check_source(scope["method"], headers)
        except Refusal as refusal:
            await send_answer(send, refusal.answer, close=True)
            return
        scope[HEADERS] = headers
        await self._router(scope, receive, send)

    async def _ping(self, _: Call) -> Answer:
        if self._supervisor.state != "ready":
            raise refuse(503, "TEMPORARILY_UNAVAILABLE", "The model is not ready.")
        return Answer(200, JSON, b"\n")

    async def _version(self, _: Call) -> Answer:
        return Answer(200, "text/plain; charset=utf-8", mltrack.__version__.encode())

    async def _invocations(self, call: Call) -> Answer:
        began = self._statistics.begin()
        status = 499  # what nginx notes of a caller who hung up
        try:
            content_type = call.headers.get(b"content-type", b"").decode("latin-1")
            answer = await self._dispatcher.ask(Request(content_type, call.body))
            status = answer.status
        finally:
            self._statistics.end(began, status)
        return answer

    async def _openapi(self, _: Call) -> Answer:
        if not self._supervisor.document:
            raise refuse(503, "TEMPORARILY_UNAVAILABLE", "The model is not ready.")
        return Answer(200, JSON, json.dumps(self._supervisor.document["openapi"]).encode())

    async def _docs(self, _: Call) -> Answer:
        return Answer(200, "text/html; charset=utf-8", docs_page.page())

    async def _figures(self, _: Call) -> Answer:
        return _json_answer(
            {
                **self._statistics.summary(),
                "state": self._supervisor.state,
                "restarts": self._supervisor.restarts,
                "last_error": self._supervisor.last_error,
                "model_uri": self._supervisor.settings.model_uri,
                "serving": self._supervisor.document.get("uri"),
            }
        )

    async def _reload(self, call: Call) -> Answer:
        try:
            wanted = json.loads(call.body)["model_uri"] if call.body else None
            document = await self._supervisor.reload(wanted)
        except MltrackError as error:
            answer = Answer(error.get_http_status_code(), JSON, json.dumps(described(error)).encode())
            raise Refusal(answer) from error
        return _json_answer({"serving": document["uri"]})


async def _no_page(request: Any, error: Any) -> Any:
    """Answer for what is no route, or no method of one, with nothing of what was asked for."""
    del request
    text = "There is no such page." if error.status_code == 404 else "This page does not take that method."
    found = refuse(error.status_code, "ENDPOINT_NOT_FOUND", text).answer
    headers = {**(error.headers or {}), "x-content-type-options": "nosniff"}
    return Response(found.body, found.status, headers=headers, media_type=found.content_type)


def _json_answer(value: object) -> Answer:
    return Answer(200, JSON, json.dumps(value).encode())
