"""Charts of what trainings and evaluations leave as tables: confusion matrices, curves, residuals, importances.

Each is a pure function of the table's columns and gives a specification as a plain dictionary, which needs no Altair.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mltrack_widgets.charts.look import (
    BLUE,
    CONFIG,
    GAP,
    HEIGHT,
    NUMBER,
    WIDTH,
    Drawn,
    Parts,
    label,
    palette_line,
    title,
)
from mltrack_widgets.panels.colours import UNCHOSEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import altair as alt

    from mltrack_widgets.charts.look import Columns, Spec

MOST_FEATURES = 20
MOST_NUMBERED = 144
"""Cells of a confusion matrix that have room for their numbers."""
_DIAGONAL: Columns = {"x": [0, 1], "y": [0, 1]}
_RATES = {
    "fpr": "false positive rate",
    "tpr": "true positive rate",
    "mean_predicted": "mean predicted probability",
    "fraction_positive": "fraction of positives",
}


def draw(title: str, columns: Columns) -> alt.Chart | alt.LayerChart | None:
    """Draw the chart that belongs to a table of these columns, as Altair's; None when none does."""
    parts = table_chart(title, columns)
    if parts is None:
        return None
    made: alt.LayerChart = Drawn(parts.spec, parts.columns).chart  # type: ignore[assignment]
    return made


def table_chart(title: str, columns: Columns, *, source: str = "table") -> Parts | None:
    """Draw the chart that belongs to a table of these columns; None when none does.

    ``source`` begins the names of its data.
    """
    names = set(columns)
    if not columns or not any(columns.values()):
        return None
    if names >= {"true", "predicted", "count"}:
        return _confusion_matrix(title, columns, source)
    for across, up in (("fpr", "tpr"), ("recall", "precision"), ("mean_predicted", "fraction_positive")):
        if names >= {across, up}:
            return _curves(title, columns, source, axes=(across, up))
    if names >= {"predicted", "residual"}:
        return _residuals(title, columns, source)
    if "feature" in names and len(names) > 1:
        return _importances(title, columns, source)
    return None


def tables_chart(tables: Mapping[str, Columns]) -> Drawn:
    """Draw all of the tables that have charts, by their titles, in rows of two."""
    drawn = [table_chart(name, columns, source=f"table_{at}") for at, (name, columns) in enumerate(tables.items())]
    parts = [each for each in drawn if each is not None]
    spec: Spec = {
        "config": CONFIG,
        "concat": [each.spec for each in parts],
        "columns": 2,
        "spacing": GAP,
        "resolve": {"scale": {"color": "independent"}},
    }
    return Drawn(spec, {name: columns for each in parts for name, columns in each.columns.items()})


def _confusion_matrix(name: str, columns: Columns, source: str) -> Parts:
    """Draw counts by true and predicted class, ``columns`` being ``true``, ``predicted`` and ``count``."""
    data: dict[str, Sequence[Any]] = {
        **{each: _distinct(columns[each], width=16) for each in ("true", "predicted")},
        "count": [_number(count) for count in columns["count"]],
    }
    x = _nominal("predicted", list(dict.fromkeys(data["predicted"])))
    y = _nominal("true", list(dict.fromkeys(data["true"])))
    tips = [{"field": each, "type": "nominal"} for each in ("true", "predicted")]
    counted: Spec = {"field": "count", "type": "quantitative"}
    tips.append({**counted, "format": NUMBER})
    colour = {**counted, "scale": {"scheme": "blues"}, "legend": None}
    cells = {"mark": {"type": "rect"}, "encoding": {"x": x, "y": y, "color": colour, "tooltip": tips}}
    # on the darker half of the colours numbers are white, whatever the page
    middle = max(count or 0 for count in data["count"]) / 2
    ink = {"condition": {"test": f"datum.count > {middle!r}", "value": "white"}, "value": "#222"}
    size = 11 if len(data["count"]) <= 36 else 8
    numbers = {
        "mark": {"type": "text", "fontSize": size, "tooltip": None},
        "encoding": {"x": x, "y": y, "text": {**counted, "format": "~g"}, "color": ink},
    }
    layers = [cells, numbers] if len(data["count"]) <= MOST_NUMBERED else [cells]
    return _layered(name, layers, {source: data}, source)


def _nominal(field: str, order: Sequence[str]) -> Spec:
    return {"field": field, "type": "nominal", "sort": order, "title": field, "axis": {"labelLimit": 90}}


