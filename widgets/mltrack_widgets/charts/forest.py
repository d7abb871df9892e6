"""How much a random forest makes of each parameter when it predicts a metric."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mltrack_widgets.charts.columns import in_order, number_of, numeric, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TREES, MOST_ONE_HOT = 100, 8


def forest_importances(params: Mapping[str, Sequence[Any]], metric: Sequence[float]) -> dict[str, float] | None:
    """Give each parameter's share of what a random forest learns of a metric; they add up to 1.

    It is the mean decrease in impurity (Breiman, 2001; scikit-learn's ``feature_importances_``), which W&B's panel
    shows too. A category with up to 8 values is one column a value, whose shares are added; one with more is numbered
    in the order of its texts. A missing value is a value of its own. The same input gives the same numbers.

    Returns None when scikit-learn is not installed, when there are under 2 runs, or when the metric does not vary.
    """
    if len(metric) < 2 or min(metric) == max(metric) or not params:
        return None
    try:
        from sklearn.ensemble import RandomForestRegressor  # optional, and over a second
    except ImportError:
        return None
    owners: list[str] = []
    features: list[list[float]] = []
    for name, values in params.items():
        made = _features(values)
        owners += [name] * len(made)
        features += made
    forest = RandomForestRegressor(n_estimators=TREES, max_features=1 / 3, random_state=0)
    scale = max(abs(value) for value in metric)  # squares of very large values would be infinite
    forest.fit([list(row) for row in zip(*features, strict=True)], [value / scale for value in metric])
    shares = dict.fromkeys(params, 0.0)
    for owner, share in zip(owners, forest.feature_importances_, strict=True):
        shares[owner] += float(share)
    return shares


def _features(values: Sequence[Any]) -> list[list[float]]:
    if numeric(values):
        numbers = [number_of(value) for value in values]
        finite = [value for value in numbers if math.isfinite(value)]
        low, high = min(finite), max(finite)
        width = (high - low) or 1.0
        # trees ask for order only; from 0 to 1 fits into the floats that they use
        laid = (
            (value - low) / width if math.isfinite(value) else 2.0 if value == math.inf else -1.0 for value in numbers
        )
        return [list(laid)]
    texts = [text_of(value) for value in values]
    order = in_order(texts)
    if len(order) > MOST_ONE_HOT:
        places = {text: float(at) for at, text in enumerate(order)}
        return [[places[text] for text in texts]]
    return [[float(text == each) for text in texts] for each in order]
