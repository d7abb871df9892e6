from __future__ import annotations

import datetime as dt
import decimal
import json
import math
import uuid
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from mltrack.serving.answers import UnwritableError, plain, write_json

NAN, INF = math.nan, math.inf
DAY = dt.datetime(2020, 1, 2, 3, 4, 5)
ID = uuid.uuid4()
NESTED: list[Any] = []
NESTED.append(NESTED)


def written(predictions: Any) -> Any:
    """Read what was written by a reader that takes no NaN."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(write_json(plain(predictions)), parse_constant=refuse)


@pytest.mark.parametrize(
    ("predictions", "expected"),
    [
        (np.array([1, 2]), [1, 2]),
        (np.array([1.5, NAN, INF, -INF]), [1.5, None, None, None]),
        (np.array([[0.25, 0.75]]), [[0.25, 0.75]]),
        (np.array([[0.25, NAN]], dtype=np.float32), [[0.25, None]]),
        (np.array([True, False]), [True, False]),
        (np.array(["a", "ü"]), ["a", "ü"]),
        (np.array([b"hi"]), ["aGk="]),
        (np.array(["a", 1, None, NAN, np.float64(2), np.arange(2)], dtype=object), ["a", 1, None, None, 2.0, [0, 1]]),
        (np.array(["2020-01-02T03:04:05", "NaT"], dtype="datetime64[ns]"), ["2020-01-02T03:04:05", None]),
        (np.array([["2020-01-02"]], dtype="datetime64[D]"), [["2020-01-02T00:00:00"]]),
        (np.array([90], dtype="timedelta64[s]"), ["P0DT0H1M30S"]),
        (np.array([2**63], dtype=np.uint64), [2**63]),
        (np.array(3), 3),
        (np.array([]), []),
        (pd.Series([1, 2], name="y"), [1, 2]),
        (pd.Series([1.5, None]), [1.5, None]),
        (pd.Series([1, None], dtype="Int64"), [1, None]),
        (pd.Series(["a", None]), ["a", None]),
        (pd.Series(["a", "b"], dtype="category"), ["a", "b"]),
        (pd.Series(pd.to_datetime(["2020-01-02T03:04:05Z"])), ["2020-01-02T03:04:05+00:00"]),
        (pd.Index([1, 2]), [1, 2]),
        (pd.DataFrame({"a": [1, 2], "b": ["x", None]}), [{"a": 1, "b": "x"}, {"a": 2, "b": None}]),
        (pd.DataFrame({0: [1.0, NAN], 1: [True, False]}), [{"0": 1.0, "1": True}, {"0": None, "1": False}]),
        (pd.DataFrame({"t": [DAY]}), [{"t": "2020-01-02T03:04:05"}]),
        (pd.DataFrame({("a", 1): [1]}), [{"('a', 1)": 1}]),
        (pd.DataFrame({"a": []}), []),
        (pl.DataFrame({"a": [1, None]}), [{"a": 1}, {"a": None}]),
        (pl.Series([1.5, NAN]), [1.5, None]),
        (scipy.sparse.csr_matrix([[0, 1]]), [[0, 1]]),
        ([1, 2.5, "a", None, True], [1, 2.5, "a", None, True]),
        ((1, NAN), [1, None]),
        ([np.int64(1), np.float32(0.5), np.bool_(True), np.str_("a")], [1, 0.5, True, "a"]),
        ([np.datetime64("2020-01-02")], ["2020-01-02T00:00:00"]),
        ({"label": np.array(["a"]), "score": {"mean": NAN}}, {"label": ["a"], "score": {"mean": None}}),
        ({1: "a", np.int64(2): "b", (3,): "c"}, {"1": "a", "2": "b", "(3,)": "c"}),
        ("text", "text"),
        (5, 5),
        (None, None),
        (NAN, None),
        (b"hi", "aGk="),
        ([bytearray(b"hi")], ["aGk="]),
        ([DAY, DAY.date(), DAY.time(), pd.NaT, pd.NA], ["2020-01-02T03:04:05", "2020-01-02", "03:04:05", None, None]),
        ([decimal.Decimal("1.5"), decimal.Decimal("NaN"), ID], [1.5, None, str(ID)]),
        ([10**400], [10**400]),
    ],
    ids=lambda value: f"{type(value).__name__}",
)
def test_predictions_become_json(predictions: Any, expected: Any) -> None:
    assert written(predictions) == expected


def test_ints_stay_ints() -> None:
    assert write_json(plain(np.array([1, 2], dtype=np.int8))) == b"[1, 2]"


@pytest.mark.parametrize(
    "predictions",
    [
        object(),
        [lambda: 1],
        {1, 2},
        np.array([1j]),
        [1j],
        NESTED,
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        [range],
    ],
    ids=lambda value: f"{type(value).__name__}",
)
def test_what_json_cannot_hold_is_refused(predictions: Any) -> None:
    with pytest.raises(UnwritableError):
        written(predictions)


@given(st.lists(st.floats() | st.integers() | st.text() | st.none() | st.booleans()))
def test_any_list_of_values_survives(values: list[Any]) -> None:
    expected = [None if isinstance(each, float) and not math.isfinite(each) else each for each in values]
    assert written(values) == expected
    assert written(np.array(values, dtype=object)) == expected
