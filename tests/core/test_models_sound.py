"""Skops files whose numbers lead out of their arrays, which scikit-learn and scipy do not look at."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.core.strangers import both_ways, edited, of_sklearn, refused

from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

sklearn = pytest.importorskip("sklearn")
skops = pytest.importorskip("skops.io")
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor  # noqa: E402 - only where it is
from sklearn.linear_model import LinearRegression  # noqa: E402
from sklearn.neighbors import KNeighborsRegressor  # noqa: E402
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor  # noqa: E402

X = np.random.default_rng(0).normal(size=(40, 3))
Y = X[:, 0]

SKLEARN = tuple(int(part) for part in sklearn.__version__.split(".")[:2])


def number(value: int) -> dict[str, Any]:
    return {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "JsonNode",
        "content": str(value),
        "is_json": True,
    }


def of_tree(edit: Callable[[Any], Any]) -> bytes:
    """A skops file of a tree of which what skops keeps of it was changed."""
    model = DecisionTreeClassifier(max_depth=1).fit(X, Y > 0)
    return edited(model, lambda schema: edit(schema["content"]["content"]["tree_"]))


def test_a_file_that_would_unpack_to_much_is_refused(tmp_path: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("schema.json", b" " * (300 << 20))
    place = of_sklearn(tmp_path / "m", "model.skops", target.getvalue(), "skops")
    assert "would unpack to 300 MiB" in refused(both_ways(place)[0])


def changed_tree(**fields: Any) -> Any:
    model = DecisionTreeRegressor(max_depth=3).fit(X, Y)
    tree = model.tree_
    state = tree.__getstate__()
    state["nodes"] = state["nodes"].copy()
    for name, value in fields.items():
        if name in state:
            state[name] = value
        else:
            state["nodes"][name][0] = value
    made = type(tree)(tree.n_features, np.array([1]), 1)
    made.__setstate__(state)
    model.tree_ = made
    return model


def other_width(model: Any) -> Any:
    model.n_features_in_ = 1
    return model


def histogram() -> Any:
    model = HistGradientBoostingRegressor(max_iter=2).fit(X, Y)
    model._predictors[0][0].nodes["left"][0] = 10_000
    return model


def neighbours() -> Any:
    model = KNeighborsRegressor(algorithm="kd_tree").fit(X, Y)
    state = list(model._tree.__getstate__())
    state[1] = state[1] + 5000
    model._tree.__setstate__(tuple(state))
    return model


def boosting() -> Any:
    model = GradientBoostingRegressor(n_estimators=2).fit(X, Y)
    model.estimators_ = np.hstack([model.estimators_] * 4)
    return model


def sparse() -> Any:
    from scipy.sparse import csr_matrix

    model = LinearRegression().fit(X, Y)
    model.data_ = csr_matrix(X)
    model.data_.indices[0] = 7000
    return model


UNSOUND: dict[str, Callable[[], Any]] = {
    "a child beyond the end": lambda: changed_tree(left_child=100_000),
    "a child before its parent": lambda: changed_tree(right_child=0),
    "a column that is none": lambda: changed_tree(feature=1_000),
    "a column before the first": lambda: changed_tree(feature=-7),
    "deeper than it says": lambda: changed_tree(max_depth=1),
    "fewer columns than it reads": lambda: other_width(changed_tree(feature=2)),
    "histograms": histogram,
    "neighbours": neighbours,
    "boosting": boosting,
    "a sparse matrix": sparse,
}


@pytest.mark.parametrize("what", UNSOUND)
def test_numbers_that_lead_out_of_their_arrays_are_refused(what: str, tmp_path: Path) -> None:
    if what in ("boosting", "histograms") and SKLEARN < (1, 6):
        pytest.skip("the losses of this scikit-learn are of types that are not on the list: nothing is read")
    place = of_sklearn(tmp_path / "m", "model.skops", skops.dumps(UNSOUND[what]()), "skops")
    for load in both_ways(place):
        assert "whose numbers lead out of its arrays" in refused(load, InvalidParameterError)


def test_a_tree_is_looked_at_before_it_is_made(tmp_path: Path) -> None:
    """One that says it has more outputs than numbers of classes reads them while it is made."""
    content = of_tree(lambda tree: tree["__reduce__"]["args"]["content"].__setitem__(2, number(1_000_000)))
    place = of_sklearn(tmp_path / "m", "model.skops", content, "skops")
    assert "other numbers of classes" in refused(both_ways(place)[0], InvalidParameterError)


def test_a_part_cannot_stand_in_for_another(tmp_path: Path) -> None:
    """Of two parts with one number skops takes the first for both."""

    def edit(tree: Any) -> None:
        args = tree["__reduce__"]["args"]
        tree["content"]["__id__"] = args["__id__"]

    place = of_sklearn(tmp_path / "m", "model.skops", of_tree(edit), "skops")
    assert "two of its parts have one number" in refused(both_ways(place)[0], InvalidParameterError)
