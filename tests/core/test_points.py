"""Metrics in the store: every float comes back, and live runs answer as ended ones do."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.core.stores import FINISHED, begin, bits

from mltrack.entities import Metric, Param, RunStatus
from mltrack.store.pages import Search
from mltrack.store.protocol import RunChange
from mltrack.store.sqlite import SqliteStore

INT64 = st.integers(-(2**63), 2**63 - 1)


def test_history_is_by_time_step_and_value(store: SqliteStore) -> None:
    run_id = begin(store)
    points = [Metric("m", v, t, s) for v, t, s in [(3.0, 2, 0), (1.0, 1, 5), (2.0, 1, -5), (0.5, 1, 5), (9.0, 0, 9)]]
    store.log_batch(run_id, metrics=points)
    assert store.metric_history(run_id, "m") == sorted(points, key=lambda m: (m.timestamp, m.step, m.value))
    assert store.metric_history(run_id, "other") == []
    assert store.metric_history("none", "m") == []


@pytest.mark.parametrize("count", [1, 2, 99, 100, 101, 199, 200, 250])
def test_a_batch_of_any_size_is_kept_whole_and_its_doubles_once(store: SqliteStore, count: int) -> None:
    """A hundred points are written by one statement, and those over by one each."""
    points = [Metric("loss", float(number), 1, number) for number in range(count)]
    run_id = begin(store)
    store.log_batch(run_id, metrics=[*points, points[0], points[-1]])
    store.log_batch(run_id, metrics=points)
    assert store.metric_history(run_id, "loss") == points


def test_the_same_point_is_kept_once(store: SqliteStore) -> None:
    run_id = begin(store)
    for value in (1.0, 1.0, math.nan, math.nan, 0.0, -0.0, -0.0):
        store.log_batch(run_id, metrics=[Metric("m", value, 1, 1)])
    assert sorted(bits(m.value) for m in store.metric_history(run_id, "m")) == sorted(
        map(bits, (1.0, math.nan, 0.0, -0.0))
    )


SPECIAL = st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 0.0, 5e-324, -1e-320, 1.7976931348623157e308])


@given(value=st.floats() | SPECIAL)
@settings(max_examples=60)
def test_every_float_comes_back(tmp_path_factory: pytest.TempPathFactory, value: float) -> None:
    store = SqliteStore(tmp_path_factory.getbasetemp() / "floats.db")
    run_id = begin(store)
    store.log_batch(run_id, metrics=[Metric("m", value, 1, 1)])
    assert [bits(m.value) for m in store.metric_history(run_id, "m")] == [bits(value)]
    assert bits(store.get_run(run_id).data.metrics["m"]) == bits(value)
    store.update_run(run_id, FINISHED)
    assert bits(store.get_run(run_id).data.metrics["m"]) == bits(value)
    store.close()


POINTS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from([1.0, 2.0, 0.0, -0.0, math.nan, -1.0, math.inf]),
        st.integers(0, 2),
        st.integers(-1, 1),
        st.booleans(),
    ),
    max_size=12,
)


def order_of(point: Metric) -> tuple[int, int, float]:
    """What MLflow compares to find a metric's latest point; its NaN counts as 0."""
    return (point.step, point.timestamp, 0.0 if math.isnan(point.value) else point.value)


@given(points=POINTS)
@example(points=[("a", -0.0, 0, 0, True), ("a", 0.0, 0, 0, True), ("a", math.nan, 0, 0, True), ("a", 0.0, 0, 0, True)])
@settings(max_examples=60)
def test_the_latest_point_is_the_largest_by_step_time_and_value_live_ended_and_late(
    tmp_path_factory: pytest.TempPathFactory, points: list[tuple[str, float, int, int, bool]]
) -> None:
    store = SqliteStore(tmp_path_factory.getbasetemp() / "latest.db")
    live, ended, late = (begin(store, name) for name in ("live", "ended", "late"))
    store.update_run(late, FINISHED)
    for key, value, timestamp, step, _ in points:
        for run_id in (live, ended, late):
            store.log_batch(run_id, metrics=[Metric(key, value, timestamp, step)])
    store.update_run(ended, FINISHED)
    answers = [
        {m.key: (bits(m.value), m.timestamp, m.step) for m in store.get_run(run_id).data.latest}
        for run_id in (live, ended, late)
    ]
    assert answers[0] == answers[1] == answers[2]
    for key, (_, timestamp, step) in answers[0].items():
        best = max((Metric(k, v, t, s) for k, v, t, s, _ in points if k == key), key=order_of)
        assert (step, timestamp) == (best.step, best.timestamp)
        assert order_of(next(m for m in store.get_run(live).data.latest if m.key == key)) == order_of(best)
    store.close()


