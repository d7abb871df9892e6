"""A table of runs as a picture: texts in rows and columns, for formats that have no tables."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING, Any

from mltrack_widgets.charts.columns import columns_of, number_of, short_name, text_of
from mltrack_widgets.charts.look import CONFIG, Drawn, label, nothing
from mltrack_widgets.format import count, exact_time, number, param_value, short_id
from mltrack_widgets.panels.colours import UNCHOSEN

if TYPE_CHECKING:
    import altair as alt

    from mltrack_widgets.charts.columns import Frame
    from mltrack_widgets.charts.look import Spec

ROW, LETTER, BETWEEN = 24, 6.4, 20
"""Pixels: a row's height, a letter's width, and between two columns."""
MOST_ROWS, MOST_COLUMNS, LONGEST = 100, 12, 28
_LEFT_OUT = ("artifact_uri", "experiment_id", "tags.mlflow.", "end_time")


def run_table_chart(frame: Frame) -> alt.LayerChart | alt.ConcatChart:
    """Draw a table as texts, at most 100 rows and 12 columns.

    ``frame`` is a DataFrame or a dict of columns with a row a run, such as ``mltrack.search_runs()`` gives. Columns of
    one name (``params.C``) are headed by it (``C``); numbers have 4 significant digits and stand at the right.
    """
    return draw_table(columns_of(frame)).chart


def draw_table(columns: dict[str, list[Any]]) -> Drawn:
    """Draw columns as texts; reads ``words`` and ``numbers`` (x: the left or right edge, y, text, head), ``rules``."""
    names = [name for name in columns if not name.startswith(_LEFT_OUT)]
    if "tags.mlflow.runName" in columns:
        names.insert(0, "tags.mlflow.runName")
    rows = len(next(iter(columns.values()), ()))
    if not names or not rows:
        return nothing("There are no runs to show.")
    shown = names[:MOST_COLUMNS]
    words: dict[str, list[Any]] = {"x": [], "y": [], "text": [], "head": []}
    numbers: dict[str, list[Any]] = {"x": [], "y": [], "text": [], "head": []}
    left = 0.0
    for name in shown:
        given = columns[name][:MOST_ROWS]
        texts = [_heading(name), *(_cell(name, value) for value in given)]
        width = LETTER * max(map(len, texts))
        is_number = all(value is None or _is_number(value) for value in given)
        into = numbers if is_number else words
        into["x"] += [left + width if is_number else left] * len(texts)
        into["y"] += [ROW * at + ROW / 2 for at in range(len(texts))]
        into["text"] += texts
        into["head"] += [True] + [False] * len(given)
        left += width + BETWEEN
    drawn = min(rows, MOST_ROWS)
    data = {"words": words, "numbers": numbers, "rules": {"y": [ROW * at for at in range(1, drawn + 1)]}}
    return Drawn(_spec(left - BETWEEN, ROW * (drawn + 1)), data, _words(rows, len(names)))


def _words(rows: int, names: int) -> str:
    said = [count(rows, "run") if rows <= MOST_ROWS else f"the first {MOST_ROWS} of {rows} runs"]
    if names > MOST_COLUMNS:
        said.append(f"{MOST_COLUMNS} of {names} columns")
    return ", ".join(said)


def _heading(name: str) -> str:
    return "run" if name == "tags.mlflow.runName" else label(short_name(name).replace("_", " "), LONGEST)


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and (isinstance(value, Real) or not math.isnan(number_of(value)))


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "run_id":
        return short_id(str(value))
    if name in ("start_time", "end_time"):
        return exact_time(int(value)) if math.isfinite(number_of(value)) else ""
    if isinstance(value, Real) and not isinstance(value, bool):
        return number(float(value))
    return label(param_value(text_of(value)), LONGEST)


def _spec(width: float, height: float) -> Spec:
    across = {"field": "x", "type": "quantitative", "scale": None, "axis": None}
    down = {"field": "y", "type": "quantitative", "scale": None, "axis": None}
    return {
        "config": CONFIG,
        "width": math.ceil(width),
        "height": height,
        "layer": [
            _texts("words", across, down, align="left"),
            _texts("numbers", across, down, align="right"),
            {
                "data": {"name": "rules"},
                "mark": {"type": "rule", "color": UNCHOSEN, "opacity": 0.3},
                "encoding": {"y": down, "x": {"value": 0}, "x2": {"value": math.ceil(width)}},
            },
        ],
    }


def _texts(source: str, across: Spec, down: Spec, *, align: str) -> Spec:
    mark: Spec = {"type": "text", "align": align, "baseline": "middle", "fontSize": 11}
    mark["fontWeight"] = {"expr": "datum.head ? 'bold' : 'normal'"}
    return {
        "data": {"name": source},
        "mark": mark,
        "encoding": {"x": across, "y": down, "text": {"field": "text", "type": "nominal"}},
    }
