"""Searches among very many runs of 20 params and 10 metrics, beside bare SQL on a plain schema.

Run with ``python -m tests.bench.bench_search``; the store is made at the first call and kept in the temporary folder.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.many_runs import EXPERIMENTS, fill_plain, many_runs
from tests.bench.table import Row, in_turn, print_table, sizes

import mltrack
from mltrack.store.pages import Search
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable

BARE = """
SELECT r.*, m.value FROM runs r JOIN metrics m ON m.run_id = r.id AND m.key_id = (SELECT id FROM keys WHERE name = 'm1')
WHERE m.value > 0.5 AND EXISTS (SELECT 1 FROM params p WHERE p.run_id = r.id AND p.value = '3'
AND p.key_id = (SELECT id FROM keys WHERE name = 'p0')) ORDER BY m.value DESC LIMIT 100
"""
EVERYWHERE = tuple(str(number) for number in range(EXPERIMENTS))
ASKED = "metrics.m1 > 0.5 AND params.p0 = '3'"
BEST = ("metrics.m1 DESC",)
SEARCHES: dict[str, tuple[str, tuple[str, ...]]] = {  # what: filter, order
    "all, by a metric": ("", BEST),
    "all, by a param": ("", ("params.p12",)),
    "all, by name": ("", ("run_name",)),
    "a metric above nearly all": ("metrics.m2 > 0.9999", ()),
    "a metric above nearly none": ("metrics.m2 > 0.0001", ()),
    "two clauses that exclude each other": ("metrics.m2 > 0.9 AND metrics.m2 < 0.1", ()),
    "two wide ones that exclude each other": ("metrics.m2 > 0.3 AND metrics.m2 < 0.29", ()),
    "a param as a number": ("params.p12 > 0.99", BEST),
    "a param by LIKE": ("params.p12 LIKE '%1234%'", BEST),
    "a tag by LIKE": ("tags.`mlflow.runName` LIKE '%-77'", BEST),
    "a tag by ILIKE, all of them": ("tags.`mlflow.source.name` ILIKE '%TRAIN%'", BEST),
    "a name": ("run_name = 'clever-finch-77'", ()),
    "OR of params": ("params.p0 = '3' OR params.p12 = '0.5'", BEST),
    "NOT of a param": ("NOT params.p0 = '3'", BEST),
    "a word of code in all": ("code MATCH 'StandardScaler'", BEST),
    "a word of code in few": ("code MATCH 'kernel_200'", BEST),
}


def milliseconds(work: Callable[[], object]) -> Callable[[], float]:
    """Make a task that gives the time of a call."""

    def task() -> float:
        begun = time.perf_counter()
        work()
        return (time.perf_counter() - begun) * 1e3

    return task


def begin_and_end() -> float:
    """Give the milliseconds of ``start_run``."""
    begun = time.perf_counter()
    run = mltrack.start_run()
    took = (time.perf_counter() - begun) * 1e3
    with run:
        pass
    return took


def main() -> None:
    """Measure and print."""
    chosen = sizes(__doc__, runs=100_000, rounds=7)
    kept = many_runs(chosen.runs)
    with tempfile.TemporaryDirectory() as name:
        path, plain = Path(name) / "mltrack.db", Path(name) / "plain.db"
        shutil.copy(kept, path)
        fill_plain(plain, chosen.runs)
        measure(path, plain, chosen.rounds)


def measure(path: Path, plain: Path, rounds: int) -> None:
    """Time the searches in turn and print the table."""
    mltrack.set_tracking_uri(path)
    store, bare = SqliteStore(path), sqlite3.connect(plain)
    before = path.stat().st_size / 1e6

    def page(filter_string: str, order: tuple[str, ...], **more: object) -> Callable[[], float]:
        search = Search(EVERYWHERE, filter_string, order, max_results=100, **more)  # type: ignore[arg-type]
        return milliseconds(lambda: store.search_runs(search))

    deep = store.search_runs(Search(EVERYWHERE, max_results=min(50_000, count(bare) // 2))).token
    frame = milliseconds(lambda: mltrack.search_runs(list(EVERYWHERE), ASKED, max_results=100, order_by=list(BEST)))
    one = Search(EVERYWHERE[:1], max_results=100)
    tasks: dict[str, Callable[[], float]] = {
        "bare": milliseconds(lambda: bare.execute(BARE).fetchall()),
        "frame": frame,
        "newest of one experiment": milliseconds(lambda: store.search_runs(one)),
        "newest of all": page("", ()),
        "newest, half way through": page("", (), page_token=deep),
        "start_run": begin_and_end,
        **{what: page(text, order) for what, (text, order) in SEARCHES.items()},
    }
    frame()  # imports pandas
    found = in_turn(tasks, rounds=rounds)
    bare_time = found.pop("bare")
    goals = {"newest of one experiment": "goal: 20 ms", "newest of all": "goal: 20 ms", "start_run": "goal: 3 ms"}
    rows = [
        Row("bare SQL: a metric and a param, by the metric", bare_time, "ms", 1.0),
        Row("the same as a data frame of 100", time_of := found.pop("frame"), "ms", time_of / bare_time, "goal: 50 ms"),
        *(Row(what, time_of, "ms", None, goals.get(what, "")) for what, time_of in found.items()),
        Row("a plain schema", plain.stat().st_size / 1e6, "MB", 1.0),
        Row("the store", before, "MB", before / (plain.stat().st_size / 1e6), "goal: 250 MB"),
    ]
    print_table(f"searching {count(bare)} runs, medians of {rounds} rounds in turn", rows)


def count(bare: sqlite3.Connection) -> int:
    """Count the runs of the plain database."""
    return int(bare.execute("SELECT count(*) FROM runs").fetchone()[0])


if __name__ == "__main__":
    main()
