"""Connections to a model server that are held open, many, or spoken on strangely; with a real uvicorn in a thread."""

from __future__ import annotations

import asyncio
import select
import socket
import threading
import time
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytest
import uvicorn
from tests.core.serving_models import status_of, wait_for

from mltrack.serving import connections
from mltrack.serving.connections import Connection, watch
from mltrack.serving.guard import single_headers
from mltrack.serving.limits import Body, Held, Room
from mltrack.serving.messages import Answer
from mltrack.serving.pages import send_answer
from mltrack.serving.refusals import Refusal
from mltrack.serving.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1 << 20
HEADER_SECONDS = 2.0  # of those in a hurry
PING = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"


class Place(uvicorn.Server):
    """A server that answers ``/big`` with 8 MiB, ``/slow`` when it may, and anything else with what it was sent."""

    def __init__(self, limits: Limits, port: int) -> None:
        self.limits, self.port = limits, port
        self.slow, self.given, self.may_answer = 0, 0, threading.Event()
        self.bodies, self.answers = Room(limits.max_body * 4), Room(16 * MIB)
        http = cast("type[asyncio.Protocol]", partial(Connection, limits=limits))
        super().__init__(
            uvicorn.Config(self.answer, http=http, ws="none", lifespan="off", log_config=None, interface="asgi3")
        )

    async def answer(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        with Body(self.bodies, self.limits.max_body) as body:
            content = await body.read(single_headers(scope["headers"]), receive)
        if scope["path"] == "/slow":
            self.slow += 1
            while not self.may_answer.is_set():
                await asyncio.sleep(0.01)
        names = b",".join(sorted(name for name, _ in scope["headers"]))
        found = b"y" * 8 * MIB if scope["path"] == "/big" else b"%b %b %b" % (scope["path"].encode(), content, names)
        try:
            with Held(self.answers, len(found)):
                self.given += 1
                await send_answer(send, Answer(200, "text/plain", found))
        except Refusal as refusal:
            await send_answer(send, refusal.answer, close=True)

    async def serve_and_watch(self, listening: socket.socket) -> None:
        """Serve, and look after the connections."""
        watching = asyncio.create_task(watch(self.server_state.connections))
        await self.serve(sockets=[listening])
        watching.cancel()


@contextmanager
def place(**limits: float) -> Iterator[Place]:
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    # Of each caller; some systems would let 32 MiB come in that nobody has looked at yet.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 128 * 1024)
    found = Place(Limits(**cast(Any, limits)), listening.getsockname()[1])
    thread = threading.Thread(target=lambda: asyncio.run(found.serve_and_watch(listening)))
    thread.start()
    try:
        wait_for(lambda: found.started)
        yield found
    finally:
        found.may_answer.set()
        found.force_exit = found.should_exit = True
        thread.join(60)


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "TICK_SECONDS", 0.05)
        yield


@pytest.fixture(scope="module")
def hurried() -> Iterator[Place]:
    """Headers have longer than bodies: nobody who has connected is cut off before he could say a word."""
    with place(header_timeout=HEADER_SECONDS, body_timeout=0.25, max_body=MIB, connections=40) as found:
        yield found


@pytest.fixture(scope="module")
def patient() -> Iterator[Place]:
    """For what has to do with no time: a machine may do nothing for seconds."""
    with place(max_body=MIB, connections=40) as found:
        yield found


def connect(where: Place, *, room: int | None = None) -> socket.socket:
    """Connect; ``room`` makes what the system keeps of what is not read yet small."""
    found = socket.socket()
    found.settimeout(60)
    if room is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    found.connect(("127.0.0.1", where.port))
    return found


