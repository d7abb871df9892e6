"""What the run table's page is told: columns, rows and words, all of them texts that are ready to be shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mltrack.plain_text import visible
from mltrack.store.filters import parse_order
from mltrack_widgets.format import count, difference, number, one_line
from mltrack_widgets.html import hover
from mltrack_widgets.panels.colours import run_colours
from mltrack_widgets.panels.table_fields import ATTRIBUTE, METRIC, PARAM, Field
from mltrack_widgets.run_card import NAME_WIDTH, TEXT_WIDTH, run_duration
from mltrack_widgets.table_cells import (
    NO_VALUE,
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
    from collections.abc import Callable, Mapping, Sequence

    from mltrack.entities import Run
    from mltrack.store.summaries import RunGroup
    from mltrack_widgets.panels.table_page import TablePage, TableRow

FIRST_LINE = "%%track_run"
_RUNS = Field("", "runs")
"""The column of a grouped table that counts the runs of each group."""


@dataclass(frozen=True, slots=True)
class TableLook:
    """How a page is shown: its columns, which runs are chosen, what they are compared with, and when it was read.

    ``experiments`` maps ids to names, ``now_ms`` is ms since 1970.
    """

    fields: Sequence[Field]
    chosen: Sequence[str]
    baseline: Run | None
    experiments: Mapping[str, str]
    now_ms: int


def table_state(page: TablePage, look: TableLook) -> dict[str, Any]:
    """Put a page into words for the widget; every text in it is one line, with what hides or moves text spelled out."""
    fields = _columns(page, look)
    order = {str(each.key): each.descending for each in parse_order(page.query.runs.order_by)[:1]}
    chosen = run_colours.lines(look.chosen)
    group = page.query.group
    return {
        "columns": [_column(each, page, order) for each in fields],
        "rows": [_row(row, fields, look) | _marks(row, chosen, look) for row in page.rows],
        "count": _count_words(page),
        "scope": _scope(page, look),
        "pages": _pages(page),
        "typed": page.query.runs.filter_string,
        "group": "" if group is None else group.key,
        "grouped": "" if group is None else one_line(group.name, TEXT_WIDTH),
        "folded": page.query.folded,
        "chosen": len(look.chosen),
        "baseline": _baseline(look.baseline),
        "empty": _empty(page),
    }


# Columns


def _columns(page: TablePage, look: TableLook) -> list[Field]:
    """Give the columns; in a grouped table the groups come first, and about runs only where one is open."""
    group = page.query.group
    if group is None:
        return list(look.fields)
    shown = [_RUNS, *page.metrics]
    if any(row.level > 1 for row in page.rows):
        shown += [each for each in look.fields if each.kind == ATTRIBUTE and each.name != "name"]
    return [group, *(each for each in shown if each != group)]


def _column(wanted: Field, page: TablePage, order: Mapping[str, bool]) -> dict[str, Any]:
    sorted_by = order.get(wanted.order_key) if wanted.kind else None
    return {
        "key": wanted.key,
        "title": one_line(wanted.name, TEXT_WIDTH),
        "hover": _title(wanted.words),
        "number": _is_number(wanted, page),
        "sortable": bool(wanted.kind and wanted.sought),
        "order": "none" if sorted_by is None else "descending" if sorted_by else "ascending",
    }


def _is_number(wanted: Field, page: TablePage) -> bool:
    if wanted == page.query.group:
        return False  # the names of its runs stand below a group
    if wanted.kind == PARAM:
        return are_numbers(run.data.params.get(wanted.name) for run in page.runs)
    return wanted.kind == METRIC or wanted == _RUNS or wanted == Field(ATTRIBUTE, "duration")


# Rows


def _row(row: TableRow, fields: Sequence[Field], look: TableLook) -> dict[str, Any]:
    shown: dict[str, Any] = {"key": row.key, "level": row.level, "open": row.is_open, "note": row.note}
    if row.group is not None:
        cells = [_group_cell(each, place, row.group, look) for place, each in enumerate(fields)]
    elif row.run is not None:
        cells = [_run_cell(each, row.run, look) for each in fields]
        shown["id"] = row.run.info.run_id
        shown["attempts"] = f"{row.attempts} attempts" if row.attempts > 1 else ""
    else:
        cells = []
    return shown | {"cells": cells}


def _marks(row: TableRow, chosen: Mapping[str, Any], look: TableLook) -> dict[str, Any]:
    if row.run is None:
        return {}
    run_id = row.run.info.run_id
    line = chosen.get(run_id)
    marks: dict[str, Any] = {"name": one_line(row.run.info.run_name, NAME_WIDTH), "chosen": line is not None}
    if line is not None:
        marks |= {"colour": line.colour, "dashes": " ".join(map(str, line.dashes))}
    if look.baseline is not None and run_id == look.baseline.info.run_id:
        marks["baseline"] = True
    return marks


def _run_cell(wanted: Field, run: Run, look: TableLook) -> list[str]:
    if wanted.kind == ATTRIBUTE:
        return _sent(_ATTRIBUTE_CELLS[wanted.name](run, look))
    if wanted.kind == METRIC:
        value = run.data.metrics.get(wanted.name)
        is_other = look.baseline is None or run.info.run_id != look.baseline.info.run_id
        return _sent(metric_cell(value), _moved(wanted.name, value, look) if is_other else "")
    if wanted.kind == PARAM:
        return _sent(param_cell(run.data.params.get(wanted.name)))
    text = run.data.tags.get(wanted.name) if wanted.kind else None
    return _sent(NO_VALUE if text is None else text_cell(text))


def _group_cell(wanted: Field, place: int, group: RunGroup, look: TableLook) -> list[str]:
    if place == 0:
        return _sent(Cell("none") if group.value is None else param_cell(group.value))
    if wanted == _RUNS:
        return _sent(Cell(f"{group.count:,}"))
    if wanted.kind != METRIC or wanted.name not in group.metrics:
        return _sent(NO_VALUE)
    amount, mean, deviation = group.metrics[wanted.name]
    if not amount:
        return _sent(NO_VALUE)
    spread = "" if math.isnan(deviation) else f" ± {number(float(f'{deviation:.1e}'))}"
    title = f"mean {mean!r}" + (f", standard deviation {deviation!r}" if spread else "") + f", {count(amount, 'run')}"
    return _sent(Cell(f"{number(mean)}{spread} ({amount:,})", title), _moved(wanted.name, mean, look))


def _moved(metric: str, value: float | None, look: TableLook) -> str:
    """Write how far a metric is from the baseline's."""
    before = None if look.baseline is None else look.baseline.data.metrics.get(metric)
    return "" if value is None or before is None else difference(value, before)


