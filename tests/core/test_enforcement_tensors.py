"""Arrays held against tensors: types and shapes, and frames made arrays of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from mltrack.exceptions import InvalidParameterError
from mltrack.models.enforcement import enforce_schema
from mltrack.types.schema import Schema, TensorSpec


def tensor(dtype: str, *shape: int, name: str | None = None) -> TensorSpec:
    return TensorSpec(np.dtype(dtype), shape, name)


ONE = Schema([tensor("float64", -1, 2)])
TWO = Schema([tensor("float64", -1, name="a"), tensor("int64", -1, 2, name="b")])
IMAGES = Schema([tensor("float32", -1, 2, 2)])
ARRAYS = {"a": np.zeros(3), "b": np.zeros((3, 2), "int64")}

FITS: list[tuple[Schema, Any, Any]] = [
    (ONE, pd.DataFrame({"x": [1.5], "y": [2.5]}), [[1.5, 2.5]]),
    (ONE, pl.DataFrame({"x": [1.5], "y": [2.5]}), [[1.5, 2.5]]),
    (ONE, pd.DataFrame({"x": [[1, 2], [3, 4]]}), [[1.0, 2.0], [3.0, 4.0]]),
    (ONE, pd.Series([np.array([1.5, 2.5])]), [[1.5, 2.5]]),
    (IMAGES, pd.DataFrame({"x": [[1, 2, 3, 4]]}), [[[1.0, 2.0], [3.0, 4.0]]]),
    (Schema([tensor("int64", -1)]), pd.DataFrame({"x": [1, 2]}), [1, 2]),
    (Schema([tensor("int64", -1, 1)]), pd.DataFrame({"x": [1, 2]}), [[1], [2]]),
]


@pytest.mark.parametrize(("schema", "data", "becomes"), FITS)
def test_frames_become_arrays(schema: Schema, data: Any, becomes: Any) -> None:
    found = enforce_schema(data, schema)
    assert found.dtype == schema.inputs[0].type
    assert found.tolist() == becomes


def test_what_fits_is_given_as_it_is() -> None:
    for schema, array in ((ONE, np.zeros((5, 2))), (ONE, sparse.csr_matrix(np.zeros((5, 2))))):
        assert enforce_schema(array, schema) is array
    found = enforce_schema({**ARRAYS, "more": 1}, TWO)
    assert [*found] == ["a", "b"]
    assert found["a"] is ARRAYS["a"]
    assert [*enforce_schema(np.zeros(3), Schema(TWO.inputs[:1]))] == ["a"]
    texts = np.array(["a", "bcd"])
    assert enforce_schema(texts, Schema([tensor("str", -1)])) is texts
    objects = np.array([1, "a", None], dtype=object)
    assert enforce_schema(objects, Schema([tensor("object", -1)])) is objects
    ragged = np.array([[1], [2, 3]], dtype=object)
    assert enforce_schema(ragged, Schema([tensor("float64", -1, -1)])) is ragged


MISFITS: list[tuple[Schema, Any, str]] = [
    (ONE, np.zeros((3, 3)), r"the tensor has the shape \(3, 3\); the signature wants \(-1, 2\)"),
    (ONE, np.zeros(2), "shape"),
    (ONE, np.zeros((3, 2), "float32"), r"holds float32; the signature wants float64: `array.astype\('float64'\)`"),
    (ONE, sparse.csc_matrix(np.zeros((3, 2), "int8")), "holds int8"),
    (ONE, [[1.5, 2.5]], "is a list"),
    (ONE, None, "NoneType"),
    (ONE, pd.DataFrame({"x": [1.5], "y": ["a"]}), "holds object"),
    (ONE, pd.DataFrame(np.zeros((2, 3))), "has 3 columns"),
    (ONE, pd.DataFrame({"x": []}), "empty"),
    (ONE, pd.DataFrame({"x": [1.5]}), "single values"),
    (ONE, pd.DataFrame({"x": [[1], [1, 2]]}), "cannot be made of the frame's column"),
    (ONE, pd.DataFrame({"x": [["a", "b"]]}), "cannot be made of the frame's column"),
    (ONE, pd.DataFrame({"x": [{"a": 1}]}), "column of dict"),
    (ONE, pd.DataFrame({"x": [np.array([1, 2])]}), "holds int64"),
    (Schema([tensor("float64", 3, 2)]), pd.DataFrame({"x": [[1.5, 2.5]]}), "only its first length may be open"),
    (Schema([tensor("int64", -1)]), pd.DataFrame({"x": ["a"]}), "cannot be made"),
    (TWO, {"a": np.zeros(3)}, "tensor 'b' is missing"),
    (TWO, {**ARRAYS, "a": [1.5]}, "tensor 'a' is a list"),
    (TWO, {**ARRAYS, "b": np.zeros((3, 3), "int64")}, "tensor 'b' has the shape"),
    (TWO, np.zeros(3), "'a', 'b'"),
    (TWO, pd.DataFrame({"a": [1.5]}), "tensor 'b' is missing"),
    (TWO, "x", "is a str"),
]


@pytest.mark.parametrize(("schema", "data", "said"), MISFITS)
def test_misfits_are_named(schema: Schema, data: Any, said: str) -> None:
    with pytest.raises(InvalidParameterError, match=f"^Failed to enforce schema: .*{said}"):
        enforce_schema(data, schema)