def post(path: bytes, *lines: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join([b"POST " + path + b" HTTP/1.1", b"Host: x", *lines, b"", body])


def read_to_the_end(connection: socket.socket) -> None:
    """Read until the other side closes; it must."""
    with suppress(ConnectionError):
        while connection.recv(65536):
            pass


def send_on(connection: socket.socket, piece: bytes, *, most: int, pause: float = 0) -> int:
    """Send the same again and again until the other side closes; gives how many bytes went."""
    sent = 0
    with suppress(ConnectionError):
        while sent < most:
            connection.sendall(piece)
            sent += len(piece)
            time.sleep(pause)
    return sent


def all_of(connection: socket.socket, ends: bytes) -> bytes:
    """Read until what comes ends so."""
    found = b""
    while not found.endswith(ends):
        chunk = connection.recv(65536)
        assert chunk, found
        found += chunk
    return found


@pytest.mark.parametrize("more", [b"", b"\r\n", b"GET /"])
def test_a_connection_that_has_been_answered_is_not_held_for_ever(
    hurried: Place, monkeypatch: pytest.MonkeyPatch, more: bytes
) -> None:
    """Whoever sends but the end of a line begins no request, and uvicorn's own timer stops at any byte."""
    with closing(connect(hurried)) as caller:
        caller.sendall(PING)
        all_of(caller, b"host")
        if not more.strip():
            monkeypatch.setattr(connections, "KEEP_ALIVE_SECONDS", 0.5)
        caller.sendall(more)
        read_to_the_end(caller)


def test_an_answer_that_nobody_reads_is_thrown_away(hurried: Place) -> None:
    with closing(connect(hurried, room=4096)) as caller:
        before = hurried.given
        caller.sendall(post(b"/big", b"Content-Length: 0"))
        wait_for(lambda: hurried.given > before)
        wait_for(lambda: hurried.answers._taken == 0)


def test_an_answer_that_is_read_slowly_but_steadily_arrives(hurried: Place) -> None:
    """On a machine that does nothing for a quarter of a second, it is not read steadily: one in ten tries is enough."""
    assert any(arrives(hurried) for _ in range(10))


def arrives(where: Place) -> bool:
    with closing(connect(where)) as caller:
        caller.sendall(post(b"/big", b"Content-Length: 0"))
        found = 0
        with suppress(ConnectionError):
            while found < 8 * MIB and (chunk := caller.recv(256 * 1024)):
                found += len(chunk)
                time.sleep(0.015)
    return found > 8 * MIB


def test_the_answers_that_are_held_are_bounded(patient: Place) -> None:
    callers = [connect(patient, room=4096) for _ in range(6)]
    for each in callers:
        each.sendall(post(b"/big", b"Content-Length: 0"))
    statuses = sorted(status_of(each.recv(100)) for each in callers)
    assert (statuses[0], statuses[-1]) == (200, 503)
    assert patient.answers._taken <= 16 * MIB
    for each in callers:
        each.close()


def test_a_body_that_drips_is_cut_off(hurried: Place) -> None:
    with closing(connect(hurried)) as caller:
        caller.sendall(post(b"/", b"Content-Length: 10000"))
        assert send_on(caller, b"x", most=600, pause=0.05) < 600


def test_trailers_are_no_headers(patient: Place) -> None:
    chunks = b"2\r\n{}\r\n0\r\nHost: evil\r\nAuthorization: Bearer x\r\n\r\n"
    first, second = (post(b"/", b"Transfer-Encoding: chunked", body=chunks) for _ in range(2))
    with closing(connect(patient)) as caller:
        caller.sendall(first + second)  # the second is read whole before it is looked at
        found, said = b"", b"/ {} host,transfer-encoding"
        while found.count(said) < 2:
            found += caller.recv(65536) or pytest.fail(repr(found))
    assert found.count(b"authorization") == 0


@pytest.mark.parametrize("filler", [b"A:b\r\n", b"0000000000"])
def test_trailers_and_extensions_of_chunks_without_end_are_cut(patient: Place, filler: bytes) -> None:
    begin = b"2\r\n{}\r\n0\r\n" if b":" in filler else b"2;"
    with closing(connect(patient)) as caller:
        caller.sendall(post(b"/", b"Transfer-Encoding: chunked", body=begin))
        assert send_on(caller, filler * 10_000, most=100 * MIB) < 20 * MIB


def test_a_request_that_waits_for_the_one_before_it_is_not_late(hurried: Place) -> None:
    """The second comes in pieces, while the first takes longer than headers or a body may."""
    with closing(connect(hurried)) as caller:
        caller.sendall(post(b"/slow", b"Content-Length: 0") + b"GET /pi")
        time.sleep(HEADER_SECONDS * 1.2)
        caller.sendall(b"ng HTTP/1.1\r\nHost: x\r\n\r\n")
        hurried.may_answer.set()
        found = all_of(caller, b"/ping  host")
    assert found.count(b"HTTP/1.1 200") == 2


def test_large_requests_in_a_row_are_not_long_headers(patient: Place) -> None:
    big = post(b"/", b"Content-Length: 200000", body=b"z" * 200_000)
    with closing(connect(patient)) as caller:
        caller.sendall(big * 3 + b"GET /ping HTTP/1.1\r\nHo")
        caller.sendall(b"st: x\r\n\r\n")
        found = all_of(caller, b"/ping  host")
    assert found.count(b"HTTP/1.1 200") == 4


@pytest.mark.parametrize("apart", [False, True])
def test_a_request_for_another_protocol_is_answered_in_this_one(patient: Place, apart: bool) -> None:
    """Its body is its own, and no request that follows: as Java's HttpClient sends each, which asks for HTTP/2."""
    lines = (
        b"Connection: Upgrade, HTTP2-Settings",
        b"Upgrade: h2c",
        b"HTTP2-Settings: AA",
        b"Content-Length: %d" % len(PING),
    )
    with closing(connect(patient)) as caller:
        caller.sendall(post(b"/", *lines))
        if apart:
            time.sleep(0.1)
        caller.sendall(PING + PING)
        found = all_of(caller, b"/ping  host")
    assert found.count(b"HTTP/1.1 200") == 2
    assert b"/ GET /ping HTTP/1.1\r\nHost: x\r\n\r\n content-length,host" in found


def test_connect_is_no_way_out(patient: Place) -> None:
    with closing(connect(patient)) as caller:
        caller.sendall(b"CONNECT evil:80 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status_of(caller.recv(1000)) in (400, 405)
        read_to_the_end(caller)


LONG_HEADER = PING.removesuffix(b"\r\n") + b"x: " + b"y" * 100_000


@pytest.mark.parametrize(
    ("which", "begin", "status"),
    [
        ("patient", LONG_HEADER, 431),
        ("patient", b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        ("hurried", b"G", 408),
    ],
    ids=["too long", "another protocol", "too late"],
)
def test_who_sends_on_reads_why_it_was_refused(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, which: str, begin: bytes, status: int
) -> None:
    """A connection that is closed is reset by what comes then, and the answer is lost."""
    monkeypatch.setattr(connections, "_DRAIN_SECONDS", 60)
    with closing(connect(request.getfixturevalue(which))) as caller:
        caller.sendall(begin)
        select.select([caller], [], [], 60)  # the answer is here
        for _ in range(5):
            caller.sendall(b"y" * 1000)
            time.sleep(0.02)
        assert status_of(caller.recv(1000)) == status
        read_to_the_end(caller)


def test_who_was_refused_and_sends_on_for_ever_is_cut_off(patient: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_DRAIN_SECONDS", 0.2)
    with closing(connect(patient)) as caller:
        caller.sendall(LONG_HEADER)
        assert send_on(caller, b"y", most=6_000, pause=0.01) < 6_000


def test_where_connections_are_many_the_idle_go_first() -> None:
    with place(header_timeout=30, connections=20) as found, closing(connect(found)) as busy:
        busy.sendall(post(b"/slow", b"Content-Length: 0"))
        wait_for(lambda: found.slow == 1)
        flood = [connect(found) for _ in range(60)]
        for each in flood:
            each.sendall(b"GET /pi")
        for _ in range(5):
            with closing(connect(found)) as caller:
                caller.sendall(PING)
                assert status_of(all_of(caller, b"host")) == 200
        found.may_answer.set()
        assert status_of(all_of(busy, b"host")) == 200  # who waits for an answer keeps his place
        for each in flood:
            each.close()


def test_where_all_wait_for_answers_the_next_is_told_so() -> None:
    with place(connections=3) as found:
        busy = [connect(found) for _ in range(3)]
        for each in busy:
            each.sendall(post(b"/slow", b"Content-Length: 0"))
        wait_for(lambda: found.slow == 3)
        with closing(connect(found)) as caller:
            assert b"503 Service Unavailable" in caller.recv(1000)
        for each in busy:
            each.close()
