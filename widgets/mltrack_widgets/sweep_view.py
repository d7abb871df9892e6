"""How reruns look: the run that is made again, a row for each combination of values, what failed, what is printed."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, NamedTuple

from mltrack_widgets.card_rows import telling_metrics
from mltrack_widgets.format import aligned, count, difference, duration, number, one_line, strip_ansi
from mltrack_widgets.html import NOTHING, Markup, hover, join, short_text, tag
from mltrack_widgets.run_card import NAME_WIDTH, TEXT_WIDTH
from mltrack_widgets.run_status import run_duration, toned_mark
from mltrack_widgets.table_cells import NO_VALUE, Cell, id_cell, param_cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.entities import Run
    from mltrack.rerunning.attempt import Attempt
    from mltrack.rerunning.handles import Handle

MOST_ROWS = 200
_MOST_METRICS, _MOST_ERRORS, _OUTPUT_LINES = 4, 5, 12
_ERROR_WIDTH = 300
_LOWER = re.compile(r"(?i)loss|error|(?:^|_)(?:r?ms(?:l)?e|mae|mape|medae|nll|perplexity|deviance|brier|time|duration)")

_TONES = {"finished": "good", "failed": "bad", "running": "busy"}
# Inline, so that it holds in untrusted notebooks too (see bundle.framed).
_HEAD = {"style": "display:flex;flex-wrap:wrap;gap:0 12px;padding:2px 0"}
_SCROLL = {"class": "mt-scroll", "style": "max-height:400px;overflow:auto", "tabindex": "0", "role": "region"}
_OUTPUT = {"class": "mt-sweep-output", "style": "max-height:240px;overflow:auto", "tabindex": "0", "role": "region"}


class Row(NamedTuple):
    """An attempt and its run as it was read last."""

    attempt: Attempt
    run: Run | None


class Column(NamedTuple):
    """A column: its header, a cell for each row, the first row's being the run that is made again."""

    title: str
    cells: list[Cell]
    is_number: bool = False


def lower_is_better(metric: str) -> bool:
    """Tell by its name whether a metric is better the lower it is."""
    return _LOWER.search(metric) is not None


def best_row(rows: Sequence[Row]) -> tuple[str, Attempt | None]:
    """Give the metric that says most, and the finished attempt that did best in it; None when fewer than two did."""
    finished = [row for row in rows if row.attempt.status == "finished" and row.run is not None]
    names = telling_metrics({name: 0.0 for row in finished for name in (row.run.data.metrics if row.run else {})})
    if not names:
        return "", None
    metric = names[0]
    scored = [
        (row.run.data.metrics[metric], row.attempt) for row in finished if row.run and metric in row.run.data.metrics
    ]
    scored = [each for each in scored if each[0] == each[0]]  # NaN is no score
    if len(scored) < 2:
        return metric, None
    chosen = min if lower_is_better(metric) else max
    return metric, chosen(scored, key=lambda each: each[0])[1]


def shown_rows(rows: Sequence[Row]) -> list[Row]:
    """Give the rows in their order; of very many those that run, that failed and that did best."""
    if len(rows) <= MOST_ROWS:
        return list(rows)
    metric, _ = best_row(rows)
    sign = 1 if lower_is_better(metric) else -1
    order = {"running": 0, "failed": 1, "killed": 1, "finished": 2, "waiting": 3, "not run": 3}

    def rank(row: Row) -> tuple[int, float]:
        value = row.run.data.metrics.get(metric) if row.run else None
        return order[row.attempt.status], sign * value if value is not None else 0.0

    return sorted(rows, key=rank)[:MOST_ROWS]


