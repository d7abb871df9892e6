"""One request to a server as a caller sends it, and its answer as it came."""

from __future__ import annotations

import http.client
import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from mltrack.exceptions import StateError

if TYPE_CHECKING:
    from mltrack.serving.handles import Server

SECONDS = 60.0
"""How long an answer is waited for."""

_MOST_BYTES = 100_000_000


class Answered(NamedTuple):
    """What a server answered: its status, its text, and how long it took."""

    status: int
    text: str
    milliseconds: float

    @property
    def reason(self) -> str:
        """The status in words."""
        return http.client.responses.get(self.status, "")

    @property
    def message(self) -> str:
        """What an error says; empty when it is none, or none in the shape of the protocol."""
        try:
            found = json.loads(self.text)
            return str(found["message"]) if self.status >= 400 else ""
        except (ValueError, TypeError, KeyError, RecursionError):
            return ""


def call(server: Server, path: str, body: bytes | None = None) -> Answered:
    """Send a request with the server's token, GET or with a body of JSON POST.

    Raises
    ------
    StateError
        When there is no answer.
    """
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=SECONDS)
    headers = {"Content-Type": "application/json"}
    if server.token is not None:
        headers["Authorization"] = f"Bearer {server.token}"
    began = time.perf_counter()
    try:
        connection.request("GET" if body is None else "POST", path, body, headers)
        answer = connection.getresponse()
        content = answer.read(_MOST_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise StateError(f"There is no answer ({type(error).__name__}: {error}); the log may say why.") from error
    finally:
        connection.close()
    return Answered(answer.status, content.decode(errors="replace"), (time.perf_counter() - began) * 1000)


def description(server: Server) -> Any:
    """Give the OpenAPI document of a server; raises a StateError when it has none now, a ValueError for no JSON."""
    found = call(server, "/openapi.json")
    if found.status != 200:
        raise StateError(found.message or f"The server answered {found.status} {found.reason}.")
    return json.loads(found.text)
