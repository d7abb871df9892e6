"""Models for the scoring tests that tell what they were given; the real mlflow's Python runs this file, too."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

ROW = json.dumps(
    [
        {"type": "double", "name": "size", "required": True},
        {"type": "long", "name": "rooms", "required": True},
        {"type": "string", "name": "street", "required": True},
        {"type": "boolean", "name": "garden", "required": True},
        {"type": "double", "name": "noise", "required": False},
    ]
)
OTHERS = json.dumps(
    [
        {"type": "integer", "name": "floor", "required": True},
        {"type": "float", "name": "share", "required": True},
        {"type": "datetime", "name": "built", "required": True},
        {"type": "binary", "name": "plan", "required": True},
    ]
)
PARAMS = json.dumps([{"name": "factor", "type": "double", "default": 1.0, "shape": None}])
# Signatures by the name of a model, as MLmodel files have them.
SIGNATURES: dict[str, dict[str, str | None] | None] = {
    "row": {"inputs": ROW, "outputs": None, "params": PARAMS},
    "others": {"inputs": OTHERS, "outputs": None, "params": None},
    "numbers": {
        "inputs": json.dumps([{"type": "double", "name": name, "required": True} for name in "xy"]),
        "outputs": None,
        "params": None,
    },
    "one": {
        "inputs": json.dumps([{"type": "string", "name": "text", "required": True}]),
        "outputs": None,
        "params": None,
    },
    "unnamed": {
        "inputs": json.dumps([{"type": "double", "required": True}, {"type": "long", "required": True}]),
        "outputs": None,
        "params": None,
    },
    "nested": {
        "inputs": json.dumps(
            [
                {"type": "long", "name": "id", "required": True},
                {"type": "array", "items": {"type": "double"}, "name": "vector", "required": True},
            ]
        ),
        "outputs": None,
        "params": None,
    },
    "tensor": {
        "inputs": json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}}]),
        "outputs": None,
        "params": None,
    },
    "tensors": {
        "inputs": json.dumps(
            [
                {"type": "tensor", "name": "image", "tensor-spec": {"dtype": "float32", "shape": [-1, 2, 2]}},
                {"type": "tensor", "name": "label", "tensor-spec": {"dtype": "int64", "shape": [-1]}},
            ]
        ),
        "outputs": None,
        "params": None,
    },
    "unsigned": None,
}


def tell(data: Any, params: Any = None) -> Any:
    """Give for each row what it holds, with the kind of numpy's type of each column."""
    factor = {} if not params or "factor" not in params else {"factor": params["factor"]}
    if isinstance(data, pd.DataFrame):
        kinds = [_kind(dtype) for dtype in data.dtypes]
        rows = data.astype(object).where(data.notna(), None).to_numpy().tolist()
        return [{**factor, **{str(n): [k, plain(v)] for n, k, v in zip(data, kinds, row)}} for row in rows]  # noqa: B905
    if isinstance(data, dict):
        return {name: [str(np.asarray(each).dtype), np.asarray(each).tolist()] for name, each in data.items()}
    if isinstance(data, np.ndarray):
        return [[str(data.dtype), row] for row in np.atleast_1d(data).tolist()]
    return data


def _kind(dtype: Any) -> str:
    return "text" if dtype.kind == "O" or str(dtype) in ("str", "string") else str(dtype).partition("[")[0]


def plain(value: Any) -> Any:
    """Give a value as JSON has it."""
    if isinstance(value, bytes):
        return list(value)
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.isoformat() if hasattr(value, "isoformat") else value
