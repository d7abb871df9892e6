"""Whose run is the active one: threads, coroutines and forked children."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from tests.core.fluent import PARENT, in_thread, needs_fork, status_of
from tests.core.scripts import run_script

import mltrack
from mltrack import MltrackClient, settings, tracking

if TYPE_CHECKING:
    from pathlib import Path

    from mltrack.entities import Run

# Threads and tasks


def test_threads_log_to_the_run_of_the_main_thread() -> None:
    with mltrack.start_run() as run:
        assert in_thread(mltrack.active_run) is run
        in_thread(lambda: mltrack.log_metric("m", 1.0))
    assert in_thread(mltrack.active_run) is None
    assert mltrack.get_run(run.info.run_id).data.metrics == {"m": 1.0}


def test_a_thread_does_not_end_the_run_of_another() -> None:
    with mltrack.start_run() as run:
        in_thread(mltrack.end_run)
        assert status_of(run) == "RUNNING"
        assert mltrack.active_run() is run


@pytest.mark.parametrize("in_notebook", [False, True])
def test_a_thread_begins_a_run_of_its_own_beside_the_main_threads(in_notebook: bool) -> None:
    settings.state.in_notebook = in_notebook
    main = mltrack.start_run()

    def work() -> Run:
        with mltrack.start_run() as run:
            assert mltrack.active_run() is run
            mltrack.log_metric("m", 1.0)
        assert mltrack.active_run() is main
        return run

    own = in_thread(work)
    assert own.info.run_id != main.info.run_id  # type: ignore[attr-defined]
    assert PARENT not in mltrack.get_run(own.info.run_id).data.tags  # type: ignore[attr-defined]
    assert mltrack.get_run(main.info.run_id).data.metrics == {}
    assert status_of(main) == "RUNNING"
    assert mltrack.active_run() is main
    child = in_thread(lambda: mltrack.start_run(nested=True))
    assert mltrack.get_run(child.info.run_id).data.tags[PARENT] == main.info.run_id  # type: ignore[attr-defined]


def test_in_a_tracked_cell_every_run_is_a_child_of_the_cells() -> None:
    settings.state.in_notebook = True
    cell = tracking.begin("cell")
    cell.belong_to_cell()
    with mltrack.start_run() as child:
        in_a_thread = in_thread(mltrack.start_run)
    for run in (child, in_a_thread):
        assert mltrack.get_run(run.info.run_id).data.tags[PARENT] == cell.info.run_id  # type: ignore[attr-defined]
    assert mltrack.active_run() is cell


def test_a_run_left_open_in_a_notebook_is_ended_by_the_next() -> None:
    settings.state.in_notebook = True
    left = mltrack.start_run()
    second = mltrack.start_run()
    assert (status_of(left), status_of(second)) == ("FINISHED", "RUNNING")
    assert PARENT not in mltrack.get_run(second.info.run_id).data.tags


def test_eight_threads_with_runs_of_their_own() -> None:
    barrier = threading.Barrier(8)

    def work(number: int) -> str:
        with mltrack.start_run(run_name=f"thread {number}") as run:
            barrier.wait(60)
            for step in range(25):
                mltrack.log_metric("m", number, step=step)
            mltrack.log_param("number", number)
        return run.info.run_id

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(work, range(8)))
    assert len(set(ids)) == 8
    for number, run_id in enumerate(ids):
        history = MltrackClient().get_metric_history(run_id, "m")
        assert [(m.value, m.step) for m in sorted(history, key=lambda m: m.step)] == [(number, s) for s in range(25)]
        assert mltrack.get_run(run_id).data.params == {"number": str(number)}
        assert mltrack.get_run(run_id).info.status == "FINISHED"


@pytest.mark.parametrize("in_notebook", [False, True])
@pytest.mark.parametrize("nested", [False, True])
def test_gathered_coroutines_with_runs_of_their_own(in_notebook: bool, nested: bool) -> None:
    settings.state.in_notebook = in_notebook

    async def work(number: int, in_block: bool) -> str:
        run = mltrack.start_run(nested=nested)
        if in_block:
            run.__enter__()
        for step in range(10):
            await asyncio.sleep(0.0005 * (number % 3))
            assert mltrack.active_run() is run
            mltrack.log_metric("m", number, step=step)
            await asyncio.to_thread(mltrack.log_metric, "thread", number, step)
        mltrack.end_run()
        return run.info.run_id

    async def main() -> list[str]:
        return await asyncio.gather(*(work(number, number % 2 == 0) for number in range(6)))

    if nested:
        with mltrack.start_run() as parent:
            ids = asyncio.run(main())
        assert {mltrack.get_run(each).data.tags[PARENT] for each in ids} == {parent.info.run_id}
        assert mltrack.get_run(parent.info.run_id).data.metrics == {}
    else:
        ids = asyncio.run(main())
    assert len(set(ids)) == 6
    for number, run_id in enumerate(ids):
        for key in ("m", "thread"):
            history = MltrackClient().get_metric_history(run_id, key)
            assert sorted((m.step, m.value) for m in history) == [(step, number) for step in range(10)]


# Forks


@needs_fork
@pytest.mark.parametrize("leave", ["os._exit(0)", "sys.exit(0)", "mltrack.end_run(); sys.exit(0)", "pass"])
def test_a_forked_child_logs_to_the_run_and_does_not_end_it(tmp_path: Path, leave: str) -> None:
    code = f"""
        import os, sys, mltrack
        with mltrack.start_run() as run:
            mltrack.log_metric("parent", 1.0)
            child = os.fork()
            if child == 0:
                mltrack.log_metric("child", 2.0)
                {leave}
            else:
                assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
                found = mltrack.get_run(run.info.run_id)
                assert found.info.status == "RUNNING", found
                mltrack.log_metric("after", 3.0)
        if child == 0:
            sys.exit(0)
        found = mltrack.get_run(run.info.run_id)
        assert found.info.status == "FINISHED", found
        assert found.data.metrics == {{"parent": 1.0, "child": 2.0, "after": 3.0}}, found
    """
    run_script(code, folder=tmp_path)


@needs_fork
def test_a_forked_child_may_have_runs_of_its_own(tmp_path: Path) -> None:
    code = """
        import multiprocessing, mltrack
        from mltrack.store import connection, opening
        connection.BUSY_SECONDS = opening.BUSY_SECONDS = 60  # one that holds the lock may stand still for a while
        def work(number):
            with mltrack.start_run(run_name=f"own {number}"):
                mltrack.log_metric("m", number)
            with mltrack.start_run(run_name=f"child {number}", nested=True):
                mltrack.log_metric("m", number)
            mltrack.log_metric(f"m{number}", number)
        with mltrack.start_run(run_name="parent") as run:
            context = multiprocessing.get_context("fork")
            children = [context.Process(target=work, args=(number,)) for number in range(3)]
            for child in children: child.start()
            for child in children: child.join()
            assert [child.exitcode for child in children] == [0, 0, 0]
            assert mltrack.get_run(run.info.run_id).info.status == "RUNNING"
        found = {each.info.run_name: each for each in mltrack.search_runs(output_format="list")}
        assert len(found) == 7, found
        assert {each.info.status for each in found.values()} == {"FINISHED"}
        assert found["parent"].data.metrics == {"m0": 0.0, "m1": 1.0, "m2": 2.0}
        for number in range(3):
            assert "mlflow.parentRunId" not in found[f"own {number}"].data.tags
            assert found[f"child {number}"].data.tags["mlflow.parentRunId"] == run.info.run_id
    """
    run_script(code, folder=tmp_path)


def test_what_is_left_to_do_is_done_once_before_a_run_ends() -> None:
    with mltrack.start_run() as run:
        run.before_end(lambda: mltrack.MltrackClient().log_metric(run.info.run_id, "last", 1.0))
        assert mltrack.get_run(run.info.run_id).data.metrics == {}
    ended = mltrack.get_run(run.info.run_id)
    assert (ended.info.status, ended.data.metrics) == ("FINISHED", {"last": 1.0})
    run.end(run, "FAILED")
    assert mltrack.get_run(run.info.run_id).info.status == "FINISHED"
