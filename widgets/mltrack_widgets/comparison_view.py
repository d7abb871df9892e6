"""Runs side by side as HTML: what differs first, what is the same in all of them folded away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack_widgets.format import count, difference, one_line
from mltrack_widgets.html import NOTHING, Markup, hover, join, short_text, tag
from mltrack_widgets.run_card import NAME_WIDTH, TEXT_WIDTH, status_mark
from mltrack_widgets.text_diff import told_apart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import Run
    from mltrack_widgets.comparison import Comparison, Row, Section, Value
    from mltrack_widgets.panels.colours import Line

VALUE_WIDTH = 32
"""Characters of a value before it is cut; of a longer one that differs, what differs is kept."""

_AROUND = 8  # characters of what texts have in common that are shown before and after what they have not
_MOST_ROWS = 200
_MOST_SAME = 400
_LISTED = frozenset({"packages"})
"""Kinds of which what is the same in all reads well as one running text."""
_ALWAYS = frozenset({"params", "metrics"})
"""Kinds of which it is said when no run has any."""

# Inline, so that it holds in untrusted notebooks too (see bundle.framed).
_SCROLL = {"class": "mt-scroll mt-compare", "tabindex": "0", "role": "region"}
_NO_WRAP = {"style": "white-space:nowrap"}
_SUMMARY = {"class": "mt-dim", "style": "cursor:pointer"}
_LEFT = {"style": "text-align:left"}
_NO_VALUE = "–"


def comparison_view(
    comparison: Comparison, lines: Mapping[str, Line], *, notes: Sequence[str] = (), height: str = "none"
) -> Markup:
    """Draw a comparison; ``lines`` says how each run is drawn, by its id, ``notes`` are said above it.

    What is higher than ``height`` (CSS) scrolls.
    """
    runs = comparison.runs
    head = tag("thead", None, tag("tr", None, tag("td"), *(_header(run, runs, lines) for run in runs)))
    bodies = [_body(section, len(runs)) for section in comparison.sections if section.rows or section.kind in _ALWAYS]
    scroll = {**_SCROLL, "style": f"max-height:{height};overflow:auto"}
    scroll["aria-label"] = f"comparison of {count(len(runs), 'run')}"
    said = [tag("div", {"class": "mt-dim"}, note) for note in notes]
    return join([*said, tag("div", scroll, tag("table", None, head, *bodies))])


def swatch(line: Line) -> Markup:
    """Draw a piece of a run's line: its colour and its dashes."""
    kind = "solid" if line.dashes[1:] == (0,) else "dotted" if len(set(line.dashes)) == 1 else "dashed"
    style = f"display:inline-block;width:16px;border-top:3px {kind} {line.colour};vertical-align:middle"
    return tag("span", {"style": style, "aria-hidden": "true"})


def _header(run: Run, runs: Sequence[Run], lines: Mapping[str, Line]) -> Markup:
    info = run.info
    mark = tag("span", {"class": "mt-dim"}, " · baseline") if run is runs[0] and len(runs) > 1 else NOTHING
    name = tag("div", _NO_WRAP, swatch(lines[info.run_id]), " ", short_text(info.run_name, TEXT_WIDTH, css="mt-name"))
    return tag("th", {"scope": "col"}, name, tag("div", _NO_WRAP, status_mark(info.status), mark))


def _body(section: Section, runs: int) -> Markup:
    rows = [_row(row, section) for row in section.differing[:_MOST_ROWS]]
    # a section in which nothing differs is one line
    title = [] if section.same and not rows else [_title(section, runs)]
    hidden = len(section.differing) - _MOST_ROWS
    said = [_remark(f"and {hidden} more that differ; to_dataframe() has all")] if hidden > 0 else []
    if section.same:
        said.append(_same(section, words=_words(section) if title else f"{section.title}: {_words(section)}"))
    elif not rows:
        said.append(_remark(f"no {section.kind}"))
    spanning = {"colspan": str(runs + 1), **_LEFT}
    lines = [tag("tr", {"class": "mt-spanning"}, tag("td", spanning, each)) for each in said]
    return tag("tbody", None, *title, *rows, *lines)


