"""Whether what is in a skops file reads inside its arrays while it is made: trees, and boosters of other libraries."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from mltrack.frameworks.sklearn.skops_schema import nodes_of

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Mapping


def check_parts(schema: Any, packed: zipfile.ZipFile) -> None:
    """See that what reads its numbers while it is made reads inside its arrays; ValueError when not."""
    parts = _Parts(schema, packed)
    for node in parts.nodes:
        check = _CHECKS.get(f"{node.get('__module__')}.{node.get('__class__')}")
        if check is not None and isinstance(node.get("__loader__"), str):
            check(node, parts)


class _Parts:
    """The nodes of a schema, of which skops takes the first of a number in the place of all that have it."""

    def __init__(self, schema: Any, packed: zipfile.ZipFile) -> None:
        self.nodes = list(nodes_of(schema))
        self._packed = packed
        self._by_number: dict[Any, list[Any]] = {}
        for node in self.nodes:
            self._by_number.setdefault(node.get("__id__"), []).append(node)

    def sure(self, node: Any) -> dict[str, Any]:
        """Give a node that no other one stands in for; ValueError when one may."""
        number = node.get("__id__")
        if number is not None and any(each != node for each in self._by_number[number]):
            raise ValueError("two of its parts have one number")
        found: dict[str, Any] = node
        return found

    def read(self, node: Any) -> bytes:
        return self._packed.read(self.sure(node)["file"])


def _check_tree(node: Mapping[str, Any], parts: _Parts) -> None:
    import numpy as np  # skops has loaded it

    _, classes, outputs = parts.sure(node["__reduce__"]["args"])["content"]
    counts = np.load(io.BytesIO(parts.read(classes)), allow_pickle=False)
    if counts.ndim != 1 or len(counts) != json.loads(parts.sure(outputs)["content"]) or (counts < 1).any():
        raise ValueError("a tree has other numbers of classes than outputs")


def _check_xgboost(node: Mapping[str, Any], parts: _Parts) -> None:
    from mltrack.frameworks.xgboost.soundness import check_model  # where there is such a model

    handle = parts.sure(node["content"])["content"].get("handle")
    if handle is not None and handle["__loader__"] != "JsonNode":
        check_model(parts.read(handle))


def _check_lightgbm(node: Mapping[str, Any], parts: _Parts) -> None:
    from mltrack.frameworks.lightgbm.soundness import check_model  # where there is such a model

    state = parts.sure(node["content"])["content"]
    handle = state.get("_handle", state.get("handle"))
    if handle is not None and (text := json.loads(parts.sure(handle)["content"])) is not None:
        check_model(text)


_CHECKS = {
    "lightgbm.basic.Booster": _check_lightgbm,
    "sklearn.tree._tree.Tree": _check_tree,
    "xgboost.core.Booster": _check_xgboost,
}
