"""Models that misbehave behind a server: each caller gets an answer, and the server goes on."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from tests.core.serving_models import ask, exchange, predicted, rows, serving, wait_for

from mltrack.serving.logs import MOST_BYTES, old_log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from tests.core.http_answers import Answer

    from mltrack.serving.handles import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("models"), queue=8, timeout=300) as found:
        yield found


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a short time-out."""
    with serving(tmp_path_factory.mktemp("hurried"), timeout=1) as found:
        yield found


@contextmanager
def held(server: Server, pool: ThreadPoolExecutor, folder: Path) -> Iterator[Future[Answer]]:
    """Have the model work at a request until the block ends; gives the answer to come."""
    release = folder / "release"
    first = pool.submit(ask, server, rows(f"until:{release}"))
    try:
        wait_for(lambda: server.stats()["in_flight"] == 1)
        yield first
    finally:
        release.touch()
    assert first.result().status == 200
    release.unlink()


def waiting(server: Server, number: int) -> None:
    """Wait until so many requests wait for the one that the model is held at."""
    wait_for(lambda: server.stats()["in_flight"] == 1 + number)


def id_of(failure: Answer) -> str:
    """Give the id under which the log has a failure."""
    return str(failure.value["message"].rstrip(".").rpartition(" ")[2])


@pytest.mark.parametrize("act", ["raise", "nothing", "exit softly"])
def test_what_a_model_raises_is_500_with_an_id(server: Server, act: str) -> None:
    answer = ask(server, rows(act))
    assert answer.status == 500
    assert "id" in answer.value["message"]
    assert b"/" not in answer.body
    assert b"Traceback" not in answer.body
    wait_for(lambda: id_of(answer) in server.logs(200))  # what is printed takes another way than the answer
    assert predicted(server, "") == [2.0]


def test_a_hundred_failures_in_a_row(server: Server) -> None:
    before = server.stats()
    assert {ask(server, rows("raise")).status for _ in range(100)} == {500}
    after = server.stats()
    assert (after["errors"] - before["errors"], after["restarts"], after["state"]) == (100, 0, "ready")
    assert predicted(server, "") == [2.0]


def test_a_model_cannot_read_what_the_front_sends(server: Server) -> None:
    assert predicted(server, "read") == [""]


def test_what_a_model_prints_is_bounded(server: Server) -> None:
    assert predicted(server, "print:20") == [2.0]
    file = server._state.log_file
    last = id_of(ask(server, rows("raise")))
    wait_for(lambda: last in server.logs(200))  # and so is all that was printed before
    assert file.stat().st_size + old_log(file).stat().st_size <= 2 * MOST_BYTES + (1 << 20)
    assert (file.stat().st_mode & 0o777, len(server.logs(2).splitlines())) == (0o600, 2)
    assert server.logs(0) == ""


def test_requests_that_come_together_are_one_predict(server: Server, tmp_path: Path) -> None:
    """While the worker is at one, the others gather; one that fails does not spoil the others."""
    with ThreadPoolExecutor(12) as pool:
        with held(server, pool, tmp_path):
            others = [pool.submit(predicted, server, "rows") for _ in range(8)]
            waiting(server, 8)
        assert max(each.result()[0] for each in others) >= 7
        with held(server, pool, tmp_path):
            good = [pool.submit(predicted, server, "", x=float(number)) for number in range(6)]
            bad = [pool.submit(ask, server, body) for body in (rows("raise"), b"{")]
            waiting(server, 8)
        assert [each.result()[0] for each in good] == [number * 2.0 for number in range(6)]
        assert [each.result().status for each in bad] == [500, 400]


@pytest.mark.parametrize(
    ("act", "reason"),
    [pytest.param("exit:7", "exit code 7", marks=pytest.mark.slow), ("segfault", "SIGSEGV")],
)
def test_a_worker_that_dies_comes_back(server: Server, act: str, reason: str) -> None:
    restarts = server.stats()["restarts"]
    answer = ask(server, rows(act))
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    wait_for(lambda: server.stats()["restarts"] > restarts)
    assert predicted(server, "") == [2.0]  # it waits until the worker is there
    assert reason in str(server.error)
    assert server.state == "ready"


def test_a_request_that_takes_too_long_is_504(hurried: Server, tmp_path: Path) -> None:
    release = tmp_path / "release"
    assert ask(hurried, rows(f"until:{release}")).status == 504
    release.touch()
    wait_for(lambda: ask(hurried, rows("")).status == 200)


def test_ping_does_not_wait_for_the_model(server: Server, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool, held(server, pool, tmp_path) as first:
        assert {ask(server, path="/ping").status for _ in range(10)} == {200}
        assert not first.done()


def test_a_full_queue_is_503_with_retry_after(server: Server, tmp_path: Path) -> None:
    with ThreadPoolExecutor(9) as pool:
        with held(server, pool, tmp_path):
            queued = [pool.submit(ask, server, rows("")) for _ in range(8)]
            waiting(server, 8)
            refused = [ask(server, rows("")) for _ in range(4)]
        assert [each.result().status for each in queued] == [200] * 8
    assert [(answer.status, answer.headers["retry-after"]) for answer in refused] == [(503, "1")] * 4


@pytest.mark.slow
def test_a_worker_that_hangs_is_replaced(hurried: Server) -> None:
    assert ask(hurried, rows("sleep:600")).status == 504
    wait_for(lambda: "time-out" in str(hurried.error))
    wait_for(lambda: ask(hurried, rows("")).status == 200)


@pytest.mark.slow
def test_callers_who_hang_up_give_their_place_back(server: Server, tmp_path: Path) -> None:
    head = f"POST /invocations HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Type: application/json\r\n"
    body = rows(f"until:{tmp_path / 'never'}")
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    with ThreadPoolExecutor(5) as pool, held(server, pool, tmp_path):
        gone = [pool.submit(exchange, server, request, seconds=0.1) for _ in range(3)]
        assert all(isinstance(each.exception(), TimeoutError) for each in gone)
        waiting(server, 0)
    assert predicted(server, "") == [2.0]  # their requests would have kept the model for ever


def test_a_queue_of_callers_who_hung_up_is_not_full(server: Server, tmp_path: Path) -> None:
    """They wait behind one who is still there, where they are not at the front of the queue."""
    body = rows("")
    head = f"POST /invocations HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    with ThreadPoolExecutor(3) as pool:
        with held(server, pool, tmp_path):
            others = [pool.submit(ask, server, body)]
            waiting(server, 1)
            gone = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(7)]
            for each in gone:
                each.sendall(request)
            waiting(server, 8)
            for each in gone:
                each.close()
            waiting(server, 1)
            others.append(pool.submit(ask, server, body))
            wait_for(lambda: others[1].done() or server.stats()["in_flight"] == 3)
        assert [each.result().status for each in others] == [200, 200]
