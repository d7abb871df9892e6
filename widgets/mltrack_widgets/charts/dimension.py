"""An axis of parallel coordinates: where values lie on it, and its ticks."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mltrack_widgets.charts.columns import in_order, number_of, numeric, text_of
from mltrack_widgets.charts.look import label
from mltrack_widgets.charts.statistics import is_log
from mltrack_widgets.format import number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_TICKS = 8
_LARGEST_EXPONENT = math.log10(sys.float_info.max) - 1e-12  # rounding could bring more than there is


@dataclass(frozen=True, slots=True)
class Dimension:
    """One axis: ``places`` are the runs' values on it from 0 (bottom) to 1, None for a run without; ticks by place."""

    name: str
    places: Sequence[float | None]
    ticks: Mapping[str, float]
    ends: tuple[float, float] | None
    log: bool = False

    def value_at(self, place: float) -> float | str:
        """Give what stands at a place of the axis: a number, or the nearest category."""
        if self.ends is None:
            return min(self.ticks, key=lambda text: abs(self.ticks[text] - place))
        low, high = self.ends
        return _power(low + place * (high - low)) if self.log else low + place * (high - low)


def dimension(name: str, values: Sequence[Any]) -> Dimension:
    """Lay values out on an axis: numbers to scale, logarithmic where it suits them, categories at equal distances."""
    if not numeric(values):
        return _categories(name, [None if value is None else text_of(value) for value in values])
    numbers = [number_of(value) for value in values]
    finite = [value for value in numbers if math.isfinite(value)]
    log = is_log(finite)
    laid = [math.log10(value) if log and math.isfinite(value) else value for value in numbers]
    low, high = min(each for each in laid if math.isfinite(each)), max(each for each in laid if math.isfinite(each))
    places = [_place(value, low, high) if math.isfinite(value) else None for value in laid]
    ticks = {number(value): place for value, place in _marks(low, high, log=log)}
    return Dimension(name, places if high > low else [p and 0.5 for p in places], ticks, (low, high), log)


def _place(value: float, low: float, high: float) -> float:
    width = (high - low) or 1.0
    if math.isinf(width):  # as from -1e308 to 1e308
        return (value / 2 - low / 2) / (high / 2 - low / 2)
    return (value - low) / width


def _marks(low: float, high: float, *, log: bool) -> list[tuple[float, float]]:
    """Give values worth a tick and their places: the ends, and round numbers between that keep a distance."""
    back = _power if log else float
    if low == high:
        return [(back(low), 0.5)]
    width = high - low
    if not sys.float_info.min < width < math.inf:  # no room for numbers between, or more than one can count
        return [(back(low), 0.0), (back(high), 1.0)]
    step = _round_step(width / 4) if not log else max(1.0, math.ceil(width / 4))
    inner = [math.ceil(low / step) * step + at * step for at in range(8)]
    spaced = [value for value in inner if low + width / 10 <= value <= high - width / 10]
    return [(back(value), (value - low) / width) for value in (low, *spaced, high)]


def _power(exponent: float) -> float:
    return float(10.0 ** min(exponent, _LARGEST_EXPONENT))


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)


def _categories(name: str, values: Sequence[str | None]) -> Dimension:
    order = in_order(value for value in values if value is not None)
    gap = max(1, len(order) - 1)
    places = {value: at / gap if len(order) > 1 else 0.5 for at, value in enumerate(order)}
    every = math.ceil(len(order) / MOST_TICKS)
    ticks: dict[str, float] = {}
    for value in order[::every]:
        ticks.setdefault(label(value, 16), places[value])
    return Dimension(name, [None if value is None else places[value] for value in values], ticks, None)
