"""Signatures inferred from data, and said by type hints."""

from __future__ import annotations

import datetime as dt
import warnings
from pathlib import Path
from typing import Any, Optional

import numpy as np
import pandas as pd
import polars as pl
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from tests.quickness import assert_costs_at_most

from mltrack.exceptions import InvalidParameterError
from mltrack.models.enforcement import enforce_schema
from mltrack.models.hinted import infer_signature_from_type_hints, predict_hints
from mltrack.models.signature import ModelSignature, any_schema, infer_signature, infer_signature_of
from mltrack.types.hints import HintError, fit_to_hint
from mltrack.types.infer import SignatureWarning, infer_schema, schema_of
from mltrack.types.schema import Schema

POLARS: list[tuple[pl.Series, str]] = [
    (pl.Series("c", [1.5]), "'c': double (required)"),
    (pl.Series("c", [1.5, None]), "'c': double (optional)"),
    (pl.Series("c", [float("nan")]), "'c': double (optional)"),
    (pl.Series("c", [1], dtype=pl.Int8), "'c': integer (required)"),
    (pl.Series("c", [1], dtype=pl.UInt32), "'c': long (required)"),
    (pl.Series("c", ["a", None]), "'c': string (optional)"),
    (pl.Series("c", [True]), "'c': boolean (required)"),
    (pl.Series("c", [b"a"]), "'c': binary (required)"),
    (pl.Series("c", [dt.date(2026, 1, 1)]), "'c': datetime (required)"),
    (pl.Series("c", ["a"], dtype=pl.Categorical), "'c': string (required)"),
    (pl.Series("c", [["a"], []]), "'c': Array(string) (required)"),
    (pl.Series("c", [{"x": 1, "y": "a"}]), "'c': {x: long (required), y: string (required)} (required)"),
    (pl.Series("c", [None]), "'c': Any (optional)"),
]


@pytest.mark.parametrize(("column", "said"), POLARS, ids=str)
def test_polars_columns_have_types(column: pl.Series, said: str) -> None:
    assert repr(schema_of(column)) == f"[{said}]"
    assert schema_of(column.to_frame()) == schema_of(column)


PANDAS: list[tuple[Any, str]] = [
    ([1.5, None], "double (optional)"),
    (np.array([1, np.nan], "f4"), "float (optional)"),
    ([1, 2], "long (required)"),
    (np.array([1], "u2"), "integer (required)"),
    (["a", None], "string (optional)"),
    ([None, None], "Any (optional)"),
    (pd.Series(["a"], dtype=object), "string (required)"),
    (pd.Series([1, None], dtype=object), "double (optional)"),
    (pd.Series([True, None], dtype=object), "boolean (optional)"),
    (pd.array([1, None], dtype="Int32"), "integer (optional)"),
    ([dt.datetime(2026, 1, 1), pd.NaT], "datetime (optional)"),
    ([b"a"], "binary (required)"),
    (pd.Series(["a", None], dtype="category"), "string (optional)"),
    (pd.Series([1, 2], dtype="category"), "long (required)"),
    ([["a"], []], "Array(string) (required)"),
    ([np.array([1.5])], "Array(double) (required)"),
    ([[["a"]], [[]]], "Array(Array(string)) (required)"),
    ([{"x": 1, "y": "a"}, {"x": 2}], "{x: long (required), y: string (optional)} (required)"),
    ([{"x": 1}, {"x": None}, {"x": 2}], "{x: long (optional)} (required)"),
    ([{"x": None}, {"x": 2}], "{x: long (optional)} (required)"),
    ([{"x": 1}, {"y": 1}, {"z": 1}], "{x: long (optional), y: long (optional), z: long (optional)} (required)"),
    ([{"x": 1}, None], "{x: long (optional)} (optional)"),
    ([None, {"x": {"y": 1}}], "{x: {y: long (required)} (optional)} (optional)"),
    ([{"x": {"y": 1}}, {"x": None}], "{x: {y: long (optional)} (optional)} (required)"),
    ([{"x": []}, {"x": ["a"]}], "{x: Array(string) (optional)} (required)"),
]


@pytest.mark.parametrize(("values", "said"), PANDAS, ids=str)
def test_pandas_columns_have_types(values: Any, said: str) -> None:
    column = pd.Series(values, name="c")
    assert repr(schema_of(column)) == repr(schema_of(column.to_frame())) == f"['c': {said}]"


UNTYPED: dict[str, Any] = {
    "complex numbers": pd.DataFrame({"odd": [1j]}),
    "time spans": pd.DataFrame({"odd": [pd.Timedelta("1s")]}),
    "unlike values": pd.DataFrame({"odd": [1, "a"]}),
    "large numbers": pd.DataFrame({"odd": np.array([1], "uint64")}),
    "polars time spans": pl.DataFrame({"odd": [dt.timedelta(1)]}),
    "objects": [{"odd": object()}],
    "empty arrays": [{"odd": np.array([])}],
}


