from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mltrack.autologging.samples import Sample, sample_of

FRAME = pd.DataFrame({"a": np.arange(1000), "b": ["x"] * 1000})


def taken(data: Any) -> Sample:
    found = sample_of(data)
    assert found is not None
    return found


def test_it_is_the_first_rows_and_some_from_all_over() -> None:
    sample = taken(FRAME)
    rows = list(sample.rows["a"])
    assert rows[:5] == [0, 1, 2, 3, 4]
    assert len(rows) == len(set(rows)) == 100
    assert rows == sorted(rows)
    assert rows[-1] > 980
    assert list(sample.first["a"]) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("count", [1, 3, 5, 6, 99, 100, 101, 106])
def test_no_row_is_taken_twice(count: int) -> None:
    rows = taken(np.arange(count)).rows.tolist()
    assert len(rows) == min(count, 100) == len(set(rows))


@pytest.mark.parametrize(
    "data",
    [
        FRAME,
        FRAME.to_numpy(),
        np.zeros((7, 2, 3)),
        ["a", "b", "c", "d", "e", "f"],
        pytest.importorskip("scipy.sparse").csr_array(np.eye(9)),
        pytest.importorskip("polars").DataFrame({"a": [1, 2, 3, 4, 5, 6]}),
    ],
)
def test_its_kind_is_that_of_the_data(data: Any) -> None:
    sample = taken(data)
    assert type(sample.first) is type(sample.example) is type(data)
    assert (sample.first.shape[0] if hasattr(data, "shape") else len(sample.first)) == 5


def test_texts_of_a_series_become_a_frame() -> None:
    assert list(taken(pd.Series(["a", "b"])).rows.columns) == ["text"]
    assert list(taken(pd.Series(["a", "b"], name="review")).rows.columns) == ["review"]


def test_it_is_a_copy() -> None:
    data = np.zeros((10, 2))
    rows = taken(data).rows
    data[:] = 7
    assert not rows.any()
    frame = FRAME.copy()
    rows = taken(frame).rows
    frame.loc[:, "a"] = -1
    assert rows["a"].min() == 0


@pytest.mark.parametrize(
    "data", [None, 5, "text", [], np.zeros((0, 3)), {}, iter([1]), {"a", "b"}, np.zeros((2, 200_000))]
)
def test_of_other_data_there_is_none(data: Any) -> None:
    assert sample_of(data) is None


def test_wide_rows_are_few_and_no_example() -> None:
    sample = taken(np.zeros((1000, 5000)))
    assert sample.rows.shape == (20, 5000)
    assert sample.example is None
    assert sample.first.shape == (5, 5000)
