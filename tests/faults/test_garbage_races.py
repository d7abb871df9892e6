"""``gc`` beside kernels that write, and killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.core.notebooks import texts_of
from tests.core.whole_runs import ALL, counts, full_run, loose_references

from mltrack.entities import ViewType
from mltrack.exceptions import InvalidParameterError
from mltrack.store import connection, opening
from mltrack.store.pages import Search
from mltrack.store.sqlite import SqliteStore

EVERYTHING = Search(("0",), view_type=ViewType.ALL)


@pytest.fixture(autouse=True)
def what_waits_for_a_lock_waits_long(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (connection, opening):
        monkeypatch.setattr(module, "BUSY_SECONDS", 120)


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "mltrack.db")


PATIENT = """
from mltrack.store import connection, opening
connection.BUSY_SECONDS = opening.BUSY_SECONDS = 120
"""
WRITER = f"""{PATIENT}
import sys, pathlib, time
from tests.core.notebooks import saved
from mltrack.entities import Metric
from mltrack.exceptions import MissingCellsError
from mltrack.store.protocol import NewRun
from mltrack.store.sqlite import SqliteStore
store = SqliteStore(pathlib.Path(sys.argv[1]))
print("ready", flush=True)
cells = []
for number in range(30):
    run_id = store.create_run(NewRun("0", "r", 1)).run_id
    store.log_batch(run_id, metrics=[Metric("m%d" % number, 1.0, 1, step) for step in range(200)])
    cells.append("x = %d" % number)
    try:
        saved(store, run_id, kernel="w", cells=tuple(cells), since=len(cells) - 1)
    except MissingCellsError:
        saved(store, run_id, kernel="w", cells=tuple(cells))
    if number % 3:
        store.set_run_lifecycle(run_id, "deleted")
    print(run_id, number, flush=True)
    time.sleep(0.01)
"""
COLLECTOR = f"""{PATIENT}
import sys, pathlib
from mltrack.store.protocol import GarbageSelection
from mltrack.store.sqlite import SqliteStore
store = SqliteStore(pathlib.Path(sys.argv[1]))
print("ready", flush=True)
store.collect_garbage(GarbageSelection())
"""


def started(script: str, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, str(path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_beside_a_kernel_that_writes(store: SqliteStore) -> None:
    writer = started(WRITER, store.path)
    while writer.poll() is None:
        store.collect_garbage(ALL)
        time.sleep(0.03)
    assert writer.stdout is not None
    lines = [line.split() for line in writer.stdout.read().splitlines()]
    assert len(lines) == 30
    store.collect_garbage(ALL)
    for run_id, number in lines[::3]:
        assert store.get_run(run_id).data.metrics == {f"m{number}": 1.0}
        assert texts_of(store, run_id) == [f"x = {each}" for each in range(int(number) + 1)]
    assert store.count_runs() == 10
    assert loose_references(store) == []


@pytest.mark.parametrize("delay", [0.0, 0.01, 0.03, 0.06, 0.1])
def test_a_kill_in_the_middle_leaves_rows_that_the_next_call_finds(store: SqliteStore, delay: float) -> None:
    kept, runs = full_run(store), [full_run(store) for _ in range(30)]
    files = {run_id: Path(store.get_run(run_id).info.artifact_uri) for run_id in runs}
    for run_id in runs:
        store.set_run_lifecycle(run_id, "deleted")
    collector = started(COLLECTOR, store.path)
    time.sleep(delay)
    collector.send_signal(signal.SIGKILL)
    collector.wait()
    found = store.search_runs(Search(("0",), view_type=ViewType.DELETED_ONLY)).rows
    left = {run.info.run_id for run in found}
    assert all(not folder.exists() for run_id, folder in files.items() if run_id not in left)
    store.collect_garbage(ALL)
    assert not any(folder.parent.exists() for folder in files.values())
    assert [run.info.run_id for run in store.search_runs(EVERYTHING).rows] == [kept]
    assert loose_references(store) == []
    assert store.load_snapshot(kept) is not None


STEPS = (
    *("choose", "remove_points", "remove_runs", "remove_models", "remove_experiment", "remove_loose_ends"),
    "remove_blobs",
)


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_an_interrupt_at_any_step_is_made_up_for(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, step: str, *, is_done: bool
) -> None:
    experiment, kept = store.create_experiment("e"), full_run(store)
    gone = full_run(store, experiment)
    folder = Path(store.get_experiment(experiment).artifact_location)
    store.update_experiment(experiment, lifecycle_stage="deleted")
    real_write = store._database.write

    def interrupted(work: Any, *arguments: Any) -> Any:
        if work.__name__ != step:
            return real_write(work, *arguments)
        if is_done:
            real_write(work, *arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(store._database, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.collect_garbage(ALL)
    monkeypatch.undo()
    is_there = {run.info.run_id for run in store.search_runs(Search((experiment,), view_type=ViewType.ALL)).rows}
    assert is_there or not list(folder.rglob("*.txt"))  # what has files can be found
    before_choosing = step == "choose" and not is_done
    if is_there and not before_choosing:
        with pytest.raises(InvalidParameterError, match="being removed"):
            store.set_run_lifecycle(gone, "active")
    store.collect_garbage(ALL)
    assert not folder.exists()
    assert store.get_experiment_by_name("e") is None
    assert counts(store) == counts_of_one(store, kept)
    assert loose_references(store) == []


def counts_of_one(store: SqliteStore, run_id: str) -> dict[str, int]:
    """What a store has that has only ever had this one whole run."""
    assert store.load_snapshot(run_id) is not None
    other = SqliteStore(store.path.with_name("other.db"))
    full_run(other)
    return counts(other)
