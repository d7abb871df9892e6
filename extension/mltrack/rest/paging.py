"""Pages of a server's searches: each as large as was asked for, whatever the server gives at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from mltrack.exceptions import ServerUnavailableError
from mltrack.store.page_tokens import check_page_size
from mltrack.store.pages import Page
from mltrack.wire.shapes import items, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mltrack.store.pages import Search
    from mltrack.wire.shapes import Json

Row = TypeVar("Row")
_MOST_PAGES = 100_000


def pages(search: Callable[[Search], Page[Row]], wanted: Search) -> Iterator[Page[Row]]:
    """Give all pages of a search; a server that goes on for ever is a ServerUnavailableError."""
    for _ in range(_MOST_PAGES):
        page = search(wanted)
        yield page
        if page.token is None:
            return
        wanted = replace(wanted, page_token=page.token)
    raise ServerUnavailableError("The server has given 100,000 pages of one list, and no last one.")


class Reading:
    """How the answers of a search are read: the list's name, its rows, and how many a server gives at once."""

    def __init__(self, name: str, row: Callable[[Json], Any], *, at_once: int, most: int) -> None:
        self._name, self._row, self._at_once, self._most = name, row, at_once, most

    def page(self, wanted: Search, ask: Callable[[int, str | None], Json]) -> Page[Any]:
        """Ask for a page, in several goes where it is larger than a server gives at once."""
        missing = check_page_size(wanted.max_results, self._most)
        rows: list[Any] = []
        token = wanted.page_token
        while True:
            answer = ask(min(missing, self._at_once), token)
            found = [self._row(each) for each in items(answer.get(self._name))]
            rows += found
            missing -= len(found)
            last, token = token, text(answer, "next_page_token") or None
            if token is None or token == last or missing <= 0:
                return Page(tuple(rows), None if token == last else token)
            if not found:  # a page of what this caller may not read: the next one may have more
                return Page(tuple(rows), token)