@pytest.mark.parametrize("name", UNTYPED)
def test_what_has_no_type_is_named(name: str) -> None:
    with pytest.raises(InvalidParameterError) as raised:
        infer_schema(UNTYPED[name])
    assert "odd" in str(raised.value) or name == "objects"
    with pytest.warns(SignatureWarning, match="of any type"):
        assert infer_signature(UNTYPED[name]).inputs == any_schema()


def test_columns_of_several_levels_and_the_same_name() -> None:
    frame = pd.DataFrame([[1.5, 2.5]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")]))
    schema = schema_of(frame)
    assert schema.input_names() == [("a", "x"), ("a", "y")]
    assert Schema.from_json(schema.to_json()) == schema
    pd.testing.assert_frame_equal(enforce_schema(frame[[("a", "y"), ("a", "x")]], schema), frame)


def test_deep_values_are_refused() -> None:
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    with pytest.raises(InvalidParameterError, match="levels"):
        infer_schema({"a": deep})


def test_warnings_come_where_the_user_is() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ResourceWarning)  # of what other tests have left to the garbage
        infer_signature(pd.DataFrame({"whole": [1], "real": [1.5]}))
        infer_schema({"whole": 1})
        infer_signature({1, 2})
    assert ["'whole'" in str(each.message) for each in caught] == [True, True, False]
    assert [Path(each.filename).name for each in caught] == [Path(__file__).name] * 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        infer_signature(pd.DataFrame({"real": [1.5]}), pd.Series([1, 2]))


def test_a_signature_has_parts() -> None:
    signature = infer_signature(pd.DataFrame({"a": [1.5]}), np.array([1.5]), {"n": 3})
    assert ModelSignature.from_dict(signature.to_dict()) == signature
    assert "inputs: \n  ['a': double (required)]" in repr(signature)
    assert ModelSignature(outputs=signature.outputs).to_dict()["inputs"] is None
    parts: list[dict[str, Any]] = [{}, {"inputs": 5}, {"params": []}, {"outputs": "x"}]
    for bad in parts:
        with pytest.raises(InvalidParameterError):
            ModelSignature(**bad)
    for document in ({}, 5, {"inputs": 5}, {"params": "{}"}):
        with pytest.raises(InvalidParameterError):
            ModelSignature.from_dict(document)  # type: ignore[arg-type]


def test_a_model_says_what_comes_out() -> None:
    given: list[Any] = []

    def predict(data: Any, params: Any) -> Any:
        given.append(data)
        return np.arange(len(data)) * (params or {"by": 1})["by"]

    signature = infer_signature_of(predict, [{"a": 1.5}, {"a": 2.5}], {"by": 2})
    assert repr(signature.inputs) == "['a': double (required)]"
    assert repr(signature.outputs) == "[long (required)]"
    assert signature.params is not None
    pd.testing.assert_frame_equal(given.pop(), pd.DataFrame({"a": [1.5, 2.5]}))
    assert repr(infer_signature_of(predict, np.zeros((2, 2))).outputs) == "[Tensor('int64', (-1,))]"
    with pytest.warns(SignatureWarning, match="of any type"):
        assert infer_signature_of(predict, (1, "a")).inputs == any_schema()
    with pytest.raises(ZeroDivisionError):
        infer_signature_of(lambda _data, _params: 1 / 0, "x")


def test_csr_and_csc_are_tensors_as_matrices_and_as_arrays() -> None:
    for made in (sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array, sparse.csc_array):
        matrix = made(np.eye(3))
        assert schema_of(matrix) == schema_of(np.eye(3))
        assert enforce_schema(matrix, schema_of(matrix)) is matrix


VALUES = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False) | st.text(max_size=5)
RECORDS = st.lists(st.dictionaries(st.sampled_from("abc"), VALUES | st.lists(st.text(max_size=3))), max_size=6)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(RECORDS)
def test_a_schema_of_records_is_one_or_a_refusal(records: list[dict[str, Any]]) -> None:
    try:
        schema = schema_of(records)
    except InvalidParameterError:
        return
    assert Schema.from_json(schema.to_json()) == schema
    for spec in schema:
        if spec.required and spec.name is not None:
            assert all(each.get(spec.name) is not None for each in records)


FRAMES = st.lists(
    st.tuples(st.floats(), st.text(max_size=4), st.booleans(), st.integers(-9, 9)), min_size=1, max_size=9
)


@given(FRAMES)
def test_what_a_signature_was_made_of_fits_it(rows: list[tuple[Any, ...]]) -> None:
    frame = pd.DataFrame(rows, columns=["a", "b", "c", "d"])
    pd.testing.assert_frame_equal(enforce_schema(frame, schema_of(frame)), frame)


