"""Columns as bytes: what the page reads is what was given, to the digits that matter."""

from __future__ import annotations

import math
from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack_widgets.front.columns import packed, texts

CODES = {"f4": "f", "f8": "d", "i4": "i", "u1": "B", "u2": "H", "u4": "I"}


def read(column: dict[str, Any]) -> list[Any]:
    found = array(CODES[column["kind"]])
    found.frombytes(column["bytes"])
    return found.tolist()


@given(st.lists(st.integers(-(2**31), 2**31 - 1)))
def test_whole_numbers_are_exact(values: list[int]) -> None:
    assert read(packed(values)) == values


@given(st.lists(st.one_of(st.none(), st.floats())))
def test_numbers_keep_seven_digits(values: list[float | None]) -> None:
    for value, back in zip(values, read(packed(values)), strict=True):
        if value is None or not math.isfinite(value):
            assert math.isnan(back)
        else:
            assert back == pytest.approx(value, rel=1e-6, abs=0)


def test_moments_are_exact() -> None:
    moments = [1_763_712_000_123, 1_763_712_000_124, None]
    assert read(packed(moments))[:2] == moments[:2]


@pytest.mark.parametrize(
    ("values", "kind"), [([0, 255], "u1"), ([256], "u2"), ([-1], "i4"), ([0.5], "f4"), ([1e200], "f8")]
)
def test_no_more_bytes_than_needed(values: list[float], kind: str) -> None:
    assert packed(values)["kind"] == kind


@given(st.lists(st.text(max_size=3)))
def test_texts(values: list[str]) -> None:
    made = texts(values)
    assert [made["texts"][int(code)] for code in read(made["codes"])] == values