def sweep_html(handle: Handle, rows: Sequence[Row]) -> Markup:
    """Draw how reruns are."""
    shown = shown_rows(rows)
    columns = _columns(handle, shown)
    head = tag("thead", None, tag("tr", None, *map(_header, columns)))
    lines = [tag("tr", None, *(_cell(column, index) for column in columns)) for index in range(len(shown) + 1)]
    hidden = len(rows) - len(shown)
    more = tag("div", {"class": "mt-dim"}, f"and {count(hidden, 'more combination')}") if hidden else NOTHING
    table = tag("div", {**_SCROLL, "aria-label": "runs"}, tag("table", None, head, tag("tbody", None, *lines)))
    return tag("div", None, _head(handle), table, more, *_errors(handle, rows), _output(handle), _advice(handle))


def _advice(handle: Handle) -> Markup:
    """Say how a sweep that was stopped goes on."""
    if not handle.is_over or all(each.status in ("finished", "failed") for each in handle.attempts):
        return NOTHING
    if len(handle.attempts) == 1:
        return NOTHING
    return tag("div", {"class": "mt-dim"}, "Run the same line again to go on; what has finished is kept.")


def sweep_text(handle: Handle, rows: Sequence[Row]) -> str:
    """Write how reruns are as a terminal shows it."""
    columns = _columns(handle, shown_rows(rows))
    table = [
        [one_line(column.title, TEXT_WIDTH) for column in columns],
        *([column.cells[index].text for column in columns] for index in range(len(columns[0].cells))),
    ]
    errors = [one_line(text, _ERROR_WIDTH) for text in error_texts(handle, rows)]
    return "\n".join([f"{_dot(handle.status)} {handle.status}  {_words(handle)}", *aligned(table), *errors])


def title_of(handle: Handle) -> str:
    """Name what goes on: ``rerun of baseline``, or the sweep's own name."""
    return str(getattr(handle, "run_name", None) or f"rerun of {handle.recipe.run.info.run_name}")


def error_texts(handle: Handle, rows: Sequence[Row]) -> list[str]:
    """Say what went wrong with each combination; of many the first."""
    failed = [row.attempt for row in rows if row.attempt.error]
    several = len(handle.attempts) > 1
    said = [f"{_values(each)}: {each.error}" if several else str(each.error) for each in failed[:_MOST_ERRORS]]
    return [*said, *([f"and {count(len(failed) - _MOST_ERRORS, 'more')}"] if len(failed) > _MOST_ERRORS else [])]


def _words(handle: Handle) -> str:
    return " · ".join([one_line(title_of(handle), NAME_WIDTH), *_progress(handle)])


def _progress(handle: Handle) -> list[str]:
    attempts = handle.attempts
    ended = [each.ended_at for each in attempts if each.ended_at is not None]
    end = max(ended, default=handle.began_at) if handle.is_over else time.time()
    spent = [duration(round((end - handle.began_at) * 1000))] if end > handle.began_at else []
    if len(attempts) == 1:
        return [*([] if handle.is_over else [_cells(attempts[0])]), *spent]
    done = sum(each.status == "finished" for each in attempts)
    failed = sum(each.status in ("failed", "killed", "not run") for each in attempts)
    return [f"{done} of {len(attempts)} finished", *([f"{failed} not"] if failed else []), *spent]


def _cells(attempt: Attempt) -> str:
    return f"cell {attempt.cell} of {attempt.cells}" if attempt.cell else "starting a kernel"


def _values(attempt: Attempt) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in attempt.values.items())


def _columns(handle: Handle, rows: Sequence[Row]) -> list[Column]:
    origin = handle.recipe.run
    _, best = best_row(rows)
    names = list(dict.fromkeys(name for row in rows for name in row.attempt.values))
    runs = [origin, *(row.run for row in rows)]
    metrics = telling_metrics({name: 0.0 for run in runs if run for name in run.data.metrics})
    marks = [Cell("original"), *(Cell("best" if row.attempt is best else "") for row in rows)]
    return [
        Column("", marks),
        Column("status", [_status(origin.info.status.lower()), *(_status(row.attempt.status, row) for row in rows)]),
        *(
            Column(name, [_origin_value(origin, name), *(_value(row, name) for row in rows)], is_number=True)
            for name in names
        ),
        *(_metric(name, origin, rows) for name in metrics[:_MOST_METRICS]),
        Column("duration", [Cell(run_duration(origin, 0)), *(Cell(_spent(row)) for row in rows)], is_number=True),
        Column("id", [id_cell(origin.info.run_id), *(_id(row) for row in rows)]),
    ]


