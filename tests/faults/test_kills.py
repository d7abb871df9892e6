from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from tests.faults.processes import (
    Process,
    finish,
    is_sound,
    kill,
    lines,
    new_chance,
    query,
    start,
    status_of,
    steps_of,
    wait_for,
)
from tests.faults.writers import BATCH

from mltrack.keys import END_REASON_TAG
from mltrack.store import connection, opening
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    import random
    from pathlib import Path

TRIALS = [pytest.param(10, id="40-kills"), pytest.param(50, id="200-kills", marks=pytest.mark.slow)]  # four in each


@pytest.fixture(autouse=True)
def what_waits_for_a_lock_waits_long(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (connection, opening):
        monkeypatch.setattr(module, "BUSY_SECONDS", 300)


class Trial:
    """Two writers of each kind on one store, killed at a moment of chance."""

    def __init__(self, store: Path, number: int) -> None:
        self.store = store
        tasks = ("points", "batches", "points", "batches")
        self.sides = [store.parent / f"{number}-{place}-{task}.txt" for place, task in enumerate(tasks)]
        self.writers: list[Process] = [
            start("writers.py", task, store, side) for task, side in zip(tasks, self.sides, strict=True)
        ]

    def kill_all(self, chance: random.Random) -> None:
        wait_for(lambda: all(len(lines(side)) > 2 for side in self.sides))
        for writer in chance.sample(self.writers, len(self.writers)):
            time.sleep(chance.uniform(0, 0.05))
            kill(writer)

    def check_what_is_left(self) -> None:
        for side in self.sides:
            run_id, *acknowledged = lines(side)
            found = steps_of(self.store, run_id)
            if side.stem.endswith("points"):
                lost = set(map(int, acknowledged)) - set(found)
            else:
                sizes = Counter(step // BATCH for step in found)
                assert set(sizes.values()) == {BATCH}, f"torn batches of {side.stem}: {sizes}"
                lost = set(map(int, acknowledged)) - set(sizes)
            assert not lost, f"acknowledged and lost by {side.stem}: {sorted(lost)[:10]}"

    def check_statuses(self, reader: SqliteStore) -> None:
        for side in self.sides:
            info = reader.get_run(lines(side)[0]).info
            assert info.status == "KILLED"
            assert info.end_time is not None
            assert info.end_time >= info.start_time


@pytest.mark.parametrize("trials", TRIALS)
def test_killed_writers_lose_nothing_and_their_runs_are_found(tmp_path: Path, trials: int) -> None:
    chance = new_chance()
    store, side = tmp_path / "mltrack.db", tmp_path / "live.txt"
    survivor = start("writers.py", "live", store, side)
    wait_for(lambda: len(lines(side)) > 2)
    for number in range(trials):
        trial = Trial(store, number)
        trial.kill_all(chance)
        begun = time.monotonic()
        reader = SqliteStore(store)
        reader.get_run(lines(side)[0])
        assert time.monotonic() - begun < 60, "opening after a kill waited for what the dead had locked"
        trial.check_statuses(reader)
        reader.close()
        trial.check_what_is_left()
        assert is_sound(store)
        assert status_of(store, lines(side)[0]) == "RUNNING"
    survivor.communicate("end\n", timeout=120)
    assert survivor.returncode == 0
    run_id, *acknowledged = lines(side)
    assert set(map(int, acknowledged)) == set(steps_of(store, run_id))
    assert status_of(store, run_id) == "FINISHED"


def test_a_reader_that_is_open_already_marks_a_killed_run(tmp_path: Path) -> None:
    store, side = tmp_path / "mltrack.db", tmp_path / "side.txt"
    writer = start("writers.py", "points", store, side)
    wait_for(lambda: len(lines(side)) > 2)
    reader = SqliteStore(store)
    run_id = lines(side)[0]
    assert reader.get_run(run_id).info.status == "RUNNING"
    kill(writer)
    wait_for(lambda: reader.get_run(run_id).info.status == "KILLED")
    tags = reader.get_run(run_id).data.tags
    assert f"pid {writer.pid}" in tags[END_REASON_TAG]


def test_all_dead_at_once_leaves_a_store_that_opens_at_once(tmp_path: Path) -> None:
    store = tmp_path / "mltrack.db"
    trial = Trial(store, 0)
    wait_for(lambda: all(len(lines(side)) > 50 for side in trial.sides))
    for writer in trial.writers:
        writer.kill()
    for writer in trial.writers:
        finish(writer)
    begun = time.monotonic()
    reader = SqliteStore(store)
    trial.check_statuses(reader)
    assert time.monotonic() - begun < 60
    trial.check_what_is_left()
    assert is_sound(store)
    assert query(store, "SELECT count(*) FROM runs WHERE status = 'RUNNING'") == [(0,)]
