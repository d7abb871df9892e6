"""Pages of what a caller may read, for searches in which the store has no roles.

Whether there is a next page, and where it begins, is told by what the caller may read alone. Otherwise a search for one
row would tell of everything that it finds, and with a filter piece by piece what others have written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from mltrack.store.page_tokens import next_token, page_bounds
from mltrack.store.pages import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from mltrack.store.pages import Search

Row = TypeVar("Row")
AT_ONCE = 1_000
"""Rows that are read from the store together."""
_NOUN = "what may be read"


def readable_page(
    find: Callable[[Search], Page[Row]],
    search: Search,
    *,
    readable: Collection[str] | None,
    key: Callable[[Row], str],
    most: int,
) -> Page[Row]:
    """Give a page of the rows whose key is readable, which are counted from the first one at each page.

    ``readable`` is that of ``Gate.readable``; ``most`` is the largest page.
    """
    if readable is None:
        return find(search)
    size, offset = page_bounds(search, _NOUN, most=most)
    rows, found, token = list[Row](), 0, None
    while found <= offset + size:
        page = find(replace(search, max_results=AT_ONCE, page_token=token))
        for row in page.rows:
            if key(row) in readable:
                found += 1
                rows += [row] if offset < found <= offset + size else []
        token = page.token
        if token is None:
            break
    return Page(tuple(rows), next_token(search, _NOUN, found=found - offset))
