"""Input examples: as files of a model folder, read again, and as bodies of requests."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

import mltrack.models
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.models.example import (
    as_request,
    load_example,
    load_example_params,
    load_serving_example,
    save_example,
    split_params,
)
from mltrack.types.infer import schema_of

if TYPE_CHECKING:
    from pathlib import Path

DAY = dt.datetime(2026, 1, 31, 12)


class Row(pydantic.BaseModel):
    size: float


# What is given, what the MLmodel file says of it, and the body.
BODIES: dict[str, tuple[Any, dict[str, str], Any]] = {
    "a frame": (
        pd.DataFrame({"a": [1.5], "b": ["ü"]}),
        {"type": "dataframe", "pandas_orient": "split"},
        {"dataframe_split": {"columns": ["a", "b"], "data": [[1.5, "ü"]]}},
    ),
    "a frame without names": (
        pd.DataFrame([[1, 2]]),
        {"type": "dataframe", "pandas_orient": "values"},
        {"dataframe_split": {"data": [[1, 2]]}},
    ),
    "a polars frame": (
        pl.DataFrame({"a": [1.5, None]}),
        {"type": "dataframe", "pandas_orient": "split"},
        {"dataframe_split": {"columns": ["a"], "data": [[1.5], [None]]}},
    ),
    "missing values": (
        pd.DataFrame({"a": [np.nan], "b": [None], "c": [pd.NaT], "d": pd.array([None], dtype="Int64")}),
        {"type": "dataframe", "pandas_orient": "split"},
        {"dataframe_split": {"columns": ["a", "b", "c", "d"], "data": [[None] * 4]}},
    ),
    "a frame of many kinds": (
        pd.DataFrame({"t": [pd.Timestamp(DAY)], "b": [b"abc"], "l": [np.array([1, 2])], "n": [np.float32(1.5)]}),
        {"type": "dataframe", "pandas_orient": "split"},
        {
            "dataframe_split": {
                "columns": ["t", "b", "l", "n"],
                "data": [["2026-01-31T12:00:00", "YWJj\n", [1, 2], 1.5]],
            }
        },
    ),
    "an array": (np.array([[1.5, np.inf]]), {"type": "ndarray"}, {"inputs": [[1.5, None]]}),
    "arrays": (
        {"a": np.array([1]), "t": np.array(["2026-01-31"], "M8[ns]")},
        {"type": "ndarray"},
        {"inputs": {"a": [1], "t": ["2026-01-31T00:00:00"]}},
    ),
    "csr": (sparse.csr_matrix([[0, 2.5]]), {"type": "sparse_matrix_csr"}, {"inputs": [[0.0, 2.5]]}),
    "records": ([{"a": 1, "b": DAY}], {"type": "json_object"}, {"inputs": [{"a": 1, "b": "2026-01-31T12:00:00"}]}),
    "a dict": ({"a": (1, 2), 3: None}, {"type": "json_object"}, {"inputs": {"a": [1, 2], "3": None}}),
    "a text": ("x", {"type": "json_object"}, {"inputs": "x"}),
    "a chat": ({"messages": []}, {"type": "json_object"}, {"messages": []}),
    "a pydantic model": (Row(size=1), {"type": "json_object"}, {"inputs": {"size": 1.0}}),
}


@pytest.mark.parametrize("name", BODIES)
def test_an_example_is_kept_and_sent(tmp_path: Path, name: str) -> None:
    given, said, body = BODIES[name]
    info = save_example(tmp_path, given)
    assert info == {
        "artifact_path": "input_example.json",
        **said,
        "serving_input_path": "serving_input_example.json",
    }
    assert as_request(given) == body
    assert json.loads(load_serving_example(tmp_path, info)) == body
    assert mltrack.models.convert_input_example_to_serving_input(given) == load_serving_example(tmp_path)


@pytest.mark.parametrize("name", BODIES)
def test_params_go_with_it(tmp_path: Path, name: str) -> None:
    given, _, body = BODIES[name]
    info = save_example(tmp_path, (given, {"n": np.int64(3)}))
    assert info["params"] == "true"
    expected = {**body, "n": 3} if name == "a chat" else {**body, "params": {"n": 3}}
    assert as_request((given, {"n": 3})) == as_request(given, {"n": 3}) == expected
    assert json.loads(load_serving_example(tmp_path, info)) == expected
    assert load_example_params(tmp_path, info) == {"n": 3}
    alone = tmp_path / "alone"
    alone.mkdir()
    assert load_example_params(alone, save_example(alone, given)) is None
    assert repr(load_example(tmp_path, info)) == repr(load_example(alone, save_example(alone, given)))


AGAIN: list[Any] = [
    pd.DataFrame({"a": np.array([1, 2], "int32"), "b": ["x", None], "c": [True, False], "d": np.array([1, 2], "f4")}),
    pd.DataFrame({"t": pd.Series([pd.Timestamp(DAY), pd.NaT]).astype("datetime64[ns]"), "b": [b"abc", b"x" * 100]}),
    pd.DataFrame(np.ones((2, 2))),
    pd.DataFrame({"a": [1.5, np.nan]}),
]


@pytest.mark.parametrize("frame", AGAIN, ids=lambda frame: str(list(frame.columns)))
def test_a_frame_is_read_as_it_was(tmp_path: Path, frame: pd.DataFrame) -> None:
    info = save_example(tmp_path, frame)
    pd.testing.assert_frame_equal(load_example(tmp_path, info, schema_of(frame)), frame)


ARRAYS: list[Any] = [
    np.array([[1.5], [2]], "f4"),
    np.array(["a", "bc"]),
    {"a": np.array([1], "i1"), "b": np.ones((2, 2))},
]


@pytest.mark.parametrize("data", ARRAYS, ids=str)
def test_arrays_are_read_as_they_were(tmp_path: Path, data: Any) -> None:
    read = load_example(tmp_path, save_example(tmp_path, data), schema_of(data))
    for key in data if isinstance(data, dict) else [...]:
        assert read[key].dtype == data[key].dtype
        np.testing.assert_array_equal(read[key], data[key])


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_matrix])
def test_sparse_matrices_are_read_as_they_were(tmp_path: Path, kind: Any) -> None:
    matrix = kind(np.array([[0, 1.5], [2, 0]]))
    read = load_example(tmp_path, save_example(tmp_path, matrix))
    assert type(read) is type(matrix)
    assert (read != matrix).nnz == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.lists(JSON) | st.dictionaries(st.text(), JSON) | st.text())
def test_what_json_has_stays_as_it_is(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    folder = tmp_path_factory.mktemp("example")
    assert load_example(folder, save_example(folder, value)) == value


BAD: list[Any] = [
    None,
    (1, 2),
    pd.Series([1]),
    object(),
    {"a": object()},
    pd.DataFrame({"a": [object()]}),
    [np.array([1])],
    [{"a": [np.array([1])]}],
    {"a": np.array([1]), "b": "x"},
    sparse.coo_matrix(np.eye(2)),
    ("x", {"n": object()}),
    ("x", {"n": [[1]]}),
]


@pytest.mark.parametrize("example", BAD)
def test_what_json_cannot_hold_is_refused(tmp_path: Path, example: Any) -> None:
    with pytest.raises(InvalidParameterError):
        save_example(tmp_path, example)
    assert [*tmp_path.iterdir()] == []


def test_a_cycle_is_refused(tmp_path: Path) -> None:
    cycle: list[Any] = []
    cycle.append(cycle)
    with pytest.raises(InvalidParameterError, match="levels"):
        save_example(tmp_path, cycle)


INFOS: list[tuple[dict[str, Any], str, type[Exception]]] = [
    ({"artifact_path": "../outside.json", "type": "json_object"}, "{}", InvalidParameterError),
    ({"artifact_path": "/etc/passwd", "type": "json_object"}, "{}", InvalidParameterError),
    ({"artifact_path": "nowhere.json", "type": "json_object"}, "{}", NotFoundError),
    ({"artifact_path": "input_example.json", "type": "odd"}, "{}", InvalidParameterError),
    ({"artifact_path": "input_example.json"}, "{}", InvalidParameterError),
    ({"type": "json_object"}, "{", InvalidParameterError),
    ({"type": "json_object"}, "[" * 100_000, InvalidParameterError),
    ({"type": "dataframe"}, "[1]", InvalidParameterError),
    ({"type": "dataframe"}, '{"columns": ["a"], "data": [[1, 2]]}', InvalidParameterError),
    ({"type": "ndarray"}, "[[1], [1, 2]]", InvalidParameterError),
    (
        {"type": "sparse_matrix_csr"},
        '{"data": [1], "indices": [9], "indptr": [0, 1], "shape": [1, 1]}',
        InvalidParameterError,
    ),
    ({"type": "sparse_matrix_csr"}, "{}", InvalidParameterError),
]


@pytest.mark.parametrize(("info", "text", "error"), INFOS)
def test_a_bad_file_is_refused(tmp_path: Path, info: dict[str, Any], text: str, error: type[Exception]) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "outside.json").write_text("{}")
    (folder / "input_example.json").write_text(text)
    with pytest.raises(error):
        load_example(folder, info)


def test_mlflows_nan_is_read(tmp_path: Path) -> None:
    (tmp_path / "input_example.json").write_text('{"columns": ["a"], "data": [[NaN], [Infinity]]}')
    read = load_example(tmp_path, {"artifact_path": "input_example.json", "type": "dataframe"})
    np.testing.assert_array_equal(read["a"], [np.nan, np.inf])


def test_a_tuple_has_params_when_the_second_is_a_dict() -> None:
    assert split_params(("x", {"n": 1})) == ("x", {"n": 1})
    assert split_params(("x", {})) == ("x", {})
    assert split_params("x") == ("x", None)
