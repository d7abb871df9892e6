"""Datasets of frames and arrays: digests, schemas and profiles, of a bounded part of the data."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as shapes
from tests.quickness import assert_costs_at_most

from mltrack import data
from mltrack.data.digests import value_bytes
from mltrack.data.numpy_dataset import hashes
from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

FRAME = pd.DataFrame({"age": [31, 42], "name": ["Ada", "Bo"], "score": [0.5, None]})
MADE: dict[str, Callable[[], Any]] = {
    "frame": lambda: FRAME,
    "numbers": lambda: pd.DataFrame(np.arange(60.0).reshape(20, 3), columns=["a", "b", "c"]),
    "numbered columns": lambda: pd.DataFrame({0: [1, 2], 1: ["x", None]}),
    "two alike": lambda: pd.DataFrame([[1, 2]], columns=["a", "a"]),
    "levels": lambda: FRAME.set_index(["age", "name"]),
    "nested columns": lambda: pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])),
    "wide": lambda: pd.DataFrame(np.ones((3, 1_500))),
    "series": lambda: pd.Series([1.5, 2.5], name="y"),
    "unnamed": lambda: pd.Series(["x", None]),
    "polars": lambda: pl.DataFrame({"n": [1, None], "t": ["é", None], "d": [None, 2.5], "l": [[1], [2]]}),
    "polars types": lambda: pl.DataFrame({"c": pl.Series(["x", "y"], dtype=pl.Categorical), "m": [10**30, 1]}),
    "polars series": lambda: pl.Series("y", [True, False]),
    "array": lambda: np.arange(12).reshape(3, 4),
    "texts": lambda: np.array(["x", "yy"]),
    "objects": lambda: np.array([1, "x", None, object()], dtype=object),
    "sparse": lambda: scipy.sparse.csr_matrix(np.eye(4)),
    "sparse columns": lambda: scipy.sparse.csc_array(np.eye(4)),
    "tensor": lambda: torch.arange(6.0).reshape(2, 3),
}
KNOWN = """
import json
from tests.core.test_data import MADE
from mltrack import data
print(json.dumps({name: data.as_dataset(make()).digest for name, make in MADE.items()}))
"""


def digest(value: Any) -> str:
    return data.as_dataset(value).digest


def test_digests_are_the_same_in_another_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", KNOWN], env={"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(sys.path)},
        cwd=__file__.partition("/tests/")[0], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {name: digest(make()) for name, make in MADE.items()}


def test_digests_tell_data_apart() -> None:
    found = [digest(make()) for make in MADE.values()]
    assert len(set(found)) == len(found)
    assert all(len(each) in (8, 16) and int(each, 16) >= 0 for each in found)


# Written down, so that a change of the formula does not go unseen: what is in a store must be found again.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("frame", "74a89e4f"),
        ("array", "2e1d0375"),
        ("polars", "c0e7c2d45bdf8f5c"),
        ("objects", "b47a921d156f1101"),
        ("sparse", "bf76b6a66fe5cf29"),
    ],
)
def test_digests_stay_as_they_are(name: str, expected: str) -> None:
    assert digest(MADE[name]()) == expected


def changed(frame: pd.DataFrame, **columns: Any) -> pd.DataFrame:
    return frame.assign(**columns)


@pytest.mark.parametrize(
    "other",
    [
        changed(FRAME, age=[31, 43]),
        changed(FRAME, name=["Ada", "Bob"]),
        FRAME.rename(columns={"age": "years"}),
        FRAME.iloc[::-1],
        FRAME.head(1),
        FRAME.set_index(pd.Index([5, 6])),
        FRAME[["name", "age", "score"]],
    ],
    ids=["number", "text", "name", "order", "length", "index", "columns"],
)
def test_changes_of_a_frame_are_seen(other: pd.DataFrame) -> None:
    assert digest(other) != digest(FRAME)
    assert digest(pl.from_pandas(other)) != digest(pl.from_pandas(FRAME)) or other.index[0] == 5


@given(shapes.arrays(st.sampled_from(["i4", "f8", "u1", "?"]), shapes.array_shapes(max_side=6)), st.data())
def test_one_changed_number_is_seen(array: np.ndarray[Any, Any], chosen: st.DataObject) -> None:
    place = tuple(chosen.draw(st.integers(0, size - 1)) for size in array.shape)
    other = array.copy()
    other[place] = other[place] == 0  # 0 becomes 1, and everything else 0
    assert digest(other) != digest(array)
    assert digest(array.copy()) == digest(np.asfortranarray(array)) == digest(array)


@given(shapes.arrays(st.sampled_from(["i2", "i8", "u4", "f2", "f4", "f8", "c8", "c16", "?"]), 20))
def test_numbers_hash_as_in_pandas(array: np.ndarray[Any, Any]) -> None:
    plain = array.copy()
    for part in (plain.real, plain.imag) if plain.dtype.kind == "c" else (plain,):
        part[part == 0] = 0  # pandas before 3.1 tells -0.0 from 0.0, and one NaN from another
        if part.dtype.kind == "f":
            part[np.isnan(part)] = np.nan
    assert hashes(array).tolist() == hashes(plain).tolist()
    if array.dtype != "c8" or not pd.__version__.startswith(("2.", "3.0")):  # hashed as one number before pandas 3.1
        assert hashes(plain).tolist() == pd.util.hash_array(plain).tolist()


@given(
    st.lists(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), max_size=4),
    st.lists(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), max_size=4),
)
def test_different_lists_have_different_bytes(left: list[Any], right: list[Any]) -> None:
    same = [(type(each), repr(each)) for each in left] == [(type(each), repr(each)) for each in right]
    assert (value_bytes(left) == value_bytes(right)) == same


BIG: dict[str, Callable[[], Any]] = {
    "a billion rows": lambda: pd.DataFrame(np.broadcast_to(np.int8(1), (10**9, 3)), columns=list("abc"), copy=False),
    "a billion numbers": lambda: np.broadcast_to(1.5, (10**9,)),
    "many columns": lambda: pd.DataFrame(np.zeros((50, 200_000))),
    "long texts": lambda: pd.DataFrame({"t": ["x" * 10**5] * 2_000}),
    "many texts": lambda: pd.DataFrame({f"t{i}": [f"row {j}" for j in range(10_000)] for i in range(20)}),
    "many categories": lambda: pd.DataFrame({"c": pd.Categorical(np.arange(10**6).astype(str))}),
    "polars": lambda: pl.DataFrame({"n": np.zeros(10**7), "t": ["x"] * 10**7}),
    "polars columns": lambda: pl.DataFrame({f"c{i}": [1.5] * 100 for i in range(3_000)}),
}


@pytest.mark.parametrize("make", BIG.values(), ids=BIG.keys())
def test_large_data_costs_as_much_as_small_data(make: Callable[[], Any]) -> None:
    value = make()
    assert digest(value)
    # As much at most; where all rows or all columns are looked at, hundreds of times as much.
    small = pd.DataFrame({f"t{i}": [f"row {j}" for j in range(10_000)] for i in range(20)})
    assert_costs_at_most(10, lambda: digest(small), lambda: digest(value))


def test_what_lies_beyond_the_first_rows_is_not_seen() -> None:
    numbers = np.zeros((20_000, 2))
    before, shape_before = digest(pd.DataFrame(numbers, columns=["a", "b"])), digest(numbers)
    numbers[15_000:] = 1
    assert (digest(pd.DataFrame(numbers, columns=["a", "b"])), digest(numbers)) == (before, shape_before)
    assert digest(pl.DataFrame(numbers)) != digest(pl.DataFrame(np.zeros((20_000, 2))))  # which is sampled all over


ARMED: list[bool] = []


def ask(self: object, *arguments: object) -> Any:
    assert not ARMED, f"the user's code ran: {arguments}"
    return object.__getattribute__(self, str(arguments[0])) if arguments else 7


Foreign = type("Foreign", (), dict.fromkeys(("__getattribute__", "__hash__", "__len__", "__bool__"), ask))


@pytest.mark.parametrize(
    "make",
    [
        lambda: pd.DataFrame({"o": pd.Series([Foreign(), Foreign()], dtype=object), "n": [1, 2]}),
        lambda: pd.DataFrame({"n": [1, 2]}, index=pd.Index([Foreign(), Foreign()], dtype=object)),
        lambda: pd.Series([Foreign(), "x"], dtype=object),
        lambda: np.array([Foreign(), 1], dtype=object),
        lambda: pl.DataFrame({"o": pl.Series([Foreign(), Foreign()], dtype=pl.Object)}),
    ],
    ids=["column", "index", "series", "array", "polars"],
)
def test_objects_of_the_user_are_not_asked(make: Callable[[], Any]) -> None:
    values = make(), make()
    ARMED.append(True)
    try:
        found, other = (data.as_dataset(value).to_entity() for value in values)
    finally:
        ARMED.clear()
    assert found == other
    assert found.schema is not None


def columns(value: Any) -> dict[str, tuple[str, bool]]:
    schema = json.loads(data.as_dataset(value).to_entity().schema or "")["mlflow_colspec"]
    return {each["name"]: (each["type"], each["required"]) for each in schema}


def test_the_schema_of_a_frame() -> None:
    frame = FRAME.assign(
        when=pd.Series([pd.Timestamp(2020, 1, 1), None]),
        mixed=pd.Series([1, "x"], dtype=object),
        gone=pd.Series([None, None]),
    )
    assert columns(frame) == {
        "age": ("long", True),
        "name": ("string", True),
        "score": ("double", False),
        "when": ("datetime", False),
        "mixed": ("any", True),
        "gone": ("any", False),
    }
    assert columns(pl.from_pandas(FRAME)) == {
        "age": ("long", True),
        "name": ("string", True),
        "score": ("double", True),
    }
    assert data.from_pandas(FRAME).profile == data.from_polars(pl.from_pandas(FRAME)).profile
    assert data.from_pandas(FRAME).profile == {"num_rows": 2, "num_elements": 6}


def test_the_schema_of_arrays() -> None:
    made = data.from_numpy({"b": np.zeros((2, 3)), "a": np.array(["x", "y"])}, targets=np.zeros(2, "i4"))
    features = json.loads(json.loads(made.to_dict()["schema"] or "")["mlflow_tensorspec"]["features"])
    assert [(each["name"], each["tensor-spec"]) for each in features] == [
        ("b", {"dtype": "float64", "shape": [-1, 3]}),
        ("a", {"dtype": "str", "shape": [-1]}),
    ]
    assert made.profile["features_shape"] == {"b": [2, 3], "a": [2]}
    assert made.profile["targets_nbytes"] == 8
    assert made.targets is not None


def test_a_dataset_is_what_it_was_made_of() -> None:
    made = data.from_pandas(FRAME, source="data.csv", targets="score", name="people", digest="abc", predictions="age")
    assert (made.name, made.digest, made.targets, made.predictions, made.df is FRAME) == (
        *("people", "abc", "score", "age"),
        True,
    )
    assert json.loads(made.to_json()) == made.to_dict()
    assert made.to_entity() == made._to_mlflow_entity()
    assert (made.to_entity().source_type, made.to_entity().source) == ("local", '{"uri": "data.csv"}')
    assert data.as_dataset(made) is made
    assert "people" in repr(made)


def test_a_schema_that_is_too_long_is_left_out() -> None:
    made = data.from_pandas(pd.DataFrame(np.zeros((1, 30_000))).add_prefix("column "))
    assert made.schema is not None
    assert made.to_entity().schema is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: data.from_pandas(FRAME, targets="none"),
        lambda: data.from_polars(pl.DataFrame({"a": [1]}), predictions="none"),
        lambda: data.from_pandas(FRAME, digest="x" * 37),
        lambda: data.from_pandas(FRAME, name="x" * 501),
        lambda: data.from_numpy([1, 2]),  # type: ignore[arg-type]
        lambda: data.from_numpy(np.ones(2), targets="y"),  # type: ignore[arg-type]
        lambda: data.as_dataset([1, 2]),
        lambda: data.as_dataset(torch.ones(2).to_sparse()),
        lambda: data.from_pandas(FRAME, source="ftp://host/x"),
        lambda: data.from_pandas(FRAME, source=7),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_a_dataset(make: Callable[[], Any]) -> None:
    with pytest.raises(InvalidParameterError):
        make()