def _title(section: Section, runs: int) -> Markup:
    title = tag("th", {"colspan": str(runs + 1), "scope": "rowgroup", **_LEFT}, section.title)
    return tag("tr", {"class": "mt-section mt-spanning"}, title)


def _words(section: Section) -> str:
    words = f"{len(section.same)} the same in all"
    return f"{words}, not known of {count(len(section.unknown), 'run')}" if section.unknown else words


def _remark(text: str) -> Markup:
    return tag("span", {"class": "mt-dim"}, text)


def _row(row: Row, section: Section) -> Markup:
    name = tag("th", {"scope": "row", **_LEFT}, short_text(row.name, TEXT_WIDTH))
    texts = {value.shown for value in row.values if value is not None}
    if len(texts) > 1 and any(len(text) > VALUE_WIDTH for text in texts):
        return tag("tr", None, name, *_long_cells(row, section))
    cells = [_cell(value, row, unknown=place in section.unknown) for place, value in enumerate(row.values)]
    return tag("tr", None, name, *cells)


def _cell(value: Value | None, row: Row, *, unknown: bool) -> Markup:
    if value is None:
        return _nothing(unknown=unknown)
    attributes = {}
    if value.exact != value.shown or len(value.shown) > VALUE_WIDTH:
        attributes["title"] = hover(value.exact)
    return tag("td", attributes, tag("bdi", None, one_line(value.shown, VALUE_WIDTH)), _moved(value, row))


def _moved(value: Value, row: Row) -> Markup:
    """Say how a metric lies to the baseline's."""
    base = row.values[0]
    if value is base or base is None or value.number is None or base.number is None:
        return NOTHING
    moved = difference(value.number, base.number)
    return tag("span", {"class": "mt-dim mt-trail"}, f" {moved}") if moved else NOTHING


def _nothing(*, unknown: bool) -> Markup:
    return tag("td", {"class": "mt-dim"}, "not known" if unknown else _NO_VALUE)


def _long_cells(row: Row, section: Section) -> list[Markup]:
    """Show of long texts what differs, with a little of what is around it."""
    cut = iter(told_apart([value.shown for value in row.values if value is not None], _AROUND))
    return [
        _nothing(unknown=place in section.unknown) if value is None else _long_cell(value, next(cut))
        for place, value in enumerate(row.values)
    ]


def _long_cell(value: Value, parts: tuple[str, str, str]) -> Markup:
    before, middle, after = parts
    marked = tag("strong", {"class": "mt-mark"}, one_line(middle, VALUE_WIDTH))
    text: list[Markup | str] = [one_line(before, VALUE_WIDTH), marked, one_line(after, VALUE_WIDTH)]
    return tag("td", {"title": hover(value.exact)}, tag("bdi", None, *text))


# What is the same in all runs


def _same(section: Section, *, words: str) -> Markup:
    """Fold rows that are the same in all runs: with the page alone, and no kernel, they can be opened."""
    rows = section.same
    drawn = _running(rows) if section.kind in _LISTED else _pairs(rows)
    hidden = len(rows) - _MOST_SAME
    more = _remark(f"and {hidden} more; to_dataframe() has all") if hidden > 0 else NOTHING
    attributes = {"class": f"mt-same mt-of-{section.kind}"}
    return tag("details", attributes, tag("summary", _SUMMARY, words), drawn, more)


def _running(rows: Sequence[Row]) -> Markup:
    texts = [f"{one_line(row.name, NAME_WIDTH)} {one_line(_shared(row), TEXT_WIDTH)}" for row in rows[:_MOST_SAME]]
    return tag("div", {"style": "white-space:normal"}, tag("bdi", None, ", ".join(texts)))


def _pairs(rows: Sequence[Row]) -> Markup:
    lines = [
        tag(
            "tr",
            None,
            tag("th", {"scope": "row", **_LEFT}, short_text(row.name, TEXT_WIDTH)),
            tag("td", _LEFT, _whole(row)),
        )
        for row in rows[:_MOST_SAME]
    ]
    return tag("table", None, tag("tbody", None, *lines))


def _whole(row: Row) -> Markup:
    return short_text(_shared(row), NAME_WIDTH)


def _shared(row: Row) -> str:
    return next((value.shown for value in row.values if value is not None), "")
