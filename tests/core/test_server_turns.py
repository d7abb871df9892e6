"""Connections go to the process that has fewest, or to who is there when that one does not come."""

from __future__ import annotations

import select
import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from mltrack.server import turns
from mltrack.server.turns import Shared, Turns

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def shared() -> Iterator[tuple[Turns, Shared, Shared]]:
    """Two processes' ends of one socket, at which a connection waits."""
    counts = Turns(3)
    with socket.create_server(("127.0.0.1", 0), backlog=8) as listening:
        listening.setblocking(False)
        with (
            Shared(listening.dup(), counts, 0) as one,
            Shared(listening.dup(), counts, 1) as other,
            socket.create_connection(listening.getsockname()),
        ):
            counts.end(2)
            wait_for_caller(listening)
            yield counts, one, other


def wait_for_caller(listening: socket.socket) -> None:
    """Wait until a connection can be taken: the caller's end may stand a moment before."""
    assert select.select([listening], [], [], 60)[0]


def test_who_has_more_leaves_it_to_who_has_fewer(
    shared: tuple[Turns, Shared, Shared], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 1e9)
    counts, one, other = shared
    counts.note(0, 2)
    counts.note(1, 1)
    for _ in range(3):
        with pytest.raises(BlockingIOError):
            one.accept()
    with closing(other.accept()[0]):
        counts.note(1, 2)
        with pytest.raises(BlockingIOError):  # there is none
            one.accept()


@pytest.mark.parametrize("fewer", [0, 1])
def test_it_is_not_left_for_long_nor_to_who_is_gone(
    shared: tuple[Turns, Shared, Shared], monkeypatch: pytest.MonkeyPatch, fewer: int
) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 0.0)
    counts, one, _ = shared
    counts.note(0, 2)
    if fewer:
        counts.note(1, fewer)
    else:
        counts.end(1)
    one.accept()[0].close()


def test_what_one_asks_of_the_queue_does_not_count_for_all(shared: tuple[Turns, Shared, Shared]) -> None:
    _, one, other = shared
    one.listen(0)
    with socket.create_connection(one.getsockname()), socket.create_connection(one.getsockname()):
        for _ in range(3):
            wait_for_caller(other)
            other.accept()[0].close()
