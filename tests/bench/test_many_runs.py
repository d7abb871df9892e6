"""The stores that benchmarks fill in bulk hold what the API would have written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.bench.many_runs import BATCH, EXPERIMENTS, batches, fill, fill_plain

from mltrack.entities import Metric, Param, RunTag
from mltrack.store.pages import Search
from mltrack.store.protocol import NewRun, RunChange
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

    from mltrack.entities import Run

RUNS = 12
EVERYWHERE = tuple(str(number) for number in range(EXPERIMENTS))


def log_run(store: SqliteStore, number: int) -> None:
    (rows,) = batches(RUNS)
    _, _, place, name, user, start, end = rows["runs"][number]
    new = NewRun(str(place), str(name), int(str(start)), str(user), ())
    run_id = store.create_run(new).run_id
    texts = {
        kind: [(str(key), str(text)) for run, key, text in rows[kind] if run == number] for kind in ("params", "tags")
    }
    points = [row[1:] for row in rows["metrics"] if row[0] == number]
    store.log_batch(
        run_id,
        params=[Param(*each) for each in texts["params"]],
        tags=[RunTag(*each) for each in texts["tags"]],
        metrics=[
            Metric(str(key), float(str(value)), int(str(time)), int(str(step))) for key, step, time, value in points
        ],
    )
    store.update_run(run_id, RunChange("FINISHED", end_time=int(str(end))))


def found(store: SqliteStore, filter_string: str = "") -> list[Run]:
    runs = store.search_runs(Search(EVERYWHERE, filter_string)).rows
    return [replace(run, info=replace(run.info, run_id="", artifact_uri="")) for run in runs]


def test_bulk_and_api_write_the_same(tmp_path: Path) -> None:
    fill(tmp_path / "bulk.db", RUNS)
    bulk, api = SqliteStore(tmp_path / "bulk.db"), SqliteStore(tmp_path / "api.db")
    for number in range(1, EXPERIMENTS):
        api.create_experiment(f"experiment {number}")
    for number in range(RUNS):
        log_run(api, number)
    assert len(found(bulk)) == RUNS
    for filter_string in ("", "metrics.m1 > 0.5", "params.p0 < 5", "tags.`mlflow.user` = 'someone'"):
        assert found(bulk, filter_string) == found(api, filter_string)
    assert len(found(bulk, "code MATCH 'StandardScaler kernel_0'")) == RUNS
    history = [
        store.metric_history(store.search_runs(Search(("0",))).rows[0].info.run_id, "m1") for store in (bulk, api)
    ]
    assert history[0] == history[1] != []


def test_the_plain_database_has_the_same_numbers(tmp_path: Path) -> None:
    fill_plain(tmp_path / "plain.db", RUNS)
    (rows,) = batches(RUNS)
    with closing(sqlite3.connect(tmp_path / "plain.db")) as connection:
        for table in ("runs", "params", "tags", "metrics"):
            count = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            assert count == len(rows[table]) <= BATCH