@pytest.mark.slow
def test_a_long_frame_takes_a_few_milliseconds() -> None:
    """As long as two sums of it, where nobody else computes; to look at each value takes a hundred of them."""
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(100_000, 30)))
    assert_costs_at_most(20, frame.sum, lambda: schema_of(frame))


class Row(pydantic.BaseModel):
    size: float
    names: list[str]
    note: str | None = None


def texts(model_input: list[str]) -> list[float]:
    return [len(each) for each in model_input]


def rows(model_input: list[Row], params: Any = None) -> pd.DataFrame:
    return pd.DataFrame({"size": [each.size for each in model_input]})


def with_context(self: Any, ctx: Any, data: "list[dict[str, list[int]]]") -> Any:  # noqa: UP037 - as users write
    return data


HINTS: list[tuple[Any, str, str]] = [
    (texts, "[string (required)]", "[double (required)]"),
    (rows, "[{names: Array(string) (required), note: string (optional), size: double (required)} (required)]", "[Any"),
    (with_context, "[Map(str -> Array(long)) (required)]", "[Any"),
]


@pytest.mark.parametrize(("function", "inputs", "outputs"), HINTS)
def test_hints_say_signatures(function: Any, inputs: str, outputs: str) -> None:
    signature = infer_signature_from_type_hints(function)
    assert signature is not None
    assert signature.from_type_hint
    assert repr(signature.inputs) == inputs
    assert repr(signature.outputs).startswith(outputs)


def test_some_hints_say_nothing() -> None:
    def frame(model_input: pd.DataFrame) -> Any: ...
    def array(model_input: np.ndarray) -> Any: ...
    def plain(model_input): ...  # type: ignore[no-untyped-def]
    def unknown(model_input: "Nowhere") -> Any: ...  # type: ignore[name-defined] # noqa: F821, UP037 - as users write

    for function in (frame, array, plain, unknown, len, 5):
        assert infer_signature_from_type_hints(function) is None
    assert predict_hints(plain).data is None


def test_some_hints_cannot_be() -> None:
    hints: list[Any] = [
        str,
        list,
        dict[str, int],
        list[int | None],
        list[dict[int, str]],
        list[set[str]],
        Optional[list[str]],  # noqa: UP045 - as users write
    ]
    for hint in hints:

        def predict(model_input: Any) -> Any: ...

        predict.__annotations__["model_input"] = hint
        with pytest.raises(HintError, match=r"hint|rows"):
            infer_signature_from_type_hints(predict)


FITTED: list[tuple[Any, Any, Any]] = [
    (["a"], list[str], ["a"]),
    (pd.DataFrame({"x": ["a", "b"]}), list[str], ["a", "b"]),
    (pd.Series(["a"]), list[str], ["a"]),
    (np.array([1, 2]), list[int], [1, 2]),
    ([1], list[float], [1.0]),
    ([{"size": 1, "names": []}], list[Row], [Row(size=1, names=[])]),
    (pd.DataFrame({"size": [1.5], "names": [["a"]]}), list[Row], [Row(size=1.5, names=["a"])]),
    ([Row(size=1, names=[])], list[Row], [Row(size=1, names=[])]),
    (["YWJj"], list[bytes], [b"abc"]),
    (["2026-01-31T12:00:00"], list[dt.datetime], [dt.datetime(2026, 1, 31, 12)]),
    ([{"a": [1]}], list[dict[str, list[int]]], [{"a": [1]}]),
    ([None, "a"], list[str | None], [None, "a"]),
    ([1, "a"], list[int | str], [1, "a"]),
    ([object], list[Any], [object]),
]


@pytest.mark.parametrize(("data", "hint", "fitted"), FITTED)
def test_data_fits_a_hint(data: Any, hint: Any, fitted: Any) -> None:
    assert fit_to_hint(data, hint) == fitted


UNFIT: list[tuple[Any, Any, str]] = [
    ("a", list[str], "the data is a str"),
    ([1], list[str], "row 0 of the data is a int"),
    ([True], list[int], "bool"),
    ([{"size": "x", "names": []}], list[Row], "no Row"),
    ([5], list[Row], "int"),
    (["?"], list[dt.datetime], "str"),
    ([{1: "a"}], list[dict[str, str]], "dict"),
    (pd.DataFrame({"x": ["a"], "y": ["b"]}), list[str], "2 columns"),
]


@pytest.mark.parametrize(("data", "hint", "said"), UNFIT)
def test_data_that_does_not_fit_a_hint_is_refused(data: Any, hint: Any, said: str) -> None:
    with pytest.raises(InvalidParameterError, match=said):
        fit_to_hint(data, hint)
