from __future__ import annotations

import signal
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from tests.faults.processes import (
    Process,
    finish,
    is_sound,
    kill,
    lines,
    new_chance,
    start,
    status_of,
    steps_of,
    wait_for,
)

if TYPE_CHECKING:
    from pathlib import Path

MOMENTS = [pytest.param(50, id="50"), pytest.param(200, id="200", marks=pytest.mark.slow)]
DEATHS = [pytest.param(6, id="6"), pytest.param(40, id="40", marks=pytest.mark.slow)]


def check_that_another_process_can_write(store: Path) -> None:
    """The interrupted script lives and waits: a transaction that it had left open would refuse this at once."""
    with closing(sqlite3.connect(store, timeout=0, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")


def read_word(process: Process) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("moments", MOMENTS)
def test_an_interrupt_at_any_moment_leaves_no_transaction_open(tmp_path: Path, moments: int) -> None:
    chance = new_chance()
    store, side = tmp_path / "mltrack.db", tmp_path / "side.txt"
    script = start("writers.py", "caught", store, side)
    assert script.stdin is not None
    try:
        for moment in range(moments):
            assert read_word(script) == "go"
            time.sleep(chance.uniform(0, 0.02))
            script.send_signal(signal.SIGINT)
            assert read_word(script) == "caught"
            check_that_another_process_can_write(store)
            script.stdin.write("end\n" if moment == moments - 1 else "on\n")
            script.stdin.flush()
        code, _, errors = finish(script)
    finally:
        kill(script) if script.poll() is None else None
    assert (code, errors) == (0, "")
    run_id, *acknowledged = lines(side)
    assert set(map(int, acknowledged)) <= set(steps_of(store, run_id))
    assert is_sound(store)


@pytest.mark.parametrize("deaths", DEATHS)
def test_a_script_that_is_interrupted_ends_its_run_as_killed(tmp_path: Path, deaths: int) -> None:
    chance = new_chance()
    store = tmp_path / "mltrack.db"
    for number in range(deaths):
        side = tmp_path / f"{number}.txt"
        script = start("writers.py", "loop", store, side)
        wait_for(lambda side=side: len(lines(side)) > 2)  # type: ignore[misc]
        time.sleep(chance.uniform(0, 0.02))
        script.send_signal(signal.SIGINT)
        code, _, errors = finish(script)
        assert code == -signal.SIGINT
        assert "KeyboardInterrupt" in errors
        run_id, *acknowledged = lines(side)
        assert status_of(store, run_id) == "KILLED"
        assert set(map(int, acknowledged)) <= set(steps_of(store, run_id))
    assert is_sound(store)
