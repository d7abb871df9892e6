"""How an evaluation looks: what was measured on what, its metrics beside the baseline's, slices, and remarks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from mltrack_widgets.format import aligned, count, difference, number, one_line, short_id
from mltrack_widgets.html import NOTHING, Markup, hover, join, short_text, tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.evaluation.result import EvaluationResult

NAME_WIDTH, TEXT_WIDTH, NOTE_WIDTH = 40, 28, 300
MOST_UNFOLDED = 12
"""As many slices are seen at once; more are folded."""
_MOST_ROWS = 200
# What says least comes last, and not at all of slices.
_COUNTS = ("example_count", "true_negatives", "false_positives", "false_negatives", "true_positives")
_SUMS = ("sum_on_target", "mean_on_target")
_OF_SLICES = (
    *("accuracy_score", "precision_score", "recall_score", "f1_score", "roc_auc", "log_loss"),
    *("mean_absolute_error", "root_mean_squared_error", "r2_score"),
)
_SHORT = {"mean_absolute_error": "MAE", "root_mean_squared_error": "RMSE", "r2_score": "R²", "log_loss": "log loss"}
_SHORT.update(accuracy_score="accuracy", precision_score="precision", recall_score="recall", f1_score="F1")
_SHORT.update(roc_auc="ROC AUC")

# Inline, so that it holds in untrusted notebooks too (see bundle.framed).
_ITEMS = {"style": "display:flex;flex-wrap:wrap;gap:0 16px"}
_SCROLL = {"class": "mt-scroll", "style": "overflow-x:auto", "tabindex": "0", "role": "region"}
_SECTION = {"style": "padding:4px 0"}
_RIGHT = {"class": "mt-n", "style": "text-align:right"}
_LEFT = {"style": "text-align:left"}
_SUMMARY = {"class": "mt-dim", "style": "cursor:pointer"}


class Table(NamedTuple):
    """Rows of texts under a head; ``numbers`` are the columns that stand at the right."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int]


def evaluation_html(result: EvaluationResult) -> Markup:
    """Draw an evaluation without its charts."""
    shown = metrics_table(result)
    metrics = _table(shown, "metrics") if len(shown.head) > 2 else _items(shown)
    slices = slices_table(result)
    notes = [tag("div", {"class": "mt-dim"}, one_line(note, NOTE_WIDTH)) for note in result.about.notes]
    return join(
        [
            tag("div", _ITEMS, *_who(result)),
            tag("section", _SECTION, metrics),
            tag("section", _SECTION, _slices(slices)) if slices is not None else NOTHING,
            *notes,
        ]
    )


def evaluation_text(result: EvaluationResult) -> str:
    """Write an evaluation as a terminal shows it."""
    about = result.about
    lines = ["  ".join([one_line(about.model or "predictions", NAME_WIDTH), *_facts(result)])]
    for table in (metrics_table(result), slices_table(result)):
        if table is not None:
            lines += ["", *aligned([table.head, *table.rows])]
    return "\n".join([*lines, *(one_line(note, NOTE_WIDTH) for note in about.notes)])


def metrics_table(result: EvaluationResult) -> Table:
    """Give a row for each metric: value, and where there is one the baseline's, the difference, and what was wanted."""
    about = result.about
    names = sorted(result.metrics, key=_dullness)
    head = ["metric", "value"]
    if about.baseline:
        head += [f"baseline {one_line(about.baseline_model, TEXT_WIDTH)}".strip(), "difference"]
    if about.wanted:
        head.append("has to be")
    rows = []
    for name in names:
        value, base = result.metrics[name], about.baseline.get(name)
        row = [one_line(name, NAME_WIDTH), number(value)]
        if about.baseline:
            row += ["", ""] if base is None else [number(base), difference(value, base)]
        if about.wanted:
            row.append(about.wanted.get(name, ""))
        rows.append(row)
    return Table(head, rows, frozenset({1, 2, 3} if about.baseline else {1}))


def _dullness(name: str) -> int:
    return 2 if name.endswith(_COUNTS) else int(name == "score" or name.endswith(_SUMS))


def slices_table(result: EvaluationResult) -> Table | None:
    """Give a row for each slice with the metrics that say most; None when there are no slices."""
    columns = result.columns().get("slices")
    if not columns or not {"slice", "value", "count", "note"} <= columns.keys():
        return None
    names = [name for name in _OF_SLICES if name in columns]
    head = ["slice", "value", "rows", *(_SHORT[name] for name in names), "note"]
    rows = [
        [
            one_line(str(columns["slice"][at]), TEXT_WIDTH),
            one_line(str(columns["value"][at]), TEXT_WIDTH),
            f"{columns['count'][at]:,}",
            *(_cell(columns[name][at]) for name in names),
            one_line(str(columns["note"][at]), NOTE_WIDTH),
        ]
        for at in range(len(columns["slice"]))
    ]
    if not any(row[-1] for row in rows):
        head, rows = head[:-1], [row[:-1] for row in rows]
    return Table(head, rows, frozenset(range(2, 3 + len(names))))


def _cell(value: Any) -> str:
    return number(value) if isinstance(value, (int, float)) and not math.isnan(value) else "–"


def _facts(result: EvaluationResult) -> list[str]:
    about = result.about
    data = " ".join(
        filter(None, [count(about.rows, "row"), about.dataset and f"of {one_line(about.dataset, TEXT_WIDTH)}"])
    )
    return list(filter(None, [about.model_type, data if about.rows else "", one_line(about.digest, 12)]))


def _who(result: EvaluationResult) -> list[Markup]:
    about = result.about
    name = short_text(about.model or "predictions", NAME_WIDTH, css="mt-name")
    facts = [tag("span", {"class": "mt-dim"}, " · ".join(_facts(result)))]
    if result.run_id:
        run = tag("code", {"class": "mt-id", "title": result.run_id}, short_id(result.run_id))
        facts.append(tag("span", {"class": "mt-dim"}, "run ", run))
    return [tag("span", None, name), *facts]


def _items(table: Table) -> Markup:
    return tag("div", _ITEMS, *(_item(name, value) for name, value in table.rows))


def _item(name: str, value: str) -> Markup:
    return tag("span", None, tag("bdi", {"class": "mt-dim"}, name), " ", tag("bdi", None, value))


def _slices(table: Table) -> Markup:
    drawn = _table(table, "slices")
    if len(table.rows) <= MOST_UNFOLDED:
        return drawn
    return tag("details", None, tag("summary", _SUMMARY, f"▸ {len(table.rows)} slices"), drawn)


def _table(table: Table, name: str) -> Markup:
    head = [tag("th", {"scope": "col", **_side(table, at)}, text) for at, text in enumerate(table.head)]
    rows = [
        tag(
            "tr",
            None,
            *(tag("td", {**_side(table, at), **_title(text)}, tag("bdi", None, text)) for at, text in enumerate(row)),
        )
        for row in table.rows[:_MOST_ROWS]
    ]
    body = tag("tbody", None, *rows)
    return tag(
        "div", {**_SCROLL, "aria-label": name}, tag("table", None, tag("thead", None, tag("tr", None, *head)), body)
    )


def _side(table: Table, at: int) -> Mapping[str, str]:
    return _RIGHT if at in table.numbers else _LEFT


def _title(text: str) -> Mapping[str, str]:
    return {"title": hover(text)} if len(text) > TEXT_WIDTH else {}
