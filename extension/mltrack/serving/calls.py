"""Calling a server over HTTP, as its handle does."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError, MltrackError, StateError
from mltrack.serving.errors import revived

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.serving.states import State

_SECONDS = 5.0
_INVALID = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST")


def call(
    state: State, path: str, body: bytes | None = None, *, owner: bool = False, seconds: float | None = _SECONDS
) -> Any:
    """Send a request, GET or with a body POST, and give the parsed answer.

    Raises
    ------
    InvalidParameterError
        When the server says that the request is wrong.
    StateError
        When it does not answer.
    MltrackError
        For every other error of the server's, with its code.
    """
    headers = {"Content-Type": "application/json"}
    secret = state.settings.key if owner else state.settings.token
    if secret:
        headers["Authorization"] = f"Bearer {secret}"
    try:
        status, content = _exchange(state, path, body, headers=headers, seconds=seconds)
    except (OSError, http.client.HTTPException) as error:
        raise StateError(
            f"The server at {state.url} did not answer ({type(error).__name__}: {error}); see its .status and .logs()."
        ) from error
    if status != 200:
        raise _error(status, content)
    return json.loads(content)


def _exchange(
    state: State, path: str, body: bytes | None, *, headers: Mapping[str, str], seconds: float | None
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(state.address, state.port, timeout=seconds)
    try:
        connection.request("GET" if body is None else "POST", path, body, headers=dict(headers))
        answer = connection.getresponse()
        if answer.getheader("mltrack-server") != state.settings.nonce:
            raise http.client.HTTPException("another program answers at this port")
        return answer.status, answer.read()
    finally:
        connection.close()


def _error(status: int, content: bytes) -> MltrackError:
    try:
        found = revived(json.loads(content))
    except (ValueError, KeyError, TypeError, AttributeError):
        found = MltrackError(content.decode(errors="replace")[:1000])
    if type(found) is MltrackError and (found.error_code in _INVALID or 400 <= status < 500):
        return InvalidParameterError(found.message, error_code=found.error_code)
    return found
