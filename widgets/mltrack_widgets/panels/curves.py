"""The curves panel: metrics of several runs by step or time, smoothed, zoomed into, and growing while runs go on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.store.summaries import CurveQuery
from mltrack_widgets.charts.curve_look import CurveLook
from mltrack_widgets.charts.curve_points import axis_of
from mltrack_widgets.charts.curves import draw_curves
from mltrack_widgets.charts.look import shown_runs
from mltrack_widgets.panels.chart_panel import ChartPanel, Shown
from mltrack_widgets.panels.colours import run_colours
from mltrack_widgets.panels.curve_cache import CurveCache
from mltrack_widgets.panels.curve_data import (
    POINTS_OF_VIEW,
    CurveData,
    chosen_metrics,
    metric_names,
    points_of_line,
    read_part,
    read_runs,
    steps_between,
)
from mltrack_widgets.panels.curve_words import controls_of, curve_rows, curve_words, legend_of
from mltrack_widgets.panels.run_set import run_set, set_of, these_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mltrack.entities import Run
    from mltrack_widgets.charts.curve_points import Axis
    from mltrack_widgets.charts.look import Drawn, ShownRun, Spec
    from mltrack_widgets.panels.run_set import RunSet

HINT = "drag to zoom in, double-click for all"
POINTS_OF_PICTURE = 2_500
"""So many points of all lines are enough for a picture, which takes the kernel a second with ten thousand."""
_LOGS = {"auto": None, "on": True, "off": False}


def curves(
    *metrics: str,
    runs: Iterable[str | Run] | None = None,
    filter_string: str = "",
    experiment: str | None = None,
    **look: Any,
) -> CurvesPanel:
    """Draw metrics of runs, one chart a metric and a line a run.

    Parameters
    ----------
    metrics
        Names; default: up to six with the most runs.
    runs
        Ids, first digits, names or runs, at most 30; default: the last started that match.
    filter_string, experiment
        Which runs, such as ``"metrics.accuracy > 0.9"``, and of which experiment; default: that of the last run.
    look
        ``x`` ("step", "time" or "relative"), ``log`` (True, False or None: by the values), ``smoothing`` (0 to below
        1), ``smoothing_kind`` ("exponential" or "time").

    Raises
    ------
    NotFoundError
        When there is no such experiment, run or metric.
    InvalidParameterError
        For a filter that does not parse, or a look that there is not.
    """
    if runs is not None and filter_string:
        raise InvalidParameterError("Curves are drawn of these runs or of those that match a filter; give one of both.")
    if runs is None:
        return CurvesPanel(run_set(filter_string, experiment=experiment), metrics=metrics, look=CurveLook(**look))
    found = these_runs([runs] if isinstance(runs, str) else runs)
    only = [run.info.run_id for run in found]
    return CurvesPanel(set_of(found), metrics=metrics, only=only, look=CurveLook(**look))


class CurvesPanel(ChartPanel):
    """Metrics of runs as small charts that are zoomed together.

    The runs are those chosen, else ``only`` these, else the first 30 of the set. Of long series only as many points
    come into the page as can be seen, the lowest and highest of each stretch; zooming in reads more of the part.
    Without a ``legend`` something beside the panel says which colour is whose.
    """

    def __init__(
        self,
        runs: RunSet,
        *,
        metrics: Sequence[str] = (),
        only: Sequence[str] = (),
        look: CurveLook | None = None,
        **shared: Any,
    ) -> None:
        self._legend = bool(shared.pop("legend", True))
        super().__init__(runs, **shared)
        self._only = tuple(only)
        self._asked = tuple(metrics)
        self._look = replace(look or CurveLook(), interactive=False)
        self._part: tuple[float, float] | None = None
        self._found = CurveData()
        self._cache = CurveCache()
        self.refresh()

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that are drawn; may be set, and to nothing for those that the panel chooses."""
        return tuple(self._found.metrics)

    @metrics.setter
    def metrics(self, names: Sequence[str]) -> None:
        with self._lock:
            before, self._asked = self._asked, tuple(names)
            try:
                self.refresh()
            except Exception:
                self._asked = before
                raise

    # Reading

    def _read(self) -> None:
        store = self._runs.store
        runs, total = read_runs(self._runs, self._only, self.selection)
        keys, lines = metric_names(store, runs)
        metrics = chosen_metrics(keys, lines, asked=self._asked)
        query = self._query(runs, metrics)
        whole = self._cache.read(store, runs, query)
        self._found = CurveData(runs, total, keys, metrics, whole, whole)
        self._read_part()

    def _query(self, runs: Sequence[Run], metrics: Sequence[str]) -> CurveQuery:
        layers = 2 if self._look.smoothing else 1
        points = points_of_line(len(runs), len(metrics), layers=layers)
        return CurveQuery(tuple(run.info.run_id for run in runs), tuple(metrics), points)

    def _read_part(self) -> None:
        """Read what is zoomed into as finely as can be seen."""
        data = self._found
        if self._part is None:
            self._found = replace(data, curves=data.whole)
            return
        axis, starts = self._axis(), self._starts()
        steps = steps_between(
            data.whole,
            self._part,
            lambda curve: axis.place(curve.steps, curve.timestamps, start=starts[curve.run_id]),
        )
        if self._look.x == "step" and steps:  # one question for all runs
            ends = (min(low for low, _ in steps.values()), max(high for _, high in steps.values()))
            steps = dict.fromkeys(steps, ends)
        part = read_part(self._runs.store, self._query(data.runs, data.metrics), data.whole, across=steps)
        self._found = replace(data, curves=part or data.whole)

    def _starts(self) -> dict[str, int]:
        return {run.info.run_id: run.info.start_time for run in self._found.runs}

    def _axis(self) -> Axis:
        """Give what is across, which stays as it is when a part is zoomed into."""
        return axis_of(self._look.x, self._found.whole, self._starts())

    def _selection_changed(self) -> None:
        if not self._only or set(self._only) & set(self.selection) or not self.selection:
            self.refresh()

    # Showing

    def _arrange(self) -> Shown:
        data, look = self._found, self._look
        shown = self._runs_shown()
        drawn = draw_curves(data.curves, shown, look=look, axis=self._axis())
        if not drawn.is_empty:
            drawn = replace(drawn, spec=with_range(drawn.spec))
        return Shown(
            drawn,
            curve_words(data, self._runs, drawn, only=self._only),
            controls=controls_of(data, look),
            legend=legend_of(shown, data.runs) if self._legend else {},
            lines=_lines(drawn, shown, look=look, heading=self._heading()),
            rows=curve_rows(data, shown),
        )

    def _runs_shown(self) -> dict[str, ShownRun]:
        runs = self._found.runs
        names = {run.info.run_id: run.info.run_name for run in runs}
        shown = shown_runs(names, run_colours.lines(names))
        return {run.info.run_id: replace(shown[run.info.run_id], start=run.info.start_time) for run in runs}

    def _heading(self) -> str:
        return {"step": "step", "time": "", "relative": "after"}[self._look.x]

    def _set(self, name: str, value: Any) -> None:
        if name == "metrics":
            self._asked = tuple(value)
        elif name == "log":
            self._look = replace(self._look, log=_LOGS[value])
        else:
            self._look = replace(self._look, **{name: value})
        if name == "x":  # what was zoomed into is somewhere else on another axis
            self._part, self._span = None, {"serial": self._span.get("serial", 0), "range": None}
        if name in ("metrics", "smoothing", "x"):
            self._read()

    def _zoom(self, span: tuple[float, float] | None) -> None:
        self._part = span
        self._read_part()

    def _picture(self) -> Drawn:
        with self._lock:
            look = self._look.for_picture()
            few = points_of_line(len(self._found.curves), 1, layers=POINTS_OF_VIEW // POINTS_OF_PICTURE)
            look = replace(look, points=min(look.points, few))
            return draw_curves(self._found.curves, self._runs_shown(), look=look, axis=self._axis())

    def _picture_spec(self) -> Mapping[str, Any] | None:
        drawn = self._picture()
        return None if drawn.is_empty else drawn.with_data()

    @property
    def chart(self) -> Any:
        """The Altair chart of what is shown, with its data and a legend, to be restyled."""
        with self._lock:
            look = replace(self._look, legend=True, interactive=True)
            return draw_curves(self._found.curves, self._runs_shown(), look=look, axis=self._axis()).chart

    def to_dataframe(self) -> Any:
        """Give the points that are drawn as a DataFrame: run_id, run, metric, step, timestamp, value.

        Timestamps are ms since 1970. Long series are thinned; ``MltrackClient.get_metric_history`` gives all of one.
        """
        import pandas as pd  # 0.3 s, for frames only

        data = self._found
        names = {run.info.run_id: run.info.run_name for run in data.runs}
        rows = [
            (curve.run_id, names[curve.run_id], curve.key, step, time, value)
            for curve in data.curves
            for step, time, value in zip(curve.steps, curve.timestamps, curve.values, strict=True)
        ]
        return pd.DataFrame(rows, columns=["run_id", "run", "metric", "step", "timestamp", "value"])


def with_range(spec: Spec) -> Spec:
    """Let the parameter ``range_x`` say which part of x the lines show; None for all of it."""
    parts = [_ranged(part) if "bars" not in str(part.get("data")) else part for part in spec["concat"]]
    return {**spec, "concat": parts, "params": [{"name": "range_x", "value": None}]}


def _ranged(part: Spec) -> Spec:
    return {**part, "layer": [_ranged_layer(layer) for layer in part["layer"]]}


def _ranged_layer(layer: Spec) -> Spec:
    x = layer["encoding"]["x"]
    scale = {**x.get("scale", {}), "domainRaw": {"expr": "range_x"}}
    return {
        **layer,
        "mark": {**layer["mark"], "clip": True},
        "encoding": {**layer["encoding"], "x": {**x, "scale": scale}},
    }


def _lines(drawn: Drawn, runs: Mapping[str, ShownRun], *, look: CurveLook, heading: str) -> dict[str, Any]:
    """Say how the page reads the values of all lines at the pointer."""
    if drawn.is_empty:
        return {}
    plots = {
        str(place): {"data": f"points_{place}", "smooth": f"trend_{place}" if look.smoothing else ""}
        for place in range(len(drawn.spec["concat"]))
        if f"points_{place}" in drawn.columns
    }
    looks = [{"name": run.label, "colour": run.line.colour, "dashes": list(run.line.dashes)} for run in runs.values()]
    return {"plots": plots, "looks": looks, "heading": heading, "times": look.x == "time", "zoom": True, "hint": HINT}
