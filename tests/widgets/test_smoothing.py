"""Smoothing: what it leaves alone, that it stays within the values, and that thinned points count in full."""

from __future__ import annotations

import math
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.exceptions import InvalidParameterError
from mltrack_widgets.charts.smoothing import exponential, time_weighted

FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.lists(st.floats(allow_infinity=True, allow_nan=True), max_size=30)
WEIGHTS = st.floats(0, 0.999)
STRETCHES = st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(1, 9)), min_size=1, max_size=12)


def both(values: list[float], weight: float) -> list[list[float]]:
    return [exponential(values, weight), time_weighted(list(range(len(values))), values, weight=weight)]


def test_the_exponential_average_is_tensorboards() -> None:
    last, expected = 0.0, []
    for place, value in enumerate([1.0, 5.0, 2.0, 8.0], start=1):
        last = last * 0.6 + 0.4 * value
        expected.append(last / (1 - 0.6**place))
    assert exponential([1, 5, 2, 8], 0.6) == pytest.approx(expected)


def test_the_time_weighted_average_is_that_of_wandb() -> None:
    xs, values = [0.0, 10.0, 11.0, 100.0], [1.0, 5.0, 2.0, 8.0]
    last, ones, expected = 0.0, 0.0, []
    for place, (x, value) in enumerate(zip(xs, values, strict=True)):
        kept = math.sqrt(0.99) ** ((x - xs[max(0, place - 1)]) / 100 * 1_000)
        last, ones = last * kept + value, ones * kept + 1
        expected.append(last / ones)
    assert time_weighted(xs, values, weight=0.99) == pytest.approx(expected)


@given(VALUES, WEIGHTS)
def test_it_stays_within_the_finite_values_and_breaks_where_they_do(values: list[float], weight: float) -> None:
    finite = [value for value in values if math.isfinite(value)]
    for smooth in both(values, weight):
        assert [math.isfinite(value) for value in smooth] == [math.isfinite(value) for value in values]
        assert all(min(finite) <= value <= max(finite) for value in smooth if math.isfinite(value))


@given(FINITE, st.integers(1, 50), WEIGHTS)
def test_what_is_constant_stays(value: float, count: int, weight: float) -> None:
    assert all(smooth == [value] * count for smooth in both([value] * count, weight))


@given(st.lists(FINITE, max_size=20))
def test_no_weight_is_no_smoothing(values: list[float]) -> None:
    assert all(smooth == pytest.approx(values) for smooth in both(values, 0))


@given(STRETCHES, WEIGHTS)
def test_a_stretch_counts_as_its_points(stretches: list[tuple[float, int]], weight: float) -> None:
    ends = list(accumulate(count for _, count in stretches))
    means, counts = [mean for mean, _ in stretches], [count for _, count in stretches]
    whole = [mean for mean, count in stretches for _ in range(count)]
    expected = exponential(whole, weight)
    assert exponential(means, weight, counts=counts) == pytest.approx([expected[end - 1] for end in ends], abs=1e-3)


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(1, 9)), min_size=2, max_size=12), WEIGHTS)
def test_a_stretch_of_time_counts_as_its_points(stretches: list[tuple[float, int]], weight: float) -> None:
    stretches[0] = (stretches[0][0], 1)
    ends = list(accumulate(count for _, count in stretches))
    means, counts = [mean for mean, _ in stretches], [count for _, count in stretches]
    whole = [mean for mean, count in stretches for _ in range(count)]
    expected = time_weighted([float(place) for place in range(1, len(whole) + 1)], whole, weight=weight)
    found = time_weighted([float(end) for end in ends], means, weight=weight, counts=counts)
    assert found == pytest.approx([expected[end - 1] for end in ends], abs=1e-3)


def test_the_past_weighs_less_the_further_away_it_is() -> None:
    near = time_weighted([0, 1, 100], [0, 1, 0], weight=0.9)[1]
    far = time_weighted([0, 60, 100], [0, 1, 0], weight=0.9)[1]
    assert near < far


@pytest.mark.parametrize("weight", [-0.1, 1, 2, math.nan, math.inf])
def test_weights_that_smooth_nothing_or_all_are_refused(weight: float) -> None:
    with pytest.raises(InvalidParameterError, match="0 \\(none\\) to below 1"):
        exponential([1.0], weight)
    with pytest.raises(InvalidParameterError, match=str(weight)):
        time_weighted([1.0], [1.0], weight=weight)


def test_nothing_is_smoothed_to_nothing() -> None:
    assert both([], 0.5) == [[], []]
