"""The ASGI application of a server process: FastAPI's, behind a guard, with a table that finds a route at once."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI

import mltrack
from mltrack.exceptions import ArtifactChangedError, MltrackError, StoreError
from mltrack.server.connection import allow_any_size
from mltrack.server.endpoint import HEADERS, Endpoint, Means, send_error, send_json
from mltrack.server.exchange import Exchange
from mltrack.server.gates import gate_of
from mltrack.server.guard import Guard
from mltrack.server.openapi import describe
from mltrack.server.paths import Paths, Place, allowed, check_letters
from mltrack.server.places import Places
from mltrack.server.route import LARGE
from mltrack.server.service import Service
from mltrack.server.streams import FileEndpoint
from mltrack.server.table import ROUTES, check_table
from mltrack.server.texts import PlainText, TextEndpoint
from mltrack.serving.guard import single_headers
from mltrack.serving.limits import Gone, Room
from mltrack.serving.refusals import Refusal, refuse
from mltrack.store.open_uri import open_uri

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.server.route import Route
    from mltrack.server.settings import ServerSettings
    from mltrack.store.protocol import ServedStore

THREADS, READERS = 16, 2
_HELD = 8  # so many of the largest bodies may be held at a time
_log = logging.getLogger("mltrack.server")


class Application(FastAPI):
    """All of a server process's routes."""

    def __init__(self, service: Service, routes: Sequence[Route] = ROUTES) -> None:
        super().__init__(title="mltrack", version=mltrack.__version__, openapi_url=None, docs_url=None, redoc_url=None)
        check_table(routes)
        self._guard = Guard(service.settings)
        self._prefix = service.settings.prefix
        self._figures = service.figures
        self._table = routes
        self._means = Means(
            service,
            ThreadPoolExecutor(THREADS, "mltrack-server"),
            Room(LARGE * _HELD),
            ThreadPoolExecutor(THREADS, "mltrack-files"),
            ThreadPoolExecutor(READERS, "mltrack-readers"),
        )
        self._paths = Paths()
        for route in routes:
            self._paths.add(route, endpoint_of(route, self._means))
        service.openapi = self.openapi

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request, if it comes from where it may."""
        if scope["type"] != "http":
            return
        exchange, began = Exchange(scope["method"], receive, send), self._figures.begin()
        scope[HEADERS] = {}
        try:
            methods, named = self._paths.find(self._without_prefix(scope["path"]))
            scope["path_params"] = named
            if place := _place(methods, scope["method"]):
                exchange.route = place.route.path
            await self._answer(scope, exchange, methods, place)
        except Gone:
            pass
        except asyncio.CancelledError:  # the server is being stopped, and this took too long
            if not exchange.has_begun:
                await _send_refused(exchange, refuse(503, "TEMPORARILY_UNAVAILABLE", "The server stops.", close=True))
        except Exception as error:
            if exchange.has_begun:  # half an answer cannot be taken back: uvicorn logs this and ends the connection
                raise
            await _send_refused(exchange, error)
        finally:
            self._figures.end(began, exchange)

    def openapi(self) -> dict[str, Any]:
        """Give the description of all routes, made at its first use."""
        if not self.openapi_schema:
            settings = self._means.service.settings
            self.openapi_schema = describe(self._table, prefix=self._prefix, has_users=settings.has_users)
        return self.openapi_schema

    def close(self) -> None:
        """Take no more work; what is at work in threads goes on."""
        for each in (self._means.threads, self._means.files, self._means.readers):
            each.shutdown(wait=False, cancel_futures=True)

    async def _answer(
        self, scope: dict[str, Any], exchange: Exchange, methods: Mapping[str, Place], place: Place | None
    ) -> None:
        check_letters(scope)
        scope[HEADERS] = headers = single_headers(scope["headers"])
        exchange.extra = self._guard.check(scope["method"], headers, scope.get("server"))
        if place is not None:
            if place.route.most is None:
                allow_any_size(scope)
            await place.endpoint(scope, exchange.receive, exchange.send)
            return
        if not methods:
            raise refuse(404, "ENDPOINT_NOT_FOUND", _NO_PAGE)
        exchange.extra.append((b"allow", ", ".join(allowed(methods)).encode()))
        if scope["method"] != "OPTIONS":
            raise refuse(405, "ENDPOINT_NOT_FOUND", "This page does not take that method.")
        exchange.extra += self._guard.preflight(headers, allowed(methods))
        await exchange.send({"type": "http.response.start", "status": 204, "headers": []})
        await exchange.send({"type": "http.response.body", "body": b""})

    def _without_prefix(self, path: str) -> str:
        if not self._prefix:
            return path
        return path.removeprefix(self._prefix) if path.startswith(f"{self._prefix}/") else ""


_NO_PAGE = (
    "There is no such page. `mltrack ui --backend-store-uri ADDRESS`, of this server, shows its store in a browser."
)


def endpoint_of(route: Route, means: Means) -> Any:
    """Give the ASGI application that answers a route."""
    if route.answer is not None and issubclass(route.answer, PlainText):
        return TextEndpoint(route, means)
    return FileEndpoint(route, means) if route.answer is None else Endpoint(route, means)


def _place(methods: Mapping[str, Place], method: str) -> Place | None:
    return methods.get(method) or (methods.get("GET") if method == "HEAD" else None)


async def _send_refused(exchange: Exchange, error: Exception) -> None:
    """Answer for an error; of a fault of ours the log has what it is, and the caller no word of it."""
    if isinstance(error, Refusal):
        await send_json(exchange.send, error.answer.status, error.answer.body, close=error.close)
        return
    if not isinstance(error, MltrackError):
        _log.error("A request failed", exc_info=error)
        error = MltrackError("The server failed; its log says why.")
    elif isinstance(error, StoreError) and not isinstance(error, ArtifactChangedError):
        _log.error("The store failed: %s", error)  # its words name places of this machine
        error = MltrackError("The server's store cannot be used now; the server's log says why.", error.error_code)
    await send_error(exchange.send, error)


def service_of(settings: ServerSettings) -> Service:
    """Open what a server needs."""
    store, places = open_uri(settings.store_uri), Places(settings)
    if places.root is not None:
        cast("ServedStore", store).keep_artifacts_at(places.root)
    if places.served is not None:
        cast("ServedStore", store).show_as_served(places.served)
    return Service(settings, store, gate_of(store, settings), places)
