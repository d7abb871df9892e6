from __future__ import annotations

import json
import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from tests.faults.forkers import POINTS
from tests.faults.processes import SECONDS, is_sound, query, start, status_of, steps_of, succeed

from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks on this system")

POOLS = {
    "fork": ("pool", "fork"),
    "spawn": ("pool", "spawn"),
    "forkserver": ("pool", "forkserver"),
    "concurrent.futures": ("executor", ""),
    "joblib": ("jobs", ""),
}
FORKS = [pytest.param(200, id="200"), pytest.param(2000, id="2000", marks=pytest.mark.slow)]


def series(store: Path, run_id: str) -> dict[str, list[int]]:
    rows = query(
        store,
        "SELECT k.name, m.step FROM metrics m JOIN metric_keys k ON k.id = m.key_id JOIN runs r ON r.id = m.run_id"
        " WHERE r.uuid = ? ORDER BY 1, 2",
        run_id,
    )
    found: dict[str, list[int]] = {}
    for name, step in rows:
        found.setdefault(name, []).append(step)
    return found


def test_a_bare_forks_child_logs_to_the_run_and_leaves_it_open(tmp_path: Path) -> None:
    store = tmp_path / "mltrack.db"
    facts = json.loads(succeed(start("forkers.py", "bare", store)))
    assert (facts["code"], facts["status"], facts["end"]) == (0, "RUNNING", None)
    assert series(store, facts["run_id"]) == {"child": list(range(POINTS)), "parent": [0, 1]}
    ended = query(store, "SELECT status, ended_at FROM runs")
    assert [status for status, _ in ended] == ["FINISHED"]
    assert ended[0][1] >= facts["forked_at"]
    assert is_sound(store)


def test_a_child_cannot_end_its_parents_run_but_begin_its_own(tmp_path: Path) -> None:
    store = tmp_path / "mltrack.db"
    facts = json.loads(succeed(start("forkers.py", "ended_by_child", store)))
    assert (facts["code"], facts["status"]) == (0, "RUNNING")
    assert query(store, "SELECT status FROM runs") == [("FINISHED",), ("FINISHED",)]


def test_what_a_child_logs_survives_its_parents_death(tmp_path: Path) -> None:
    """SQLite's locks do not pass to a child; without its own the log it writes to may be deleted under it."""
    store = tmp_path / "mltrack.db"
    process = start("forkers.py", "orphan", store)
    assert process.stdout is not None
    run_id = json.loads(process.stdout.readline())["run_id"]
    reader = SqliteStore(store)
    reader.get_run(run_id)
    reader.close()
    out, errors = process.communicate("on\n", timeout=SECONDS)
    assert (json.loads(out), errors) == ({"acknowledged": POINTS}, "")
    assert series(store, run_id) == {"child": list(range(POINTS)), "parent": [0]}
    assert is_sound(store)


def test_a_child_never_uses_a_connection_it_inherited(tmp_path: Path) -> None:
    facts = json.loads(succeed(start("forkers.py", "inherited", tmp_path / "mltrack.db")))
    assert facts["code"] == 0


@pytest.mark.parametrize("how", POOLS.values(), ids=POOLS)
def test_children_of_every_kind_log_by_the_runs_id(tmp_path: Path, how: tuple[str, str]) -> None:
    if how[0] == "jobs" and find_spec("joblib") is None:
        pytest.skip("joblib is not installed")
    store = tmp_path / "mltrack.db"
    facts = json.loads(succeed(start("forkers.py", how[0], store, how[1])))
    names = [f"c{number}" for number in range(6)]
    assert (facts["names"], facts["status"]) == (names, "RUNNING")
    assert series(store, facts["run_id"]) == {**{name: list(range(POINTS)) for name in names}, "parent": [0]}
    assert query(store, "SELECT status FROM runs") == [("FINISHED",)]
    assert is_sound(store)


@pytest.mark.parametrize("forks", FORKS)
def test_forks_while_threads_write_neither_hang_nor_lose_a_point(tmp_path: Path, forks: int) -> None:
    store = tmp_path / "mltrack.db"
    facts = json.loads(succeed(start("forkers.py", "storm", store, forks), seconds=600))
    assert facts["codes"] == [0] * forks
    found = series(store, facts["run_id"])
    assert found.pop("child") == list(range(forks))
    assert {name: len(steps) for name, steps in found.items()} == {
        f"t{number}": count for number, count in enumerate(facts["written"])
    }
    assert len(steps_of(store, facts["run_id"])) == forks + sum(facts["written"])
    assert status_of(store, facts["run_id"]) == "FINISHED"
    assert is_sound(store)
