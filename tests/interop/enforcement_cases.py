"""Schemas, and data that two trackers hold against them."""

from __future__ import annotations

import decimal
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from tests.interop.signature_cases import SERIES


def verdicts() -> dict[str, tuple[list[Any], Any]]:
    """What is held against a schema: its columns, as the trackers' JSON has them, and the data."""
    kinds = ("boolean", "integer", "long", "float", "double", "string", "binary", "datetime")
    chosen = (
        *("doubles", "doubles with gaps", "floats", "longs", "integers", "shorts", "unsigned bytes", "unsigned"),
        *("booleans", "texts", "texts with gaps", "text objects", "datetimes", "zoned datetimes", "dates", "binaries"),
        *("whole objects", "whole objects with gaps", "boolean objects with gaps", "pandas integers", "pandas texts"),
        *("mixed objects with gaps", "categories", "nothing"),
    )
    found: dict[str, tuple[list[Any], Any]] = {
        f"{name} for {kind}": ([{"type": kind, "name": "c"}], pd.DataFrame({"c": pd.Series(SERIES[name])}))
        for kind in kinds
        for name in chosen
    }
    return {**found, **_frames(), **_nested(), **_tensors()}


def _frames() -> dict[str, tuple[list[Any], Any]]:
    two = [{"type": "double", "name": "a"}, {"type": "string", "name": "b"}]
    optional = [two[0], {"type": "string", "name": "b", "required": False}]
    unnamed = [{"type": "double"}, {"type": "double"}]
    text = [{"type": "string"}]
    return {
        "another order": (two, pd.DataFrame({"b": ["x"], "a": [1.5]})),
        "an extra column": (two, pd.DataFrame({"b": ["x"], "z": [1], "a": [1.5]})),
        "a missing column": (two, pd.DataFrame({"a": [1.5]})),
        "an optional column is missing": (optional, pd.DataFrame({"a": [1.5]})),
        "an own index": (two, pd.DataFrame({"a": [1.5, 2.5], "b": ["x", "y"]}, index=[7, 3])),
        "records": (two, [{"a": 1.5, "b": "x"}]),
        "a dict of lists": (two, {"a": [1.5, 2.5], "b": ["x", "y"]}),
        "a dict of one row": (two, {"a": 1.5, "b": "x"}),
        "a dict of arrays": (two, {"a": np.array([1.5]), "b": np.array(["x"])}),
        "a dict of lists of unlike length": (two, {"a": [1.5], "b": ["x", "y"]}),
        "rows for names": (two, [[1.5, "x"]]),
        "a matrix for names": ([two[0]], np.array([[1.5]])),
        "a series": ([two[0]], pd.Series([1.5], name="a")),
        "a series of another name": ([two[0]], pd.Series([1.5], name="z")),
        "rows": (unnamed, [[1.5, 2.5]]),
        "a matrix": (unnamed, np.array([[1.5, 2.5]])),
        "a wider matrix": (unnamed, np.array([[1.5, 2.5, 3.5]])),
        "a narrower matrix": (unnamed, np.array([[1.5]])),
        "a frame for positions": (unnamed, pd.DataFrame({"y": [1.5], "x": [2.5]})),
        "a text": (text, "x"),
        "texts": (text, ["x", "y"]),
        "a number for a text": (text, 5),
        "nothing": (text, None),
        "a set": (text, {1}),
        "a zero for a double": ([two[0]], pd.DataFrame({"a": [0, 1]})),
        "decimals": ([two[0]], pd.DataFrame({"a": [decimal.Decimal("1.5")]})),
        "numbers for names": ([{"type": "double", "name": 0}], np.array([[1.5]])),
        "no rows": (two, pd.DataFrame({"a": pd.Series([], dtype="float64"), "b": pd.Series([], dtype=object)})),
    }


