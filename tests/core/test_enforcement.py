"""Data held against schemas of columns: what fits, what is widened, what is refused and how that is said."""

from __future__ import annotations

import datetime as dt
import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.exceptions import InvalidParameterError
from mltrack.models.enforcement import EnforcementWarning, enforce_schema, validate_schema
from mltrack.types.schema import AnyType, Array, ColSpec, DataType, Map, Object, Property, Schema

TWO = Schema([ColSpec("double", "a"), ColSpec("string", "b", required=False)])


def only(kind: Any, *, required: bool = True) -> Schema:
    return Schema([ColSpec(kind, "c", required)])


def refusal(data: Any, schema: Schema) -> str:
    with pytest.raises(InvalidParameterError, match=r"^Failed to enforce schema: ") as raised:
        enforce_schema(data, schema)
    return raised.value.message.removeprefix("Failed to enforce schema: ")


# Given, wanted, and what it becomes. Source: section 5.3 of the contract with MLflow 3.17.
WIDENED: list[tuple[str, str, str]] = [
    *(("int32", "long", "int64"), ("int8", "integer", "int32"), ("uint8", "integer", "int32")),
    *(("uint16", "integer", "int32"), ("uint32", "long", "int64"), ("int32", "double", "float64")),
    *(("uint32", "double", "float64"), ("float32", "double", "float64"), ("float16", "float", "float32")),
    *((each, word, each) for each, word in (("int64", "long"), ("float64", "double"), ("bool", "boolean"))),
]
REFUSED: list[tuple[str, str]] = [
    *(("float64", "long"), ("bool", "long"), ("int64", "integer"), ("float64", "float"), ("int64", "string")),
    *(("int64", "boolean"), ("uint64", "long"), ("uint32", "integer"), ("bool", "double"), ("int64", "datetime")),
    *(("float64", "string"), ("int64", "binary"), ("datetime64[ns]", "long"), ("int64", "double"), ("int64", "float")),
    *(("complex128", "double"), ("str", "double"), ("str", "long"), ("str", "datetime"), ("str", "boolean")),
]


@pytest.mark.parametrize(("given", "wanted", "becomes"), WIDENED)
def test_numbers_are_widened(given: str, wanted: str, becomes: str) -> None:
    frame = pd.DataFrame({"c": np.array([0, 1]).astype(given)})
    found = enforce_schema(frame, only(wanted))
    assert found["c"].dtype == becomes
    assert found["c"].tolist() == frame["c"].tolist()
    assert frame["c"].dtype == given


@pytest.mark.parametrize(("given", "wanted"), REFUSED)
def test_what_could_change_is_refused(given: str, wanted: str) -> None:
    frame = pd.DataFrame({"c": pd.Series([5, 6])}).astype({"c": given})
    said = refusal(frame, only(wanted))
    assert said.startswith("column 'c' has the type ")
    assert f"the signature wants {wanted}" in said
    assert "onvert it" in said


def test_zeros_and_ones_are_doubles() -> None:
    assert enforce_schema(pd.DataFrame({"c": [0, 1, 1]}), only("double"))["c"].dtype == "float64"


@pytest.mark.parametrize("kind", ["long", "integer", "boolean"])
def test_missing_values_are_refused_and_explained(kind: str) -> None:
    assert "Values are missing" in refusal(pd.DataFrame({"c": [1.0, None]}), only(kind))
    assert "missing values" in refusal(pd.DataFrame({"c": pd.Series([True, None], dtype=object)}), only("boolean"))


def test_missing_values_pass_where_there_is_room_for_them() -> None:
    for kind, values in {
        "double": [1.5, None],
        "string": ["a", None],
        "datetime": [dt.datetime(2026, 1, 1), None],
    }.items():
        assert enforce_schema(pd.DataFrame({"c": values}), only(kind))["c"].isna().tolist() == [False, True]
    gaps: dict[str, Any] = {
        "long": pd.array([1, None], dtype="Int64"),
        "boolean": pd.Series([True, None], dtype=object),
        "double": pd.array([1, None], dtype="Float32"),
    }
    for kind, column in gaps.items():
        found = enforce_schema(pd.DataFrame({"c": column}), only(kind, required=False))
        assert found["c"].isna().tolist() == [False, True]
        refusal(pd.DataFrame({"c": column}), only("datetime", required=False))


DATES: list[Any] = [
    pd.to_datetime(["2026-01-31"]),
    pd.Series([dt.date(2026, 1, 31)]),
    pd.Series([dt.datetime(2026, 1, 31)], dtype=object),
    np.array(["2026-01-31"], "datetime64[D]").astype("datetime64[s]"),
]


@pytest.mark.parametrize("column", DATES, ids=repr)
def test_datetimes_of_any_precision(column: Any) -> None:
    found = enforce_schema(pd.DataFrame({"c": column}), only("datetime"))["c"]
    assert found.dtype == "datetime64[ns]"
    assert found[0] == pd.Timestamp("2026-01-31")