def _sent(cell: Cell, moved: str = "") -> list[str]:
    """Give a cell as its text, its title and the difference to the baseline, without what is empty at the end."""
    if moved:
        return [cell.text, _title(cell.title or ""), moved]
    return [cell.text, _title(cell.title)] if cell.title else [cell.text]


def _title(text: str) -> str:
    return visible(hover(text))


def _ended(run: Run, look: TableLook) -> Cell:
    return NO_VALUE if run.info.end_time is None else moment_cell(run.info.end_time, look.now_ms)


def _experiment(run: Run, look: TableLook) -> Cell:
    return text_cell(look.experiments.get(run.info.experiment_id, run.info.experiment_id))


_ATTRIBUTE_CELLS: dict[str, Callable[[Run, TableLook], Cell]] = {
    "status": lambda run, _: status_cell(run.info.status),
    "name": lambda run, _: text_cell(run.info.run_name, NAME_WIDTH),
    "id": lambda run, _: id_cell(run.info.run_id),
    "experiment": _experiment,
    "started": lambda run, look: moment_cell(run.info.start_time, look.now_ms),
    "ended": _ended,
    "duration": lambda run, look: Cell(run_duration(run, look.now_ms)),
    "user": lambda run, _: text_cell(run.info.user_id),
}


# Words


def _count_words(page: TablePage) -> str:
    noun = "group" if page.query.group is not None else "cell" if page.query.folded else ""
    shown = sum(row.level == 1 and not row.note for row in page.rows)
    runs = f"{page.total:,} {'run' if page.total == 1 else 'runs'}"
    return f"{count(shown, noun)} of {runs}" if noun else f"{shown:,} of {runs}"


def _scope(page: TablePage, look: TableLook) -> str:
    names = {run.info.experiment_id for run in page.runs} or set(look.experiments)
    if len(names) == 1:
        name = next(iter(names))
        return f"of {one_line(look.experiments.get(name, name), NAME_WIDTH)}"
    return f"of {count(len(names), 'experiment')}" if names else ""


def _pages(page: TablePage) -> dict[str, Any]:
    """Say which rows these are, and whether there are others before and after."""
    first, last = page.query.offset + 1, page.query.offset + page.parents
    of = f" of {page.total:,}" if not page.query.folded else ""
    return {
        "words": f"{first:,}–{last:,}{of}",
        "first": first,
        "total": -1 if page.query.folded or page.query.group else page.total,
        "before": bool(page.query.tokens),
        "after": page.token is not None,
    }


def _baseline(run: Run | None) -> dict[str, str] | None:
    if run is None:
        return None
    return {"id": run.info.run_id, "name": one_line(run.info.run_name, NAME_WIDTH)}


def _empty(page: TablePage) -> dict[str, str] | None:
    """Say why there are no rows, and what to type to have some."""
    if page.rows:
        return None
    if page.query.runs.filter_string:
        return {"words": "No run matches this filter.", "code": ""}
    if page.query.offset:
        return {"words": "The runs of this page are gone; go back to the one before.", "code": ""}
    return {"words": "No runs yet. A cell becomes a run with this as its first line:", "code": FIRST_LINE}
