"""What a live panel knows and draws: points thinned, progress in words, runs followed, pictures."""

from __future__ import annotations

import math
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as Tree

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mltrack
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.settings import get_store
from mltrack_widgets.panels.cell_events import cell_events
from mltrack_widgets.panels.live import LivePanel, live
from mltrack_widgets.panels.live_follow import RunFollower
from mltrack_widgets.panels.live_picture import drawing, picture, scale_of
from mltrack_widgets.panels.live_progress import Progress, Stand, Steps, words
from mltrack_widgets.panels.live_reader import LiveReader
from mltrack_widgets.panels.live_series import MOST_POINTS, LiveSeries
from mltrack_widgets.panels.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.active import ActiveRun


def series_of(values: Sequence[float], *, first: int = 0, by: int = 1, parts: int = 50) -> LiveSeries:
    """A metric logged at steps ``first``, ``first + by``…, a second apart, read in parts."""
    series = LiveSeries("loss")
    rows = [(first + index * by, 1000 * index, value) for index, value in enumerate(values)]
    for start in range(0, len(rows), parts):
        part = rows[start : start + parts]
        series.add(part, (*part[-1], 0), count=len(part))
    return series


@given(st.lists(st.floats(), min_size=1, max_size=2_000), st.integers(1, 400))
def test_extremes_and_ends_are_kept(values: list[float], parts: int) -> None:
    series = series_of(values, parts=parts)
    finite = [value for value in values if math.isfinite(value)]
    kept = [value for _, _, value in series.rows]
    assert len(kept) <= MOST_POINTS
    assert series.count == len(values)
    assert series.rows[0][0] == 0
    assert series.rows[-1][0] == len(values) - 1
    assert (series.low, series.high) == ((min(finite), max(finite)) if finite else (None, None))
    assert not finite or {min(finite), max(finite)} <= set(kept)
    assert [step for step, _, _ in series.rows] == sorted({step for step, _, _ in series.rows})


@given(st.lists(st.integers(1, 120), min_size=1, max_size=40))
def test_what_is_added_to_the_page_makes_the_whole(parts: list[int]) -> None:
    series, total = LiveSeries("loss"), 0
    page: list[tuple[float, float]] = []
    for size in parts:
        rows = [(step, step, math.sin(step)) for step in range(total, total + size)]
        series.add(rows, (*rows[-1], 0), count=size)
        total += size
        kept, across, up = series.addition()
        page = [*page[:kept], *zip(across, up, strict=True)]
    assert page == [(float(step), value) for step, _, value in series.rows]


def test_points_without_steps_stand_by_time() -> None:
    assert list(series_of([1, 2, 3], by=0).addition().across) == [0.0, 1.0, 2.0]


LOOP = Steps(range(8))
LOOP.done = 2
STANDS: list[tuple[Progress, list[LiveSeries], dict[str, str], tuple[int, int | None, str] | None]] = [
    (Progress(), [], {}, None),
    (Progress(), [series_of([1.0] * 5)], {}, (5, None, "step")),
    (Progress(), [series_of([1.0] * 5, first=1)], {}, (5, None, "step")),
    (Progress(), [series_of([1.0] * 5, by=0)], {}, (5, None, "step")),
    (Progress(total=10), [series_of([1.0] * 5)], {}, (5, 10, "step")),
    (Progress(total=3), [series_of([1.0] * 5)], {}, (5, None, "step")),
    (Progress(), [series_of([1.0] * 5)], {"epochs": "20"}, (5, 20, "epoch")),
    (Progress(), [series_of([1.0] * 5), series_of([1.0] * 50)], {"epochs": "20"}, (5, 20, "epoch")),
    (Progress(), [series_of([1.0] * 50)], {"epochs": "20"}, (50, None, "step")),
    (Progress(), [series_of([1.0] * 5)], {"n_estimators": "many", "epochs": "-1"}, (5, None, "step")),
]


@pytest.mark.parametrize(("progress", "series", "params", "expected"), STANDS)
def test_how_far_it_is(progress: Progress, series: list[LiveSeries], params: dict[str, str], expected: Any) -> None:
    stand = progress.stand(series, params)
    assert (stand and (stand.done, stand.total, stand.unit)) == expected