def _id(row: Row) -> Cell:
    return id_cell(row.run.info.run_id) if row.run else NO_VALUE


def _origin_value(run: Run, name: str) -> Cell:
    return param_cell(run.data.params.get(name))


def _value(row: Row, name: str) -> Cell:
    value = row.attempt.values[name]
    return param_cell(value if isinstance(value, str) else repr(value))


def _metric(name: str, origin: Run, rows: Sequence[Row]) -> Column:
    before = origin.data.metrics.get(name)
    cells = [Cell(number(before), repr(before)) if before is not None else NO_VALUE]
    for row in rows:
        value = row.run.data.metrics.get(name) if row.run else None
        moved = difference(value, before) if value is not None and before is not None else ""
        text = " ".join(filter(None, [moved, number(value)])) if value is not None else ""
        drawn = (
            join([tag("span", {"class": "mt-dim"}, moved), " ", number(value)]) if moved and value is not None else None
        )
        cells.append(Cell(text, repr(value) if value is not None else None, drawn))
    return Column(name, cells, is_number=True)


def _spent(row: Row) -> str:
    if row.attempt.is_over and row.run is not None:
        return run_duration(row.run, 0)
    began = row.attempt.started_at
    return duration(round((time.time() - began) * 1000)) if began is not None and not row.attempt.is_over else ""


def _status(status: str, row: Row | None = None) -> Cell:
    words = f"{status}, {_cells(row.attempt)}" if row is not None and status == "running" else status
    return Cell(words, markup=_mark(status, words))


def _dot(status: str) -> str:
    return "●" if status in _TONES else "○"


def _mark(status: str, words: str) -> Markup:
    return toned_mark(_TONES.get(status, ""), one_line(words, NAME_WIDTH))


def _head(handle: Handle) -> Markup:
    state = _mark(handle.status, handle.status)
    name = short_text(title_of(handle), NAME_WIDTH, css="mt-name")
    return tag("div", _HEAD, state, name, tag("span", {"class": "mt-dim"}, " · ".join(_progress(handle))))


def _header(column: Column) -> Markup:
    attributes = {"scope": "col", **({"class": "mt-n"} if column.is_number else {})}
    return tag("th", attributes, one_line(column.title, TEXT_WIDTH))


def _cell(column: Column, index: int) -> Markup:
    cell = column.cells[index]
    attributes = {"class": "mt-n"} if column.is_number else {}
    if cell.title is not None:
        attributes["title"] = hover(cell.title)
    return tag("td", {**attributes, "style": "white-space:nowrap"}, cell.markup or cell.text)


def _errors(handle: Handle, rows: Sequence[Row]) -> list[Markup]:
    return [
        tag("div", {"title": hover(text)}, tag("code", None, one_line(strip_ansi(text), _ERROR_WIDTH)))
        for text in error_texts(handle, rows)
    ]


def _output(handle: Handle) -> Markup:
    """Draw the last that is printed by what runs, or was by what failed; a sweep that is over needs it no more."""
    several = len(handle.attempts) > 1
    running = [each for each in handle.attempts if each.status == "running" and each.output.strip()]
    chosen = running[-1:] or ([] if several else [each for each in handle.attempts if each.output.strip()])
    if not chosen:
        return NOTHING
    lines = strip_ansi(chosen[0].output).rstrip().split("\n")[-_OUTPUT_LINES:]
    label = f"{_values(chosen[0])} prints" if several else "printed"
    return tag(
        "div",
        None,
        tag("div", {"class": "mt-dim"}, one_line(label, _ERROR_WIDTH)),
        tag("pre", {**_OUTPUT, "aria-label": "output"}, "\n".join(lines)),
    )
