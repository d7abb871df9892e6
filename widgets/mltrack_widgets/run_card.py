"""The card shown under a tracked cell: what ran, with what, how well, and what changed since the last time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from mltrack.entities import RunStatus
from mltrack_widgets.bundle import Bundle, framed
from mltrack_widgets.card_rows import data_texts, own_tags, telling_metrics, telling_params
from mltrack_widgets.format import (
    count,
    difference,
    duration,
    exact_time,
    middle_cut,
    number,
    one_line,
    param_value,
    relative_time,
    short_id,
    size,
    sparkline,
    strip_ansi,
)
from mltrack_widgets.html import NOTHING, Markup, hover, join, short_text, tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mltrack.entities import FileInfo, Run

NAME_WIDTH, TEXT_WIDTH = 40, 24
"""Characters of a run's name, and of a key or a value in a line, before they are cut in the middle."""

_LINE_ROOM = 72  # characters of the host's font that fit on one line of a card 640 px wide
_BARS = 10
_REMARK_WIDTH = 300
_LONGEST_VALUE = 1_000
_LONGEST_TRACEBACK = 20_000
_CHANGES_ROOM = 56
_MOST_ROWS = 200

# A colour for hosts without variables, JupyterLab's, VS Code's. The word beside the dot says the same.
_STATUS_COLOURS: Mapping[str, tuple[str, str, str]] = {
    RunStatus.FINISHED: ("#388e3c", "--jp-success-color1", "--vscode-charts-green"),
    RunStatus.FAILED: ("#d32f2f", "--jp-error-color1", "--vscode-charts-red"),
    RunStatus.KILLED: ("#e65100", "--jp-warn-color0", "--vscode-charts-orange"),
    RunStatus.RUNNING: ("#1976d2", "--jp-brand-color1", "--vscode-charts-blue"),
}
# Of MLflow's own tags, those that say something to a reader.
_SHOWN_TAGS = {"mlflow.user": "user", "mlflow.source.name": "source", "mlflow.source.git.commit": "git commit"}

# Inline, so that it holds in untrusted notebooks too (see bundle.framed).
_CARD = {"class": "mt-card", "style": "position:relative;max-width:640px"}
_SUMMARY = {"style": "display:block;cursor:pointer;padding:6px 12px"}
_WHO = {"style": "display:flex;flex-wrap:wrap;gap:0 12px;padding-right:120px"}
_LINE = {"style": "display:flex"}
_ROW = {"style": "display:flex;column-gap:16px;overflow-wrap:break-word"}
_LABEL = {"class": "mt-dim", "style": "width:64px;flex-shrink:0"}
_ITEMS = {"style": "display:flex;flex-wrap:wrap;gap:0 16px;min-width:0px"}
_CORNER = "position:absolute;top:6px;white-space:nowrap"
_CHEVRON = {"class": "mt-dim mt-chevron", "style": f"{_CORNER};right:12px", "aria-hidden": "true"}
_COPY = {"class": "mt-dim mt-copy", "style": f"{_CORNER};right:32px"}
# The element holds the whole id and shows 8 characters of it: one click selects all of it (user-select: all), in an
# untrusted notebook two clicks do (it is one word), and what is copied is whole. It takes no script and no kernel.
_SHORT_ID = "display:inline-block;width:4.85em;padding:0px;overflow:hidden;vertical-align:bottom"
_BODY = {"class": "mt-body", "style": "display:flex;flex-wrap:wrap;gap:12px 32px;padding:8px 12px"}
_SECTION = {"style": "flex-grow:1;flex-basis:240px;min-width:0px"}
_WIDE_SECTION = {"style": "flex-grow:1;flex-basis:100%;min-width:0px"}
# JupyterLab's own rules make dt and dd columns of 20 and 80 percent; in a narrow section the first must be wider.
_TERM = {"style": "width:112px;flex-shrink:0"}
_DEFINITION = {"style": "min-width:0px"}
_TRACEBACK = {"style": "max-height:320px;overflow:auto"}


