"""Smoothing of curves; thinned stretches weigh as much as the points that they stand for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

VIEWPORT = 1_000
"""Into how many steps W&B divides the range of x."""


def exponential(values: Sequence[float], weight: float, *, counts: Sequence[int] | None = None) -> list[float]:
    """Smooth by TensorBoard's exponential moving average without its bias towards zero.

    ``s[i] = weight * s[i-1] + (1 - weight) * y[i]``, divided by ``1 - weight ** n`` after n points (TensorBoard,
    ``vz_line_chart2/line-chart.ts``, ``resmoothDataset``). ``counts`` says how many points each value is the mean of:
    it counts as that many points of its value. What is not finite is left out, and is NaN in the result.

    Raises
    ------
    InvalidParameterError
        When the weight is not from 0 to below 1.

    """
    _check(weight)
    last, seen, found = 0.0, 0, _Range()
    smooth = []
    for place, value in enumerate(values):
        if not math.isfinite(value):
            smooth.append(math.nan)
            continue
        count = 1 if counts is None else max(1, counts[place])
        seen += count
        share = (1 - weight**count) / (1 - weight**seen)
        last = found.clamp(last * (1 - share) + value * share, value)
        smooth.append(last)
    return smooth


def time_weighted(
    xs: Sequence[float], values: Sequence[float], *, weight: float, counts: Sequence[int] | None = None
) -> list[float]:
    """Smooth by W&B's time-weighted moving average: the further apart points are in x, the less the past weighs.

    With ``w = min(sqrt(weight), 0.999)`` and ``d`` the distance to the point before as a share of the range of x times
    1,000: ``s = s * w**d + y``, divided by the same sum over ones (W&B's documentation, "Smooth line plots"). A value
    that is the mean of several points (``counts``) counts as that many, evenly spread since the one before. What is not
    finite is left out, and is NaN in the result.

    Raises
    ------
    InvalidParameterError
        When the weight is not from 0 to below 1.

    """
    _check(weight)
    if not values:
        return []
    base, width = min(math.sqrt(weight), 0.999), (max(xs) - min(xs)) or 1.0
    last, ones, before, found = 0.0, 0.0, xs[0], _Range()
    smooth = []
    for place, (x, value) in enumerate(zip(xs, values, strict=True)):
        if not math.isfinite(value):
            smooth.append(math.nan)
            continue
        count = 1 if counts is None else max(1, counts[place])
        each = base ** (max(0.0, (x - before) / width) * VIEWPORT / count)
        added = float(count) if each == 1 else (1 - each**count) / (1 - each)
        ones, before = ones * each**count + added, x
        last = found.clamp(last * (1 - added / ones) + value * (added / ones), value)
        smooth.append(last)
    return smooth


class _Range:
    """The range of the values so far, which a mean of them never leaves, rounding included."""

    def __init__(self) -> None:
        self._low, self._high = math.inf, -math.inf

    def clamp(self, smooth: float, value: float) -> float:
        """Widen the range by a value, and keep a mean in it."""
        self._low, self._high = min(self._low, value), max(self._high, value)
        return min(max(smooth, self._low), self._high)


def _check(weight: float) -> None:
    if not 0 <= weight < 1:
        raise InvalidParameterError(f"Smoothing is from 0 (none) to below 1, such as 0.6; got {weight!r}.")
