"""What stays of the models' panel without a kernel, and what a terminal shows: tables without buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mltrack_widgets.bundle import Bundle
from mltrack_widgets.format import aligned, one_line
from mltrack_widgets.html import hover, join, short_text, tag
from mltrack_widgets.panels.model_tables import (
    model_words,
    models_table,
    models_words,
    nothing_there,
    versions_table,
    versions_words,
)
from mltrack_widgets.run_card import NAME_WIDTH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack_widgets.html import Markup
    from mltrack_widgets.panels.model_pages import ModelsPage, VersionsPage
    from mltrack_widgets.panels.model_tables import Column

_DESCRIPTION_WIDTH = 1_000
# Inline, so that it holds in untrusted notebooks too (see bundle.framed).
_SCROLL = {"class": "mt-scroll", "style": "max-height:400px;overflow:auto", "tabindex": "0", "role": "region"}
_PART = {"style": "padding:4px 0"}


def kept_models(page: ModelsPage, now_ms: int) -> Bundle:
    """Draw registered models; ``now_ms`` is the time of reading, ms since 1970."""
    return _drawn(page, models_table(page, now_ms), _Heading("", [models_words(page)]))


def kept_versions(page: VersionsPage, checked: Mapping[str, str], now_ms: int) -> Bundle:
    """Draw the versions of a registered model; the arguments are those of ``versions_table``."""
    name, description = page.model.name, one_line(page.model.description, _DESCRIPTION_WIDTH)
    heading = _Heading(one_line(name, NAME_WIDTH), [versions_words(page), *model_words(page)], description)
    return _drawn(page, versions_table(page, checked, now_ms), heading)


def joined(parts: Sequence[Bundle]) -> Bundle:
    """Put parts below each other."""
    return Bundle(join([tag("div", _PART, part.html) for part in parts]), "\n\n".join(part.text for part in parts))


class _Heading(NamedTuple):
    """What stands above a table: a name (of one model), words, and a description."""

    name: str
    words: Sequence[str]
    description: str = ""

    @property
    def lines(self) -> list[str]:
        """The heading as text."""
        return [" · ".join(filter(None, [self.name, *self.words])), *filter(None, [self.description])]

    @property
    def markup(self) -> list[Markup]:
        """The heading as HTML."""
        words = " · ".join(self.words)
        line = tag("div", None, tag("span", {"class": "mt-name"}, self.name), f" · {words}" if self.name else words)
        return [line, *([tag("div", {"class": "mt-dim"}, self.description)] if self.description else [])]


def _drawn(page: ModelsPage | VersionsPage, columns: Sequence[Column], heading: _Heading) -> Bundle:
    missing = nothing_there(page)
    if missing is None:
        return Bundle(_html(heading, columns), "\n".join([*heading.lines, *_text(columns)]))
    said, code = missing
    html = [tag("div", None, said), *([tag("pre", None, code)] if code else [])]
    return Bundle(join(html), f"{said}\n\n    {code}" if code else said)


def _html(heading: _Heading, columns: Sequence[Column]) -> Markup:
    rows = range(len(columns[0].cells))
    caption = tag("caption", None, *heading.markup)
    head = tag("thead", None, tag("tr", None, *map(_header, columns)))
    body = tag("tbody", None, *(tag("tr", None, *(_cell(column, row) for column in columns)) for row in rows))
    return tag("div", {**_SCROLL, "aria-label": "models"}, tag("table", None, caption, head, body))


def _header(column: Column) -> Markup:
    attributes = {"scope": "col", **({"class": "mt-n"} if column.is_number else {})}
    if column.hover:
        attributes["title"] = hover(column.hover)
    return tag("th", attributes, column.title)


def _cell(column: Column, row: int) -> Markup:
    cell = column.cells[row]
    attributes = {"class": "mt-n"} if column.is_number else {}
    if cell.title is not None:
        attributes["title"] = hover(cell.title)
    moved = column.moved[row] if column.moved else ""
    extra = [tag("span", {"class": "mt-dim"}, f" {moved}")] if moved else []
    return tag("td", attributes, short_text(cell.text, len(cell.text)), *extra)


def _text(columns: Sequence[Column]) -> list[str]:
    rows = range(len(columns[0].cells))
    titles = [column.title for column in columns]
    return aligned([titles, *([_plain(column, row) for column in columns] for row in rows)])


def _plain(column: Column, row: int) -> str:
    moved = column.moved[row] if column.moved else ""
    return f"{column.cells[row].text} {moved}".rstrip()
