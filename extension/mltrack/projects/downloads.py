"""Downloading a file by https or http, within bounds of size and time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from mltrack.exceptions import ExecutionError
from mltrack.projects.addresses import shown

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 4 << 30
_SECONDS, _SECONDS_IN_ALL = 60.0, 3600.0
_INVALID = "INVALID_PARAMETER_VALUE"
_BLOCK = 1 << 18


class _SameSafety(HTTPRedirectHandler):
    """Follows to https and http only, and from https to https only."""

    def redirect_request(self, req: Request, *answer: Any) -> Request | None:
        found = super().redirect_request(req, *answer)
        if found is not None and (found.type not in ("https", "http") or (req.type == "https" != found.type)):
            raise URLError(f"it leads on to {shown(found.full_url)}, which is not followed")
        return found


def download(address: str, target: Path) -> None:
    """Write what an address gives into a new file; a part of it does not stay.

    Raises
    ------
    ExecutionError
        When the address is neither https nor http, or it cannot be had, takes over an hour, or is over 4 GiB.
    """
    if not address.startswith(("https://", "http://")):
        raise ExecutionError(f"{shown(address)} is no address that begins with https:// or http://.", _INVALID)
    opener = build_opener(_SameSafety)
    opener.addheaders = [("User-Agent", "mltrack"), ("Accept-Encoding", "identity")]
    try:
        # the scheme was looked at
        with opener.open(Request(address), timeout=_SECONDS) as answer, target.open("xb") as writer:  # noqa: S310
            _copy(answer, writer)
    except BaseException as error:
        target.unlink(missing_ok=True)
        if isinstance(error, (OSError, ValueError)):  # a URLError is an OSError
            raise ExecutionError(f"{shown(address)} cannot be downloaded: {shown(str(error))}") from error
        raise


def _copy(answer: Any, writer: Any) -> None:
    end, left = time.monotonic() + _SECONDS_IN_ALL, MOST_BYTES
    expected = answer.headers.get("Content-Length")
    wanted = int(expected) if expected and expected.isdigit() else None
    if wanted is not None and wanted > left:
        raise ValueError(f"it has {wanted:,} bytes; at most {MOST_BYTES:,} go")
    read = 0
    while block := answer.read(_BLOCK):
        read += len(block)
        if read > left or time.monotonic() > end:
            raise ValueError(f"it is over {MOST_BYTES:,} bytes, or takes over an hour")
        writer.write(block)
    if wanted is not None and read != wanted:
        raise ValueError(f"it ended after {read:,} of {wanted:,} bytes")