@dataclass(frozen=True, slots=True)
class CardData:
    """All that a run's card shows, as read at ``now_ms`` (ms since 1970, UTC).

    ``series`` and ``series_counts`` hold the thinned values and the number of points of metrics with more than one
    step; ``previous`` is the last run of the same cell, ``changed_cells`` the number of cells edited since;
    ``own_params`` are the names set in the cell itself; ``error`` is the last line of the exception.
    """

    run: Run
    experiment_name: str
    series: Mapping[str, tuple[float, ...]]
    series_counts: Mapping[str, int]
    previous: Run | None
    changed_cells: int
    own_params: tuple[str, ...]
    error: str | None
    traceback: str | None
    environment: Mapping[str, str]
    artifacts: tuple[FileInfo, ...]
    note: str | None
    now_ms: int


# Named tuples are made in a third of the time that a dataclass takes, and these are made on %load_ext.


class _Item(NamedTuple):
    """One entry of a line: a dim key, its value, what follows it dimly, and what hovering over the value says."""

    key: str
    value: str
    trail: tuple[str, ...]
    exact: str

    @property
    def length(self) -> int:
        """Characters it takes, counted before escaping: what a text holds must not change the structure."""
        shown = min(len(self.key), TEXT_WIDTH) + min(len(self.value), TEXT_WIDTH)
        return shown + sum(len(text) + 1 for text in self.trail) + 3


class _Change(NamedTuple):
    """A param that differs from the last run; None on the side where there is no such param."""

    name: str
    before: str | None
    after: str | None


class _Line(NamedTuple):
    """A line of entries: its label, those that fit, and how many there are behind them."""

    label: str
    items: Sequence[_Item]
    more: int


def run_card(data: CardData) -> Bundle:
    """Draw the card of a run: one line each for who, params, metrics and changes; it opens to everything."""
    lines = [line for line in (_params(data), _metrics(data)) if line.items]
    return Bundle(html=_html(data, lines), text=_text(data, lines))


def status_word(status: str) -> str:
    """Return a run's status as a word in a sentence."""
    return one_line(status.lower(), 16)


def status_mark(status: str) -> Markup:
    """Draw a status: a dot in its colour, and the word."""
    colours = _STATUS_COLOURS.get(status)
    # JupyterLab's sanitiser drops the second declaration, for its var(), and keeps the first.
    style = f"color:{colours[0]};color:var({colours[1]},var({colours[2]},{colours[0]}))" if colours else "color:inherit"
    dot = tag("span", {"style": style, "aria-hidden": "true"}, "●" if colours else "○")
    return tag("span", {"style": "white-space:nowrap"}, dot, " ", status_word(status))


def run_duration(run: Run, now_ms: int) -> str:
    """Write how long a run took, or has been going on."""
    end = run.info.end_time
    return duration((now_ms if end is None else end) - run.info.start_time)


# What the lines say


def _params(data: CardData) -> _Line:
    params = data.run.data.params
    before = data.previous.data.params if data.previous else params
    differing = [key for key in params if params[key] != before.get(key)]
    shown = dict.fromkeys([*differing, *(key for key in data.own_params if key in params)])
    items = _fitting([_Item(key, param_value(params[key]), (), params[key]) for key in shown or telling_params(params)])
    return _Line("params", items, len(params) - len(items))


def _metrics(data: CardData) -> _Line:
    metrics = data.run.data.metrics
    items = _fitting([_metric(data, key) for key in telling_metrics(metrics)])
    return _Line("metrics", items, len(metrics) - len(items))


def _metric(data: CardData, key: str) -> _Item:
    value = data.run.data.metrics[key]
    before = data.previous.data.metrics.get(key) if data.previous else None
    moved = difference(value, before) if before is not None else ""
    steps = data.series_counts.get(key, 0)
    spark = f"{sparkline(data.series.get(key, ()), _BARS)} ({steps})".lstrip() if steps > 1 else ""
    exact = repr(value) if before is None else f"{value!r}, {before!r} in the last run of this cell"
    return _Item(key, number(value), tuple(text for text in (moved, spark) if text), exact)


def _fitting(items: Sequence[_Item]) -> Sequence[_Item]:
    """Return the entries that fit on one line, one at least."""
    return items[: _fit((item.length for item in items), _LINE_ROOM)]


def _fit(lengths: Iterable[int], room: int) -> int:
    return max(1, sum(end <= room for end in accumulate(lengths)))


