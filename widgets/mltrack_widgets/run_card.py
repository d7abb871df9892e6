"""The card shown under a tracked cell: what ran, with what, how well, and what changed since the last time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack_widgets.bundle import Bundle, framed
from mltrack_widgets.card_data import CardData
from mltrack_widgets.card_lines import (
    NAME_WIDTH,
    TEXT_WIDTH,
    Change,
    Item,
    Line,
    lines_of,
    more_changes,
    named_changes,
    spent,
)
from mltrack_widgets.card_sections import everything, id_of
from mltrack_widgets.format import exact_time, one_line, param_value, short_id, strip_ansi
from mltrack_widgets.html import NOTHING, Markup, hover, join, short_text, tag
from mltrack_widgets.run_status import run_duration, status_mark, status_word
from mltrack_widgets.verdict import verdict_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["NAME_WIDTH", "TEXT_WIDTH", "CardData", "run_card", "run_duration", "status_mark", "status_word"]

_REMARK_WIDTH = 300

# Inline, so that it holds in untrusted notebooks too (see bundle.framed).
_CARD = {"class": "mt-card", "style": "position:relative;max-width:640px"}
_SUMMARY = {"style": "display:block;cursor:pointer;padding:6px 12px"}
_WHO = {"style": "display:flex;flex-wrap:wrap;gap:0 12px;padding-right:120px"}
_LINE = {"style": "display:flex"}
_LABEL = {"class": "mt-dim", "style": "width:64px;flex-shrink:0"}
_ITEMS = {"style": "display:flex;flex-wrap:wrap;gap:0 16px;min-width:0px"}
_CORNER = "position:absolute;top:6px;white-space:nowrap"
_CHEVRON = {"class": "mt-dim mt-chevron", "style": f"{_CORNER};right:12px", "aria-hidden": "true"}
_COPY = {"class": "mt-dim mt-copy", "style": f"{_CORNER};right:32px"}
# The element holds the whole id and shows 8 characters of it: one click selects all of it (user-select: all), in an
# untrusted notebook two clicks do (it is one word), and what is copied is whole. It takes no script and no kernel.
_SHORT_ID = "display:inline-block;width:4.85em;padding:0px;overflow:hidden;vertical-align:bottom"


def run_card(data: CardData) -> Bundle:
    """Draw the card of a run: one line each for who, params, metrics and changes; it opens to everything."""
    lines = lines_of(data)
    return Bundle(html=_html(data, lines), text=_text(data, lines))


# HTML


def _html(data: CardData, lines: Sequence[Line]) -> Markup:
    chevron = tag("span", _CHEVRON, "▸")
    summary = tag("summary", _SUMMARY, _who(data), *map(_line, lines), *_remarks(data), chevron)
    # Beside the summary, not in it: a click on the id selects it and does not open the card.
    copy = tag("span", _COPY, "id ", id_of(data.run.info.run_id, _SHORT_ID))
    return framed(tag("div", _CARD, tag("details", None, summary, everything(data)), copy))


def _who(data: CardData) -> Markup:
    info = data.run.info
    ended = "" if info.end_time is None else f", ended {exact_time(info.end_time)}"
    took = tag("span", {"title": f"started {exact_time(info.start_time)}{ended}"}, spent(data))
    where = tag("span", {"class": "mt-dim"}, short_text(data.experiment_name, NAME_WIDTH), " · ", took)
    name = short_text(info.run_name, NAME_WIDTH, css="mt-name")
    return tag("div", _WHO, status_mark(info.status), name, where, _badge(data))


def _badge(data: CardData) -> Markup:
    """Say in a word whether the result can be had again; once more on hover, with the reasons."""
    verdict = verdict_of(data.run.data.tags)
    if verdict is None:
        return NOTHING
    title = hover(" ".join(text for _, text in verdict.reasons))
    return tag("span", {"class": "mt-dim" if verdict.is_good else "", "title": title}, verdict.word)


def _line(line: Line) -> Markup:
    more = tag("span", {"class": "mt-dim"}, f"+{line.more}") if line.more else NOTHING
    return _labelled(line.label, tag("span", _ITEMS, *map(_item, line.items), more))


def _labelled(label: str, content: Markup) -> Markup:
    return tag("div", _LINE, tag("span", _LABEL, label), content)


def _item(item: Item) -> Markup:
    key = short_text(item.key, TEXT_WIDTH, css="mt-dim")
    value = tag("bdi", {"title": hover(item.exact)}, one_line(item.value, TEXT_WIDTH))
    trail = [join([" ", tag("span", {"class": "mt-dim mt-trail"}, text)]) for text in item.trail]
    return tag("span", None, key, " ", value, *trail)


def _remarks(data: CardData) -> list[Markup]:
    """Return the lines that are there only when there is something to say: error, note, changes."""
    remarks = []
    if data.error is not None:
        remarks.append(_labelled("error", tag("code", None, _remark(data.error))))
    if data.note is not None:
        remarks.append(_labelled("note", tag("bdi", None, _remark(data.note))))
    changes: list[Markup | str] = [_change(change) for change in named_changes(data)]
    if parts := [*changes, *more_changes(data)]:
        label = tag("span", {"class": "mt-dim"}, "since the last run of this cell: ")
        remarks.append(tag("div", None, label, _separated(parts, " · ")))
    return remarks


def _separated(parts: Sequence[Markup | str], between: str) -> Markup:
    return join([part if index == 0 else join([between, part]) for index, part in enumerate(parts)])


def _remark(text: str) -> str:
    return one_line(strip_ansi(text), _REMARK_WIDTH)


def _change(change: Change) -> Markup:
    name, before, after = change
    parts: list[Markup | str] = [short_text(name, TEXT_WIDTH, css="mt-dim")]
    parts += [short_text(param_value(text), TEXT_WIDTH) for text in (before, after) if text is not None]
    if before is None or after is None:
        parts.append("added" if before is None else "removed")
    else:
        parts.insert(2, "→")
    return tag("span", None, _separated(parts, " "))


# Text


def _text(data: CardData, lines: Sequence[Line]) -> str:
    info = data.run.info
    where = " · ".join([one_line(data.experiment_name, NAME_WIDTH), one_line(short_id(info.run_id), 8), spent(data)])
    verdict = verdict_of(data.run.data.tags)
    word = f" · {verdict.word}" if verdict else ""
    who = f"● {status_word(info.status)}  {one_line(info.run_name, NAME_WIDTH)}   {where}{word}"
    remarks = [("error", data.error), ("note", data.note)]
    said = [f"{label:<9}{_remark(text)}" for label, text in remarks if text is not None]
    return "\n".join([who, *map(_text_line, lines), *said, *_text_changes(data)])


def _text_line(line: Line) -> str:
    more = [f"+{line.more}"] if line.more else []
    return f"{line.label:<9}{'   '.join([*map(_text_item, line.items), *more])}"


def _text_item(item: Item) -> str:
    trail = [f" {text}" if text.startswith(("↑", "↓", "=")) else text for text in item.trail]
    return " ".join([one_line(item.key, TEXT_WIDTH), one_line(item.value, TEXT_WIDTH), *trail])


def _text_changes(data: CardData) -> list[str]:
    changes = [_text_change(change) for change in named_changes(data)]
    parts = [*changes, *more_changes(data)]
    return [f"since the last run of this cell:  {' · '.join(parts)}"] if parts else []


def _text_change(change: Change) -> str:
    key, old, new = (one_line(param_value(text or ""), TEXT_WIDTH) for text in change)
    if change.before is None or change.after is None:
        return f"{key} {old}{new} {'added' if change.before is None else 'removed'}"
    return f"{key} {old} → {new}"
