"""Whether the numbers in trees and sparse matrices stay inside their arrays.

Scikit-learn and scipy read where these numbers say and do not look first, so that a file made for it could read or
write anywhere in memory. What was fitted here is sound always.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from mltrack.frameworks.sklearn.parts import parts_of

_SHARING = ("sklearn.tree.", "sklearn.ensemble._forest", "sklearn.ensemble._gb", "sklearn.ensemble._iforest")
_HISTOGRAMS = "sklearn.ensemble._hist_gradient_boosting"
_LEAF = -1


def unsound_part(model: Any) -> str | None:
    """Give the name of the first type in a model whose numbers lead out of its arrays; None when all is well."""
    seen: set[tuple[int, int | None]] = set()
    waiting: list[tuple[Any, int | None]] = [(model, None)]
    while waiting:
        thing, width = waiting.pop()
        if isinstance(thing, (str, bytes, int, float, type(None))) or (id(thing), width) in seen:
            continue
        seen.add((id(thing), width))
        width = _width_below(thing, width)
        if not _is_sound(thing, width):
            return f"{type(thing).__module__}.{type(thing).__qualname__}"
        waiting += [(each, width) for each in parts_of(thing)]
    return None


def _width_below(thing: Any, width: int | None) -> int | None:
    """Give how many columns the trees below may read.

    A forest checks its data once for all its trees; every other estimator has each of its parts check for itself.
    """
    own = getattr(thing, "n_features_in_", None)
    if own is None:
        return width
    module = type(thing).__module__
    if not module.startswith((*_SHARING, _HISTOGRAMS)):
        return None
    widths = [int(own), *(len(each) for each in getattr(thing, "estimators_features_", ()))]
    return min([*widths, *([] if width is None else [width])])


def _is_sound(thing: Any, width: int | None) -> bool:
    check = _CHECKS.get(f"{type(thing).__module__}.{type(thing).__name__}")
    if check is not None:
        return bool(check(thing, width))
    sparse = sys.modules.get("scipy.sparse")
    if sparse is not None and sparse.issparse(thing) and hasattr(thing, "check_format"):
        try:
            thing.check_format()
        except ValueError:
            return False
    return True


def _check_tree(tree: Any, width: int | None) -> bool:
    if not 0 < tree.node_count <= tree.capacity or width is None:
        return False
    left, right, features = tree.children_left, tree.children_right, tree.feature
    inner = left != _LEAF
    return (
        bool(((features[inner] >= 0) & (features[inner] < min(width, tree.n_features))).all())
        and bool((inner == (right != _LEAF)).all())
        and _lead_down(inner, left, right, depth=tree.max_depth)
    )


def _lead_down(inner: Any, left: Any, right: Any, *, depth: int | None = None) -> bool:
    """Tell whether children stand behind their parents, inside the array, and not deeper than ``depth``."""
    places = np.flatnonzero(inner)
    for children in (left[inner].astype(np.int64), right[inner].astype(np.int64)):
        if not ((children > places) & (children < len(inner))).all():
            return False
    level, count = np.zeros(1, dtype=np.int64), 0
    while depth is not None and len(level := level[inner[level]]):
        level, count = np.unique(np.concatenate([left[level], right[level]])), count + 1
        if count > depth:
            return False
    return True


def _check_boosting(model: Any, width: int | None) -> bool:
    del width
    trees = getattr(model, "estimators_", None)
    return trees is None or (trees.ndim == 2 and trees.shape[1] == getattr(model, "n_trees_per_iteration_", 0))


def _check_predictor(predictor: Any, width: int | None) -> bool:
    nodes, sets = predictor.nodes, (predictor.raw_left_cat_bitsets, predictor.binned_left_cat_bitsets)
    inner = nodes["is_leaf"] == 0
    categorical = nodes["bitset_idx"][inner & (nodes["is_categorical"] != 0)]
    features = nodes["feature_idx"][inner]
    return (
        width is not None
        and len(nodes) > 0
        and bool(((features >= 0) & (features < width)).all())
        and _lead_down(inner, nodes["left"], nodes["right"])
        and all(each.ndim == 2 and each.shape[1] == 8 for each in sets)
        and all(not len(categorical) or categorical.max() < len(each) for each in sets)
    )


def _check_neighbours(tree: Any, width: int | None) -> bool:
    del width
    data, order, nodes, bounds, _, levels, count, *_, weights = tree.__getstate__()
    inner = np.flatnonzero(nodes["is_leaf"][:count] == 0)
    return (
        count == len(nodes) == 2**levels - 1
        and len(order) == len(data)
        and bool(((order >= 0) & (order < len(data))).all())
        and bool(((nodes["idx_start"] >= 0) & (nodes["idx_start"] <= nodes["idx_end"])).all())
        and bool((nodes["idx_end"] <= len(data)).all())
        and bool((2 * inner + 2 < count).all())
        and bounds.ndim == 3
        and bounds.shape[1:] == (count, data.shape[1])
        and (weights is None or len(weights) == len(data))
    )


_CHECKS = {
    "sklearn.tree._tree.Tree": _check_tree,
    "sklearn.ensemble._gb.GradientBoostingClassifier": _check_boosting,
    "sklearn.ensemble._gb.GradientBoostingRegressor": _check_boosting,
    f"{_HISTOGRAMS}.predictor.TreePredictor": _check_predictor,
    **{
        f"sklearn.neighbors._{module}.{name}{bits}": _check_neighbours
        for module, name in (("kd_tree", "KDTree"), ("ball_tree", "BallTree"))
        for bits in ("", "32", "64")
    },
}