def _changes(data: CardData) -> list[_Change]:
    """Return the params that differ from the last run."""
    if data.previous is None:
        return []
    new, old = data.run.data.params, data.previous.data.params
    changed = [_Change(key, old.get(key), new.get(key)) for key in {**new, **old} if new.get(key) != old.get(key)]
    # a run that goes on may still log what it lacks
    return [change for change in changed if change.after is not None or data.run.info.end_time is not None]


def _named_changes(data: CardData) -> list[_Change]:
    """Return the changes that fit on one line, one at least."""
    changes = _changes(data)
    texts = [[param_value(text) for text in change if text is not None] for change in changes]
    lengths = (sum(min(len(text), TEXT_WIDTH) + 3 for text in parts) for parts in texts)
    return changes[: _fit(lengths, _CHANGES_ROOM)]


def _more_changes(data: CardData) -> list[str]:
    """Return what else changed: params beyond those that are named, and edited cells."""
    if data.previous is None:
        return []
    hidden = len(_changes(data)) - len(_named_changes(data))
    said = [count(hidden, "more param")] if hidden > 0 else []
    return [*said, f"{count(data.changed_cells, 'cell')} changed"] if data.changed_cells else said


def _spent(data: CardData) -> str:
    """Return how long the run took and when it ended, or how long it has been going on."""
    end, took = data.run.info.end_time, run_duration(data.run, data.now_ms)
    return f"{took} so far" if end is None else f"{took} · {relative_time(end, data.now_ms)}"


# HTML


def _html(data: CardData, lines: Sequence[_Line]) -> Markup:
    chevron = tag("span", _CHEVRON, "▸")
    summary = tag("summary", _SUMMARY, _who(data), *map(_line, lines), *_remarks(data), chevron)
    # Beside the summary, not in it: a click on the id selects it and does not open the card.
    copy = tag("span", _COPY, "id ", _id(data.run.info.run_id, _SHORT_ID))
    return framed(tag("div", _CARD, tag("details", None, summary, _everything(data)), copy))


def _id(run_id: str, style: str) -> Markup:
    return tag("code", {"class": "mt-id", "style": style, "title": f"{run_id} (click and copy)"}, run_id)


def _who(data: CardData) -> Markup:
    info = data.run.info
    ended = "" if info.end_time is None else f", ended {exact_time(info.end_time)}"
    spent = tag("span", {"title": f"started {exact_time(info.start_time)}{ended}"}, _spent(data))
    where = tag("span", {"class": "mt-dim"}, short_text(data.experiment_name, NAME_WIDTH), " · ", spent)
    return tag("div", _WHO, status_mark(info.status), short_text(info.run_name, NAME_WIDTH, css="mt-name"), where)


def _line(line: _Line) -> Markup:
    more = tag("span", {"class": "mt-dim"}, f"+{line.more}") if line.more else NOTHING
    return _labelled(line.label, tag("span", _ITEMS, *map(_item, line.items), more))


def _labelled(label: str, content: Markup) -> Markup:
    return tag("div", _LINE, tag("span", _LABEL, label), content)


def _item(item: _Item) -> Markup:
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
    changes: list[Markup | str] = [_change(change) for change in _named_changes(data)]
    if parts := [*changes, *_more_changes(data)]:
        label = tag("span", {"class": "mt-dim"}, "since the last run of this cell: ")
        remarks.append(tag("div", None, label, _separated(parts, " · ")))
    return remarks


def _separated(parts: Sequence[Markup | str], between: str) -> Markup:
    return join([part if index == 0 else join([between, part]) for index, part in enumerate(parts)])


def _remark(text: str) -> str:
    return one_line(strip_ansi(text), _REMARK_WIDTH)


def _change(change: _Change) -> Markup:
    name, before, after = change
    parts: list[Markup | str] = [short_text(name, TEXT_WIDTH, css="mt-dim")]
    parts += [short_text(param_value(text), TEXT_WIDTH) for text in (before, after) if text is not None]
    if before is None or after is None:
        parts.append("added" if before is None else "removed")
    else:
        parts.insert(2, "→")
    return tag("span", None, _separated(parts, " "))


