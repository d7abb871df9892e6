"""The chart of one metric: a line a run, or bars where each run has one value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mltrack_widgets.charts.curve_points import line_columns, lone_points, thinned
from mltrack_widgets.charts.hover import hover_columns
from mltrack_widgets.charts.look import HEIGHT, WIDTH, Parts, run_channels, title, value_scale
from mltrack_widgets.charts.statistics import is_log
from mltrack_widgets.format import number
from mltrack_widgets.panels.colours import UNCHOSEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack_widgets.charts.curve_look import CurveLook
    from mltrack_widgets.charts.curve_points import Axis, Points, Series
    from mltrack_widgets.charts.look import ShownRun, Spec


MOST_NAMED_BARS = 16
"""As many bars have room for a name and a number."""
_THICKEST_BAR = 24
_FAINT_BETWEEN_DECADES: Spec = {"condition": {"test": "datum.label == ''", "value": 0.08}, "value": 0.25}


@dataclass(frozen=True)
class MetricChart:
    """A metric's chart: ``series`` are its lines, ``runs`` all runs that are shown."""

    metric: str
    series: Sequence[Series]
    axis: Axis
    look: CurveLook
    runs: Mapping[str, ShownRun]

    def parts(self, place: int) -> Parts:
        """Draw it as the chart at this place."""
        single = all(len(each.finite) <= 1 for each in self.series)
        return self._bars(place) if single else self._lines(place)

    # Lines

    def _lines(self, place: int) -> Parts:
        raw: list[Points] = [(each.run, *thinned(each.xs, each.ys, self.look.points)) for each in self.series]
        above = 0.0 if self._is_log else -math.inf
        columns = {f"points_{place}": line_columns(raw, above=above)}
        layers = [self._line(f"points_{place}", opacity=0.25 if self.look.smoothing else 1.0)]
        layers[0]["name"] = f"lines_{place}"
        if self.look.smoothing:
            smooth: list[Points] = [
                (each.run, *thinned(each.smooth_xs, each.smooth_ys, self.look.points)) for each in self.series
            ]
            columns[f"trend_{place}"] = line_columns(smooth, above=above)
            layers.append(self._line(f"trend_{place}"))
        alone = line_columns(lone_points(raw), above=above)
        if alone["x"]:
            columns[f"dots_{place}"] = alone
            layers.append(self._dots(f"dots_{place}"))
        params = []
        if self.look.interactive:
            columns[f"hover_{place}"] = hover_columns(self.series)
            layers += self._hover(place)
            params.append(_pointed_at(place))
        spec = {"title": title(self.metric), "width": WIDTH, "height": HEIGHT, "layer": layers}
        return Parts(spec, columns, params)

    @cached_property
    def _values(self) -> list[float]:
        return [y for each in self.series for y in each.finite]

    @cached_property
    def _is_log(self) -> bool:
        return is_log(self._values) if self.look.log is None else self.look.log and max(self._values) > 0

    @cached_property
    def _x(self) -> Spec:
        time = self.axis.kind == "time"
        axis: Spec = {"format": "~s", "tickMinStep": 1} if self.axis.kind == "step" else {}
        return {
            "field": "x",
            "type": "temporal" if time else "quantitative",
            "title": self.axis.words,
            "scale": {"nice": False} if time else {"nice": False, "zero": False},
            "axis": {"tickCount": 5, **axis},
        }

    @cached_property
    def _y(self) -> Spec:
        most = max(map(abs, self._values))
        # no number at the very top: it would lift the title of this chart above that of its neighbour
        scale = {**value_scale(self._values, log=self._is_log), "nice": False, "padding": 8}
        axis: Spec = {"tickCount": 5}
        if self._is_log or most >= 1e6 or most < 1e-3:
            axis["format"] = "~g"
        if self._is_log:
            axis["gridOpacity"] = _FAINT_BETWEEN_DECADES
        return {"field": "value", "type": "quantitative", "title": None, "scale": scale, "axis": axis}

    def _channels(self) -> Spec:
        return {"x": self._x, "y": self._y, **run_channels(self.runs.values(), legend=self.look.legend)}

    def _line(self, source: str, *, opacity: float = 1.0) -> Spec:
        # round joins of a dense line take the browser three times as long
        mark = {"type": "line", "strokeWidth": 1.5, "strokeCap": "butt", "strokeJoin": "bevel", "opacity": opacity}
        return {"data": {"name": source}, "mark": mark, "encoding": self._channels()}

    def _dots(self, source: str) -> Spec:
        encoding = {name: channel for name, channel in self._channels().items() if name != "strokeDash"}
        return {"data": {"name": source}, "mark": {"type": "circle", "size": 16, "opacity": 1}, "encoding": encoding}

    def _hover(self, place: int) -> list[Spec]:
        shown = {run.label if self.look.legend else at: run.label for at, run in enumerate(self.runs.values())}
        kind = self._x["type"]
        x: Spec = {"field": "x", "type": kind, "title": self.axis.words}
        if self.axis.kind == "time":
            x["format"] = "%Y-%m-%d %H:%M:%S"
        tips = [
            x,
            *({"field": f"v{at}", "type": "nominal", "title": shown[each.run]} for at, each in enumerate(self.series)),
        ]
        seen = {"condition": {"param": f"pointed_{place}", "empty": False, "value": 0.6}, "value": 0}
        rule = {"mark": {"type": "rule", "color": UNCHOSEN}, "encoding": {"x": self._x, "opacity": seen}}
        # Vega-Lite's "nearest" loses texts from tooltips (6.4), so the plot is tiled with what can be pointed at
        tiles = {
            "name": f"tiles_{place}",
            "mark": {"type": "rect", "fill": "transparent"},
            "encoding": {"x": {**self._x, "field": "from"}, "x2": {"field": "to"}, "tooltip": tips},
        }
        return [{"data": {"name": f"hover_{place}"}, **layer} for layer in (rule, tiles)]

    # Bars

    def _bars(self, place: int) -> Parts:
        drawn = [(each.run, each.finite[0]) for each in self.series if each.finite]
        shown = {run.label if self.look.legend else at: run.label for at, run in enumerate(self.runs.values())}
        columns: dict[str, list[Any]] = {
            "run": [run for run, _ in drawn],
            "label": [shown[run] for run, _ in drawn],
            "value": [value for _, value in drawn],
            "text": [number(value) for _, value in drawn],
        }
        named = len(drawn) <= MOST_NAMED_BARS
        y: Spec = {"field": "label", "type": "nominal", "sort": None, "title": None}
        y["axis"] = {"labels": named, "ticks": False, "domain": False, "labelLimit": 90}
        layers = [self._bar(y, columns["value"])]
        if named:
            layers.append(_bar_numbers(y))
        spec = {"title": title(self.metric), "width": WIDTH, "height": HEIGHT, "data": {"name": f"bars_{place}"}}
        return Parts({**spec, "layer": layers}, {f"bars_{place}": columns})

    def _bar(self, y: Spec, values: Sequence[float]) -> Spec:
        domain = [min(0.0, min(values) * 1.25), max(0.0, max(values) * 1.25)]
        scale = {"domain": domain if domain[0] < domain[1] else [0, 1], "nice": False}
        tips = [{"field": "label", "type": "nominal", "title": "run"}]
        tips.append({"field": "text", "type": "nominal", "title": "value"})
        colour = run_channels(self.runs.values(), legend=self.look.legend)["color"]
        return {
            "mark": {"type": "bar", "height": min(_THICKEST_BAR, round(0.75 * HEIGHT / len(values), 1))},
            "encoding": {
                "x": {
                    "field": "value",
                    "type": "quantitative",
                    "title": None,
                    "scale": scale,
                    "axis": {"tickCount": 5},
                },
                "y": y,
                "color": colour,
                "tooltip": tips,
            },
        }


def _bar_numbers(y: Spec) -> Spec:
    return {
        "mark": {"type": "text", "align": "right"},
        "encoding": {"x": {"value": WIDTH}, "y": y, "text": {"field": "text", "type": "nominal"}},
    }


def _pointed_at(place: int) -> Spec:
    select = {"type": "point", "fields": ["x"], "on": "pointermove", "clear": "pointerout"}
    return {"name": f"pointed_{place}", "views": [f"tiles_{place}"], "select": select}
