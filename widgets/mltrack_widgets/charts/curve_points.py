"""What the lines of a chart of curves go through: x by step or time, values, and the smoothed values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mltrack_widgets.charts import smoothing
from mltrack_widgets.charts.columns import finite_or_none

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.store.summaries import Curve
    from mltrack_widgets.charts.curve_look import CurveLook
    from mltrack_widgets.charts.look import Columns

    Points = tuple[str | int, Sequence[float], Sequence[float]]
    Across = Literal["step", "time", "relative"]

UNITS = ((1_000, "s"), (60_000, "min"), (3_600_000, "h"), (86_400_000, "d"))
"""Milliseconds in the units that relative times are shown in."""


@dataclass(frozen=True, slots=True)
class Axis:
    """What is across: steps, times (ms since 1970), or ``unit`` milliseconds since each run began."""

    kind: Across
    unit: int = 1_000
    words: str = "step"

    def place(self, steps: Sequence[int], times: Sequence[int], *, start: int) -> list[float]:
        """Give x of each point."""
        if self.kind == "step":
            return list(steps)
        if self.kind == "time":
            return list(times)
        return [float(f"{(time - start) / self.unit:.6g}") for time in times]


@dataclass(frozen=True, slots=True)
class Series:
    """One run's line: ``run`` is its key in the chart's data; a value that is not finite breaks the line."""

    run: str | int
    xs: Sequence[float]
    ys: Sequence[float]
    smooth_xs: Sequence[float] = ()
    smooth_ys: Sequence[float] = ()

    @property
    def finite(self) -> list[float]:
        """The values that can be drawn."""
        return [y for y in self.ys if math.isfinite(y)]


def axis_of(kind: Across, curves: Sequence[Curve], starts: dict[str, int]) -> Axis:
    """Choose what is across; relative times get the unit that suits the longest run."""
    if kind == "step":
        return Axis(kind)
    if kind == "time":
        return Axis(kind, words="time")
    longest = max((time - starts[curve.run_id] for curve in curves for time in curve.timestamps), default=0)
    unit, name = next((each for each in reversed(UNITS) if longest >= 2 * each[0]), UNITS[0])
    return Axis(kind, unit, f"time since the start ({name})")


def series_of(curve: Curve, run: str | int, *, axis: Axis, start: int) -> Series:
    """Place a curve's points on the axis, in the order of x."""
    xs, ys = _in_order(axis.place(curve.steps, curve.timestamps, start=start), curve.values)
    return Series(run, xs, ys)


def smoothed(series: Series, curve: Curve, *, axis: Axis, start: int, look: CurveLook) -> Series:
    """Add the smoothed line, drawn from the curve's trend."""
    xs = axis.place(curve.trend_steps, curve.trend_times, start=start)
    order = sorted(range(len(xs)), key=xs.__getitem__)
    xs = [xs[place] for place in order]
    means, counts = [curve.means[place] for place in order], [curve.counts[place] for place in order]
    if look.smoothing_kind == "time":
        ys = smoothing.time_weighted(xs, means, weight=look.smoothing, counts=counts)
    else:
        ys = smoothing.exponential(means, look.smoothing, counts=counts)
    return Series(series.run, series.xs, series.ys, xs, ys)


def _in_order(xs: Sequence[float], ys: Sequence[float]) -> tuple[list[float], list[float]]:
    order = sorted(range(len(xs)), key=xs.__getitem__)
    return [xs[place] for place in order], [ys[place] for place in order]


def thinned(xs: Sequence[float], ys: Sequence[float], most: int) -> tuple[Sequence[float], Sequence[float]]:
    """Keep at most so many points: of each stretch of equal length its lowest and its highest value."""
    if len(xs) <= most:
        return xs, ys
    stretches = max(1, most // 2)
    kept: list[int] = []
    for number in range(stretches):
        start, end = number * len(xs) // stretches, (number + 1) * len(xs) // stretches
        finite = [place for place in range(start, end) if math.isfinite(ys[place])]
        if not finite:
            kept.append(start)
            continue
        kept += sorted({min(finite, key=ys.__getitem__), max(finite, key=ys.__getitem__)})
    return [xs[place] for place in kept], [ys[place] for place in kept]


def line_columns(lines: Sequence[Points], *, above: float) -> Columns:
    """Give the columns ``x``, ``value`` and ``run``; values up to ``above`` (-inf: none) and NaN are None."""
    columns: dict[str, list[Any]] = {"x": [], "value": [], "run": []}
    for run, xs, ys in lines:
        columns["x"] += xs
        columns["value"] += [finite_or_none(y) if y > above else None for y in ys]
        columns["run"] += [run] * len(xs)
    return columns


def lone_points(lines: Sequence[Points]) -> list[Points]:
    """Give the points without a neighbour, of which a line shows nothing."""
    found: list[Points] = []
    for run, xs, ys in lines:
        drawn = [False, *(math.isfinite(y) for y in ys), False]
        alone = [at for at in range(len(ys)) if drawn[at + 1] and not drawn[at] and not drawn[at + 2]]
        found.append((run, [xs[at] for at in alone], [ys[at] for at in alone]))
    return found