def _everything(data: CardData) -> Markup:
    sections = [
        _section("Run", _run_rows(data), attributes=_WIDE_SECTION),
        _section("Metrics", _metric_rows(data)),
        _section("Params", _text_rows(data.run.data.params)),
        _section("Data", _text_rows(data_texts(data.run))),
        _section("Tags", _text_rows(own_tags(data.run))),
        _section("Environment", _text_rows(data.environment)),
        _section("Artifacts", [(_artifact_size(file), _value(file.path)) for file in data.artifacts]),
    ]
    return tag("div", _BODY, *sections, _traceback(data.traceback))


def _section(title: str, rows: Sequence[tuple[str, Markup]], *, attributes: Mapping[str, str] = _SECTION) -> Markup:
    if not rows:
        return NOTHING
    pairs = [
        tag("div", _ROW, tag("dt", _TERM, short_text(key, NAME_WIDTH)), tag("dd", _DEFINITION, value))
        for key, value in rows[:_MOST_ROWS]
    ]
    hidden = len(rows) - _MOST_ROWS
    more = tag("div", {"class": "mt-dim"}, f"and {hidden} more") if hidden > 0 else NOTHING
    return tag("section", attributes, tag("div", {"class": "mt-name"}, title), tag("dl", None, *pairs), more)


def _run_rows(data: CardData) -> list[tuple[str, Markup]]:
    info, tags = data.run.info, data.run.data.tags
    ended = [] if info.end_time is None else [("ended", _value(exact_time(info.end_time)))]
    return [
        ("id", _id(info.run_id, "")),
        ("experiment", _value(data.experiment_name)),
        ("started", _value(exact_time(info.start_time))),
        *ended,
        *((word, _value(tags[key])) for key, word in _SHOWN_TAGS.items() if key in tags),
        ("artifacts", _value(info.artifact_uri)),
    ]


def _metric_rows(data: CardData) -> list[tuple[str, Markup]]:
    metrics = data.run.data.metrics
    return [(key, _value("  ".join((repr(value), *_metric(data, key).trail)))) for key, value in metrics.items()]


def _text_rows(values: Mapping[str, str]) -> list[tuple[str, Markup]]:
    return [(key, _value(value)) for key, value in values.items()]


def _value(text: str) -> Markup:
    return tag("bdi", None, one_line(text, _LONGEST_VALUE))


def _artifact_size(file: FileInfo) -> str:
    return "folder" if file.is_dir else size(file.file_size)


def _traceback(text: str | None) -> Markup:
    if text is None:
        return NOTHING
    shown = middle_cut(strip_ansi(text), _LONGEST_TRACEBACK)
    return tag("section", _WIDE_SECTION, tag("div", {"class": "mt-name"}, "Traceback"), tag("pre", _TRACEBACK, shown))


# Text


def _text(data: CardData, lines: Sequence[_Line]) -> str:
    info = data.run.info
    where = " · ".join([one_line(data.experiment_name, NAME_WIDTH), one_line(short_id(info.run_id), 8), _spent(data)])
    who = f"● {status_word(info.status)}  {one_line(info.run_name, NAME_WIDTH)}   {where}"
    remarks = [("error", data.error), ("note", data.note)]
    said = [f"{label:<9}{_remark(text)}" for label, text in remarks if text is not None]
    return "\n".join([who, *map(_text_line, lines), *said, *_text_changes(data)])


def _text_line(line: _Line) -> str:
    more = [f"+{line.more}"] if line.more else []
    return f"{line.label:<9}{'   '.join([*map(_text_item, line.items), *more])}"


def _text_item(item: _Item) -> str:
    trail = [f" {text}" if text.startswith(("↑", "↓", "=")) else text for text in item.trail]
    return " ".join([one_line(item.key, TEXT_WIDTH), one_line(item.value, TEXT_WIDTH), *trail])


def _text_changes(data: CardData) -> list[str]:
    changes = [_text_change(change) for change in _named_changes(data)]
    parts = [*changes, *_more_changes(data)]
    return [f"since the last run of this cell:  {' · '.join(parts)}"] if parts else []


def _text_change(change: _Change) -> str:
    key, old, new = (one_line(param_value(text or ""), TEXT_WIDTH) for text in change)
    if change.before is None or change.after is None:
        return f"{key} {old}{new} {'added' if change.before is None else 'removed'}"
    return f"{key} {old} → {new}"
