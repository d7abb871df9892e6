"""What each route does with a request: who asks, what is asked, the work in a thread, the answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl

from pydantic_core import to_json

from mltrack.exceptions import InvalidParameterError
from mltrack.server.call import Call
from mltrack.server.writer import Gathered, Writer
from mltrack.serving.limits import Body
from mltrack.serving.refusals import JSON, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor

    from mltrack.exceptions import MltrackError
    from mltrack.server.gate import User
    from mltrack.server.message import Message
    from mltrack.server.route import Route
    from mltrack.server.service import Service
    from mltrack.serving.limits import Room

Result = TypeVar("Result")
MOST_AT_ONCE = 128 * 1024  # bytes of a body that is read in the loop of events, in some 2 ms; a larger one in a thread
MOST_FIELDS = 2_000  # of a query
NOTHING = b"{}"
HEADERS = "mltrack.headers"
"""Where a scope has its headers by name, once the guard has looked at them."""
NO_SNIFFING = (b"x-content-type-options", b"nosniff")


@dataclass(frozen=True, slots=True)
class Means:
    """What all endpoints of a process share."""

    service: Service
    threads: Executor
    bodies: Room
    files: Executor
    """For files alone: an object store that hangs keeps no other route waiting."""
    readers: Executor
    """Reads large bodies: nothing else of this process runs meanwhile, so that few are read at a time."""
    writer: Writer = field(init=False)

    def __post_init__(self) -> None:
        """Make the writer of the service's store."""
        object.__setattr__(self, "writer", Writer(self.service))


class Endpoint:
    """The ASGI application of one route that takes and gives JSON; what it refuses is raised."""

    def __init__(self, route: Route, means: Means) -> None:
        self._route = route
        self._means = means
        fields = route.request.model_fields.items()
        self._lists = frozenset(name for name, each in fields if "tuple[" in str(each.annotation))
        self._is_query = route.method == "GET"
        self._gathered = route.work if isinstance(route.work, Gathered) and means.writer.gathers else None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer a request."""
        await send_json(send, 200, await self._answer(scope, receive))

    async def _answer(self, scope: dict[str, Any], receive: Any) -> bytes:
        headers, named = scope[HEADERS], scope.get("path_params", {})
        user = None if self._route.need.is_open else await self._identified(scope, headers)
        if self._is_query:
            request = self._route.request.of({**self._query(scope), **named})
        else:
            request = await self._read(receive, headers, named)
        call = Call(self._means.service, request, user, named, headers)
        try:
            async with asyncio.timeout(self._route.seconds):
                return await self._worked(call)
        except TimeoutError:
            raise refuse(503, "TEMPORARILY_UNAVAILABLE", "That took too long; ask for less, or later.") from None

    async def _identified(self, scope: Any, headers: Mapping[bytes, bytes]) -> User | None:
        gate, client = self._means.service.gate, (scope.get("client") or ("",))[0]
        if not self._means.service.settings.has_users:
            return gate.identify(headers, client)
        return gate.recent(headers) or await self._in_thread(gate.identify, headers, client)

    async def _read(self, receive: Any, headers: Mapping[bytes, bytes], named: Mapping[str, str]) -> Message:
        with Body(self._means.bodies, self._route.most or 0) as body:
            content = await body.read(headers, receive)
            kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
            if kind != b"application/json" and (content or self._route.method != "DELETE"):
                raise InvalidParameterError(f"Bad Request. Content-Type must be {JSON}.")
            if len(content) <= MOST_AT_ONCE:
                return self._route.request.read(content, named)
            reading = asyncio.get_running_loop().run_in_executor
            return await reading(self._means.readers, self._route.request.read, content, named)

    def _query(self, scope: dict[str, Any]) -> dict[str, Any]:
        text = scope["query_string"].decode("latin-1")
        try:
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
        except UnicodeDecodeError:
            raise InvalidParameterError("The query is not UTF-8.") from None
        except ValueError:
            raise InvalidParameterError(f"The query has more than {MOST_FIELDS:,} fields.") from None
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in self._lists:
                found.setdefault(name, []).append(value)
            elif name in found:
                raise InvalidParameterError(f"The query has the parameter {name[:80]!r} twice.")
            else:
                found[name] = value
        return found

    async def _worked(self, call: Call) -> bytes:
        if self._gathered is None:
            threads = self._means.files if self._route.opens_files else self._means.threads
            return await asyncio.get_running_loop().run_in_executor(threads, self._do, call)
        await self._means.writer.write(self._gathered, self._route.need, call)
        return NOTHING

    def _do(self, call: Call) -> bytes:
        """In a thread: check who may, do the work, and write the answer."""
        call.gate.check(self._route.need, call)
        found = self._route.work(call)
        if isinstance(found, bytes):
            return found
        return NOTHING if found is None else to_json(found, inf_nan_mode="strings")

    async def _in_thread(self, work: Callable[..., Result], *arguments: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._means.threads, work, *arguments)


async def send_json(send: Any, status: int, body: bytes, *, close: bool = False) -> None:
    """Send an answer of JSON."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), NO_SNIFFING]
    headers += [(b"connection", b"close")] if close else []
    headers += [(b"retry-after", b"1")] if status == 503 else []
    headers += [(b"www-authenticate", b'Basic realm="mltrack"')] if status == 401 else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def send_error(send: Any, error: MltrackError) -> None:
    """Send an error as MLflow's server does; a state that forbids something is the caller's mistake, not a fault."""
    status = 400 if error.error_code == "INVALID_STATE" else error.get_http_status_code()
    await send_json(send, status, error.serialize_as_json().encode())
