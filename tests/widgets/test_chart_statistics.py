"""The numbers beside charts: ranks and correlation as SciPy has them, trend lines, and which scale suits values."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from mltrack_widgets.charts.statistics import is_log, ranks, spearman, trend_line

NUMBERS = st.one_of(st.integers(-5, 5).map(float), st.floats(-1e9, 1e9))
PAIRS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=40)


@given(PAIRS)
def test_the_correlation_is_that_of_scipy(pairs: list[tuple[float, float]]) -> None:
    xs, ys = [x for x, _ in pairs], [y for _, y in pairs]
    assume(len(set(xs)) > 1 and len(set(ys)) > 1)
    found = spearman(xs, ys)
    assert found.rho == pytest.approx(stats.spearmanr(xs, ys).statistic, abs=1e-9)
    assert found.n == len(pairs)


@given(st.lists(NUMBERS, max_size=30))
def test_ranks_are_those_of_scipy(values: list[float]) -> None:
    assert ranks(values) == list(stats.rankdata(values)) if values else ranks(values) == []


@pytest.mark.parametrize(
    ("xs", "ys", "n", "words"),
    [
        ([1, 2, 3], [2, 4, 9], 3, "Spearman ρ = 1.00 over 3 runs"),
        ([1, 2, math.nan, 4], [3, 2, 1, math.inf], 2, "Spearman ρ = -1.00 over 2 runs"),
        ([1, 1, 1], [1, 2, 3], 3, "no correlation: 3 runs with one value"),
        ([1], [1], 1, "no correlation: 1 run"),
        ([], [], 0, "no correlation: 0 runs"),
    ],
)
def test_a_correlation_in_words(xs: list[float], ys: list[float], n: int, words: str) -> None:
    found = spearman(xs, ys)
    assert (found.n, found.words) == (n, words)


def test_a_trend_line_is_straight_on_its_axes() -> None:
    straight = trend_line([0, 1, 2, 3], [1, 3, 5, 7])
    assert straight is not None
    assert straight.ys == pytest.approx((1, 7))
    bent = trend_line([0.01, 1, 100], [1, 2, 3], log_x=True)
    assert bent is not None
    assert bent.xs == pytest.approx((0.01, 100))
    assert bent.ys == pytest.approx((1, 3))
    both = trend_line([1, 10, 100], [1, 100, 10_000], log_x=True, log_y=True)
    assert both is not None
    assert both.ys == pytest.approx((1, 10_000))


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=3, max_size=20))
def test_a_trend_line_is_that_of_scipy(pairs: list[tuple[float, float]]) -> None:
    xs, ys = [x for x, _ in pairs], [y for _, y in pairs]
    assume(max(xs) - min(xs) > 1e-3)
    fitted, found = stats.linregress(xs, ys), trend_line(xs, ys)
    assert found is not None
    expected = [fitted.intercept + fitted.slope * x for x in found.xs]
    assert found.ys == pytest.approx(expected, rel=1e-4, abs=1e-2)


@pytest.mark.parametrize(
    ("xs", "ys"),
    [
        ([1, 2], [1, 2]),
        ([1, 1, 1], [1, 2, 3]),
        ([1, 2, math.nan], [1, 2, 3]),
        ([-1e308, 0, 1e308], [1, 2, 3]),
        ([], []),
    ],
)
def test_too_little_for_a_trend(xs: list[float], ys: list[float]) -> None:
    assert trend_line(xs, ys) is None


@pytest.mark.parametrize(
    ("values", "log"),
    [
        ([1, 101], True),
        ([1, 100], False),
        ([0, 1000], False),
        ([-1, 1000], False),
        ([1e-300, 1e300, math.nan, math.inf], True),
        ([5e-324, 1.0], False),
        ([math.nan], False),
        ([], False),
    ],
)
def test_which_values_want_a_logarithmic_scale(values: list[float], log: bool) -> None:
    assert is_log(values) is log
