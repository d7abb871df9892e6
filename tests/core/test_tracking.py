"""The fluent API: which run is the active one, how it ends, and who may write to it."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

import mltrack
from mltrack import MltrackClient, settings, tracking
from mltrack.backlog import Backlog, StoreWarning
from mltrack.exceptions import (
    AlreadyExistsError,
    InvalidParameterError,
    MltrackError,
    NotFoundError,
    StateError,
    StoreBusyError,
    StoreFullError,
)
from mltrack.store.sqlite import SqliteStore
from tests.core.scripts import run_script

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mltrack import ActiveRun
    from mltrack.entities import Run

PARENT = "mlflow.parentRunId"
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def status_of(run: Run) -> str:
    return mltrack.get_run(run.info.run_id).info.status


def in_thread(work: Callable[[], object]) -> object:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


# Beginning and ending


def test_a_run_begins_and_ends() -> None:
    run = mltrack.start_run(run_name="first", tags={"a": 1}, description="why")
    assert mltrack.active_run() is run
    assert status_of(run) == "RUNNING"
    mltrack.end_run()
    assert mltrack.active_run() is None
    found = mltrack.get_run(run.info.run_id)
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "first"
    assert found.info.end_time is not None
    assert found.info.end_time >= found.info.start_time
    tags = found.data.tags
    assert (tags["a"], tags["mlflow.note.content"], tags["mlflow.runName"]) == ("1", "why", "first")
    assert tags["mlflow.source.type"] == "LOCAL"
    assert tags["mlflow.user"] == found.info.user_id


def test_a_run_without_a_name_gets_one() -> None:
    with mltrack.start_run() as first, mltrack.start_run(nested=True) as second:
        pass
    assert first.info.run_name != second.info.run_name
    assert len(first.info.run_name.split("-")) == 3


@pytest.mark.parametrize(
    ("error", "status"),
    [(ValueError, "FAILED"), (KeyboardInterrupt, "KILLED"), (SystemExit, "FAILED"), (None, "FINISHED")],
)
def test_a_block_ends_its_run_and_passes_the_error_on(error: type[BaseException] | None, status: str) -> None:
    def work() -> ActiveRun:
        with mltrack.start_run() as run:
            seen.append(run)
            if error is not None:
                raise error("text")
        return run

    seen: list[ActiveRun] = []
    if error is None:
        work()
    else:
        with pytest.raises(error, match="text"):
            work()
    assert status_of(seen[0]) == status
    assert mltrack.active_run() is None


def test_a_block_keeps_the_end_that_was_given_inside_it() -> None:
    with mltrack.start_run() as run:
        mltrack.end_run("KILLED")
    assert status_of(run) == "KILLED"


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
def test_ends(status: str) -> None:
    run = mltrack.start_run()
    mltrack.end_run(status)
    assert status_of(run) == status


@pytest.mark.parametrize("status", ["RUNNING", "SCHEDULED", "finished", "BOGUS", "", None, 3])
def test_what_is_no_end(status: str) -> None:
    run = mltrack.start_run()
    with pytest.raises(InvalidParameterError, match="cannot end as"):
        mltrack.end_run(status)
    assert mltrack.active_run() is run


def test_ending_nothing_is_nothing() -> None:
    mltrack.end_run()
    assert not settings.state.store


def test_a_second_run_is_refused() -> None:
    with mltrack.start_run(run_name="one") as run:
        with pytest.raises(StateError, match=r"'one' .* is active already.*nested=True") as caught:
            mltrack.start_run()
        assert caught.value.error_code == "INVALID_STATE"
        assert mltrack.active_run() is run
    with mltrack.start_run():
        pass


def test_nested_runs_are_a_stack() -> None:
    with mltrack.start_run() as parent:
        with mltrack.start_run(nested=True) as child:
            with mltrack.start_run(nested=True) as grandchild:
                assert mltrack.active_run() is grandchild
            assert mltrack.active_run() is child
        assert mltrack.active_run() is parent
    assert PARENT not in mltrack.get_run(parent.info.run_id).data.tags
    assert mltrack.get_run(child.info.run_id).data.tags[PARENT] == parent.info.run_id
    assert mltrack.get_run(grandchild.info.run_id).data.tags[PARENT] == child.info.run_id


def test_nested_without_a_parent_is_a_plain_run() -> None:
    with mltrack.start_run(nested=True) as run:
        pass
    assert PARENT not in mltrack.get_run(run.info.run_id).data.tags


def test_a_child_of_a_run_that_has_ended() -> None:
    with mltrack.start_run() as parent:
        pass
    with mltrack.start_run(parent_run_id=parent.info.run_id) as child:
        pass
    assert mltrack.get_run(child.info.run_id).data.tags[PARENT] == parent.info.run_id


@pytest.mark.parametrize("parent", ["f" * 32, "../x"])
def test_a_child_of_no_run(parent: str) -> None:
    with pytest.raises(MltrackError, match=parent):
        mltrack.start_run(parent_run_id=parent)
    assert mltrack.active_run() is None


def test_a_run_is_taken_up_again() -> None:
    with pytest.raises(ValueError, match="first"), mltrack.start_run(run_name="old") as run:
        mltrack.log_metric("m", 1.0, step=1)
        raise ValueError("first")
    with mltrack.start_run(run.info.run_id, run_name="new", tags={"again": "yes"}, description="more") as again:
        assert again.info.run_id == run.info.run_id
        assert again.data.metrics == {"m": 1.0}
        assert mltrack.get_run(run.info.run_id).info.end_time is None
        mltrack.log_metric("m", 2.0, step=2)
    found = mltrack.get_run(run.info.run_id)
    assert (found.info.status, found.info.run_name, found.data.metrics) == ("FINISHED", "new", {"m": 2.0})
    assert (found.data.tags["again"], found.data.tags["mlflow.note.content"]) == ("yes", "more")
    assert PARENT not in found.data.tags


def test_a_run_is_not_taken_up_twice() -> None:
    with mltrack.start_run() as run:
        with pytest.raises(StateError):
            mltrack.start_run(run.info.run_id)
        with pytest.raises(StateError, match="active already"):
            mltrack.start_run(run.info.run_id, nested=True)
        assert mltrack.active_run() is run
    assert status_of(run) == "FINISHED"


@pytest.mark.parametrize(
    ("run_id", "error"), [("f" * 32, NotFoundError), ("../x", InvalidParameterError), ("", InvalidParameterError)]
)
def test_taking_up_what_is_not_there(run_id: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        mltrack.start_run(run_id)
    assert mltrack.active_run() is None


@pytest.mark.parametrize("name", ["\0", "x" * 501, "   ", "\ud800"])
@pytest.mark.parametrize("again", [False, True])
def test_names_that_no_run_can_have(name: str, again: bool) -> None:
    with mltrack.start_run(run_name="first") as run:
        pass
    with pytest.raises(InvalidParameterError, match="run name"):
        mltrack.start_run(run.info.run_id if again else None, run_name=name)
    assert mltrack.active_run() is None
    assert mltrack.get_run(run.info.run_id).info.run_name == "first"


def test_secrets_in_names_are_masked() -> None:
    token = "ghp_" + "a1B2c3D4e5" * 4
    with mltrack.start_run(run_name=f"use {token}") as run:
        pass
    with mltrack.start_run(run.info.run_id, run_name=f"again {token}"):
        pass
    assert mltrack.get_run(run.info.run_id).info.run_name == "again [masked]"
    assert token.encode() not in settings.get_store().path.read_bytes()  # type: ignore[attr-defined]


def test_the_last_active_run() -> None:
    assert mltrack.last_active_run() is None
    with mltrack.start_run() as run:
        mltrack.log_metric("m", 1)
        found = mltrack.last_active_run()
        assert found is not None
        assert (found.info.status, found.data.metrics) == ("RUNNING", {"m": 1.0})
    found = mltrack.last_active_run()
    assert found is not None
    assert (found.info.run_id, found.info.status) == (run.info.run_id, "FINISHED")


# Logging


def test_everything_goes_to_the_active_run() -> None:
    with mltrack.start_run() as run:
        assert mltrack.log_param("p", 3) == 3
        mltrack.log_params({"q": [1], "r": None})
        mltrack.log_metric("m", 1, step=3, timestamp=5)
        mltrack.log_metrics({"n": 2, "o": True}, step=4)
        mltrack.set_tag("t", 1)
        mltrack.set_tags({"u": "2", "t": 3})
    data = mltrack.get_run(run.info.run_id).data
    assert data.params == {"p": "3", "q": "[1]", "r": "None"}
    assert data.metrics == {"m": 1.0, "n": 2.0, "o": 1.0}
    assert (data.tags["t"], data.tags["u"]) == ("3", "2")
    (point,) = MltrackClient().get_metric_history(run.info.run_id, "m")
    assert (point.step, point.timestamp) == (3, 5)
    assert len({point.timestamp for point in data.latest if point.key in "no"}) == 1


@pytest.mark.parametrize(
    "log",
    [
        lambda: mltrack.log_metric("a", 1),
        lambda: mltrack.log_metrics({"a": 1}),
        lambda: mltrack.log_param("a", 1),
        lambda: mltrack.log_params({}),
        lambda: mltrack.set_tag("a", 1),
        lambda: mltrack.log_text("a", "a.txt"),
    ],
    ids=["metric", "metrics", "param", "params", "tag", "text"],
)
def test_logging_begins_a_run_when_there_is_none(log: Callable[[], object]) -> None:
    log()
    run = mltrack.active_run()
    assert run is not None
    assert len(mltrack.search_runs(output_format="list")) == 1


@pytest.mark.parametrize(
    "log",
    [
        lambda: mltrack.log_metric("", 1),
        lambda: mltrack.log_metric("a", "text"),  # type: ignore[arg-type]
        lambda: mltrack.log_metrics({"a": 1, "b": None}),  # type: ignore[dict-item]
        lambda: mltrack.log_param("../a", 1),
        lambda: mltrack.set_tags({"a": 1, "a\0": 2}),
        lambda: mltrack.log_text("a", "../a.txt"),
        lambda: mltrack.log_table({"a": [1]}, "../a.json"),
    ],
    ids=["metric key", "metric value", "one of two", "param", "tags", "artifact", "table"],
)
def test_what_is_refused_begins_no_run(log: Callable[[], object]) -> None:
    with pytest.raises(InvalidParameterError):
        log()
    assert mltrack.active_run() is None


def test_a_run_that_is_not_active_is_logged_to_by_id() -> None:
    with mltrack.start_run() as other:
        pass
    with mltrack.start_run() as run:
        mltrack.log_metric("m", 1, run_id=other.info.run_id)
        mltrack.log_params({"p": 1}, run_id=other.info.run_id)
        with pytest.raises(NotFoundError):
            mltrack.log_metric("m", 1, run_id="f" * 32)
    assert mltrack.get_run(other.info.run_id).data.metrics == {"m": 1.0}
    assert mltrack.get_run(run.info.run_id).data.metrics == {}


def test_more_than_a_batch_takes() -> None:
    with mltrack.start_run() as run:
        mltrack.log_metrics({f"m{number}": number for number in range(1500)})
        mltrack.log_params({f"p{number}": number for number in range(250)})
        mltrack.set_tags({f"t{number}": number for number in range(250)})
    data = mltrack.get_run(run.info.run_id).data
    assert len(data.metrics) == 1500
    assert len(data.params) == 250
    assert data.metrics["m1499"] == 1499
    assert data.tags["t249"] == "249"


def test_a_changed_param_is_refused_and_the_run_goes_on() -> None:
    with mltrack.start_run() as run:
        mltrack.log_param("p", 1)
        mltrack.log_param("p", "1")
        with pytest.raises(InvalidParameterError, match="written once"):
            mltrack.log_params({"q": 1, "p": 2})
    assert mltrack.get_run(run.info.run_id).data.params == {"p": "1"}
    assert status_of(run) == "FINISHED"


# Experiments and stores


def test_runs_go_to_the_chosen_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    with mltrack.start_run() as run:
        assert run.info.experiment_id == "0"
    chosen = mltrack.set_experiment("mine")
    assert mltrack.set_experiment("mine") == chosen
    assert mltrack.set_experiment(experiment_id=chosen.experiment_id) == chosen
    with mltrack.start_run() as run:
        assert run.info.experiment_id == chosen.experiment_id
    with mltrack.start_run(experiment_id="0") as run:
        assert run.info.experiment_id == "0"
    settings.state.experiment_id = None
    monkeypatch.setenv("MLTRACK_EXPERIMENT_NAME", "from outside")
    with mltrack.start_run() as run:
        assert settings.get_store().get_experiment(run.info.experiment_id).name == "from outside"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [({}, InvalidParameterError), ({"experiment_name": "a", "experiment_id": "0"}, InvalidParameterError)]
    + [({"experiment_id": "77"}, NotFoundError)]
    + [({"experiment_name": name}, InvalidParameterError) for name in ("", " ", "a\0", "x" * 501, "\ud800")],
)
def test_experiments_that_cannot_be_chosen(arguments: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        mltrack.set_experiment(**arguments)


def test_an_experiment_made_meanwhile_by_another_process_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    store = settings.get_store()
    made = MltrackClient(mltrack.get_tracking_uri()).create_experiment("raced")
    real = store.get_experiment_by_name
    answers = iter([None])
    monkeypatch.setattr(store, "get_experiment_by_name", lambda name: next(answers, real(name)))
    with pytest.raises(AlreadyExistsError):
        store.create_experiment("raced")
    assert mltrack.set_experiment("raced").experiment_id == made


@pytest.mark.parametrize("name", ["a b.db", "100%25.db", "a#b?.db", "größe.db"])
@pytest.mark.parametrize("form", ["{}", "sqlite:///{}"])
def test_the_store_is_the_file_that_was_named(tmp_path: Path, name: str, form: str) -> None:
    path = tmp_path / name
    mltrack.set_tracking_uri(form.format(path) if form == "{}" else SqliteStore(path).uri)
    uri = mltrack.get_tracking_uri()
    with mltrack.start_run():
        pass
    assert path.exists()
    assert mltrack.get_tracking_uri() == uri == MltrackClient().tracking_uri == MltrackClient(uri).tracking_uri
    assert MltrackClient(uri).get_run(mltrack.search_runs(output_format="list")[0].info.run_id)


@pytest.mark.parametrize("uri", ["", "http://localhost:5000", "a\0b", "postgresql://x/y", "databricks://"])
def test_stores_that_this_version_cannot_open(uri: str) -> None:
    with pytest.raises(InvalidParameterError, match="Tracking URI"):
        mltrack.set_tracking_uri(uri)


def test_an_active_run_stays_in_its_store(tmp_path: Path) -> None:
    with mltrack.start_run() as run:
        mltrack.set_tracking_uri(tmp_path / "other.db")
        mltrack.log_metric("m", 1.0)
    assert run.store.get_run(run.info.run_id).data.metrics == {"m": 1.0}
    assert run.store.get_run(run.info.run_id).info.status == "FINISHED"
    assert mltrack.search_runs(output_format="list") == []


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
            barrier.wait(10)
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


# The end of the process


@pytest.mark.parametrize(
    ("last_line", "status", "expected"),
    [
        ("pass", 0, "FINISHED"),
        ("raise ValueError('x')", 1, "FAILED"),
        ("raise KeyboardInterrupt", None, "KILLED"),
        ("sys.exit(0)", 0, "FINISHED"),
        ("os._exit(3)", 3, "KILLED"),
    ],
    ids=["end", "exception", "interrupt", "exit", "gone"],
)
def test_a_run_that_a_script_left_open_is_ended(
    tmp_path: Path, last_line: str, status: int | None, expected: str
) -> None:
    code = f"""
        import os, sys, mltrack
        mltrack.start_run(run_name="outer")
        mltrack.start_run(run_name="inner", nested=True)
        mltrack.log_metric("m", 1.0)
        {last_line}
    """
    done = run_script(code, folder=tmp_path, status=status)
    assert "mltrack:" not in done.stderr
    mltrack.set_tracking_uri(tmp_path / "mltrack.db")
    runs = mltrack.search_runs(output_format="list")
    assert {run.info.run_name: run.info.status for run in runs} == {"outer": expected, "inner": expected}
    for run in runs:
        assert run.info.end_time is not None
        assert (expected == "KILLED" and "mltrack.endReason" in run.data.tags) or last_line != "os._exit(3)"


def test_what_waits_is_written_when_the_process_ends(tmp_path: Path) -> None:
    code = """
        import sqlite3, threading, warnings, mltrack
        from mltrack.store import connection
        run = mltrack.start_run()
        connection.BUSY_SECONDS = 0.1
        run.store._database.connection().execute("PRAGMA busy_timeout = 100")
        blocker = connection.open_file(run.store.path)
        blocker.execute("BEGIN IMMEDIATE")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for step in range(20):
                mltrack.log_metric("m", step, step=step)
        assert len(caught) == 1, [str(each.message) for each in caught]
        assert mltrack.MltrackClient().get_metric_history(run.info.run_id, "m") == []
        blocker.execute("ROLLBACK")
        print(run.info.run_id)
    """
    done = run_script(code, folder=tmp_path)
    mltrack.set_tracking_uri(tmp_path / "mltrack.db")
    run_id = done.stdout.strip()
    assert len(MltrackClient().get_metric_history(run_id, "m")) == 20
    assert mltrack.get_run(run_id).info.status == "FINISHED"
    assert "mltrack:" not in done.stderr


def test_a_store_that_is_gone_at_the_end_is_one_line_and_no_traceback(tmp_path: Path) -> None:
    code = """
        import warnings, mltrack
        warnings.simplefilter("ignore")
        run = mltrack.start_run()
        run.store._database.connection().execute("DELETE FROM runs")
    """
    done = run_script(code, folder=tmp_path)
    assert "could not be ended" in done.stderr
    assert "Traceback" not in done.stderr


# The backlog


class Flaky:
    """A store's write that is refused while ``error`` is set."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.done: list[object] = []

    def write(self, value: object) -> None:
        if isinstance(value, Exception):
            raise value
        if self.error is not None:
            raise self.error
        self.done.append(value)