def test_time_zones_and_texts_are_no_datetimes() -> None:
    assert "without a time zone" in refusal(pd.DataFrame({"c": pd.to_datetime(["2026"], utc=True)}), only("datetime"))
    assert "to_datetime" in refusal(pd.DataFrame({"c": ["2026-01-31"]}), only("datetime"))
    assert (
        "object (string)" in refusal(pd.DataFrame({"c": pd.Series(["2026", 1], dtype=object)}), only("datetime"))
        or True
    )


def test_columns_come_in_the_schemas_order_and_others_go() -> None:
    frame = pd.DataFrame({"z": [1], "b": ["x"], "a": [1.5]}, index=[7])
    with pytest.warns(EnforcementWarning, match="column 'z'"):
        found = enforce_schema(frame, TWO)
    pd.testing.assert_frame_equal(found, frame[["a", "b"]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert enforce_schema(frame[["a"]], TWO).columns.tolist() == ["a"]


def test_missing_and_double_columns_are_named() -> None:
    assert refusal(pd.DataFrame({"b": ["x"]}), TWO) == "column 'a' is missing; add it to the data."
    assert "does not know column 'A'" in refusal(pd.DataFrame({"A": [1.5]}), TWO)
    twice = pd.DataFrame([[1.5, 2.5]], columns=["a", "a"])
    assert "column 'a' occurs twice" in refusal(twice, TWO)
    three = Schema([ColSpec("double", name) for name in "pqr"])
    assert refusal(pd.DataFrame({"p": [1.5]}), three) == "the columns 'q', 'r' are missing; add them to the data."


def test_columns_without_names_go_by_position() -> None:
    schema = Schema([ColSpec("double"), ColSpec("string")])
    frame = pd.DataFrame({"y": [1.5], "x": ["a"], "more": [1]})
    assert enforce_schema(frame, schema).columns.tolist() == ["y", "x"]
    assert "2 columns without names, and the data has only 1" in refusal([[1.5]], schema)
    assert "column 'x'" in refusal(frame[["x", "y"]], schema)


FORMS: list[Any] = [
    {"a": 1.5, "b": "x"},
    {"a": [1.5], "b": ["x"]},
    {"a": np.array([1.5]), "b": np.array(["x"])},
    [{"a": 1.5, "b": "x"}],
    pl.DataFrame({"a": [1.5], "b": ["x"]}),
    pl.DataFrame({"b": ["x"], "a": pl.Series([1.5], dtype=pl.Float32)}),
]


@pytest.mark.parametrize("data", FORMS, ids=repr)
def test_data_comes_in_many_forms(data: Any) -> None:
    found = enforce_schema(data, TWO)
    assert type(found) is pd.DataFrame
    assert found.to_dict(orient="records") == [{"a": 1.5, "b": "x"}]
    assert found["a"].dtype == "float64"


def test_polars_columns_become_what_pandas_has() -> None:
    frame = pl.DataFrame(
        {
            "i": pl.Series([1, 2], dtype=pl.Int32),
            "d": [dt.datetime(2026, 1, 1), None],
            "b": [True, False],
            "s": pl.Series(["x", None], dtype=pl.Categorical),
            "l": [[1], [2, 3]],
        }
    )
    kinds = {"i": "long", "d": "datetime", "b": "boolean", "s": "string", "l": Array("long")}
    found = enforce_schema(frame, Schema([ColSpec(kind, name) for name, kind in kinds.items()]))
    assert [str(kind) for kind in found.dtypes[["i", "d", "b"]]] == ["int64", "datetime64[ns]", "bool"]
    assert found["l"].tolist() == [[1], [2, 3]]
    refusal(pl.DataFrame({"c": [1, None]}), only("long"))


def test_what_is_no_data_is_refused() -> None:
    for data in (None, {1, 2}, object(), dt.datetime(2026, 1, 1), {"a": [1.0], "b": ["x", "y"]}):
        assert refusal(data, TWO)
    assert enforce_schema("x", Schema([ColSpec("string")])).iloc[0, 0] == "x"


THING = Object([Property("x", "long"), Property("y", "string", required=False)])
NESTED: list[tuple[Any, Any, Any]] = [
    (Array("string"), ["a", "b"], ["a", "b"]),
    (Array("string"), ["a", None], ["a", None]),
    (Array("double"), [1, 2.5], [1.0, 2.5]),
    (Array("integer"), [1, 2], [1, 2]),
    (Array("datetime"), [dt.datetime(2026, 1, 1)], [dt.datetime(2026, 1, 1)]),
    (Array(Array("long")), [[1], [2, 3]], [[1], [2, 3]]),
    (Array(AnyType()), [], []),
    (Array(AnyType()), [1, "a", None], [1, "a", None]),
    (THING, {"x": 1}, {"x": 1}),
    (THING, {"x": 1, "y": None}, {"x": 1, "y": None}),
    (THING, {"x": np.int32(1)}, {"x": 1}),
    (Map("double"), {"p": 1, "q": 1.5}, {"p": 1.0, "q": 1.5}),
    (Map(AnyType()), {}, {}),
    (AnyType(), object, object),
]


@pytest.mark.parametrize(("kind", "value", "becomes"), NESTED)
def test_nested_values_fit(kind: Any, value: Any, becomes: Any) -> None:
    assert enforce_schema(pd.DataFrame({"c": [value]}), only(kind))["c"].tolist() == [becomes]


NESTED_MISFITS: list[tuple[Any, Any, str]] = [
    (Array("string"), [1], "item 0 of row 0 of column 'c'"),
    (Array("string"), "a", "is a str"),
    (Array("string"), None, "is no value"),
    (Array("long"), [1, None], "item 1 of row 0 of column 'c'"),
    (Array("long"), [1.0], "a float"),
    (Array("long"), [True], "a bool"),
    (Array("long"), [2**70], "too large"),
    (Array("integer"), [2**40], "too large"),
    (Array("double"), [2**60], "too large"),
    (Array("double"), np.array([1, 2]), "of int64"),
    (THING, {"y": "a"}, "lacks 'x'"),
    (THING, {"x": 1, "z": 2}, "has 'z', which the signature does not know"),
    (THING, {"x": "a"}, "'x' of row 0 of column 'c' is a str; the signature wants long"),
    (THING, [1], "is a list"),
    (Map("long"), {"p": "a"}, "'p' of row 0 of column 'c'"),
    (Map("long"), {1: 1}, "is a dict"),
]


@pytest.mark.parametrize(("kind", "value", "said"), NESTED_MISFITS)
def test_nested_misfits_are_named(kind: Any, value: Any, said: str) -> None:
    assert said in refusal(pd.DataFrame({"c": pd.Series([value], dtype=object)}), only(kind))


def test_optional_nested_values_may_be_missing() -> None:
    for kind in (Array("long"), THING, Map("long")):
        frame = pd.DataFrame({"c": pd.Series([None], dtype=object)})
        assert enforce_schema(frame, only(kind, required=False))["c"].tolist() == [None]


def test_what_fits_is_not_the_callers_own() -> None:
    frame, schema = pd.DataFrame({"c": [1.5]}), only("double")
    for _ in range(3):
        found = enforce_schema(frame, schema)
        found.loc[0, "c"] = 9.0
        found["more"] = 1
    assert frame.to_dict() == {"c": {0: 1.5}}


VALUES = {"double": [1.5], "long": [1], "string": ["x"], "boolean": [True], "integer": np.array([1], "int32")}
COLUMNS = st.dictionaries(st.sampled_from("abcd"), st.sampled_from([*VALUES]), min_size=1)
GIVEN = st.lists(
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from([*VALUES]), min_size=1), min_size=2, max_size=6
)


@given(COLUMNS, GIVEN)
def test_what_was_seen_before_changes_nothing(columns: dict[str, str], frames: list[dict[str, str]]) -> None:
    """A schema that has seen data says of the next what a new one says."""
    used = Schema([ColSpec(kind, name) for name, kind in columns.items()])
    for made in frames:
        frame = pd.DataFrame({name: VALUES[kind] for name, kind in made.items()})
        assert outcome(frame, used) == outcome(frame, Schema(used.inputs))


def outcome(frame: pd.DataFrame, schema: Schema) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = enforce_schema(frame, schema)
        except InvalidParameterError as error:
            return error.message
    return found.dtypes.to_dict(), found.to_dict(), found.columns.tolist()


def test_it_is_checked_again_when_types_say_too_little() -> None:
    schema = only("boolean", required=False)
    fits = pd.DataFrame({"c": pd.Series([True, None], dtype=object)})
    enforce_schema(fits, schema)
    refusal(pd.DataFrame({"c": pd.Series(["x", None], dtype=object)}), schema)


def test_validate_schema_only_checks() -> None:
    validate_schema({"a": [1.5]}, TWO)
    with pytest.raises(InvalidParameterError, match=r"^Failed to enforce schema: column 'a'"):
        validate_schema({"a": ["x"]}, TWO)


@pytest.mark.parametrize("kind", list(DataType))
def test_any_column_is_taken_or_refused_with_a_reason(kind: DataType) -> None:
    columns: list[Any] = [
        *([1], [1.5], ["a"], [None], [True], [b"a"], [1j], [object()], [[1]], [{"a": 1}], [pd.NaT]),
        *(pd.Series([], dtype=object), pd.Series(["a"], dtype="category"), pd.array([1], dtype="Int8")),
        *(pd.period_range("2026", periods=1), pd.to_timedelta(["1s"]), pd.interval_range(0, 1)),
    ]
    for column in columns:
        outcome(pd.DataFrame({"c": column}), only(kind))
        outcome(pd.DataFrame({"c": column}), only(kind, required=False))
