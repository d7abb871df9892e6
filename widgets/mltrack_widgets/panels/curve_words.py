"""What a panel of curves says: the line of words, the legend, the controls, and the table that stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack_widgets.charts.look import label
from mltrack_widgets.format import count, number
from mltrack_widgets.front import controls
from mltrack_widgets.panels.curve_data import values_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import Run
    from mltrack_widgets.charts.curve_look import CurveLook
    from mltrack_widgets.charts.look import Drawn, ShownRun
    from mltrack_widgets.front.controls import Control
    from mltrack_widgets.panels.curve_data import CurveData
    from mltrack_widgets.panels.run_set import RunSet

MOST_NAMED, MOST_ROWS = 10, 100
_AXES = (("step", "step"), ("time", "wall time"), ("relative", "time since the start"))
_LOGS = (("auto", "auto"), ("on", "on"), ("off", "off"))
_KINDS = (("exponential", "exponential"), ("time", "time-weighted"))


def curve_words(data: CurveData, runs: RunSet, drawn: Drawn, *, only: Sequence[str]) -> str:
    """Say which runs are drawn, and what to do when there is nothing to draw; ``only`` are those asked for."""
    gone = len(only) - data.total if only else 0
    if not data.runs:
        return no_runs(runs, only)
    if not data.keys:
        return f"{_which(data, runs)} without metrics. Log some: mltrack.log_metric('loss', value, step=step)"
    if not data.whole:
        return f"{_which(data, runs)} without points of {', '.join(map(label, data.metrics[:3]))}."
    parts = [f"{count(len(data.metrics), 'metric')} of {_which(data, runs)}"]
    every, shown = sum(curve.count for curve in data.curves), sum(len(curve.values) for curve in data.curves)
    if shown < every:
        parts.append(f"{shown:,} of {every:,} points, the lowest and highest of each stretch")
    broken = shown - sum(len(values_of(curve)) for curve in data.curves)
    if broken:
        parts.append(f"{count(broken, 'value')} not finite, where lines break")
    if gone:
        parts.append(f"{count(gone, 'run')} deleted")
    return " · ".join([*parts, drawn.words]) if drawn.words else " · ".join(parts)


def no_runs(runs: RunSet, only: Sequence[str] = ()) -> str:
    """Say why there are no runs, and what to do."""
    if only:
        return f"{'The run was' if len(only) == 1 else 'The runs were'} deleted; `mltrack runs` lists those there are."
    if runs.filter_string:
        return f"No run matches {label(runs.filter_string, 80)}. Set another filter on the panel, or '' for all runs."
    return "No runs yet: put %%track_run on a cell and run it."


def _which(data: CurveData, runs: RunSet) -> str:
    names = list(runs.experiments.values())
    place = f" in {label(names[0])}" if len(names) == 1 else ""
    some = f"the first {len(data.runs)} of {data.total:,} runs" if data.total > len(data.runs) else None
    return (some or count(len(data.runs), "run")) + place


def legend_of(shown: Mapping[str, ShownRun], runs: Sequence[Run]) -> dict[str, Any]:
    """Say which colour is whose, of ten runs at most."""
    named = [
        {
            "name": shown[run.info.run_id].label,
            "title": f"{label(run.info.run_name, 200)} · {run.info.run_id}",
            "colour": shown[run.info.run_id].line.colour,
            "dashes": list(shown[run.info.run_id].line.dashes),
        }
        for run in runs[:MOST_NAMED]
    ]
    more = len(runs) - len(named)
    return {"runs": named, "more": f"and {more} more" if more > 0 else ""}


def controls_of(data: CurveData, look: CurveLook) -> list[Control]:
    """Describe what can be set, with what is set."""
    if not data.whole:
        return []
    log = {None: "auto", True: "on", False: "off"}[look.log]
    made = [
        controls.choice("x", "x", value=look.x, options=_AXES),
        controls.choice("log", "log y", value=log, options=_LOGS),
        controls.slider("smoothing", "smoothing", value=look.smoothing, high=0.99, by=0.01),
    ]
    if look.smoothing:
        made.append(controls.choice("smoothing_kind", "kind", value=look.smoothing_kind, options=_KINDS))
    if len(data.keys) > 1:
        options = [(name, label(name, 60)) for name in data.keys]
        made.insert(0, controls.several("metrics", "metrics", value=data.metrics, options=options))
    return made


def curve_rows(data: CurveData, shown: Mapping[str, ShownRun]) -> list[list[str]]:
    """Give the table that stays: of each run and metric the last, lowest and highest value and how many there are."""
    rows = [["run", "metric", "last", "min", "max", "points"]]
    for curve in data.whole[:MOST_ROWS]:
        values = values_of(curve)
        ends = [number(min(values)), number(max(values))] if values else ["", ""]
        last = number(curve.values[-1]) if curve.values else ""
        rows.append([shown[curve.run_id].label, label(curve.key), last, *ends, f"{curve.count:,}"])
    return rows if len(rows) > 1 else []