def test_a_loop_says_how_far_it_is_and_its_inner_loops_do_not() -> None:
    progress, seen = Progress(total=99), []
    outer, inner = Steps(range(4)), Steps(iter("ab"))
    for steps in (outer, inner):
        steps.begin, steps.end = progress.begin, progress.end  # type: ignore[assignment]
    for _ in outer:
        list(inner)
        seen.append(progress.stand([], {}))
    after = progress.stand([], {})
    assert [stand and stand[:2] for stand in [*seen, after]] == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    with pytest.raises(TypeError, match="total="):
        len(inner)


@pytest.mark.parametrize(
    ("stand", "seconds", "is_over", "expected"),
    [
        (None, 0.2, False, "0 s"),
        (Stand(120, 1000, "step", 88.4), 12.2, False, "step 120 of 1,000 · 12 s · about 1 min 28 s left"),
        (Stand(3, 10, "epoch", 5.0), 12.2, True, "epoch 3 of 10 · 12.2 s"),
        (Stand(10, 10, "epoch", 0.0), 12.2, False, "epoch 10 of 10 · 12 s"),
        (Stand(7, None, "step", None), 70, False, "step 7 · 1 min 10 s"),
    ],
)
def test_words(stand: Stand | None, seconds: float, is_over: bool, expected: str) -> None:
    assert words(stand, seconds, is_over=is_over) == expected


def reader_of(run: ActiveRun, *wanted: str) -> LiveReader:
    return LiveReader(get_store(), run.info.run_id, wanted=wanted)


def test_what_is_logged_is_read_once() -> None:
    with mltrack.start_run() as run:
        reader = reader_of(run)
        assert reader.read()
        assert not reader.read()
        for step, value in enumerate([1.0, math.nan, -math.inf, -0.0]):
            mltrack.log_metric("loss", value, step=step)
            assert reader.read()
        assert not reader.read()
        assert str([value for _, _, value in reader.series[0].rows]) == "[1.0, nan, -inf, -0.0]"
    assert reader.read()
    assert not reader.is_open


def test_the_first_six_that_say_most_are_shown() -> None:
    with mltrack.start_run() as run:
        reader = reader_of(run)
        mltrack.log_metrics({f"m{number:03}": 0.0 for number in range(300)}, step=0)
        mltrack.log_metrics({"system/cpu": 1.0, "val_loss": 2.0}, step=0)
        reader.read()
        mltrack.log_metrics({**{f"m{number:03}": 1.0 for number in range(100, 120)}, "val_loss": 1.0}, step=1)
        reader.read()
        shown = [each.key for each in reader.series]
        assert shown == ["val_loss", *(f"m{number}" for number in range(100, 105))]
        assert reader.others == 302 - 6
        assert len(reader._series) == 6
        named = reader_of(run, "system/cpu", "not there")
        named.read()
        assert [each.key for each in named.series] == ["system/cpu"]


def test_steps_that_begin_anew_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with mltrack.start_run() as run:
        reader = reader_of(run)
        for step in (5, 6, 7):
            mltrack.log_metric("loss", 1.0, step=step)
        reader.read()
        for step in (0, 1, 2):
            mltrack.log_metric("loss", 2.0, step=step)
        reader._recount_at = 0.0
        assert reader.read()
        assert [step for step, _, _ in reader.series[0].rows] == [0, 1, 2, 5, 6, 7]
        assert reader.series[0].count == 6


def test_a_long_series_is_thinned_by_the_store() -> None:
    with mltrack.start_run() as run:
        for start in range(0, 20_000, 1000):
            points = [mltrack.entities.Metric("loss", math.sin(s), s, s) for s in range(start, start + 1000)]
            get_store().log_batch(run.info.run_id, metrics=points)
        reader = reader_of(run)
        reader.read()
        series = reader.series[0]
        assert (series.count, len(series.rows) <= MOST_POINTS) == (20_000, True)
        assert series.high == max(math.sin(step) for step in range(20_000))
        mltrack.log_metric("loss", 5.0, step=20_000)
        reader.read()
        assert (series.count, series.rows[-1][2]) == (20_001, 5.0)