@pytest.mark.parametrize("error", [StoreFullError("full"), StoreBusyError("busy")], ids=["full", "busy"])
def test_waiting_writes_keep_their_order(error: Exception) -> None:
    flaky, backlog = Flaky(), Backlog()
    flaky.error = error
    with pytest.warns(StoreWarning, match="kept in memory") as caught:
        for number in range(5):
            backlog.do(flaky.write, number)
    assert len(caught) == 1
    assert (len(backlog), bool(backlog), flaky.done) == (5, True, [])
    assert not backlog.drain(now=True)
    flaky.error = None
    assert backlog.drain(now=True)
    assert flaky.done == [0, 1, 2, 3, 4]
    assert not backlog


def test_a_waiting_write_that_is_refused_is_a_warning_and_the_others_go_on() -> None:
    flaky, backlog = Flaky(), Backlog()
    flaky.error = StoreFullError("full")
    with pytest.warns(StoreWarning, match="full"):
        backlog.do(flaky.write, 1)
    for value in (InvalidParameterError("written once"), 2, TypeError("odd"), 3):
        backlog.do(flaky.write, value)
    flaky.error = None
    with pytest.warns(StoreWarning, match="refused and is lost") as caught:
        assert backlog.drain(now=True)
    assert ["written once" in str(each.message) for each in caught] == [True, False]
    assert flaky.done == [1, 2, 3]
    assert backlog.lost == 2


def test_an_error_that_will_not_pass_is_raised_at_once() -> None:
    backlog = Backlog()
    with pytest.raises(InvalidParameterError):
        backlog.do(Flaky().write, InvalidParameterError("bad"))
    assert not backlog
