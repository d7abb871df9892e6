"""Curves: series whole where they are short, else thinned so that nothing that can be seen is lost."""

from __future__ import annotations

import math
import threading
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.core.stores import FINISHED, ON_SQLITE, begin, bits, delete_run

from mltrack.entities import Metric
from mltrack.exceptions import InvalidParameterError
from mltrack.keys import MAX_BATCH_METRICS
from mltrack.store import curves
from mltrack.store.points import encode
from mltrack.store.sqlite import SqliteStore
from mltrack.store.stretches import thin
from mltrack.store.summaries import CurveQuery

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from sqlite3 import Connection

    from mltrack.store.stretches import Series
    from mltrack.store.summaries import Curve

    Point = tuple[int, int, float]

FAR = 2**63 - 1
NAN, INF = math.nan, math.inf


def log_points(store: SqliteStore, run_id: str, key: str, *, points: Sequence[Point]) -> None:
    metrics = [Metric(key, value, time, step) for step, time, value in points]
    for first in range(0, len(metrics), MAX_BATCH_METRICS):
        store.log_batch(run_id, metrics=metrics[first : first + MAX_BATCH_METRICS])


class Board:
    """A store with one run, of which each list of points becomes a metric of its own."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.run_id = begin(store)
        self._count = 0

    def curve(self, logged: Sequence[Point], **options: int | None) -> Curve | None:
        self._count += 1
        key = f"m{self._count}"
        log_points(self.store, self.run_id, key, points=logged)
        found = self.store.metric_curves(CurveQuery((self.run_id,), (key,), **options))  # type: ignore[arg-type]
        return found[0] if found else None


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def board(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    if request.param == "sqlite":
        yield Board(SqliteStore(tmp_path_factory.mktemp("curves") / "mltrack.db"))
        return
    from tests.core import postgres_server  # a second to start, and the fast tests do without

    with postgres_server.own_store() as store:
        yield Board(store)  # type: ignore[arg-type]


def unique(points: Sequence[Point]) -> list[Point]:
    """What a store keeps of points, in the order of their steps and times."""
    kept = {(step, time, bits(value)): (step, time, value) for step, time, value in points}
    return sorted(kept.values(), key=lambda point: (*point[:2], *encode(point[2])))


def drawn(curve: Curve) -> list[Point]:
    return list(zip(curve.steps, curve.timestamps, curve.values, strict=True))


def same(one: Sequence[Point], other: Sequence[Point]) -> bool:
    def flat(points: Sequence[Point]) -> list[tuple[int, int, bytes]]:
        return sorted((step, time, bits(value)) for step, time, value in points)

    return flat(one) == flat(other)


def stretches_of(points: Sequence[Point], counts: Sequence[int]) -> Iterator[list[Point]]:
    first = 0
    for count in counts:
        yield list(points[first : first + count])
        first += count


def check_trend(curve: Curve, points: Sequence[Point]) -> None:
    """Each stretch says the number, the last point and the mean of the points that are in it."""
    assert sum(curve.counts) == curve.count == len(points)
    assert all(curve.counts)
    parts = stretches_of(points, curve.counts)
    for part, step, time, mean in zip(parts, curve.trend_steps, curve.trend_times, curve.means, strict=True):
        assert (step, time) == part[-1][:2]
        finite = [value for _, _, value in part if math.isfinite(value)]
        if not finite:
            assert math.isnan(mean)
            continue
        expected = float(sum(map(Fraction, finite)) / len(finite))
        assert abs(mean - expected) <= 1e-9 * max(map(abs, finite)) + 1e-280


def check_extremes(curve: Curve, points: Sequence[Point]) -> None:
    """Each stretch shows its lowest and highest point, or one NaN where there is nothing else."""
    shown = {(step, time, bits(value)) for step, time, value in drawn(curve)}
    for part in stretches_of(points, curve.counts):
        here = [value for step, time, value in part if (step, time, bits(value)) in shown]
        numbers = [value for _, _, value in part if not math.isnan(value)]
        assert here
        if numbers:
            assert min(numbers) in here
            assert max(numbers) in here


steps = st.integers(0, 30) | st.sampled_from([0, 0, 0, 10**9, -FAR - 1, FAR]) | st.integers(-FAR - 1, FAR)
times = st.integers(0, 50) | st.sampled_from([7, 7, FAR])
values = st.floats(-10, 10) | st.sampled_from([NAN, NAN, INF, -INF, -0.0, 0.0, 1.7e308, -1.7e308, 5e-324])
series = st.lists(st.tuples(steps, times, values), min_size=1, max_size=80)


@settings(max_examples=300)
@given(points=series, most=st.integers(4, 24))
@example(points=[(0, 0, NAN), (0, 0, 1.0)] * 10 + [(0, 0, float(value)) for value in range(9)], most=4)
@example(points=[(step, 0, 1.7e308) for step in range(20)], most=6)
@example(points=[(step, 0, -0.0) for step in range(20)], most=6)
def test_a_thinned_series_shows_what_there_is_to_see(board: Board, points: list[Point], most: int) -> None:
    curve = board.curve(points, points=most)
    kept = unique(points)
    assert curve is not None
    assert len(curve.steps) == len(curve.timestamps) == len(curve.values) <= most
    assert [point[:2] for point in drawn(curve)] == sorted(point[:2] for point in drawn(curve))
    assert {(s, t, bits(v)) for s, t, v in drawn(curve)} <= {(s, t, bits(v)) for s, t, v in kept}
    assert (curve.steps[0], curve.steps[-1]) == (kept[0][0], kept[-1][0])
    check_trend(curve, kept)
    check_extremes(curve, kept)
    if len(kept) <= most:
        assert same(drawn(curve), kept)


@settings(max_examples=100)
@given(points=series, bounds=st.tuples(st.none() | steps, st.none() | steps), most=st.integers(4, 24))
def test_a_zoom_is_the_curve_of_what_is_in_it(
    board: Board, points: list[Point], bounds: tuple[int | None, int | None], most: int
) -> None:
    low, high = bounds
    inside = [each for each in points if (low is None or each[0] >= low) and (high is None or each[0] <= high)]
    zoomed, alone = board.curve(points, points=most, low=low, high=high), board.curve(inside, points=most)
    if zoomed is None or alone is None:
        assert zoomed is alone is None
        return
    assert same(drawn(zoomed), drawn(alone))
    assert (zoomed.counts, zoomed.trend_steps) == (alone.counts, alone.trend_steps)


EVEN = [(step, step * 10, math.sin(step / 50)) for step in range(5_000)]
ALL_AT_ONE_STEP = [(0, time, math.sin(time / 50)) for time in range(5_000)]
OUTLIER = [*EVEN, (10**15, 1, 0.5)]
TWO_PACES = [*EVEN[:3_000], *((3_000 + number * 1_000, number, float(number)) for number in range(1, 3_000))]
EPOCHS = [(epoch, epoch * 1_000 + number, float(number)) for epoch in range(10) for number in range(500)]


@pytest.mark.parametrize("points", [EVEN, ALL_AT_ONE_STEP, OUTLIER, TWO_PACES, EPOCHS])
def test_the_points_are_well_spent_however_steps_are_spread(board: Board, points: list[Point]) -> None:
    curve = board.curve(points, points=200)
    assert curve is not None
    assert 140 <= len(curve.steps) <= 200
    assert max(curve.counts) <= len(points) / 20
    check_trend(curve, unique(points))


def test_even_steps_are_cut_evenly(board: Board) -> None:
    curve = board.curve(EVEN, points=102)
    assert curve is not None
    assert curve.trend_steps == list(range(99, 5_000, 100))
    assert set(curve.counts) == {100}


def test_spikes_of_a_long_series_are_kept_and_stretches_of_nan_show(board: Board) -> None:
    points = [(step, step, 1.0) for step in range(20_000)]
    points[777], points[12_345], points[12_346] = (777, 777, 9.5), (12_345, 12_345, -3.0), (12_346, 12_346, NAN)
    points[15_000:15_500] = [(step, step, NAN) for step in range(15_000, 15_500)]
    points[18_000] = (18_000, 18_000, -INF)
    curve = board.curve(points, points=400)
    assert curve is not None
    assert {(777, 777, 9.5), (12_345, 12_345, -3.0), (18_000, 18_000, -INF)} <= set(drawn(curve))
    nans = [step for step, _, value in drawn(curve) if math.isnan(value)]
    assert nans
    assert all(15_000 <= step < 15_500 for step in nans)
    assert all(math.isnan(mean) or mean in (1.0, pytest.approx(1.0, abs=0.1)) for mean in curve.means)


def test_short_series_are_whole_and_are_their_own_trend(board: Board) -> None:
    points = [(1, 5, 0.5), (1, 6, INF), (2, 7, -0.0), (3, 8, NAN)]
    curve = board.curve(points)
    assert curve is not None
    assert same(drawn(curve), points)
    assert (curve.trend_steps, curve.trend_times) == (curve.steps, curve.timestamps)
    assert [bits(mean) for mean in curve.means] == [bits(mean) for mean in (0.5, NAN, -0.0, NAN)]
    assert curve.counts == [1, 1, 1, 1]


def log(store: SqliteStore, run_id: str, key: str, count: int) -> None:
    log_points(store, run_id, key, points=[(step, step, float(step)) for step in range(count)])


@pytest.fixture
def runs(store: SqliteStore) -> list[str]:
    """A live run, one that has ended, and one of another experiment, with series of several lengths."""
    found = [begin(store), begin(store), begin(store, experiment_id=store.create_experiment("other"))]
    for run_id in found:
        log(store, run_id, "val/loss:1 é", 3_000)
        log(store, run_id, "once", 1)
    log(store, found[0], "acc", 10)
    store.update_run(found[1], FINISHED)
    return found


def test_curves_come_in_the_order_asked_for_without_what_is_not_there(store: SqliteStore, runs: list[str]) -> None:
    gone = begin(store)
    log(store, gone, "acc", 5)
    delete_run(store, gone)
    asked = CurveQuery((runs[2], "0" * 32, runs[0], gone, runs[2], runs[1], "'"), ("acc", "val/loss:1 é", "no", "acc"))
    found = store.metric_curves(asked)
    assert [(curve.run_id, curve.key) for curve in found] == [
        (runs[2], "val/loss:1 é"),
        (runs[0], "acc"),
        (runs[0], "val/loss:1 é"),
        (runs[1], "val/loss:1 é"),
    ]
    assert [curve.count for curve in found] == [3_000, 10, 3_000, 3_000]
    assert [len(curve.steps) for curve in found] == [998, 10, 998, 998]
    assert found[0].values == found[2].values == found[3].values
    assert store.metric_curves(CurveQuery((), ("acc",))) == store.metric_curves(CurveQuery((runs[0],), ())) == []


def test_keys_of_curves_are_those_with_more_than_one_point_by_how_many_runs_have_them(
    store: SqliteStore, runs: list[str]
) -> None:
    assert store.curve_keys(runs) == ["val/loss:1 é", "acc"]
    assert store.curve_keys(runs[1:]) == ["val/loss:1 é"]
    assert store.curve_keys([*runs, *runs, "0" * 32]) == ["val/loss:1 é", "acc"]
    delete_run(store, runs[0])
    assert store.curve_keys(runs) == ["val/loss:1 é"]
    assert store.curve_keys([]) == []


@pytest.mark.parametrize("points", [3, 0, -1])
def test_too_few_points_are_refused(store: SqliteStore, points: int) -> None:
    with pytest.raises(InvalidParameterError, match="at least 4 points"):
        store.metric_curves(CurveQuery(("a",), ("b",), points=points))


@ON_SQLITE
def test_long_series_are_read_on_two_threads_that_leave_nothing_open(
    store: SqliteStore, runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2, timeout=60)
    seen: dict[threading.Thread, Connection] = {}

    def thin_together(connection: Connection, series: Series, points: int) -> None:
        del series, points
        if len(seen) < 2:
            seen[threading.current_thread()] = connection
            both.wait()

    monkeypatch.setattr(curves, "thin", thin_together)
    store.metric_curves(CurveQuery(tuple(runs), ("val/loss:1 é",)))
    ours = seen.pop(threading.current_thread())
    ((other, theirs),) = seen.items()
    assert not other.is_alive()
    assert ours.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(Exception, match="closed"):
        theirs.execute("SELECT 1")


@ON_SQLITE
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupt_stops_both_threads_and_the_store_goes_on(
    store: SqliteStore, runs: list[str], monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    read = []
    main, given_up = threading.current_thread(), threading.Event()

    class Helper(threading.Thread):
        def join(self, timeout: float | None = None) -> None:
            given_up.set()  # whoever waits for its end has taken away what was left to do
            super().join(timeout)

    def interrupted(connection: Connection, series: Series, points: int) -> Curve | None:
        read.append(series)
        if threading.current_thread() is main:
            raise error
        assert given_up.wait(60)  # else it might have read all before the other one began
        return thin(connection, series, points)

    for number in range(20):
        log(store, runs[0], f"long {number}", 1_001)
    monkeypatch.setattr(curves, "thin", interrupted)
    monkeypatch.setattr(curves, "Thread", Helper)
    with pytest.raises(error):
        store.metric_curves(CurveQuery((runs[0],), tuple(f"long {number}" for number in range(20))))
    assert len(read) <= 2
    monkeypatch.undo()
    assert len(store.metric_curves(CurveQuery(tuple(runs), ("val/loss:1 é",)))) == 3


@ON_SQLITE
def test_a_fault_on_the_other_thread_is_told(
    store: SqliteStore, runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main, both = threading.current_thread(), threading.Barrier(2, timeout=60)

    def faulty(connection: Connection, series: Series, points: int) -> None:
        del connection, series, points
        both.wait()
        if threading.current_thread() is not main:
            raise ValueError("on the other thread")

    monkeypatch.setattr(curves, "thin", faulty)
    with pytest.raises(ValueError, match="on the other thread"):
        store.metric_curves(CurveQuery(tuple(runs[:2]), ("val/loss:1 é",)))


@ON_SQLITE
def test_a_series_that_was_removed_meanwhile_is_left_out(
    store: SqliteStore, runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:

    def after_removal(connection: Connection, series: Series, points: int) -> Curve | None:
        connection.execute("DELETE FROM metrics WHERE run_id = ?", (series.run,))
        return thin(connection, series, points)

    monkeypatch.setattr(curves, "thin", after_removal)
    assert store.metric_curves(CurveQuery((runs[0],), ("val/loss:1 é",))) == []
