"""A parameter against a metric: a point a run, how strongly they go together, and the trend."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mltrack_widgets.charts.columns import column, columns_of, in_order, number_of, numeric, short_name, text_of
from mltrack_widgets.charts.look import (
    CONFIG,
    HEIGHT,
    RAMP,
    WIDTH,
    Drawn,
    label,
    nothing,
    palette_line,
    title,
    value_scale,
)
from mltrack_widgets.charts.statistics import is_log, spearman, trend_line
from mltrack_widgets.format import count
from mltrack_widgets.panels.colours import PALETTE, UNCHOSEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import altair as alt

    from mltrack_widgets.charts.columns import Frame
    from mltrack_widgets.charts.look import Columns, Spec
    from mltrack_widgets.panels.colours import Line

MOST_CATEGORIES = 20
"""As many values of a parameter have a place of their own; rarer ones share one."""


@dataclass(frozen=True, slots=True)
class Scatter:
    """What is drawn: columns of one length, ``None`` where a run has no value.

    ``x`` and ``colour`` are params or metrics, ``y`` is a metric; ``ids`` are the runs' ids and ``names`` their names.
    ``titles`` are what x, y and colour are called.
    """

    ids: Sequence[str]
    names: Sequence[str]
    x: Sequence[Any]
    y: Sequence[Any]
    colour: Sequence[Any] | None = None
    titles: tuple[str, str, str] = ("", "", "")


def param_scatter(
    frame: Frame, *, x: str, y: str, color: str | None = None, lines: Mapping[str, Line] | None = None
) -> alt.LayerChart | alt.ConcatChart:
    """Draw a parameter against a metric, a point a run.

    Parameters
    ----------
    frame
        A DataFrame, or a dict of columns, with a row a run, such as ``mltrack.search_runs()`` gives.
    x, y, color
        Names of columns, with or without ``params.`` and ``metrics.``. Texts of numbers count as numbers; x is
        logarithmic when positive values span over two decades.
    lines
        Colours of chosen runs by id (the column ``run_id``); the others are grey.

    Raises
    ------
    InvalidParameterError
        For a column that is missing.

    """
    columns = columns_of(frame)
    length = len(column(columns, y))
    ids = [text_of(each) for each in columns.get("run_id", range(length))]
    named = next((columns[name] for name in ("run", "run_name", "tags.mlflow.runName") if name in columns), ids)
    points = Scatter(
        ids,
        [text_of(each) for each in named],
        column(columns, x),
        column(columns, y),
        None if color is None else column(columns, color),
        (short_name(x), short_name(y), short_name(color or "")),
    )
    return draw_scatter(points, lines).chart


def draw_scatter(points: Scatter, lines: Mapping[str, Line] | None = None) -> Drawn:
    """Draw a point a run; those in ``lines`` are chosen and have their colours, the others are grey.

    Reads ``points`` (i: the place in ``points.ids``, x, y, name, and colour when there is one), ``chosen`` (the same of
    the chosen runs, and ``stroke``) and ``trend`` (x, y). The interval parameter ``brush`` is over x and y.
    ``words`` say the correlation and what could not be drawn.
    """
    ys = [number_of(value) for value in points.y]
    is_numeric = numeric(points.x)
    xs = [number_of(value) for value in points.x]
    kept = [
        at
        for at, y in enumerate(ys)
        if math.isfinite(y) and (math.isfinite(xs[at]) if is_numeric else points.x[at] is not None)
    ]
    if not kept:
        return nothing(_no_points(points))
    return _Plot(points, kept, is_numeric, xs, ys).drawn(lines or {})


def _no_points(points: Scatter) -> str:
    x, y = (label(text) for text in points.titles[:2])
    return f"No run has both {x} and a finite {y}." if points.ids else "There are no runs to draw."


@dataclass(frozen=True)
class _Plot:
    points: Scatter
    kept: Sequence[int]
    is_numeric: bool
    xs: Sequence[float]
    ys: Sequence[float]

    def drawn(self, lines: Mapping[str, Line]) -> Drawn:
        all_points = self._columns(self.kept)
        chosen = [at for at in self.kept if self.points.ids[at] in lines]
        own = dict(self._columns(chosen))
        own["stroke"] = [lines[self.points.ids[at]].colour for at in chosen]
        columns: dict[str, Columns] = {"points": all_points, "chosen": own, "trend": self._trend()}
        layers = [self._all(), _trend_layer(self._x, self._y), self._chosen()]
        words = self._words()
        spec: Spec = {
            "config": CONFIG,
            "title": title(self.points.titles[1], words.partition(";")[0]),
            "width": WIDTH,
            "height": HEIGHT,
            "layer": layers,
            "params": [{"name": "brush", "views": ["points"], "select": {"type": "interval"}}],
        }
        return Drawn(spec, columns, words)

    @cached_property
    def _log_x(self) -> bool:
        return self.is_numeric and is_log(self.xs[at] for at in self.kept)

    @cached_property
    def _log_y(self) -> bool:
        return is_log(self.ys[at] for at in self.kept)

    def _columns(self, places: Sequence[int]) -> Columns:
        points = self.points
        categories = None if self.is_numeric else self._categories
        found: dict[str, list[Any]] = {
            "i": list(places),
            "x": [self.xs[at] if categories is None else categories[text_of(points.x[at])] for at in places],
            "y": [self.ys[at] for at in places],
            "name": [label(points.names[at]) for at in places],
        }
        if points.colour is not None:
            found["colour"] = self._colours(places)
        return found

    @cached_property
    def _categories(self) -> dict[str, str]:
        names = [text_of(self.points.x[at]) for at in self.kept]
        return categories_of(names, MOST_CATEGORIES)

    def _colours(self, places: Sequence[int]) -> list[Any]:
        values = self.points.colour or ()
        if numeric(values):
            numbers = (number_of(values[at]) for at in places)
            return [number if math.isfinite(number) else None for number in numbers]
        groups = categories_of([text_of(values[at]) for at in self.kept], len(PALETTE))
        return [groups[text_of(values[at])] for at in places]

    @cached_property
    def _x(self) -> Spec:
        name = label(self.points.titles[0])
        if not self.is_numeric:
            order = list(dict.fromkeys(self._categories.values()))
            axis = {"labelLimit": max(30, WIDTH // len(order) - 4)}
            return {
                "field": "x",
                "type": "nominal",
                "title": name,
                "sort": order,
                "axis": axis,
                "scale": {"padding": 0.5},
            }
        scale = {**value_scale([self.xs[at] for at in self.kept], log=self._log_x), "padding": 8}
        return {"field": "x", "type": "quantitative", "title": name, "scale": scale, "axis": _axis(log=self._log_x)}

    @cached_property
    def _y(self) -> Spec:
        scale = {**value_scale([self.ys[at] for at in self.kept], log=self._log_y), "padding": 8}
        return {"field": "y", "type": "quantitative", "title": None, "scale": scale, "axis": _axis(log=self._log_y)}

    def _tips(self) -> list[Spec]:
        x, y, colour = self.points.titles
        kind = {"type": "quantitative", "format": ".4~g"} if self.is_numeric else {"type": "nominal"}
        tips: list[Spec] = [
            {"field": "name", "type": "nominal", "title": "run"},
            {"field": "x", "title": label(x), **kind},
            {"field": "y", "title": label(y), "type": "quantitative", "format": ".4~g"},
        ]
        if self.points.colour is not None:
            tips.append({"field": "colour", "title": label(colour), "type": "nominal"})
        return tips

    def _all(self) -> Spec:
        encoding = {"x": self._x, "y": self._y, "tooltip": self._tips()}
        if self.points.colour is not None:
            encoding["color"] = self._colour_channel()
        opacity = 0.8 if len(self.kept) <= 100 else 0.5 if len(self.kept) <= 1_000 else 0.3
        mark: Spec = {
            "type": "circle",
            "size": 36 if len(self.kept) <= 1_000 else 12,
            "color": UNCHOSEN,
            "opacity": opacity,
        }
        mark["invalid"] = "show"  # a run without a colour is grey
        return {"name": "points", "data": {"name": "points"}, "mark": mark, "encoding": encoding}

    def _colour_channel(self) -> Spec:
        values = self.points.colour or ()
        legend = {"orient": "right"}
        found: Spec = {"field": "colour", "title": label(self.points.titles[2]), "legend": legend}
        if numeric(values):
            numbers = [number_of(values[at]) for at in self.kept]
            scale: Spec = {"scheme": RAMP} | ({"type": "log"} if is_log(numbers) else {})
            return {**found, "type": "quantitative", "scale": scale}
        groups = list(dict.fromkeys(categories_of([text_of(values[at]) for at in self.kept], len(PALETTE)).values()))
        colours = [palette_line(place).colour for place in range(len(groups))]
        return {**found, "type": "nominal", "scale": {"domain": groups, "range": colours}}

    def _chosen(self) -> Spec:
        # the colour stands in the data, so that choosing others draws nothing else again
        paint = {"field": "stroke", "type": "nominal", "scale": None, "legend": None}
        ring = self.points.colour is not None
        mark: Spec = {"type": "point", "size": 64, "filled": not ring, "opacity": 1, "strokeWidth": 2}
        encoding = {"x": self._x, "y": self._y, "stroke" if ring else "color": paint, "tooltip": self._tips()}
        return {"data": {"name": "chosen"}, "mark": mark, "encoding": encoding}

    def _trend(self) -> Columns:
        found = None
        if self.is_numeric:
            xs, ys = [self.xs[at] for at in self.kept], [self.ys[at] for at in self.kept]
            found = trend_line(xs, ys, log_x=self._log_x, log_y=self._log_y)
        return {"x": list(found.xs), "y": list(found.ys)} if found else {"x": [], "y": []}

    def _words(self) -> str:
        left_out = len(self.points.ids) - len(self.kept)
        if self.is_numeric:
            said = spearman([self.xs[at] for at in self.kept], [self.ys[at] for at in self.kept]).words
        else:
            values = len({text_of(self.points.x[at]) for at in self.kept})
            said = f"{count(len(self.kept), 'run')}, {count(values, 'value')} of {label(self.points.titles[0])}"
        return said + (f"; {count(left_out, 'run')} without one of the two left out" if left_out else "")


def _trend_layer(x: Spec, y: Spec) -> Spec:
    mark = {"type": "line", "strokeWidth": 1, "strokeDash": [4, 3], "color": UNCHOSEN, "tooltip": None}
    return {"data": {"name": "trend"}, "mark": mark, "encoding": {"x": x, "y": y}}


def _axis(*, log: bool) -> Spec:
    return {"tickCount": 5, "format": "~g"} if log else {"tickCount": 5}


def categories_of(names: Sequence[str], most: int) -> dict[str, str]:
    """Give each category's text on an axis or in a legend, in their order; those beyond ``most`` share "others"."""
    counted: dict[str, int] = {}
    for name in names:
        counted[name] = counted.get(name, 0) + 1
    frequent = set(sorted(counted, key=lambda name: -counted[name])[: most if len(counted) <= most else most - 1])
    shown: dict[str, str] = {}
    for name in in_order(frequent):
        text = label(name)
        shown[name] = text if text not in shown.values() else f"{text} ({len(shown) + 1})"
    return shown | {name: "others" for name in counted if name not in frequent}
