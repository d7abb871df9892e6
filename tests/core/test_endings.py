"""How the runs end that a script left open, and what waits for a store that takes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.core.scripts import run_script

import mltrack
from mltrack import MltrackClient
from mltrack.backlog import Backlog, StoreWarning
from mltrack.exceptions import (
    InvalidParameterError,
    StoreBusyError,
    StoreFullError,
)

if TYPE_CHECKING:
    import warnings
    from pathlib import Path


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


def of_the_store(caught: pytest.WarningsRecorder) -> list[warnings.WarningMessage]:
    """All but those of what the collector finds meanwhile of other tests."""
    return [each for each in caught if each.category is not ResourceWarning]


@pytest.mark.parametrize("error", [StoreFullError("full"), StoreBusyError("busy")], ids=["full", "busy"])
@pytest.mark.filterwarnings("error::mltrack.backlog.StoreWarning")
def test_waiting_writes_keep_their_order(error: Exception) -> None:
    flaky, backlog = Flaky(), Backlog()
    flaky.error = error
    with pytest.warns(StoreWarning, match="kept in memory") as caught:
        backlog.do(flaky.write, 0)
    assert len(of_the_store(caught)) == 1
    for number in range(1, 5):
        backlog.do(flaky.write, number)  # a second warning would be an error here
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
    assert ["written once" in str(each.message) for each in of_the_store(caught)] == [True, False]
    assert flaky.done == [1, 2, 3]
    assert backlog.lost == 2


def test_an_error_that_will_not_pass_is_raised_at_once() -> None:
    backlog = Backlog()
    with pytest.raises(InvalidParameterError):
        backlog.do(Flaky().write, InvalidParameterError("bad"))
    assert not backlog
