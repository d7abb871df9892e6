"""Whether a LightGBM model's text is whole and its numbers stay inside its arrays, which LightGBM does not look at.

Source of the format: ``src/boosting/gbdt_model_text.cpp`` and ``src/io/tree.cpp`` of LightGBM, versions 2 to 4.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from mltrack.frameworks.trees import reached, within

_ENDS = ("\nend of trees\n", "\nparameters:\n", "\nend of parameters\n")
_SETTING = re.compile(r"\[\w+: .*\]")
_IMPORTANCE = re.compile(r"feature_importances:|.+=\d+")
_NUMBER = r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|nan|inf)"
_NUMBERS = re.compile(rf" *(?:{_NUMBER} +)*+(?:{_NUMBER})? *")
_INFO = re.compile(rf"none|\[{_NUMBER}:{_NUMBER}\]|-?\d+(?::-?\d+)*")
_UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_CATEGORICAL = 1
_OF_INNER = ("split_feature", "threshold", "decision_type", "left_child", "right_child")
_NEEDED = {"num_leaves", "num_cat", "leaf_value", "shrinkage"}
_OF_LEAVES = ("leaf_value", "leaf_weight", "leaf_count", "leaf_const", "num_features")


def check_model(text: str) -> None:
    """Refuse a text that is cut or changed, so that reading it or predicting with it would read elsewhere.

    Raises
    ------
    ValueError
        Which says what is wrong.
    """
    if not text.startswith("tree\n"):
        raise ValueError(f"it begins with {text[:20]!r}")
    if _UNREADABLE.search(text):
        raise ValueError("it holds characters that are none of a text")
    places = [text.find(end) for end in _ENDS]
    if -1 in places or places != sorted(places):
        raise ValueError("it ends too early")
    settings = text[places[1] + len(_ENDS[1]) : places[2]].splitlines()
    if not all(_SETTING.fullmatch(line) for line in settings if line):
        raise ValueError("its parameters are not what they should be")
    importances = text[places[0] + len(_ENDS[0]) : places[1]].splitlines()
    if not all(_IMPORTANCE.fullmatch(line) for line in importances if line):
        raise ValueError("its feature importances are not what they should be")
    try:
        head, _, _ = text.partition("\nTree=0\n")
        header = _read(head[: places[0]])
        features = int(header["max_feature_idx"]) + 1
        if not all(_INFO.fullmatch(each) for each in header.get("feature_infos", "").split()):
            raise ValueError("what it says of its features cannot be read")
        for number, tree in enumerate(_trees(text, header, end=places[0])):
            if not _is_sound(_read(tree), features):
                raise ValueError(f"the tree {number} leads out of itself")
    except (KeyError, OverflowError, IndexError) as error:
        raise ValueError(f"a part of it is missing: {error}") from error


def _read(text: str) -> dict[str, str]:
    lines = (line.partition("=") for line in text.splitlines())
    return {name: value for name, _, value in lines}


def _trees(text: str, header: dict[str, str], *, end: int) -> list[str]:
    """Give the text of each tree; where each begins is told in the header, in bytes, and read from there."""
    sizes = _whole(header.get("tree_sizes", ""))
    start = text.find("\nTree=0\n") + 1
    found = []
    content = text[start : end + 1].encode() if start else b""
    place = 0
    for number, size in enumerate(sizes):
        part = content[place : place + int(size)]
        if size <= 0 or len(part) < size or not part.startswith(f"Tree={number}\n".encode()):
            raise ValueError("its trees are not where it says")
        found.append(part.decode())
        place += int(size)
    if content[place:].strip():
        raise ValueError("it has more trees than it says")
    groups = int(header["num_tree_per_iteration"])
    if groups < 1 or int(header["num_class"]) < 1 or len(found) % groups:
        raise ValueError("it has another number of trees than of classes")
    return found


def _whole(text: str) -> Any:
    return np.array([int(each) for each in text.split()], dtype=np.int64)


def _is_sound(tree: dict[str, str], features: int) -> bool:
    if not tree.keys() >= _NEEDED or not all(_NUMBERS.fullmatch(value) for value in tree.values()):
        return False
    leaves = int(tree["num_leaves"])
    inner = leaves - 1
    if leaves < 1 or any(len(tree[name].split()) != leaves for name in _OF_LEAVES if tree.get(name)):
        return False
    if not _is_linear_sound(tree, leaves, features):
        return False
    if not inner:
        return True
    if any(len(tree[name].split()) != inner for name in _OF_INNER):
        return False
    left, right, used, kinds = (
        _whole(tree[name]) for name in ("left_child", "right_child", "split_feature", "decision_type")
    )
    return (
        within(used, features)
        and _leads_to_leaves(left, right, leaves)
        and _has_categories(tree, [float(each) for each in tree["threshold"].split()], kinds & _CATEGORICAL)
    )


def _leads_to_leaves(left: Any, right: Any, leaves: int) -> bool:
    """Tell whether every inner node and every leaf, whose number is written as -1 - n, is reached once."""
    inner = leaves - 1
    both = [np.where(each < 0, inner - 1 - each, each) for each in (left, right)]
    ends = np.zeros(leaves, dtype=np.int64)
    is_leaf = np.arange(inner + leaves) >= inner
    seen = reached(np.concatenate([both[0], ends]), np.concatenate([both[1], ends]), is_leaf)
    return seen is not None and bool(seen.all())


def _has_categories(tree: dict[str, str], thresholds: list[float], is_categorical: Any) -> bool:
    count = int(tree.get("num_cat", 0))
    used = np.array(thresholds)[is_categorical == _CATEGORICAL]
    if not count:
        return not len(used)
    starts, sets = _whole(tree["cat_boundaries"]), tree["cat_threshold"].split()
    return (
        len(starts) == count + 1
        and within(starts, len(sets) + 1)
        and bool((np.diff(starts) >= 0).all())
        and within(used, count)
    )


def _is_linear_sound(tree: dict[str, str], leaves: int, features: int) -> bool:
    if int(tree.get("is_linear", 0)) == 0:
        return True
    counts, used = _whole(tree["num_features"]), _whole(tree["leaf_features"])
    return (
        len(counts) == leaves
        and within(counts, features + 1)
        and len(used) == counts.sum() == len(tree["leaf_coeff"].split())
        and len(tree["leaf_const"].split()) == leaves
        and within(used, features)
    )
