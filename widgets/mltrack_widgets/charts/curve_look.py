"""How curves are to be drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from mltrack.exceptions import InvalidParameterError


@dataclass(frozen=True, slots=True)
class CurveLook:
    """How curves are drawn.

    ``x`` is the step, the time or the time since each run began; ``log`` makes y logarithmic (None: where positive
    values span over two decades). ``smoothing`` is from 0 to below 1, its kind as in ``smoothing.py``. ``columns``
    charts stand side by side. ``interactive`` charts zoom (the parameter ``zoom_x``: drag, Ctrl or Cmd and wheel,
    double click for all) and say the values of all runs where the pointer is. Lines go through ``points`` points.
    """

    x: Literal["step", "time", "relative"] = "step"
    log: bool | None = None
    smoothing: float = 0.0
    smoothing_kind: Literal["exponential", "time"] = "exponential"
    columns: int = 3
    legend: bool = False
    interactive: bool = True
    points: int = 1_000

    def __post_init__(self) -> None:
        if self.x not in ("step", "time", "relative"):
            raise InvalidParameterError(f"Curves are drawn over 'step', 'time' or 'relative' time; got {self.x!r}.")
        if self.smoothing_kind not in ("exponential", "time"):
            raise InvalidParameterError(f"Smoothing is 'exponential' or by 'time'; got {self.smoothing_kind!r}.")
        if not 0 <= self.smoothing < 1:
            raise InvalidParameterError(f"Smoothing is from 0 (none) to below 1, such as 0.6; got {self.smoothing!r}.")

    def for_picture(self) -> CurveLook:
        """Give the same for a picture that stays: a legend, nothing to point at, 200 points a line."""
        return replace(self, legend=True, interactive=False, points=min(self.points, 200))
