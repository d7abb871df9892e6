"""The one place where HTML is written: every text is escaped, every tag, attribute and address is on a list.

A test looks for tags in the string literals of all other modules and finds none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from mltrack.exceptions import MltrackError
from mltrack.plain_text import visible
from mltrack_widgets.format import middle_cut, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_VOID_TAGS = frozenset({"br", "col", "hr", "img", "wbr"})
# All of these pass JupyterLab's sanitiser, so that an untrusted notebook shows the same elements.
_TAGS = _VOID_TAGS | {
    *("a", "bdi", "caption", "code", "colgroup", "dd", "details", "div", "dl", "dt", "em", "figcaption", "figure"),
    *("h3", "h4", "kbd", "li", "ol", "p", "pre", "section", "small", "span", "strong", "sub", "summary", "sup"),
    *("table", "tbody", "td", "tfoot", "th", "thead", "time", "tr", "ul"),
}
# No id and no name: text of one output must not be a target or a global of the page around it.
_ATTRIBUTES = frozenset(
    {
        *("alt", "aria-hidden", "aria-label", "aria-live", "class", "colspan", "datetime", "dir", "height", "href"),
        *("lang", "open", "role", "rowspan", "scope", "src", "style", "tabindex", "title", "width"),
    }
)
_LINK = re.compile(r"(?:https?://|mailto:)[^\x00-\x20\x7f]+", re.IGNORECASE)
_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}")
_LONGEST_TITLE = 1_000
# Enough for layout, sizes, colours and var(); no url(), no quotes, no escapes, no comments, no at-rules.
_STYLE = re.compile(r"[A-Za-z0-9 #%.,:;()+-]*")


class MarkupError(MltrackError):
    """A tag, an attribute or an address is not one that the builder writes."""


@dataclass(frozen=True, slots=True)
class Markup:
    """HTML made by the builder. It is no ``str``, so that it cannot be joined to text that was not escaped."""

    html: str

    def __str__(self) -> str:
        return self.html

    def _repr_html_(self) -> str:
        return self.html


NOTHING = Markup("")
"""No HTML at all."""


def escape(text: str) -> str:
    """Return the text as HTML that shows it literally, in an element or in an attribute.

    Characters that are not seen or that turn the reading direction are shown as escapes, so that a name cannot
    reorder the line it stands in.
    """
    if not (text.isascii() and text.isprintable()):
        text = visible(text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;").replace("'", "&#x27;")


def tag(name: str, attributes: Mapping[str, str] | None = None, *children: Markup | str) -> Markup:
    """Make an element: text children are escaped, markup is kept.

    Raises
    ------
    MarkupError
        The tag or an attribute is not on the builder's list (as event handlers are not), an address has a scheme
        other than http, https, mailto or a base64 ``data:`` image, or an element without content got some.

    """
    if name not in _TAGS:
        raise MarkupError(f"Elements of the kind {name!r} are not written into notebooks; use one of {sorted(_TAGS)}.")
    head = name
    for key, value in (attributes or {}).items():
        head += _layout(key, value) if key in ("class", "style") else _attribute(key, value)
    if name not in _VOID_TAGS:
        return Markup(f"<{head}>{_inner(children)}</{name}>")
    if children:
        raise MarkupError(f"An element of the kind {name!r} has no content; put it beside the element.")
    return Markup(f"<{head}>")


def join(children: Iterable[Markup | str]) -> Markup:
    """Put elements and texts one after the other."""
    return Markup(_inner(children))


def link(text: str, address: str) -> Markup:
    """Make a link that opens apart from the notebook; an address that is not http, https or mailto is shown as text."""
    if not is_link(address):
        return Markup(escape(text))
    # A page opened from a notebook must not reach back to it: noopener is what browsers imply without a target.
    return tag("a", {"href": address, "title": address}, text)


def hover(text: str) -> str:
    """Return a text for a title: whole, unless it is longer than a page could show."""
    return middle_cut(text, _LONGEST_TITLE)


def short_text(text: str, width: int, *, css: str = "") -> Markup:
    """Show a text on one line, cut in the middle with the whole on hover; its direction does not reach its neighbours.

    Whether there is a title depends on the length alone: what a text holds must not change the structure.
    """
    attributes = {"class": css} if css else {}
    if len(text) > width:
        attributes["title"] = hover(text)
    return tag("bdi", attributes, one_line(text, width))


def is_link(address: str) -> bool:
    """Tell whether an address may be linked to: http, https or mailto."""
    return _LINK.fullmatch(address) is not None


def is_image(address: str) -> bool:
    """Tell whether an address is an image that is held in it: PNG, JPEG, GIF or WebP as base64."""
    return _IMAGE.fullmatch(address) is not None


def stylesheet(rules: str) -> Markup:
    """Make a style element of the package's own rules; whatever could end the element is refused."""
    if "<" in rules or "@import" in rules or "url(" in rules:
        raise MarkupError("Style rules hold no markup and load nothing; take '<', '@import' and 'url(' out of them.")
    return Markup(f"<style>{rules}</style>")


def page(title: str, *children: Markup | str) -> Markup:
    """Make a document that is whole in itself, as a file to open in a browser."""
    head = f'<meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>{escape(title)}</title>'
    body = tag("div", {"class": "mltrack", "style": "margin:16px"}, *children)
    return Markup(f"<!DOCTYPE html><html><head>{head}</head><body>{body.html}</body></html>")


def _inner(children: Iterable[Markup | str]) -> str:
    return "".join([child.html if isinstance(child, Markup) else escape(child) for child in children])


@lru_cache(256)  # layout is the package's own, so there are few different ones and none holds a user's text
def _layout(name: str, value: str) -> str:
    return _attribute(name, value)


def _attribute(name: str, value: str) -> str:
    if name not in _ATTRIBUTES:
        raise MarkupError(f"The attribute {name!r} is not written into notebooks; use one of {sorted(_ATTRIBUTES)}.")
    if name == "href" and not is_link(value):
        raise MarkupError(f"The address {value[:80]!r} is not http, https or mailto; show it as text.")
    if name == "src" and not is_image(value):
        raise MarkupError(f"The source {value[:80]!r} is not a base64 image; nothing is loaded from elsewhere.")
    if name == "style" and not _STYLE.fullmatch(value):
        raise MarkupError(f"The style {value[:80]!r} holds more than layout; put it in style.css.")
    return f' {name}="{escape(value)}"'
