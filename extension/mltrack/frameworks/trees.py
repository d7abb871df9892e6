"""Whether the numbers of a decision tree make one: what predicts with them reads where they say, without a look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def reached(left: NDArray[Any], right: NDArray[Any], is_leaf: NDArray[Any]) -> NDArray[Any] | None:
    """Give which nodes are reached from the first one; None when a child is none of the nodes, or reached twice."""
    count = len(is_leaf)
    seen = np.zeros(count, dtype=bool)
    level = np.zeros(1, dtype=np.int64)
    while len(level):
        if level.min() < 0 or level.max() >= count or seen[level].any() or len(np.unique(level)) < len(level):
            return None
        seen[level] = True
        inner = level[~is_leaf[level]]
        level = np.concatenate([left[inner], right[inner]]).astype(np.int64)
    return seen


def within(values: NDArray[Any], limit: int) -> bool:
    """Tell whether all of some whole numbers are from 0 and below a limit."""
    return not len(values) or bool(values.min() >= 0 and values.max() < limit)
