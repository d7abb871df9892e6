"""What is read off a chart of curves at one x: the values of all runs there."""

from __future__ import annotations

import math
from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mltrack_widgets.format import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack_widgets.charts.curve_points import Series
    from mltrack_widgets.charts.look import Columns

PLACES = 160
"""How many places on the axis can be pointed at: every second pixel of a small chart."""


def hover_columns(series: Sequence[Series]) -> Columns:
    """Give the columns ``x``, ``from`` and ``to`` (the stretch that belongs to it), and ``v<n>`` for the n-th line.

    Those are the line's values at x as texts, empty beyond its ends.
    """
    places = _places(series)
    reach = (places[-1] - places[0]) / PLACES if places else 0.0
    edges = [*places[:1], *((low + high) / 2 for low, high in pairwise(places)), *places[-1:]]
    columns: dict[str, list[Any]] = {"x": places, "from": edges[:-1], "to": edges[1:]}
    for place, each in enumerate(series):
        columns[f"v{place}"] = [_text(each, x, reach) for x in places]
    return columns


def _places(series: Sequence[Series]) -> list[float]:
    every = sorted({x for each in series for x in each.xs})
    if len(every) <= PLACES:
        return every
    width = every[-1] - every[0]
    wanted = (every[0] + width * place / (PLACES - 1) for place in range(PLACES))
    return list(dict.fromkeys(every[_nearest(every, x)] for x in wanted))


def _nearest(xs: Sequence[float], x: float) -> int:
    after = min(bisect_left(xs, x), len(xs) - 1)
    return after - 1 if after and x - xs[after - 1] <= xs[after] - x else after


def _text(series: Series, x: float, reach: float) -> str:
    raw = _value(series.xs, series.ys, x=x, reach=reach)
    if raw is None:
        return ""
    smooth = _value(series.smooth_xs, series.smooth_ys, x=x, reach=math.inf)
    return number(raw) if smooth is None or math.isnan(smooth) else f"{number(smooth)} ({number(raw)})"


def _value(xs: Sequence[float], ys: Sequence[float], *, x: float, reach: float) -> float | None:
    if not xs or not xs[0] - reach <= x <= xs[-1] + reach:
        return None
    return ys[_nearest(xs, x)]
