"""Stores of very many runs, written in bulk: mltrack's own, with the rows that its API would write, and a plain one."""

from __future__ import annotations

import hashlib
import random
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.store.notebooks import Blob
from mltrack.store.sqlite import SqliteStore
from mltrack.store.tables import SCRIPTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from sqlite3 import Connection

    Rows = dict[str, list[tuple[object, ...]]]

EXPERIMENTS, PARAMS, METRICS, BATCH = 10, 20, 10, 5_000
TAGS = ("mlflow.user", "mlflow.source.name", "mlflow.source.type", "mlflow.runName")
FIRST = 1_700_000_000_000
SESSION_RUNS = 100  # runs of one kernel; each kernel has a cell of its own and one that all have
PLAIN = """
CREATE TABLE keys (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE runs (id INTEGER PRIMARY KEY, uuid TEXT UNIQUE, experiment_id INTEGER, name TEXT, started_at INTEGER);
CREATE TABLE params (run_id INTEGER, key_id INTEGER, value TEXT, PRIMARY KEY (run_id, key_id)) WITHOUT ROWID;
CREATE TABLE tags (run_id INTEGER, key_id INTEGER, value TEXT, PRIMARY KEY (run_id, key_id)) WITHOUT ROWID;
CREATE TABLE metrics (run_id INTEGER, key_id INTEGER, value REAL, PRIMARY KEY (run_id, key_id)) WITHOUT ROWID;
"""


def many_runs(count: int) -> Path:
    """Give a store of so many runs, made at the first call and kept in the temporary folder."""
    digest = hashlib.sha256("".join(SCRIPTS).encode() + Path(__file__).read_bytes()).hexdigest()[:12]
    path = Path(tempfile.gettempdir()) / f"mltrack-bench-{count}-{digest}.db"
    if not path.exists():
        unfinished = path.with_suffix(f".{random.randrange(10**9)}")
        fill(unfinished, count)
        unfinished.rename(path)
    return path


def fill(path: Path, count: int) -> None:
    """Make a store of so many runs."""
    store = SqliteStore(path)
    for number in range(1, EXPERIMENTS):
        store.create_experiment(f"experiment {number}")
    for rows in batches(count):
        store._database.write(_write, rows)
    store._database.write(_settle_all)
    store.close()
    _move_log_in(path)


def fill_plain(path: Path, count: int) -> None:
    """Make a database of the same values with numbered keys and no index beside the primary keys."""
    connection = sqlite3.connect(path)
    connection.executescript(PLAIN)
    names = [(f"p{place}",) for place in range(PARAMS)] + [(f"m{place}",) for place in range(METRICS)]
    connection.executemany("INSERT INTO keys (name) VALUES (?)", [*names, *((tag,) for tag in TAGS)])
    numbers = {name: number for number, name in connection.execute("SELECT id, name FROM keys")}
    for rows in batches(count):
        runs = [(number, uuid, place, name, start) for number, uuid, place, name, _, start, *_ in rows["runs"]]
        connection.executemany("INSERT INTO runs VALUES (?, ?, ?, ?, ?)", runs)
        for table in ("params", "tags"):
            texts = [(run, numbers[str(key)], value) for run, key, value in rows[table]]
            connection.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", texts)
        points = [(run, numbers[str(key)], value) for run, key, _, _, value in rows["metrics"]]
        connection.executemany("INSERT INTO metrics VALUES (?, ?, ?)", points)
    connection.commit()
    connection.close()


def batches(count: int) -> Iterator[Rows]:
    """Give the rows of so many runs, some thousand runs at a time, the same at every call."""
    chance = random.Random(0)
    for start in range(0, count, BATCH):
        rows: Rows = {"runs": [], "params": [], "tags": [], "metrics": []}
        for number in range(start, min(start + BATCH, count)):
            _add_run(rows, number, chance)
        yield rows


def _add_run(rows: Rows, number: int, chance: random.Random) -> None:
    start, name = FIRST + number * 1000, f"clever-finch-{number % 1000}"
    uuid = chance.randbytes(16).hex()
    rows["runs"].append((number, uuid, number % EXPERIMENTS, name, "someone", start, start + 900))
    values = ("someone", "/home/someone/project/train.py", "LOCAL", name)
    rows["tags"] += [(number, key, value) for key, value in zip(TAGS, values, strict=True)]
    for place in range(PARAMS):
        few = chance.randrange(10) if place < 10 else chance.choice(("adam", "sgd", "lbfgs"))
        rows["params"].append((number, f"p{place}", f"{chance.random():.4f}" if 10 <= place < 15 else str(few)))
    rows["metrics"] += [(number, f"m{place}", 9, start + 800, chance.random()) for place in range(METRICS)]


def _write(connection: Connection, rows: Rows) -> None:
    connection.executemany(
        "INSERT INTO runs (id, uuid, experiment_id, name, user_id, started_at, ended_at, status)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 'FINISHED')",
        rows["runs"],
    )
    for table, key_table in (("params", "text_keys"), ("run_tags", "text_keys"), ("metrics", "metric_keys")):
        kept = rows[table.removeprefix("run_")]
        names = {(row[1],) for row in kept}
        connection.executemany(f"INSERT INTO {key_table} (name) VALUES (?) ON CONFLICT DO NOTHING", sorted(names))
        numbers = {name: number for number, name in connection.execute(f"SELECT id, name FROM {key_table}")}
        columns = ", ".join("?" * len(kept[0]) + "0" * (table == "metrics"))
        numbered = [(row[0], numbers[row[1]], *row[2:]) for row in kept]
        connection.executemany(f"INSERT INTO {table} VALUES ({columns})", numbered)
    _write_code(connection, [int(str(row[0])) for row in rows["runs"]])


def _write_code(connection: Connection, runs: list[int]) -> None:
    from mltrack.store import notebooks  # its parts, to write snapshots without their runs' being looked up

    for first in runs[::SESSION_RUNS]:
        session = notebooks._session_number(connection, notebooks.Session(f"s{first}", FIRST))
        sources = ("from sklearn.preprocessing import StandardScaler", f"kernel_{first} = StandardScaler()")
        for seq, source in enumerate(sources, 1):
            notebooks._write_execution(
                connection, session, notebooks.ExecutionWrite(seq, Blob.of(source), FIRST), as_of=seq
            )
        rows = [(run, session, 2, "cell", "bench", None) for run in runs if first <= run < first + SESSION_RUNS]
        connection.executemany("INSERT INTO snapshots VALUES (?, ?, ?, ?, ?, ?)", rows)


def _settle_all(connection: Connection) -> None:
    connection.execute("INSERT INTO latest_metrics SELECT run_id, key_id, step, timestamp, value, special FROM metrics")
    connection.execute("UPDATE runs SET live = 0")


def _move_log_in(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