def _nested() -> dict[str, tuple[list[Any], Any]]:
    texts = [{"type": "array", "items": {"type": "string"}, "name": "c", "required": True}]
    doubles = [{"type": "array", "items": {"type": "double"}, "name": "c", "required": True}]
    longs = [{"type": "array", "items": {"type": "long"}, "name": "c", "required": True}]
    lists = [{"type": "array", "items": {"type": "array", "items": {"type": "long"}}, "name": "c", "required": True}]
    properties = {"x": {"type": "long", "required": True}, "y": {"type": "string", "required": False}}
    things = [{"type": "object", "properties": properties, "name": "c", "required": True}]
    maps = [{"type": "map", "values": {"type": "long"}, "name": "c", "required": True}]
    anything = [{"type": "any", "name": "c", "required": True}]

    def frame(*values: Any) -> pd.DataFrame:
        return pd.DataFrame({"c": [*values]})

    return {
        "an array of texts": (texts, frame(["a"], ["b", "c"])),
        "an array of numbers for texts": (texts, frame([1, 2])),
        "no list for texts": (texts, frame("a")),
        "nothing for texts": (texts, frame(None, ["a"])),
        "an array of doubles": (doubles, frame([1.5], [2.5])),
        "numpy doubles": (doubles, frame(np.array([1.5]))),
        "numpy floats for doubles": (doubles, frame(np.array([1.5], "float32"))),
        "texts for doubles": (doubles, frame(["a"])),
        "longs": (longs, frame([1, 2])),
        "doubles for longs": (longs, frame([1.5])),
        "booleans for longs": (longs, frame([True])),
        "nothing among longs": (longs, frame([1, None])),
        "lists of lists": (lists, frame([[1], [2, 3]])),
        "lists of numbers for lists of lists": (lists, frame([1, 2])),
        "objects": (things, frame({"x": 1, "y": "a"})),
        "objects without an optional property": (things, frame({"x": 1})),
        "objects with nothing for an optional property": (things, frame({"x": 1, "y": None})),
        "objects without a property": (things, frame({"y": "a"})),
        "objects with another property": (things, frame({"x": 1, "z": 1})),
        "objects with another type": (things, frame({"x": "a"})),
        "no object": (things, frame("a")),
        "objects of a record": (things, [{"c": {"x": 1}}]),
        "objects of a dict": (things, {"c": {"x": 1}}),
        "maps": (maps, frame({"p": 1, "q": 2})),
        "maps of texts": (maps, frame({"p": "a"})),
        "no map": (maps, frame([1])),
        "anything": (anything, frame("a", None, {"x": [1]})),
    }


def _tensors() -> dict[str, tuple[list[Any], Any]]:
    def tensor(dtype: str, *shape: int, name: str | None = None) -> dict[str, Any]:
        named = {} if name is None else {"name": name}
        return {**named, "type": "tensor", "tensor-spec": {"dtype": dtype, "shape": list(shape)}}

    one = [tensor("float64", -1, 2)]
    two = [tensor("float64", -1, name="a"), tensor("int64", -1, 2, name="b")]
    fits = {"a": np.zeros(3), "b": np.zeros((3, 2), "int64")}
    return {
        "a tensor": (one, np.zeros((3, 2))),
        "a tensor of another width": (one, np.zeros((3, 3))),
        "a tensor with another number of axes": (one, np.zeros(2)),
        "a tensor of another type": (one, np.zeros((3, 2), "float32")),
        "a tensor from a frame": (one, pd.DataFrame(np.zeros((3, 2)))),
        "a tensor from a wide frame": (one, pd.DataFrame(np.zeros((3, 3)))),
        "a tensor from a column of lists": (one, pd.DataFrame({"a": [[1.5, 2.5], [3.5, 4.5]]})),
        "a tensor from a column of arrays": (one, pd.DataFrame({"a": [np.array([1.5, 2.5])]})),
        "a tensor from a column of other arrays": (one, pd.DataFrame({"a": [np.array([1, 2])]})),
        "a tensor from a column of ragged lists": (one, pd.DataFrame({"a": [[1.5, 2.5], [3.5]]})),
        "a tensor from a column of numbers": ([tensor("float64", -1)], pd.DataFrame({"a": [1, 2]})),
        "a tensor from an empty frame": (one, pd.DataFrame({"a": []})),
        "a tensor from a list": (one, [[1.5, 2.5]]),
        "a sparse tensor": (one, sparse.csr_matrix(np.ones((3, 2)))),
        "a sparse tensor of another type": (one, sparse.csc_matrix(np.ones((3, 2), "float32"))),
        "texts as a tensor": ([tensor("str", -1)], np.array(["a", "bcd"])),
        "objects as a tensor": ([tensor("object", -1)], np.array(["a", None], dtype=object)),
        "ragged rows": ([tensor("float64", -1, -1, 3)], np.array([[1], [2, 3]], dtype=object)),
        "named tensors": (two, fits),
        "named tensors and one more": (two, {**fits, "z": np.zeros(1)}),
        "a named tensor is missing": (two, {"a": np.zeros(3)}),
        "a named tensor is a list": (two, {**fits, "a": [1.5]}),
        "named tensors from a frame": (two, pd.DataFrame({"a": [1.5, 2.5], "b": [[1, 2], [3, 4]]})),
        "an array for one named tensor": ([two[0]], np.zeros(3)),
        "an array for two named tensors": (two, np.zeros(3)),
    }