def test_the_newest_run_is_shown_and_its_parent_once_it_goes_on() -> None:
    follower = RunFollower()
    seen = []

    def look() -> None:
        follower.read()
        seen.append(
            (follower.shown.news.run_name, follower.is_over) if follower.shown and follower.shown.news else None
        )

    look()
    with mltrack.start_run(run_name="parent"):
        mltrack.log_metric("loss", 1.0, step=0)
        look()
        with mltrack.start_run(run_name="child", nested=True):
            look()
        look()
        mltrack.log_metric("loss", 0.5, step=1)
        look()
    look()
    assert seen == [None, ("parent", False), ("child", False), ("child", False), ("parent", False), ("parent", True)]


def test_a_run_between_two_looks_is_found_and_earlier_ones_are_not() -> None:
    with mltrack.start_run():
        pass
    time.sleep(0.002)
    follower = RunFollower()
    assert not follower.read()
    with mltrack.start_run(run_name="short"):
        mltrack.log_metric("loss", 1.0)
    follower.read()
    assert follower.shown is not None
    assert follower.is_over


STRANGE = ([0.5], [math.nan] * 3, [1e-9] * 5, [1.7e308, -1.7e308] * 4, [10.0**-n for n in range(12)], [math.inf, 1.0])


@pytest.mark.parametrize("values", STRANGE, ids=str)
def test_any_values_are_drawn(values: list[float]) -> None:
    series = series_of(values)
    series.key = "<script>alert(1)</script> & 'x'"
    root = Tree.fromstring(drawing([series] * 4, "#0072B2"))
    texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count("<script>alert(1…/script> & 'x'") == 4
    assert "nan" not in "".join(node.get("d", "") for node in root.iter("{http://www.w3.org/2000/svg}path"))
    assert picture([series], "#0072B2").startswith(b"\x89PNG")


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_marks_stand_between_the_ends(one: float, other: float) -> None:
    scale = scale_of(min(one, other), max(one, other), may_be_log=True)
    marks = scale.marks(5)
    assert len(marks) <= 7
    assert all(-0.01 <= scale.place(mark) <= 1.01 for mark in marks)


def test_a_thread_keeps_to_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(monotonic=lambda: 7.0, thread_time=time.thread_time)  # no time goes by
    monkeypatch.setattr("mltrack_widgets.panels.pace.time", clock)
    pace = Pace(shortest=0.25, share=0.005, credit=0.05)
    assert pace.pause == 0.25
    pace.note(0.04)
    assert pace.pause == 0.25
    pace.note(0.02)
    assert pace.pause == pytest.approx(2.0)


def test_a_script_loops_as_before() -> None:
    assert list(live([1, 2, 3])) == [1, 2, 3]
    assert len(live(range(7))) == 7


def test_wrong_arguments() -> None:
    with pytest.raises(InvalidParameterError, match="positive whole number of steps; got 0"):
        live(total=0)
    with pytest.raises(NotFoundError):
        live("no such run")


def test_a_panel_says_kindly_that_there_is_nothing() -> None:
    panel = LivePanel(RunFollower())
    assert "Waiting for a run" in panel.text
    with mltrack.start_run(run_name="empty & bare"):
        panel.refresh()
    panel.refresh()
    assert "No metric was logged" in panel.text
    assert "empty &amp; bare" in str(panel._body(panel.image()))
    with pytest.raises(InvalidParameterError, match="log a metric first"):
        _ = panel.chart
    assert panel.run is not None
    assert list(panel.to_dataframe()["run_id"]) == [panel.run.info.run_id]


def test_the_thread_leaves_the_picture_of_the_end_to_a_cell_that_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the thread draws in that moment would come after what the cell showed."""
    with mltrack.start_run() as run:
        mltrack.log_metric("loss", 0.5)
    panel = LivePanel(RunFollower(named=(get_store(), run), metrics=()), total=None)
    looks, refresh = threading.Semaphore(0), panel.refresh

    def look() -> None:
        refresh()
        looks.release()

    monkeypatch.setattr(panel, "refresh", look)
    monkeypatch.setattr(cell_events, "is_ending", True)
    thread = threading.Thread(target=panel._work)
    thread.start()
    assert looks.acquire(timeout=60)
    assert looks.acquire(timeout=60)  # it has decided after the first by then
    assert not panel.is_over
    monkeypatch.setattr(cell_events, "is_ending", False)
    thread.join(60)
    assert panel.is_over
