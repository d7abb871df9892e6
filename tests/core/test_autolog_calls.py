from __future__ import annotations

import asyncio
import contextvars
import inspect
import pickle
import random
import threading
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.core.toy_library import NAME, forgotten, make_toybox, models

import mltrack
from mltrack.autologging import switch
from mltrack.autologging.calls import Call, inside, is_inside, watched, watched_call, watched_part
from mltrack.autologging.safety import AutologWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def toybox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    make_toybox(tmp_path, monkeypatch)
    with forgotten():
        switch.autolog(libraries=[NAME])
        yield
        switch.reset()


def runs() -> list[Any]:
    return list(mltrack.search_runs(search_all_experiments=True, output_format="list"))


def call_with(watcher: Any, work: Callable[..., Any], *args: Any) -> Any:
    return watched(NAME, watcher)(work)(*args)


def test_a_call_makes_a_run_that_ends_with_it() -> None:
    model = models().Model()
    assert model.fit(3) is model
    assert [(run.info.status, run.data.params, run.data.metrics) for run in runs()] == [
        ("FINISHED", {"x": "3"}, {"same": 1.0})
    ]


def test_a_nested_call_is_not_watched() -> None:
    inner = models().Model()
    models().Model().fit(lambda: inner.fit(1))
    assert len(runs()) == 1


def test_inside_of_nothing_a_call_is_a_training_of_its_own() -> None:
    def trial() -> None:
        with inside(None), mltrack.start_run(nested=True):
            models().Model().fit(1)

    models().Model().fit(trial)
    assert len(runs()) == 2


@pytest.mark.parametrize(
    ("error", "status"),
    [(ValueError(), "FAILED"), (KeyboardInterrupt(), "KILLED"), (SystemExit(), "FAILED"), (StopIteration(), "FAILED")],
    ids=lambda value: type(value).__name__,
)
def test_an_exception_passes_and_ends_the_run(error: BaseException, status: str) -> None:
    def fail() -> None:
        raise error

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(type(error)) as caught:
            models().Model().fit(fail)
    assert caught.value is error
    assert [run.info.status for run in runs()] == [status]
    assert not is_inside()


@pytest.mark.parametrize("half", ["before", "after"])
def test_an_interrupt_in_our_own_part_ends_the_run(half: str) -> None:
    def watch(call: Call) -> Generator[None, Any, None]:
        call.begin_fit()
        if half == "before":
            raise KeyboardInterrupt
        yield
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call_with(watch, lambda: 1)
    assert [run.info.status for run in runs()] == ["KILLED"]
    assert mltrack.active_run() is None


def test_a_watcher_that_fails_half_way_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLTRACK_TEST_MODE")

    def watch(call: Call) -> Generator[None, Any, None]:
        call.begin_fit()
        call.args, call.kwargs["y"] = (99,), 99
        raise RuntimeError("ours")
        yield

    with pytest.warns(AutologWarning, match="ours") as caught:
        assert watched(NAME, watch)(lambda x, y=0: (x, y))(1) == (1, 0)
    # what the collector finds meanwhile of other tests warns, too
    assert [each.category for each in caught if each.category is not ResourceWarning] == [AutologWarning]
    assert [run.info.status for run in runs()] == ["FINISHED"]


def test_a_watcher_may_change_the_arguments() -> None:
    def watch(call: Call) -> Generator[None, Any, None]:
        call.args = (*call.args, 2)
        yield

    assert call_with(watch, lambda *args: args, 1) == (1, 2)


def test_a_watcher_may_decide_not_to_watch() -> None:
    def watch(call: Call) -> Generator[None, Any, None]:
        if call.args:
            return
        yield

    assert call_with(watch, lambda *args: args, 1) == (1,)
    with pytest.raises(ZeroDivisionError):
        call_with(watch, lambda x: 1 // x, 0)


def test_a_condition_decides_first() -> None:
    def watch(call: Call) -> Generator[None, Any, None]:
        call.begin_fit()
        yield

    watch_large = watched(NAME, watch, lambda args: bool(args[0] > 1))
    assert [watch_large(abs)(number) for number in (1, 2)] == [1, 2]
    assert len(runs()) == 1


def test_a_part_is_logged_to_its_training() -> None:
    def watch_part(call: Call) -> Generator[None, Any, None]:
        fit = call.begin_fit()
        yield
        fit.log_metrics({"part": 1})

    part = watched_part(NAME, watch_part)(lambda: 5)
    models().Model().fit(part)
    assert [(run.data.metrics, run.info.status) for run in runs()] == [({"part": 1.0, "same": 0.0}, "FINISHED")]
    assert part() == 5
    assert len(runs()) == 2


def test_a_task_that_outlives_a_call_is_inside_no_more() -> None:
    kept: list[contextvars.Context] = []
    model = models().Model().fit(lambda: kept.append(contextvars.copy_context()))
    assert model is None
    assert not kept[0].run(is_inside)
    kept[0].run(models().Model().fit, 1)
    assert len(runs()) == 2


def test_a_call_lets_go_of_the_data() -> None:
    seen: list[Call | None] = []
    models().Model().fit(lambda: seen.append(watched_call()))
    assert seen[0] is not None
    assert (seen[0].args, seen[0].kwargs) == ((), {})


def test_gathered_coroutines_keep_their_points_apart() -> None:
    async def train(number: int) -> None:
        with mltrack.start_run(run_name=str(number)):
            for _ in range(5):
                await asyncio.sleep(0.001)
                models().Model().fit(number)

    async def both() -> None:
        await asyncio.gather(train(1), train(2))

    asyncio.run(both())
    found = {run.info.run_name: run.data.params for run in runs()}
    assert {name: set(params.values()) for name, params in found.items()} == {"1": {"1"}, "2": {"2"}}
    assert len(found["1"]) == 5


def test_random_numbers_are_where_they_were() -> None:
    def watch(call: Call) -> Generator[None, Any, None]:
        random.random()
        np.random.random()
        yield
        random.random()
        np.random.normal()

    random.seed(1)
    np.random.seed(1)
    expected = (random.random(), np.random.normal(), np.random.normal())
    random.seed(1)
    np.random.seed(1)
    call_with(watch, lambda: None)
    assert (random.random(), np.random.normal(), np.random.normal()) == expected


def test_random_numbers_of_other_trainings_are_not_put_back() -> None:
    """Else two threads would draw the same numbers."""
    drawn: list[float] = []
    first, second = threading.Event(), threading.Event()

    def watch(call: Call) -> Generator[None, Any, None]:
        first.set()
        second.wait(60)
        yield

    def pass_by(call: Call) -> Generator[None, Any, None]:
        yield

    def other() -> None:
        first.wait(60)
        drawn.append(call_with(pass_by, np.random.random))
        second.set()

    thread = threading.Thread(target=other)
    thread.start()
    call_with(watch, lambda: None)
    thread.join()
    drawn.append(np.random.random())
    assert drawn[0] != drawn[1]


def test_a_wrapper_looks_like_the_original_and_pickles() -> None:
    fit = models().Model.fit
    assert (fit.__name__, fit.__qualname__, fit.__doc__) == ("fit", "Model.fit", "Fits.")
    assert list(inspect.signature(fit).parameters) == ["self", "x", "y"]
    assert pickle.loads(pickle.dumps(fit)) is fit


def test_off_a_wrapper_that_somebody_kept_passes_through() -> None:
    kept = models().Model.fit
    switch.autolog(disable=True)
    model = models().Model()
    assert kept(model, 1) is model
    assert runs() == []
