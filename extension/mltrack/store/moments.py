"""Counts, means and spreads, added up so that rounding does not show in them."""

from __future__ import annotations

import math
from dataclasses import dataclass

LARGE = 2.0**400
"""What can be squared and added up without care."""
WORST = 1e-7
"""How much may cancel out in a difference of sums of squares: the rest still has half of a float's digits."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Some finite values: how many, their mean, and the sum of their squared deviations from it.

    Mean and squares are of the values times ``scale``, a power of two.
    """

    count: int
    mean: float
    squares: float
    scale: float = 1.0

    @property
    def summary(self) -> tuple[int, float, float]:
        """(how many, mean, standard deviation of the sample), the last NaN for one value."""
        deviation = math.sqrt(self.squares / (self.count - 1)) / self.scale if self.count > 1 else math.nan
        return self.count, self.mean / self.scale, deviation

    def plus(self, value: float) -> Moments:
        """Add one value (Welford's way)."""
        before = self if self.count else Moments(0, 0.0, 0.0, scale_of(value))
        while max(abs(value) * before.scale, abs(before.mean)) > LARGE:
            before = before.shrunk()
        count, scaled = before.count + 1, value * before.scale
        off = scaled - before.mean
        mean = before.mean + off / count
        return Moments(count, mean, before.squares + off * (scaled - mean), before.scale)

    def shrunk(self) -> Moments:
        """Give the same with a smaller scale, so that larger values can be squared."""
        return Moments(self.count, self.mean / LARGE, self.squares / LARGE / LARGE, self.scale / LARGE)


NOTHING = Moments(0, 0.0, 0.0)


def from_sums(count: int, total: float, squares: float, *, low: float, high: float) -> Moments | None:
    """Make moments of sums of the values and of their squares; None where too much was lost in the rounding."""
    if low == high:
        return Moments(count, low, 0.0)
    deviations = squares - total * total / count
    if math.isfinite(squares) and math.isfinite(total) and deviations > WORST * squares > 1e-290:
        return Moments(count, total / count, deviations)
    return None


def scale_of(size: float) -> float:
    """Give the power of two that brings a value of this size to about 1, or as near to it as floats allow."""
    return 2.0 ** -max(math.frexp(size)[1], -1000)


def centre(low: float, high: float) -> tuple[float, float]:
    """Give (scale, centre): values times scale are at most 1, and sums around the centre then lose next to nothing.

    The centre is half way from the lowest to the highest, which are in the sum themselves: the squares around it are
    no more than half as often the deviations' as there are values.
    """
    scale = scale_of(max(abs(low), abs(high)))
    return scale, (low * scale + high * scale) / 2


def around(count: int, total: float, squares: float, *, scale: float, centre: float) -> Moments:
    """Make moments of sums of the scaled values' distances from a centre and of their squares."""
    return Moments(count, centre + total / count, max(squares - total * total / count, 0.0), scale)
