"""Page tokens: opaque texts that say where the next page of a search begins."""

from __future__ import annotations

import base64
import binascii
import json
from hashlib import blake2b
from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from mltrack.store.pages import Search

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


def page_bounds(search: Search, noun: str, *, most: int = MAX_RESULTS) -> tuple[int, int]:
    """Give (size, offset) of the page that a search for rows of this noun asks for."""
    return check_page_size(search.max_results, most), read_token(search.page_token, of=_digest(search, noun))


def next_token(search: Search, noun: str, *, found: int) -> str | None:
    """Give the token of the next page, or None, when so many rows were found from this page's beginning on."""
    if found <= search.max_results:
        return None
    of = _digest(search, noun)
    return make_token(read_token(search.page_token, of=of) + search.max_results, of=of)


def _digest(search: Search, noun: str) -> str:
    """Give a short text that is the same for the pages of one search, whatever their size, and differs for another."""
    parts = (search.experiment_ids, search.filter_string or "", search.order_by, search.view_type, search.datasets)
    return blake2b(repr((noun, *parts)).encode("utf-8", "replace"), digest_size=6).hexdigest()
