"""The scatter panel: a param against a metric, a point for each of up to 10,000 runs, chosen by dragging."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mltrack_widgets.charts.columns import short_name
from mltrack_widgets.charts.importance import most_telling
from mltrack_widgets.charts.look import title
from mltrack_widgets.charts.scatter import Scatter, draw_scatter
from mltrack_widgets.format import middle_cut
from mltrack_widgets.front import controls
from mltrack_widgets.front.columns import packed, texts
from mltrack_widgets.panels.chart_panel import Shown
from mltrack_widgets.panels.run_set import run_set
from mltrack_widgets.panels.run_values import are_metrics, are_params, key_of, read_values
from mltrack_widgets.panels.table_fields import METRIC, PARAM
from mltrack_widgets.panels.values_panel import ValuesPanel, chosen_of, inside, option

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack_widgets.front.controls import Control
    from mltrack_widgets.panels.run_set import RunSet

WIDTH, HEIGHT = 480, 280
HINT = "drag over points to select runs, click beside them to select none"
LETTERS_OF_NAMES = 200_000
_NO_COLOUR = ""
_FEW_RUNS, _FEW_PARAMS = 500, 30


def scatter(
    param: str, metric: str, *, color: str | None = None, filter_string: str = "", experiment: str | None = None
) -> ScatterPanel:
    """Draw a metric against a param, a point for each run.

    Parameters
    ----------
    param, metric, color
        Names; ``color`` is a param or metric that colours the points. A metric may stand where a param does.
    filter_string, experiment
        Which runs (10,000 at most), and of which experiment; default: that of the last run.

    Raises
    ------
    NotFoundError
        When there is no such experiment, param or metric.
    InvalidParameterError
        For a filter that does not parse.
    """
    return ScatterPanel(run_set(filter_string, experiment=experiment), names=(param, metric), color=color)


class ScatterPanel(ValuesPanel):
    """Runs as points of a param and a metric, with their rank correlation and its trend.

    ``names`` are those of the param and the metric; default: the metric that says most, and the param that goes with
    it most. Runs that are dragged over are chosen, and chosen runs have their colours.
    """

    def __init__(
        self,
        runs: RunSet,
        *,
        names: tuple[str | None, str | None] = (None, None),
        color: str | None = None,
        **shared: Any,
    ) -> None:
        super().__init__(runs, **shared)
        self._names: dict[str, str | None] = {"param": names[0], "metric": names[1], "color": color}
        self.refresh()

    # Reading

    def _read_values(self, metrics: Sequence[str]) -> None:
        x, y, colour = self._chosen_keys(metrics)
        self._settings = {"param": x, "metric": y, "color": colour}
        self._values = values = read_values(self._runs, [each for each in (x, y, colour) if each])
        points = Scatter(
            values.ids,
            _shorter(values.names),
            values.column(x),
            values.column(y),
            values.column(colour) if colour else None,
            (short_name(x), short_name(y), short_name(colour)),
        )
        drawn = draw_scatter(points)
        own = {"width": WIDTH, "height": HEIGHT, "title": title(points.titles[1])}  # the words are above it
        self._drawn = drawn if drawn.is_empty else replace(drawn, spec={**drawn.spec, **own})

    def _chosen_keys(self, metrics: Sequence[str]) -> tuple[str, str, str]:
        names = self._names
        y = key_of(names["metric"], self._keys, kind=METRIC) if names["metric"] else metrics[0]
        x = key_of(names["param"], self._keys, kind=PARAM) if names["param"] else self._telling_param(y)
        return x, y, key_of(names["color"], self._keys, kind=PARAM) if names["color"] else _NO_COLOUR

    def _telling_param(self, metric: str) -> str:
        params = are_params(self._keys)[:_FEW_PARAMS]
        found = read_values(self._runs, [*params, metric], most=_FEW_RUNS)
        told = most_telling({key: found.column(key) for key in params}, found.column(metric), most=1)
        others = [key for key in are_metrics(self._keys) if key != metric]
        return next(iter([*told, *params, *others, metric]))

    # Showing

    def _arrange(self) -> Shown:
        drawn, set_to = self._drawn, self._settings
        if not drawn.is_empty:
            drawn = chosen_of(drawn, self._lines(), self._values.ids, source="points")
        keys = [set_to["param"], *filter(None, [set_to["color"]]), set_to["metric"]] if set_to else []
        words = self._words_of(drawn, set_to.get("metric"))
        rows = self._best_rows(keys) if keys else []
        return Shown(drawn, words, controls=self._controls(), lines={} if drawn.is_empty else {"hint": HINT}, rows=rows)

    def _controls(self) -> list[Control]:
        if not self._settings or not self._values.ids:
            return []
        every = [option(key) for key in self._keys]
        offered = (("param", "param", every), ("metric", "metric", self._metric_options()))
        made = [controls.choice(name, text, value=self._settings[name], options=each) for name, text, each in offered]
        colours = [(_NO_COLOUR, "none"), *every]
        return [*made, controls.choice("color", "colour", value=self._settings["color"], options=colours)]

    def _state(self) -> dict[str, Any]:
        state = super()._state()
        chosen = state["data"].pop("chosen", None)
        return {**state, "added": {"chosen": self._chosen_rows()} if chosen else {}}

    def _chosen_rows(self) -> dict[str, Any]:
        """Name the rows of the points that are chosen, since the page has them already."""
        columns = self._shown.drawn.columns
        rows = {place: row for row, place in enumerate(columns["points"]["i"])}
        places = packed([rows[place] for place in columns["chosen"]["i"]])
        return {"of": "points", "rows": places, "add": {"stroke": texts(columns["chosen"]["stroke"])}}

    def _set(self, name: str, value: Any) -> None:
        self._names = {**self._names, **self._settings, name: value}
        self._read()

    def _brush(self, name: str, ranges: Mapping[str, Any]) -> None:
        if name == "brush" and not self._drawn.is_empty:
            self._choose(inside(self._drawn.columns["points"], ranges))


def _shorter(names: Sequence[str]) -> list[str]:
    """Cut names so far that those of all runs are not more than the page should be sent."""
    width = max(8, LETTERS_OF_NAMES // max(1, len(names)))
    return [middle_cut(name, width) for name in names]
