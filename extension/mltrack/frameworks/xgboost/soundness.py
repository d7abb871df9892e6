"""Whether an XGBoost model's numbers stay inside its arrays, which XGBoost itself does not look at.

Source of the format: https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html and its JSON schema.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from mltrack.frameworks.trees import reached, within
from mltrack.frameworks.xgboost.ubjson import read_ubjson

_LEAF = -1
_OF_NODES = ("split_conditions", "default_left", "loss_changes", "sum_hessian")


def check_model(content: bytes) -> None:
    """Refuse a file, UBJSON or JSON, whose numbers lead out of its arrays, or of which a part is missing.

    Raises
    ------
    ValueError
        Which says what is wrong, as far as that is known.
    """
    if not content.startswith(b"{"):
        raise ValueError("it is neither UBJSON nor JSON")
    try:
        learner = _document(content)["learner"]
        params = learner["learner_model_param"]
        groups = max(int(params["num_class"]), int(params.get("num_target", 1)), 1)
        _check_booster(learner["gradient_booster"], features=int(params["num_feature"]), groups=groups)
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        raise ValueError(f"a part of it is missing or is another: {type(error).__name__} {error}") from error


def _document(content: bytes) -> Any:
    is_json = content[1:].lstrip()[:1] in (b'"', b"}")
    found = json.loads(content) if is_json else read_ubjson(content)
    return found.get("Model", found)  # in a pickle or a skops file it stands beside its configuration


def _check_booster(booster: Any, *, features: int, groups: int) -> None:
    if booster["name"] == "gblinear":
        if len(booster["model"]["weights"]) != (features + 1) * groups:
            raise ValueError("it has another number of weights than of features")
        return
    inner = booster["gbtree"] if booster["name"] == "dart" else booster
    trees, of_group = inner["model"]["trees"], np.asarray(inner["model"]["tree_info"])
    count = int(inner["model"]["gbtree_model_param"]["num_trees"])
    rounds = np.asarray(inner["model"].get("iteration_indptr", []))
    dropped = booster.get("weight_drop")
    if not count == len(trees) == len(of_group) == (count if dropped is None else len(dropped)):
        raise ValueError("it has another number of trees than it says")
    if not within(of_group, groups) or not within(rounds, count + 1) or (np.diff(rounds) < 0).any():
        raise ValueError("a tree is of a class that there is not")
    for number, tree in enumerate(trees):
        if not _is_sound(tree, features, groups):
            raise ValueError(f"the tree {number} leads out of itself")


def _is_sound(tree: Any, features: int, groups: int) -> bool:
    count = int(tree["tree_param"]["num_nodes"])
    values = int(tree["tree_param"].get("size_leaf_vector", 1))
    left, right, used = (np.asarray(tree[name]) for name in ("left_children", "right_children", "split_indices"))
    kinds = np.asarray(tree.get("split_type", np.zeros(count)))
    parents = np.asarray(tree["parents"])
    arrays = (left, right, used, kinds, parents, *(tree[name] for name in _OF_NODES))
    if count < 1 or any(len(each) != count for each in arrays) or len(tree["base_weights"]) < count:
        return False
    is_leaf = left == _LEAF
    seen = reached(left, right, is_leaf)
    if seen is None or not within(used[seen & ~is_leaf], features):
        return False
    inner = np.flatnonzero(seen & ~is_leaf)
    if (parents[left[inner]] != inner).any() or (parents[right[inner]] != inner).any():
        return False
    if values > 1 and not _has_leaf_values(tree, right[seen & is_leaf], min(values, groups)):
        return False
    return _has_categories(tree, inner[kinds[inner] == 1])


def _has_leaf_values(tree: Any, places: Any, values: int) -> bool:
    """Tell whether each leaf of several outputs has its values; where they lie differs between versions."""
    most = max(len(tree.get("leaf_weights", ())), len(tree["base_weights"]))
    return int(tree["tree_param"]["size_leaf_vector"]) == values and within(places + 1, most // values + 1)


def _has_categories(tree: Any, needed: Any) -> bool:
    nodes, starts, sizes = (np.asarray(tree.get(f"categories_{name}", [])) for name in ("nodes", "segments", "sizes"))
    categories = np.asarray(tree.get("categories", []))
    return (
        len(nodes) == len(starts) == len(sizes)
        and bool(np.isin(needed, nodes).all())
        and within(starts, len(categories) + 1)
        and within(sizes, len(categories) + 1)
        and within(starts + sizes, len(categories) + 1)
        and within(categories, 1 << 24)
    )
