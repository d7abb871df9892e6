"""Page tokens: opaque texts that say where the next page of a search begins."""

from __future__ import annotations

import base64
import binascii
import json

from mltrack.exceptions import InvalidParameterError

MAX_RESULTS = 50_000


def check_page_size(size: object, most: int = MAX_RESULTS) -> int:
    """Give a page size back when it is a whole number from 1 to ``most``, else raise InvalidParameterError."""
    if type(size) is not int or not 1 <= size <= most:
        raise InvalidParameterError(f"max_results must be a whole number from 1 to {most}; got {str(size)[:80]!r}.")
    return size


def make_token(offset: int, *, of: str) -> str:
    """Make the token of the page that begins at an offset, in MLflow's form; ``of`` names the search."""
    return base64.urlsafe_b64encode(json.dumps({"offset": offset, "of": of}).encode()).decode()


def read_token(token: str | None, *, of: str) -> int:
    """Give the offset that a token stands for, 0 for none; InvalidParameterError for one of another search."""
    if not token:
        return 0
    try:
        found = json.loads(base64.urlsafe_b64decode(token.encode()))
        offset = found["offset"] if found["of"] == of else None
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error, RecursionError):
        offset = None
    if type(offset) is not int or not 0 <= offset < 2**62:
        raise InvalidParameterError(
            f"{str(token)[:60]!r} is no page token of this search; use the one that its last page gave."
        )
    return offset
