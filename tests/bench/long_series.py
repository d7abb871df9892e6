"""Stores of long series of a metric, written in bulk with the rows that mltrack's API would write."""

from __future__ import annotations

import hashlib
import math
import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.store.protocol import NewRun, RunChange
from mltrack.store.sqlite import SqliteStore
from mltrack.store.tables import SCRIPTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from sqlite3 import Connection

KEY = "loss"
FIRST = 1_700_000_000_000


def long_series(series: int, points: int) -> Path:
    """Give a store of so many runs with so many points, made at the first call and kept in the temporary folder."""
    digest = hashlib.sha256("".join(SCRIPTS).encode() + Path(__file__).read_bytes()).hexdigest()[:12]
    path = Path(tempfile.gettempdir()) / f"mltrack-bench-series-{series}-{points}-{digest}.db"
    if not path.exists():
        unfinished = path.with_suffix(f".{random.randrange(10**9)}")
        fill(unfinished, series, points)
        unfinished.rename(path)
    return path


def fill(path: Path, series: int, points: int) -> None:
    """Make a store of so many runs with so many points each: a loss that falls, with noise and some spikes."""
    store = SqliteStore(path)
    for number in range(series):
        run = store.create_run(NewRun("0", f"run {number}", FIRST + number))
        store._database.write(_write, run.run_id, number, points)
        store.update_run(run.run_id, RunChange("FINISHED", end_time=FIRST + number + points * 10))
    store._database.connection().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    store.close()


def _write(connection: Connection, run_id: str, number: int, points: int) -> None:
    connection.execute("INSERT INTO metric_keys (name) VALUES (?) ON CONFLICT DO NOTHING", (KEY,))
    run, key = connection.execute(
        "SELECT r.id, k.id FROM runs r, metric_keys k WHERE r.uuid = ? AND k.name = ?", (run_id, KEY)
    ).fetchone()
    rows = ((run, key, step, time, value, 0) for step, time, value in _points(number, points))
    connection.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", rows)


def _points(number: int, points: int) -> Iterator[tuple[int, int, float]]:
    chance = random.Random(number)
    for step in range(points):
        spike = 5.0 if chance.random() < 1e-5 else 0.0
        yield step, FIRST + step * 10, math.exp(-3 * step / points) + chance.random() / 10 + spike
