"""A table of runs: what they were given side by side with what came out, the params that vary first."""

from __future__ import annotations

from itertools import accumulate, chain, pairwise, zip_longest
from typing import TYPE_CHECKING, NamedTuple

from mltrack_widgets.bundle import Bundle, framed
from mltrack_widgets.card_rows import telling_metrics, telling_params_of
from mltrack_widgets.format import count, middle_cut, one_line, param_value, terminal_width
from mltrack_widgets.html import Markup, hover, join, tag
from mltrack_widgets.run_card import NAME_WIDTH, TEXT_WIDTH, run_duration
from mltrack_widgets.table_cells import (
    Cell,
    are_numbers,
    id_cell,
    metric_cell,
    moment_cell,
    param_cell,
    status_cell,
    text_cell,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mltrack.entities import Run

MOST_COLUMNS = 12
"""The most columns of params, and of metrics; the names of the others go into the caption."""

TERMINAL_WIDTH = 120

_FIRST_LINE = "%%track_run"
_MOST_NAMED = 24
_TEXT_CELL = 20
# Inline, so that it holds in untrusted notebooks too (see bundle.framed).
_SCROLL = {"class": "mt-scroll", "style": "max-height:400px;overflow:auto", "tabindex": "0", "role": "region"}
_NO_WRAP = {"style": "white-space:nowrap"}


class _Word(NamedTuple):
    """A part of a sentence, the element that sets it off from the rest, and what hovering over it says."""

    text: str
    element: str = ""
    title: str | None = None


class _Column(NamedTuple):
    """A column: its header, what the header stands for, and a cell for each run.

    Cells of a column that ``keeps_line`` stay on one line where the style rules were taken out, too.
    """

    title: str
    kind: str
    cells: Sequence[Cell]
    is_number: bool = False
    keeps_line: bool = False


class _Table(NamedTuple):
    """What is shown of the runs: columns, and in words what is not in them."""

    heading: Sequence[_Word]
    notes: Sequence[str]
    columns: Sequence[_Column]


def run_table(
    runs: Sequence[Run], *, experiment_names: Mapping[str, str], total: int, filter_text: str, now_ms: int
) -> Bundle:
    """Draw runs as a table, in the order given; the arguments are those of ``bare_run_table``."""
    drawn = bare_run_table(runs, experiment_names=experiment_names, total=total, filter_text=filter_text, now_ms=now_ms)
    return Bundle(html=framed(drawn.html), text=drawn.text)


def bare_run_table(
    runs: Sequence[Run], *, experiment_names: Mapping[str, str], total: int, filter_text: str, now_ms: int
) -> Bundle:
    """Draw runs as a table, in the order given, without the frame that gives output its look.

    ``experiment_names`` maps the id of each experiment that was looked at to its name, ``total`` counts the runs there
    are, shown or not, ``filter_text`` is the search they were found with (empty for none), ``now_ms`` is the time of
    reading (ms since 1970, UTC).
    """
    names = list(experiment_names.values())
    if not runs:
        return _empty(names, total=total, filter_text=filter_text)
    heading = _heading(f"{len(runs)} of {count(total, 'run')}", names, filter_text=filter_text)
    if all(newer.info.start_time >= older.info.start_time for newer, older in pairwise(runs)):
        heading.append(_Word(", newest first"))
    params, folded = _params(runs)
    metrics = _metrics(runs)
    notes = [*folded, *_left_out(params, "param"), *_left_out(metrics, "metric")]
    columns = [*_identity(runs, experiment_names, now_ms=now_ms), *params[:MOST_COLUMNS], *metrics[:MOST_COLUMNS]]
    table = _Table(heading, notes, columns)
    return Bundle(html=_html(table, len(runs)), text=_text(table, len(runs)))


# What the table says


def _heading(counted: str, names: Sequence[str], *, filter_text: str) -> list[_Word]:
    found = [_Word(" matching "), _filter(filter_text)] if filter_text else []
    return [_Word(counted), *_of_experiments(names), *found]


def _of_experiments(names: Sequence[str]) -> list[_Word]:
    if len(names) == 1:
        return [_Word(" of "), _cut_word(names[0], "em", width=NAME_WIDTH)]
    return [_Word(f" of {count(len(names), 'experiment')}")] if names else []


def _filter(text: str) -> _Word:
    return _cut_word(text, "code", width=200)


def _cut_word(text: str, element: str, *, width: int) -> _Word:
    return _Word(one_line(text, width), element, text if len(text) > width else None)


def _identity(runs: Sequence[Run], experiment_names: Mapping[str, str], *, now_ms: int) -> list[_Column]:
    infos = [run.info for run in runs]
    columns = [
        _Column("status", "", [status_cell(info.status) for info in infos]),
        _Column("name", "", [text_cell(info.run_name, NAME_WIDTH) for info in infos], keeps_line=True),
        _Column("id", "", [id_cell(info.run_id) for info in infos]),
        _Column("started", "", [moment_cell(info.start_time, now_ms) for info in infos]),
        _Column("duration", "", [Cell(run_duration(run, now_ms)) for run in runs], is_number=True, keeps_line=True),
    ]
    if len({info.experiment_id for info in infos}) > 1:
        cells = [text_cell(experiment_names.get(info.experiment_id, info.experiment_id)) for info in infos]
        columns.insert(2, _Column("experiment", "", cells))
    return columns


def _params(runs: Sequence[Run]) -> tuple[list[_Column], list[str]]:
    """Return a column for each param that varies, and one line that names those that are the same in all runs."""
    params = [run.data.params for run in runs]
    names = telling_params_of(runs)
    constant = [name for name in names if len(runs) > 1 and len({values.get(name) for values in params}) == 1]
    folded = [f"{_short(name)} {_short(param_value(params[0][name]))}" for name in constant]
    columns = [_param_column(name, [values.get(name) for values in params]) for name in names if name not in constant]
    return columns, [f"same in all: {_named(folded)}"] if folded else []


def _param_column(name: str, values: Sequence[str | None]) -> _Column:
    return _Column(name, "param", [param_cell(value) for value in values], is_number=are_numbers(values))


def _metrics(runs: Sequence[Run]) -> list[_Column]:
    metrics = [run.data.metrics for run in runs]
    return [
        _Column(name, "metric", [metric_cell(values.get(name)) for values in metrics], is_number=True)
        for name in telling_metrics(dict.fromkeys(_names(metrics), 0.0))
    ]


def _names(tables: Iterable[Mapping[str, object]]) -> list[str]:
    return list(dict.fromkeys(chain.from_iterable(tables)))


def _left_out(columns: Sequence[_Column], noun: str) -> list[str]:
    hidden = [_short(column.title) for column in columns[MOST_COLUMNS:]]
    return [f"{count(len(hidden), f'more {noun}')}: {_named(hidden)}"] if hidden else []


def _short(text: str) -> str:
    return one_line(text, TEXT_WIDTH)


def _named(names: Sequence[str]) -> str:
    rest = len(names) - _MOST_NAMED
    return ", ".join([*names[:_MOST_NAMED], *([f"and {rest} more"] if rest > 0 else [])])


# HTML


def _html(table: _Table, rows: int) -> Markup:
    notes = [tag("div", {"class": "mt-dim"}, note) for note in table.notes]
    caption = tag("caption", None, tag("div", None, _sentence(table.heading)), *notes)
    head = tag("thead", None, tag("tr", None, *map(_header, table.columns)))
    body = tag("tbody", None, *(tag("tr", None, *(_row(table.columns, index))) for index in range(rows)))
    scroll = {**_SCROLL, "aria-label": "runs"}
    return tag("div", scroll, tag("table", None, caption, head, body))


def _header(column: _Column) -> Markup:
    attributes = {"scope": "col", **({"class": "mt-n"} if column.is_number else {})}
    if column.kind:
        attributes["title"] = hover(f"{column.kind} {column.title}")
    return tag("th", attributes, one_line(column.title, TEXT_WIDTH))


def _row(columns: Sequence[_Column], index: int) -> Iterable[Markup]:
    return (_data_cell(column, column.cells[index]) for column in columns)


def _data_cell(column: _Column, cell: Cell) -> Markup:
    attributes = {"class": "mt-n"} if column.is_number else {}
    if column.keeps_line:
        attributes |= _NO_WRAP
    if cell.title is not None:
        attributes["title"] = hover(cell.title)
    return tag("td", attributes, cell.markup or cell.text)


def _sentence(words: Sequence[_Word]) -> Markup:
    return join([_word(word) for word in words])


def _word(word: _Word) -> Markup | str:
    attributes = {} if word.title is None else {"title": hover(word.title)}
    return tag(word.element, attributes, word.text) if word.element else word.text


# Text


def _text(table: _Table, rows: int) -> str:
    columns = _fitting(table.columns)
    lines = [
        "  ".join(parts).rstrip() for parts in zip(*(_text_column(column, rows) for column in columns), strict=True)
    ]
    hidden = len(table.columns) - len(columns)
    more = [f"{count(hidden, 'more column')} not shown here"] if hidden else []
    return "\n".join([_plain(table.heading), *lines, *table.notes, *more])


def _fitting(columns: Sequence[_Column]) -> list[_Column]:
    """Return the columns that fit into a terminal, in their order; params and metrics get room by turns."""
    groups = [[column for column in columns if column.kind == kind] for kind in ("", "metric", "param")]
    by_turns = [column for pair in zip_longest(*groups[1:]) for column in pair if column is not None]
    ends = accumulate(_text_width(column) + 2 for column in [*groups[0], *by_turns])
    kept = {id(column) for column, end in zip([*groups[0], *by_turns], ends, strict=True) if end <= TERMINAL_WIDTH + 2}
    return [column for column in columns if id(column) in kept]


def _text_width(column: _Column) -> int:
    return max(terminal_width(middle_cut(text, _TEXT_CELL)) for text in _texts(column))


def _texts(column: _Column) -> Iterable[str]:
    return (one_line(column.title, TEXT_WIDTH), *(cell.text for cell in column.cells))


def _text_column(column: _Column, rows: int) -> list[str]:
    width = _text_width(column)
    texts = [middle_cut(text, _TEXT_CELL) for text in _texts(column)][: rows + 1]
    blanks = [" " * (width - terminal_width(text)) for text in texts]
    return [blank + text if column.is_number else text + blank for blank, text in zip(blanks, texts, strict=True)]


def _plain(words: Sequence[_Word]) -> str:
    return "".join(word.text for word in words)


# Nothing to show


def _empty(names: Sequence[str], *, total: int, filter_text: str) -> Bundle:
    """Say why there are no runs, and what to type to have some."""
    if filter_text and total:
        said = [_Word("None of "), _Word(count(total, "run")), *_of_experiments(names), _Word(" matches ")]
        said.append(_filter(filter_text))
        return Bundle(html=tag("div", None, _sentence(said)), text=_plain(said))
    said = [_Word("No runs"), *_of_experiments(names), _Word(" yet. A cell becomes a run with this as its first line:")]
    html = join([tag("div", None, _sentence(said)), tag("pre", None, _FIRST_LINE)])
    return Bundle(html=html, text=f"{_plain(said)}\n\n    {_FIRST_LINE}")