FILTERS = ["", "metrics.a > 1", "metrics.a <= 2", "metrics.b != 1", "metrics.a > 0 AND metrics.b > 0", "params.p = '1'"]


@pytest.mark.parametrize("filter_string", FILTERS)
@pytest.mark.parametrize("order", [(), ("metrics.a DESC",), ("metrics.b",), ("params.p", "metrics.a")])
def test_live_and_ended_runs_are_found_alike(store: SqliteStore, filter_string: str, order: tuple[str, ...]) -> None:
    values = [{"a": 1.0}, {"a": 2.0, "b": 1.0}, {"b": 2.0}, {}, {"a": math.nan, "b": math.inf}, {"a": -0.0}]
    ids = []
    for number, metrics in enumerate(values):
        run_id = begin(store, start_time=number)
        store.log_batch(run_id, metrics=[Metric(key, 99.0, 1, 0) for key in metrics])
        store.log_batch(run_id, metrics=[Metric(key, value, 1, 1) for key, value in metrics.items()])
        store.log_batch(run_id, params=[Param("p", str(number % 2))])
        ids.append(run_id)
    search = Search(("0",), filter_string, order)
    live = [run.info.run_id for run in store.search_runs(search).rows]
    for run_id in ids[::2]:
        store.update_run(run_id, FINISHED)
    half = [run.info.run_id for run in store.search_runs(search).rows]
    for run_id in ids:
        store.update_run(run_id, FINISHED)
    assert live == half == [run.info.run_id for run in store.search_runs(search).rows]
    for run_id in ids:
        store.update_run(run_id, RunChange(status=RunStatus.RUNNING))
    assert live == [run.info.run_id for run in store.search_runs(search).rows]


def test_a_run_taken_up_again_goes_on(store: SqliteStore) -> None:
    run_id = begin(store)
    store.log_batch(run_id, metrics=[Metric("m", 1.0, 1, 1)])
    store.update_run(run_id, FINISHED)
    store.update_run(run_id, RunChange(status=RunStatus.RUNNING))
    store.log_batch(run_id, metrics=[Metric("m", 2.0, 2, 2), Metric("n", 3.0, 2, 0)])
    assert store.get_run(run_id).data.metrics == {"m": 2.0, "n": 3.0}
    store.update_run(run_id, FINISHED)
    assert store.get_run(run_id).data.metrics == {"m": 2.0, "n": 3.0}
    assert len(store.metric_history(run_id, "m")) == 2


@given(step=INT64)
@settings(max_examples=20)
def test_every_step_comes_back(tmp_path_factory: pytest.TempPathFactory, step: int) -> None:
    store = SqliteStore(tmp_path_factory.getbasetemp() / "steps.db")
    run_id = begin(store)
    store.log_batch(run_id, metrics=[Metric("m", 1.0, 2**63 - 1, step), Metric("m", 1.0, 0, 0)])
    assert Metric("m", 1.0, 2**63 - 1, step) in store.metric_history(run_id, "m")
    assert store.metric_outlines(run_id)["m"][0] == 2
    store.close()


def test_outlines(store: SqliteStore) -> None:
    run_id = begin(store)
    store.log_batch(run_id, metrics=[Metric("long", float(step), 1, step) for step in range(1000)])
    store.log_batch(run_id, metrics=[Metric("two", 5.0, 1, 0), Metric("two", math.nan, 1, 9), Metric("one", 1.0, 1)])
    store.log_batch(run_id, metrics=[Metric("one step", 1.0, 1, 3), Metric("one step", 2.0, 2, 3)])
    outlines = store.metric_outlines(run_id, width=11)
    assert list(outlines) == ["long", "one step", "two"]
    count, values = outlines["long"]
    assert count == 1000
    assert values == (0, 99, 199, 299, 399, 499, 599, 699, 799, 899, 999)
    assert outlines["two"][0] == 2
    assert bits(outlines["two"][1][0]) == bits(5.0)
    assert bits(outlines["two"][1][-1]) == bits(math.nan)
    assert outlines["one step"] == (2, (1.0,))
    assert store.metric_outlines("none") == {}
