"""Groups of runs in PostgreSQL, whose own sums refuse what is too large or too small for a float."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mltrack.store import moments
from mltrack.store.groups import GroupReader
from mltrack.store.moments import Moments

if TYPE_CHECKING:
    from collections.abc import Sequence

_LARGE, _SMALL = 1e140, 1e-140  # between them, squares of values and sums of squares are floats
_COARSE = 1e-12
"""How little of the squared mean a variance may be; below, most of its digits are lost."""
_VALUE = f"CASE WHEN abs({{m}}.value) < {_LARGE!r} THEN {{m}}.value END"


class PostgresGroupReader(GroupReader):
    """Sums up by PostgreSQL's mean and variance, which lose little (Youngs and Cramer's way)."""

    sums = f"count({{m}}.value), avg({_VALUE}), var_pop({_VALUE}), min({{m}}.value), max({{m}}.value)"

    def moments(self, value: str | None, number: int, sums: Sequence[float]) -> Moments:
        """Make moments of a group's five sums; where they are too coarse, the group's values are read."""
        count, mean, variance, low, high = sums
        if low == high:
            return Moments(int(count), low, 0.0)
        largest = max(abs(low), abs(high))
        if _SMALL < largest < _LARGE and variance > _COARSE * largest * largest:
            return Moments(int(count), mean, variance * count)
        scale, centre = moments.centre(low, high)
        rows = self.values_of("SELECT m.value", value, number)
        distances = [row[0] * scale - centre for row in rows]
        squares = math.fsum(each * each for each in distances)
        return moments.around(int(count), math.fsum(distances), squares, scale=scale, centre=centre)
