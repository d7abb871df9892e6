"""The page at ``/docs``: one static file that reads ``/openapi.json`` and shows what it says as text.

Nothing that a user or a model supplies is in the page's source, and nothing is loaded from elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from html.parser import HTMLParser
from importlib import resources


@cache
def page() -> bytes:
    """Give the page, HTML in UTF-8; the same for every model."""
    return resources.files("mltrack.serving").joinpath("docs.html").read_bytes()


@cache
def policy() -> str:
    """Give the page's Content-Security-Policy: its own script and style by digest, and requests to its server."""
    inline = _Inline()
    inline.feed(page().decode())
    return (
        f"default-src 'none'; script-src {inline.digest('script')}; style-src {inline.digest('style')}; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


class _Inline(HTMLParser):
    """What stands in the page's script and style."""

    def __init__(self) -> None:
        super().__init__()
        self._element = ""
        self._content: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the base class's signature
        self._element = tag

    def handle_data(self, data: str) -> None:
        self._content[self._element] = self._content.get(self._element, "") + data

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the base class's signature
        self._element = ""

    def digest(self, element: str) -> str:
        """Give the source expression that allows the element's content."""
        digest = hashlib.sha256(self._content[element].encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"
