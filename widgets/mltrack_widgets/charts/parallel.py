"""Parallel coordinates: an axis a parameter and one for the metric, a line a run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mltrack_widgets.charts.columns import column, columns_of, number_of, short_name, text_of
from mltrack_widgets.charts.dimension import Dimension, dimension
from mltrack_widgets.charts.importance import most_telling
from mltrack_widgets.charts.look import CONFIG, NUMBER, RAMP, Drawn, label, nothing
from mltrack_widgets.format import count
from mltrack_widgets.panels.colours import UNCHOSEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import altair as alt

    from mltrack_widgets.charts.columns import Frame
    from mltrack_widgets.charts.look import Columns, Spec
    from mltrack_widgets.panels.colours import Line

MOST_AXES, MOST_RUNS = 8, 1_000
AXIS_GAP, AXIS_HEIGHT = 110, 220
"""Pixels between two axes, and their height."""


def parallel_coordinates(
    frame: Frame, *, dimensions: Sequence[str] = (), metric: str, lines: Mapping[str, Line] | None = None
) -> alt.LayerChart | alt.ConcatChart:
    """Draw an axis for each parameter and one for the metric, and a line for each run, coloured by the metric.

    Parameters
    ----------
    frame
        A DataFrame, or a dict of columns, with a row a run, such as ``mltrack.search_runs()`` gives.
    dimensions
        Names of columns, at most 8; default: the params (``params.*``) that vary, those that go with the metric first.
    metric
        The column of the metric.
    lines
        Colours of chosen runs by id (the column ``run_id``); the others are faint.

    Raises
    ------
    InvalidParameterError
        For a column that is missing.

    """
    columns = columns_of(frame)
    values = column(columns, metric)
    ids = [text_of(each) for each in columns.get("run_id", range(len(values)))]
    params = {name: column(columns, name) for name in dimensions}
    if not params:
        params = most_telling({name: each for name, each in columns.items() if name.startswith("params.")}, values)
    shown = {short_name(name): each for name, each in params.items()}
    return draw_parallel(ids, shown, metric=(short_name(metric), values), lines=lines).chart


def draw_parallel(
    ids: Sequence[str],
    params: Mapping[str, Sequence[Any]],
    *,
    metric: tuple[str, Sequence[Any]],
    lines: Mapping[str, Line] | None = None,
) -> Drawn:
    """Draw the runs that have a finite metric; ``metric`` is its name and values, ``lines`` those that are chosen.

    Reads ``runs`` (i: the place in ``ids``, d0, d1…: places on the axes from 0 to 1, metric), ``chosen`` (the same, and
    ``stroke``), ``axes`` (axis, name) and ``ticks`` (axis, place, text). For each axis there is a parameter ``axis_0``,
    ``axis_1``…, the metric's last: null, or [low, high] as places from 0 to 1. A run that is outside one of them is
    grey. Vega-Lite selects on one axis of a view only, so a page that offers brushes draws them itself, at x =
    ``AXIS_GAP * n``, and sets the parameters; a :class:`Dimension` says what a place means.
    """
    name, values = metric
    numbers = [number_of(value) for value in values]
    kept = [at for at, value in enumerate(numbers) if math.isfinite(value)][:MOST_RUNS]
    if not kept or not params:
        return nothing(f"No run has a finite {label(name)}." if not kept else "No parameter varies between the runs.")
    shown = dict(list(params.items())[:MOST_AXES])
    axes = [dimension(key, [each[at] for at in kept]) for key, each in shown.items()]
    axes.append(dimension(name, [numbers[at] for at in kept]))
    drawn_ids = [ids[at] for at in kept]
    columns = _columns(axes, kept, [numbers[at] for at in kept])
    chosen = [at for at, run_id in enumerate(drawn_ids) if run_id in (lines or {})]
    own: dict[str, list[Any]] = {key: [each[at] for at in chosen] for key, each in columns.items()}
    own["stroke"] = [(lines or {})[drawn_ids[at]].colour for at in chosen]
    finite = sum(map(math.isfinite, numbers))
    words = _words(runs=len(ids), kept=len(kept), finite=finite, axes=(len(shown), len(params)))
    data = {"runs": columns, "chosen": own, "axes": _heads(axes), "ticks": _ticks(axes)}
    return Drawn(_spec(axes, len(kept), chosen=bool(chosen)), data, words)


def _columns(axes: Sequence[Dimension], kept: Sequence[int], metric: Sequence[float]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {"i": list(kept), "metric": list(metric)}
    for at, axis in enumerate(axes):
        found[f"d{at}"] = list(axis.places)
    return found


def _heads(axes: Sequence[Dimension]) -> Columns:
    return {"axis": list(range(len(axes))), "name": [label(axis.name, 17) for axis in axes]}


def _ticks(axes: Sequence[Dimension]) -> Columns:
    ticks = [(at, place, text) for at, axis in enumerate(axes) for text, place in axis.ticks.items()]
    return {name: [tick[at] for tick in ticks] for at, name in enumerate(("axis", "place", "text"))}


def _words(*, runs: int, kept: int, finite: int, axes: tuple[int, int]) -> str:
    said = [count(kept, "run")]
    if finite > kept:
        said = [f"the first {kept} of {count(finite, 'run')}"]
    if finite < runs:
        said.append(f"{count(runs - finite, 'run')} without the metric left out")
    if axes[0] < axes[1]:
        said.append(f"{axes[0]} of {axes[1]} params")
    return "; ".join(said)


def _spec(axes: Sequence[Dimension], runs: int, *, chosen: bool) -> Spec:
    scale = {"domain": [0, len(axes) - 1], "nice": False, "zero": False}
    across: Spec = {"field": "axis", "type": "quantitative", "axis": None, "scale": scale}
    up = {"field": "place", "type": "quantitative", "axis": None, "scale": {"domain": [0, 1], "nice": False}}
    inside = " && ".join(f"(!axis_{at} || {_between(at)})" for at in range(len(axes)))
    return {
        "config": CONFIG,
        "width": AXIS_GAP * (len(axes) - 1),
        "height": AXIS_HEIGHT,
        "params": [{"name": f"axis_{at}", "value": None} for at in range(len(axes))],
        "layer": [
            _runs(across, up, colour=_colour(axes[-1], inside), opacity=_opacity(inside, runs, chosen=chosen)),
            _chosen(across, up, len(axes)),
            *_axis_layers(across, up),
        ],
    }


def _between(at: int) -> str:
    return f"isValid(datum.d{at}) && datum.d{at} >= axis_{at}[0] && datum.d{at} <= axis_{at}[1]"


def _fold(axes: int) -> list[Spec]:
    wide = {"fold": [f"d{at}" for at in range(axes)], "as": ["key", "place"]}
    return [wide, {"calculate": "toNumber(slice(datum.key, 1))", "as": "axis"}]


def _colour(metric: Dimension, inside: str) -> Spec:
    scale: Spec = {"scheme": RAMP} | ({"type": "log"} if metric.log else {})
    legend = {"gradientLength": 140, "gradientOpacity": 1, "format": NUMBER, "tickCount": 4}
    by_metric = {"field": "metric", "type": "quantitative", "scale": scale, "title": label(metric.name, 20)}
    return {"condition": {"test": inside, **by_metric, "legend": legend}, "value": UNCHOSEN}


def _opacity(inside: str, runs: int, *, chosen: bool) -> Spec:
    seen = 0.8 if runs <= 50 else 0.4 if runs <= 300 else 0.2
    return {"condition": {"test": inside, "value": seen / 2 if chosen else seen}, "value": 0.08}


def _runs(across: Spec, up: Spec, *, colour: Spec, opacity: Spec) -> Spec:
    axes = across["scale"]["domain"][1] + 1
    encoding = {"x": across, "y": up, "detail": {"field": "i", "type": "nominal"}, "order": {"field": "axis"}}
    return {
        "data": {"name": "runs"},
        "transform": _fold(axes),
        "mark": {"type": "line", "strokeWidth": 1.25, "strokeJoin": "round"},
        "encoding": {**encoding, "color": colour, "opacity": opacity},
    }


def _chosen(across: Spec, up: Spec, axes: int) -> Spec:
    paint = {"field": "stroke", "type": "nominal", "scale": None, "legend": None}
    encoding = {"x": across, "y": up, "detail": {"field": "i", "type": "nominal"}, "order": {"field": "axis"}}
    return {
        "data": {"name": "chosen"},
        "transform": _fold(axes),
        "mark": {"type": "line", "strokeWidth": 2.5, "strokeJoin": "round"},
        "encoding": {**encoding, "stroke": paint},
    }


def _axis_layers(across: Spec, up: Spec) -> list[Spec]:
    words = {"type": "text", "fontSize": 10}
    return [
        {"data": {"name": "axes"}, "mark": {"type": "rule", "color": UNCHOSEN}, "encoding": {"x": across}},
        {
            "data": {"name": "axes"},
            "mark": {**words, "fontSize": 11, "baseline": "bottom", "dy": -8},
            "encoding": {"x": across, "y": {"value": 0}, "text": {"field": "name", "type": "nominal"}},
        },
        {
            "data": {"name": "ticks"},
            "mark": {**words, "align": "right", "baseline": "middle", "dx": -5},
            "encoding": {"x": across, "y": up, "text": {"field": "text", "type": "nominal"}},
        },
        {
            "data": {"name": "ticks"},
            "mark": {"type": "tick", "orient": "horizontal", "size": 6, "color": UNCHOSEN},
            "encoding": {"x": across, "y": up},
        },
    ]
