"""What all pages have: the line that says where one is, links, and sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack_widgets.bundle import Bundle, framed
from mltrack_widgets.format import one_line
from mltrack_widgets.html import Markup, hover, join, short_text, tag
from mltrack_widgets.run_card import NAME_WIDTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack_widgets.ui.address import Address

# Inline, as all of the package's layout (see bundle.framed).
_TRAIL = {"style": "display:flex;flex-wrap:wrap;gap:0 8px;padding:8px 0", "role": "navigation", "aria-label": "Where"}
_TITLE = {"style": "margin:0;padding:0 0 8px 0;font-size:18px;font-weight:600;line-height:24px"}
_SECTION = {"style": "padding:16px 0 4px 0;font-weight:600"}
_SCROLL = {"class": "mt-scroll", "style": "max-height:480px;overflow:auto", "tabindex": "0", "role": "region"}


def head(address: Address, *trail: tuple[str, str], title: str) -> Bundle:
    """Draw the top of a page: links to the pages above it, as (text, address), and its title."""
    steps: list[Markup | str] = [anchor("mltrack", address.base)]
    for text, place in trail:
        steps += [tag("span", {"class": "mt-dim", "aria-hidden": "true"}, "›"), anchor(text, place)]
    shown = tag("h3", _TITLE, short_text(title, 2 * NAME_WIDTH))
    return Bundle(framed(tag("div", _TRAIL, *steps), shown), one_line(title, 2 * NAME_WIDTH))


def anchor(text: str, place: str) -> Markup:
    """Make a link to another page of ours."""
    return tag("a", {"href": place, "title": hover(text)}, one_line(text, NAME_WIDTH))


def section(title: str) -> Bundle:
    """Draw the heading of a part of a page."""
    return Bundle(framed(tag("div", _SECTION, title)), title)


def remark(text: str) -> Bundle:
    """Draw a sentence, as where there is nothing to show."""
    return Bundle(framed(tag("div", {"class": "mt-dim"}, text)), text)


def table(titles: Sequence[str], rows: Sequence[Sequence[Markup | str]], *, label: str) -> Bundle:
    """Draw a table of texts and links; all columns but the first are aligned to the right."""
    header = tag("tr", None, *(tag("th", {"scope": "col", **_side(at)}, title) for at, title in enumerate(titles)))
    body = [tag("tr", None, *(tag("td", _side(at), cell) for at, cell in enumerate(row))) for row in rows]
    drawn = tag("table", {"style": "min-width:480px"}, tag("thead", None, header), tag("tbody", None, *body))
    return Bundle(framed(tag("div", {**_SCROLL, "aria-label": label}, drawn)), label)


def links(anchors: Sequence[Markup], nothing: str) -> Markup:
    """Draw links beside each other, or say what would bring some."""
    if not anchors:
        return tag("div", {"class": "mltrack mt-dim", "style": "padding:4px 0"}, nothing)
    return tag(
        "div", {"class": "mltrack", "style": "display:flex;flex-wrap:wrap;gap:0 16px;padding:4px 0"}, join(anchors)
    )


def _side(at: int) -> dict[str, str]:
    return {"style": f"text-align:{'right' if at else 'left'};padding:0 16px 0 0;white-space:nowrap"}
