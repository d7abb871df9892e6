"""What a server answered: JSON up to a limit, and its errors as ours. Nothing in an answer is trusted."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from mltrack import config
from mltrack.exceptions import (
    AlreadyExistsError,
    InvalidParameterError,
    MltrackError,
    NotFoundError,
    PermissionDeniedError,
    ServerUnavailableError,
    StateError,
    UnauthenticatedError,
)
from mltrack.masking import mask_text
from mltrack.plain_text import visible

if TYPE_CHECKING:
    import urllib3

    from mltrack.wire.shapes import Json

MOST = 64 << 20
"""Bytes of the largest answer that is read."""
MOST_OF_ERROR = 1 << 20
PASSING = (408, 425, 429, 500, 502, 503, 504)
"""The statuses of what may go well another time."""
_BLOCK = 1 << 16
_SHOWN = 2000  # characters of a server's message
_KINDS: dict[str, type[MltrackError]] = {
    **dict.fromkeys(("INVALID_PARAMETER_VALUE", "BAD_REQUEST"), InvalidParameterError),
    **dict.fromkeys(("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"), NotFoundError),
    **dict.fromkeys(("RESOURCE_ALREADY_EXISTS", "RESOURCE_CONFLICT", "ALREADY_EXISTS"), AlreadyExistsError),
    **dict.fromkeys(("UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"), UnauthenticatedError),
    "PERMISSION_DENIED": PermissionDeniedError,
    "INVALID_STATE": StateError,
    "NOT_IMPLEMENTED": MltrackError,
    "ENDPOINT_NOT_FOUND": MltrackError,
    "ABORTED": MltrackError,
}
_OF_STATUS = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "ENDPOINT_NOT_FOUND",
    405: "ENDPOINT_NOT_FOUND",
    413: "INVALID_PARAMETER_VALUE",
    422: "INVALID_PARAMETER_VALUE",
    501: "NOT_IMPLEMENTED",
}


def read_body(response: urllib3.BaseHTTPResponse, *, deadline: float, most: int = MOST) -> bytes:
    """Read an answer up to a size and a time.

    Raises
    ------
    MltrackError
        RESOURCE_EXHAUSTED when it is larger.
    ServerUnavailableError
        When it comes too slowly.
    """
    blocks, size = [], 0
    while block := response.read1(_BLOCK, decode_content=False):
        blocks.append(block)
        size += len(block)
        if size > most:
            raise MltrackError(
                f"The server's answer has over {most >> 20} MiB, more than is read; ask for less at a time.",
                "RESOURCE_EXHAUSTED",
            )
        if time.monotonic() > deadline:
            raise ServerUnavailableError("The server's answer comes too slowly; try again later.")
    return b"".join(blocks)


def read_object(content: bytes, server: str) -> Json:
    """Read an answer that is a JSON object; ServerUnavailableError for anything else, as a proxy's page."""
    try:
        found = json.loads(content) if content.strip() else {}
    except (ValueError, RecursionError):  # a page, a cut text, one too deep, a number of 5,000 digits
        found = None
    if not isinstance(found, dict):
        raise ServerUnavailableError(
            f"What {server} answers is not what a tracking server does (no JSON object); check the address."
        )
    return found


def error_of(status: int, content: bytes, server: str, *, is_named: bool = False) -> MltrackError:
    """Give the error that an answer of no success tells; ``is_named``: the server was told who asks."""
    said = _said(content)
    code = said.get("error_code")
    code = code if isinstance(code, str) and code in _KINDS else None
    message = said.get("message")
    told = visible(mask_text(message[:_SHOWN])) if isinstance(message, str) else ""
    if code is None and status in PASSING:
        return ServerUnavailableError(f"{server} cannot answer now (status {status}){_after(told)}")
    code = code or _OF_STATUS.get(status) or "INTERNAL_ERROR"
    if code == "ENDPOINT_NOT_FOUND":
        told = (
            f"{server} has no such call (status {status}); it may be no tracking server, an older one, or one with "
            f"another prefix{_after(told)}"
        )
    elif code in ("UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"):
        wish = f"does not know who asks{_after(told)}" if is_named else "wants to know who asks."
        told = f"{server} {wish} Set {config.USERNAME.name} and {config.PASSWORD.name}, or {config.TOKEN.name}."
    return _KINDS.get(code, MltrackError)(told or f"{server} refused the request (status {status}).", code)


def redirected(server: str, target: str | None) -> MltrackError:
    """Give the error of an answer that sends the caller elsewhere, which is not followed."""
    place = visible(mask_text(config.without_user(target or "")))[:200]
    return MltrackError(
        f"{server} sends its callers to {place!r}, which mltrack does not follow: credentials and data might go to "
        "another server. Give the server's own address as the tracking URI.",
        "BAD_REQUEST",
    )


def _after(told: str) -> str:
    return f": {told.rstrip('.')}." if told else "."


def _said(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
