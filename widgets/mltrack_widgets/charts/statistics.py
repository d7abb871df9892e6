"""The numbers that charts of params and metrics say: rank correlation, a trend line, whether a scale is logarithmic."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from mltrack_widgets.format import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DECADES = 2
"""A scale is logarithmic when positive values span more than this many powers of ten."""

SMALLEST = 1e-300
"""Numbers below it have lost their last digits, and no axis."""


class Correlation(NamedTuple):
    """Spearman's rho, and the number of pairs it comes from; NaN when there is none."""

    rho: float
    n: int

    @property
    def words(self) -> str:
        """The correlation as a person reads it."""
        if math.isnan(self.rho):
            return f"no correlation: {count(self.n, 'run')}" + (" with one value" if self.n > 1 else "")
        return f"Spearman ρ = {self.rho:.2f} over {count(self.n, 'run')}"


class Trend(NamedTuple):
    """A least-squares line by its two ends, straight on the axes it was fitted on."""

    xs: tuple[float, float]
    ys: tuple[float, float]


def spearman(xs: Sequence[float], ys: Sequence[float]) -> Correlation:
    """Correlate ranks, equal values sharing their mean rank; pairs that are not finite are left out.

    It is Pearson's correlation of the ranks (Spearman 1904), which is right with ties too.
    """
    pairs = finite_pairs(xs, ys)
    return Correlation(_pearson(ranks([x for x, _ in pairs]), ranks([y for _, y in pairs])), len(pairs))


def finite_pairs(xs: Iterable[float], ys: Iterable[float]) -> list[tuple[float, float]]:
    """Give the pairs of which both are finite."""
    return [(x, y) for x, y in zip(xs, ys, strict=True) if math.isfinite(x) and math.isfinite(y)]


def ranks(values: Sequence[float]) -> list[float]:
    """Rank values from 1; equal ones get the mean of their ranks."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for place in order[start : end + 1]:
            found[place] = (start + end) / 2 + 1
        start = end + 1
    return found


def _pearson(xs: Sequence[float], ys: Sequence[float]) -> float:
    if len(xs) < 2:
        return math.nan
    mean_x, mean_y = math.fsum(xs) / len(xs), math.fsum(ys) / len(ys)
    spread = math.sqrt(math.fsum((x - mean_x) ** 2 for x in xs) * math.fsum((y - mean_y) ** 2 for y in ys))
    if spread == 0:
        return math.nan
    together = math.fsum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    return max(-1.0, min(1.0, together / spread))


def trend_line(xs: Sequence[float], ys: Sequence[float], *, log_x: bool = False, log_y: bool = False) -> Trend | None:
    """Fit a line by least squares, on logarithms where the axis is logarithmic; None for under 3 runs or one x."""
    pairs = [
        (math.log10(x) if log_x else x, math.log10(y) if log_y else y)
        for x, y in finite_pairs(xs, ys)
        if (x > 0 or not log_x) and (y > 0 or not log_y)
    ]
    if len(pairs) < 3:
        return None
    low, high = min(x for x, _ in pairs), max(x for x, _ in pairs)
    width = high - low
    if not 0 < width < math.inf:
        return None
    # x from 0 to 1: squares of far or very large values would lose all digits
    shares, values = [(x - low) / width for x, _ in pairs], [y for _, y in pairs]
    mean_x, mean_y = math.fsum(shares) / len(pairs), math.fsum(y / len(pairs) for y in values)
    above = math.fsum((x - mean_x) * (y - mean_y) for x, y in zip(shares, values, strict=True))
    slope = above / math.fsum((x - mean_x) ** 2 for x in shares)
    ends = (mean_y - slope * mean_x, mean_y + slope * (1 - mean_x))
    made = Trend(_back((low, high), log=log_x), _back(ends, log=log_y))
    return made if all(map(math.isfinite, (*made.xs, *made.ys))) else None


def _back(ends: tuple[float, float], *, log: bool) -> tuple[float, float]:
    if not log:
        return ends
    low, high = (10.0**end if -300 < end < 300 else math.nan for end in ends)
    return low, high


def is_log(values: Iterable[float]) -> bool:
    """Tell whether values want a logarithmic scale: all that are finite are positive, and span over two decades."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite or min(finite) < SMALLEST:
        return False
    return math.log10(max(finite)) - math.log10(min(finite)) > DECADES
