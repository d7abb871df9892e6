"""What the front of a model server and its workers tell each other of requests."""

from __future__ import annotations

from typing import NamedTuple


class Request(NamedTuple):
    """A body that came to ``/invocations``, and the Content-Type it came with; nothing of it was looked at yet."""

    content_type: str
    body: bytes


class Answer(NamedTuple):
    """What goes back for one request: the HTTP status, the Content-Type and the body."""

    status: int
    content_type: str
    body: bytes
