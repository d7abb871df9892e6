from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.faults.processes import is_sound, lines, query, start, succeed, wait_for

from mltrack.store.opening import SCHEMA_VERSION

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = [pytest.param(1, id="once"), pytest.param(10, id="10-times", marks=pytest.mark.slow)]


@pytest.mark.parametrize("rounds", ROUNDS)
def test_eight_processes_make_one_store_at_the_same_moment(tmp_path: Path, rounds: int) -> None:
    for number in range(rounds):
        folder = tmp_path / str(number)
        folder.mkdir()
        store, barrier = folder / "mltrack.db", folder / "barrier"
        barrier.touch()
        sides = [folder / f"{place}.txt" for place in range(8)]
        processes = [start("writers.py", "create", store, side, barrier) for side in sides]
        wait_for(lambda sides=sides: all(lines(side) for side in sides))  # type: ignore[misc]
        barrier.unlink()
        for process in processes:
            succeed(process)
        check_one_schema(store)
        runs = {row[0] for row in query(store, "SELECT uuid FROM runs WHERE status = 'FINISHED'")}
        assert runs == {lines(side)[1] for side in sides}


def check_one_schema(store: Path) -> None:
    assert is_sound(store)
    assert query(store, "PRAGMA user_version") == [(SCHEMA_VERSION,)]
    assert query(store, "SELECT count(*) FROM meta WHERE key = 'store_id'") == [(1,)]
    assert query(store, "SELECT id, name FROM experiments") == [(0, "Default")]
    names = [row[0] for row in query(store, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert len(names) == len(set(names))
    assert {"runs", "metrics", "blobs", "snapshots"} <= set(names)
