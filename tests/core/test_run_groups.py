"""Runs in groups: how many there are of each value, and the means and spreads of metrics, right to the last digits."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.core.filter_texts import filters
from tests.core.run_rows import KEYS, keys, plain_numbers, run, store, tables
from tests.core.stores import FINISHED, begin, delete_run

from mltrack.entities import Metric, Param, RunTag
from mltrack.exceptions import InvalidParameterError
from mltrack.store import groups
from mltrack.store.groups import Grouping, find_groups
from mltrack.store.locator import Locator
from mltrack.store.moments import NOTHING
from mltrack.store.pages import Search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.core.filter_texts import Filter
    from tests.core.run_rows import Row

    from mltrack.store.sqlite import SqliteStore
    from mltrack.store.summaries import RunGroup

EVERYTHING = 1_000
SMALLEST = 4 * math.ulp(0.0)  # of the smallest numbers there are half a step is rounded either way


def summary(values: Sequence[float]) -> tuple[int, float, float]:
    """How many values, their mean and the standard deviation of the sample, in exact fractions."""
    exact = [Fraction(value) for value in values]
    mean = sum(exact, Fraction()) / len(exact)
    if len(exact) == 1:
        return 1, float(mean), math.nan
    largest = max(abs(value - mean) for value in exact) or Fraction(1)
    scaled = sum((((value - mean) / largest) ** 2 for value in exact), Fraction()) / (len(exact) - 1)
    spread = Fraction(math.sqrt(scaled)) * largest
    return len(exact), float(mean), float(spread) if spread < 2**1024 else math.inf


def assert_close(
    found: tuple[int, float, float], expected: tuple[int, float, float], size: float, step: float = SMALLEST
) -> None:
    assert found[0] == expected[0]
    assert found[1] == pytest.approx(expected[1], rel=1e-9, abs=1e-12 * size + step)
    assert found[2] == pytest.approx(expected[2], rel=1e-7, abs=1e-12 * size + step, nan_ok=True)


def check(found: Sequence[RunGroup], rows: Sequence[Row], place: str, name: str) -> None:
    """Compare groups with what plain Python makes of the same runs."""
    by_value: dict[str | None, list[Row]] = {}
    for row in rows:
        by_value.setdefault(getattr(row, place).get(name), []).append(row)
    order = sorted(by_value, key=lambda value: (-len(by_value[value]), value is None, (value or "").encode()))
    assert [(group.value, group.count) for group in found] == [(value, len(by_value[value])) for value in order]
    for group in found:
        for metric in KEYS:
            values = [row.metrics[metric] for row in by_value[group.value] if metric in row.metrics]
            finite = [value for value in values if math.isfinite(value)]
            assert (metric in group.metrics) == bool(finite)
            if finite:
                assert_close(group.metrics[metric], summary(finite), max(map(abs, finite)))


def grouped(rows: Sequence[Row], key: str, text: str = "", most: int = EVERYTHING) -> list[RunGroup]:
    connection = store(rows)
    return find_groups(connection, Search(("1",), text), Grouping(key, KEYS, most), Locator("/base"))


@settings(max_examples=100)
@given(rows=tables(), wanted=st.none() | filters, place=st.sampled_from(["params", "tags"]), name=keys)
def test_groups_are_what_plain_python_finds(rows: list[Row], wanted: Filter | None, place: str, name: str) -> None:
    text, holds = wanted or ("", lambda _: True)
    check(grouped(rows, f"{place}.`{name}`", text), [row for row in rows if holds(row)], place, name)


numbers = plain_numbers.filter(math.isfinite) | st.floats(allow_nan=False, allow_infinity=False)
near = st.tuples(st.floats(-1e12, 1e12), st.lists(st.floats(0, 1), min_size=1, max_size=8)).map(
    lambda found: [found[0] + each for each in found[1]]
)


@settings(max_examples=100)
@given(values=st.lists(numbers, min_size=1, max_size=8) | near, live=st.integers(0, 3), has_value=st.booleans())
@example(values=[1e6, 1e6 + 0.3, 1e6 + 1.0], live=0, has_value=True)
@example(values=[-1e308, 1e308, 5e-114], live=0, has_value=False)
@example(values=[1.7976931348623157e308, -1.7976931348623157e308, 1e-7], live=0, has_value=True)
def test_means_and_spreads_do_not_suffer_from_rounding(values: list[float], live: int, has_value: bool) -> None:
    params = {"k": "x"} if has_value else {}
    rows = [
        run(f"{number}", params=params, metrics={"k": value}, is_live=number < live)
        for number, value in enumerate(values)
    ]
    (group,) = grouped(rows, "params.k")
    largest = max(map(abs, values))
    # One scale is for all values of a group: beside large ones, the smallest steps of floats are larger by as much.
    step = SMALLEST * max(largest, 1.0)
    assert_close(group.metrics["k"], summary(values), largest + 1e-100 if live else 0.0, step)


@settings(max_examples=100)
@given(values=st.lists(numbers, min_size=1, max_size=8))
def test_values_can_be_added_one_by_one(values: list[float]) -> None:
    found = NOTHING
    for value in values:
        found = found.plus(value)
    assert_close(found.summary, summary(values), max(map(abs, values)) + 1e-100)


def test_the_largest_groups_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "JOINS", 1)
    values = ["c", "b", "a", None, None, None, "b", "a"]
    rows = [
        run(f"{number}", params={} if value is None else {"k": value}, metrics={"k": 1.0, "a b": float(number)})
        for number, value in enumerate(values)
    ]
    for most, expected in ((4, [None, "a", "b", "c"]), (2, [None, "a"]), (1, [None]), (0, [])):
        found = grouped(rows, "params.k", most=most)
        assert [group.value for group in found] == expected
        assert all(set(group.metrics) == {"k", "a b"} for group in found)
    assert_close(grouped(rows, "params.k", most=2)[1].metrics["a b"], (2, 4.5, math.sqrt(12.5)), 1.0)
    assert [(group.value, group.count) for group in grouped(rows, "tags.k")] == [(None, 8)]


def test_live_and_ended_runs_of_two_experiments_count_alike(store: SqliteStore) -> None:
    other = store.create_experiment("other")
    runs = [begin(store, experiment_id=experiment) for experiment in ("0", "0", "0", other)]
    for number, run_id in enumerate(runs):
        points = [Metric("m", 50.0, 1, 1), Metric("m", float(number), 1, 2)]
        store.log_batch(run_id, metrics=points, params=[Param("p", "x")], tags=[RunTag("a b", "y")])
    store.update_run(runs[0], FINISHED)
    for key in ("params.p", "parameter.`p`", "tags.`a b`", 'tag."a b"'):
        (group,) = store.group_runs(Search(("0",), max_results=1), key, metrics=["m", "none", "m"], most=9)
        assert (group.count, dict(group.metrics)) == (3, {"m": (3, 1.0, 1.0)})
    (group,) = store.group_runs(Search(("0", other)), "params.p", metrics=[], most=9)
    assert (group.value, group.count, dict(group.metrics)) == ("x", 4, {})
    delete_run(store, runs[2])
    (group,) = store.group_runs(Search(("0",)), "params.p", metrics=["m"], most=9)
    assert_close(group.metrics["m"], (2, 0.5, math.sqrt(0.5)), 1.0)
    assert store.group_runs(Search(("0",), "metrics.m > 9"), "params.p", metrics=["m"], most=9) == []


@pytest.mark.parametrize("key", ["metrics.m", "status", "attributes.start_time", "p", "params.p DESC", "code"])
def test_only_params_and_tags_make_groups(store: SqliteStore, key: str) -> None:
    with pytest.raises(InvalidParameterError):
        store.group_runs(Search(("0",)), key, metrics=[], most=9)