def _curves(name: str, columns: Columns, source: str, *, axes: tuple[str, str]) -> Parts:
    """Draw one rate against another, both from 0 to 1, in the order of the rows; a line for each ``class``."""
    across, up = axes
    rows = range(len(columns[across]))
    data: dict[str, Sequence[Any]] = {across: columns[across], up: columns[up], "order": list(rows)}
    scale = {"domain": [0, 1]}
    encoding: Spec = {
        "x": {"field": across, "type": "quantitative", "scale": scale, "title": _RATES.get(across, across)},
        "y": {"field": up, "type": "quantitative", "scale": scale, "title": _RATES.get(up, up)},
        "order": {"field": "order", "type": "quantitative"},
        "tooltip": [_tip(across), _tip(up)],
    }
    for more in ("threshold", "count"):
        if more in columns:
            data[more] = columns[more]
            encoding["tooltip"].append(_tip(more))
    if "class" in columns:
        data["class"] = _distinct(columns["class"])
        _colour_classes(encoding, list(dict.fromkeys(data["class"])))
    mark: Spec = {"type": "line", "interpolate": "step-before" if across == "recall" else "linear"}
    if "class" not in columns:
        mark["color"] = BLUE
    if across == "mean_predicted":
        mark["point"] = {"size": 24} | ({} if "class" in columns else {"color": BLUE})
    layers = [{"mark": mark, "encoding": encoding}]
    if across == "recall":
        return _layered(name, layers, {source: data}, source)
    return _layered(name, layers, {source: data, f"{source}_diagonal": _DIAGONAL}, source, more=[_diagonal(source)])


def _diagonal(source: str) -> Spec:
    """Draw what a model that knows nothing, or that knows its own probability, has."""
    mark = {"type": "line", "color": UNCHOSEN, "strokeWidth": 1, "strokeDash": [4, 3], "tooltip": None}
    encoding = {axis: {"field": axis, "type": "quantitative"} for axis in ("x", "y")}
    return {"data": {"name": f"{source}_diagonal"}, "mark": mark, "encoding": encoding}


def _colour_classes(encoding: Spec, classes: Sequence[str]) -> None:
    lines = [palette_line(place) for place in range(len(classes))]
    legend = {"title": None, "symbolType": "stroke"}
    field = {"field": "class", "type": "nominal", "legend": legend}
    encoding["color"] = {**field, "scale": {"domain": classes, "range": [line.colour for line in lines]}}
    if len(classes) > len({line.colour for line in lines}):
        encoding["strokeDash"] = {**field, "scale": {"domain": classes, "range": [list(line.dashes) for line in lines]}}
    encoding["tooltip"].insert(0, {"field": "class", "type": "nominal"})


def _residuals(name: str, columns: Columns, source: str) -> Parts:
    """Draw what the truth is above each prediction, and the line where both are the same."""
    data = {each: columns[each] for each in ("predicted", "residual")}
    scale = {"zero": False, "nice": False, "padding": 8}
    x = {"field": "predicted", "type": "quantitative", "scale": scale, "title": "predicted"}
    y = {"field": "residual", "type": "quantitative", "title": "true − predicted"}
    opacity = 0.8 if len(data["residual"]) <= 200 else 0.5
    points = {
        "mark": {"type": "circle", "size": 16, "color": BLUE, "opacity": opacity},
        "encoding": {"x": x, "y": y, "tooltip": [_tip("predicted"), _tip("residual")]},
    }
    line = {
        "mark": {"type": "rule", "color": UNCHOSEN, "strokeDash": [4, 3], "tooltip": None},
        "encoding": {"y": {"datum": 0}},
    }
    return _layered(name, [points, line], {source: data}, source)


def _importances(name: str, columns: Columns, source: str) -> Parts:
    """Draw a bar for each feature, the largest first, at most 20; the value is the first column beside ``feature``."""
    value = next(each for each in columns if each != "feature")
    pairs = [
        (str(feature), float(number))
        for feature, number in zip(columns["feature"], columns[value], strict=True)
        if isinstance(number, (int, float))
    ]
    pairs.sort(key=lambda pair: -abs(pair[1]))
    shown = pairs[:MOST_FEATURES]
    data: dict[str, Sequence[Any]] = {
        "feature": _distinct([feature for feature, _ in shown], width=24),
        "value": [number for _, number in shown],
    }
    bars = {
        "mark": {"type": "bar", "color": BLUE},
        "encoding": {
            "x": {"field": "value", "type": "quantitative", "title": label(value)},
            "y": {"field": "feature", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 160}},
            "tooltip": [{"field": "feature", "type": "nominal"}, _tip("value")],
        },
    }
    return _layered(name, [bars], {source: data}, source)


def _layered(
    name: str, layers: Sequence[Spec], columns: dict[str, Columns], source: str, *, more: Sequence[Spec] = ()
) -> Parts:
    own = [{"data": {"name": source}, **layer} for layer in layers]
    return Parts({"title": title(name), "width": WIDTH, "height": HEIGHT, "layer": [*own, *more]}, columns)


def _tip(field: str) -> Spec:
    return {"field": field, "type": "quantitative", "title": _RATES.get(field, field), "format": NUMBER}


def _distinct(values: Iterable[Any], *, width: int = 32) -> list[str]:
    """Give texts that can be shown, different ones for different values."""
    shown: dict[str, str] = {}
    taken: set[str] = set()
    made = []
    for value in map(str, values):
        if value not in shown:
            text = label(value, width)
            shown[value] = text if text not in taken else f"{text} ({len(shown) + 1})"
            taken.add(shown[value])
        made.append(shown[value])
    return made


def _number(value: Any) -> float:
    """Give a count of a table that somebody may have written by hand."""
    return value if isinstance(value, (int, float)) and math.isfinite(value) else 0
