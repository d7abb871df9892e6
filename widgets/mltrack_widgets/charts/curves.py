"""Metric curves: one small chart a metric, a line a run, all of one size and zoomed together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack_widgets.charts import curve_points as points
from mltrack_widgets.charts.curve_chart import MetricChart
from mltrack_widgets.charts.curve_frame import curves_of, names_of
from mltrack_widgets.charts.curve_look import CurveLook
from mltrack_widgets.charts.look import CONFIG, GAP, Drawn, Parts, ShownRun, nothing, shown_runs, title

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import altair as alt

    from mltrack.store.summaries import Curve
    from mltrack_widgets.charts.columns import Frame
    from mltrack_widgets.charts.look import Spec
    from mltrack_widgets.panels.colours import Line

MOST_CHARTS = 24


def metric_curves(frame: Frame, *, lines: Mapping[str, Line] | None = None, **look: Any) -> alt.ConcatChart:
    """Draw metrics of runs, one chart a metric.

    Parameters
    ----------
    frame
        A DataFrame, or a dict of columns, with a row for each value: ``run`` (a label), ``metric``, ``step`` and
        ``value``, and, where there are some, ``run_id`` and ``timestamp`` (ms since 1970, or dates).
    lines
        Colours and dashes by ``run_id`` (by ``run`` without ids); default: the palette in order.
    look
        The fields of :class:`CurveLook`: ``x="step"``, ``log=None``, ``smoothing=0.0``, ``smoothing_kind``,
        ``columns=3``, ``legend=False``…

    Raises
    ------
    InvalidParameterError
        For a column that is missing, or a choice that there is none of.

    """
    drawn = draw_curves(curves_of(frame), shown_runs(names_of(frame), lines), look=CurveLook(**look))
    return drawn.chart


def draw_curves(
    curves: Sequence[Curve],
    runs: Mapping[str, ShownRun],
    *,
    look: CurveLook | None = None,
    axis: points.Axis | None = None,
) -> Drawn:
    """Draw curves of a store, one chart a metric in their order, for the runs that are shown.

    The n-th chart reads ``points_<n>`` (the lines: x, value, run), with smoothing ``trend_<n>`` (the same of the smooth
    line), ``dots_<n>`` (points without a neighbour), when it is interactive ``hover_<n>`` (x, from, to, and the values
    as texts: v0, v1…), or for single values ``bars_<n>``. ``run`` is the place in ``runs``, with a legend the label.
    ``axis`` is what is across; default: what suits these curves.
    """
    asked = look or CurveLook()
    wanted = [curve for curve in curves if curve.run_id in runs]
    starts = _starts(wanted, runs)
    axis = axis or points.axis_of(asked.x, wanted, starts)
    metrics: dict[str, list[Curve]] = {}
    for curve in wanted:
        metrics.setdefault(curve.key, []).append(curve)
    parts: list[Parts] = []
    empty: list[str] = []
    for metric in list(metrics)[:MOST_CHARTS]:
        series = [_series(curve, runs, axis=axis, start=starts[curve.run_id], look=asked) for curve in metrics[metric]]
        if any(each.finite for each in series):
            parts.append(MetricChart(metric, series, axis=axis, look=asked, runs=runs).parts(len(parts)))
        else:
            empty.append(metric)
    return _together(parts, asked, words=_words(len(metrics), empty))


def _words(metrics: int, empty: Sequence[str]) -> str:
    said = []
    if metrics > MOST_CHARTS:
        said.append(f"The first {MOST_CHARTS} of {metrics} metrics.")
    if empty:
        said.append(f"No finite values: {', '.join(title(name)['text'] for name in empty[:5])}.")
    return " ".join(said)


def _together(parts: Sequence[Parts], look: CurveLook, *, words: str) -> Drawn:
    if not parts:
        return nothing(words or "There is no metric to draw.")
    spec: Spec = {
        "config": CONFIG,
        "concat": [part.spec for part in parts],
        "columns": min(look.columns, len(parts)),
        "spacing": GAP,
    }
    params = [param for part in parts for param in part.params]
    views = [f"lines_{number}" for number, part in enumerate(parts) if f"points_{number}" in part.columns]
    if look.interactive and views:
        params.append({"name": "zoom_x", "bind": "scales", "views": views, "select": _ZOOM})
    if params:
        spec["params"] = params
    return Drawn(spec, {name: columns for part in parts for name, columns in part.columns.items()}, words)


# A plain wheel scrolls the notebook; with Ctrl (which a pinch on a touchpad is) or Cmd it zooms.
_ZOOM: Spec = {"type": "interval", "encodings": ["x"], "zoom": "wheel![event.ctrlKey || event.metaKey]"}


def _series(
    curve: Curve, runs: Mapping[str, ShownRun], *, axis: points.Axis, start: int, look: CurveLook
) -> points.Series:
    run = runs[curve.run_id].label if look.legend else list(runs).index(curve.run_id)
    made = points.series_of(curve, run, axis=axis, start=start)
    return points.smoothed(made, curve, axis=axis, start=start, look=look) if look.smoothing else made


def _starts(curves: Sequence[Curve], runs: Mapping[str, ShownRun]) -> dict[str, int]:
    found: dict[str, int] = {}
    for curve in curves:
        given = runs[curve.run_id].start
        first = min(curve.timestamps, default=0) if given is None else given
        found[curve.run_id] = min(first, found.get(curve.run_id, first))
    return found
