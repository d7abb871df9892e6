"""Bodies of any size, and the limits of all others; with a real uvicorn in a thread."""

from __future__ import annotations

import asyncio
import socket
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytest
import uvicorn
from tests.core.serving_models import status_of, wait_for

from mltrack.server.connection import TrackingConnection, allow_any_size
from mltrack.serving import connections
from mltrack.serving.connections import watch
from mltrack.serving.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1 << 20
SECONDS = 60.0  # that a body may pause; one that is no stream may take ten times as long


class Place(uvicorn.Server):
    """A server that counts the bytes of a body, which below ``/any`` may be of any size."""

    def __init__(self, port: int) -> None:
        limits = Limits(max_body=MIB, body_timeout=SECONDS)
        http = cast("type[asyncio.Protocol]", partial(TrackingConnection, limits=limits))
        super().__init__(
            uvicorn.Config(self.answer, http=http, ws="none", lifespan="off", log_config=None, interface="asgi3")
        )
        self.port = port

    async def answer(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["path"] == "/any":
            allow_any_size(scope)
        size = 0
        while (message := await receive())["type"] == "http.request":
            size += len(message["body"])
            if not message["more_body"]:
                body = b"%d" % size
                headers = [(b"content-length", b"%d" % len(body))]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await send({"type": "http.response.body", "body": body})
                return

    async def serve_and_watch(self, listening: socket.socket) -> None:
        """Serve, and look after the connections."""
        watching = asyncio.create_task(watch(self.server_state.connections))
        await self.serve(sockets=[listening])
        watching.cancel()


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    listening = socket.create_server(("127.0.0.1", 0))
    found = Place(listening.getsockname()[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "TICK_SECONDS", 0.05)
        thread = threading.Thread(target=lambda: asyncio.run(found.serve_and_watch(listening)))
        thread.start()
        wait_for(lambda: found.started)
        yield found
        found.force_exit = found.should_exit = True
        thread.join(60)


def post(place: Place, path: str, size: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", place.port), timeout=60)
    connection.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode())
    return connection


def test_a_body_may_be_of_any_size_where_its_route_says_so(place: Place) -> None:
    size = 16 * MIB
    with post(place, "/any", size) as connection:
        connection.sendall(b"x" * size)
        answer = b""
        while not answer.endswith(b"%d" % size):
            answer += connection.recv(4096) or pytest.fail("the connection was ended")
        connection.sendall(f"POST /other HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode())
        with pytest.raises(ConnectionError):  # the next one may not be
            send_and_wait(connection, size)


def send_and_wait(connection: socket.socket, size: int) -> None:
    connection.sendall(b"x" * size)
    if not connection.recv(4096):
        raise ConnectionError


def test_a_body_of_any_size_may_take_its_time_but_not_pause(place: Place) -> None:
    with post(place, "/any", 2 * MIB) as stream, post(place, "/other", 2 * MIB) as plain:
        for each in (stream, plain):
            each.sendall(b"x" * MIB)
        wait_for(lambda: [has_come(each) for each in bodies(place).values()] == [True, True])
        for path, found in bodies(place).items():
            now = found._began + 10 * SECONDS + 1
            assert found._sends_too_slowly(now), "it has paused for all that time"
            found._heard = now
            assert found._sends_too_slowly(now) == (path == "/other")
            found._body = 0
            assert found._sends_too_slowly(now), "less than 1 KiB a second has come"


def has_come(connection: TrackingConnection) -> bool:
    """Say whether all that was sent is read, and the server's thread has nothing more to note of it."""
    return connection._body >= MIB and not connection.flow.read_paused


def bodies(place: Place) -> dict[str, TrackingConnection]:
    """Give the connections whose bodies come in; the server's thread changes the set of all meanwhile."""
    found = [each for each in tuple(place.server_state.connections) if isinstance(each, TrackingConnection)]
    return {each.scope["path"]: each for each in found if each._in_body and "path" in (each.scope or ())}


def test_what_is_no_http_is_answered_with_nothing_of_it(place: Place) -> None:
    with socket.create_connection(("127.0.0.1", place.port), timeout=60) as connection:
        connection.sendall(b"<script>\r\n\r\n")
        answer = connection.recv(4096)
        assert (status_of(answer), b"script" in answer, b"nosniff" in answer) == (400, False, True)
