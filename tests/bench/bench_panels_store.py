"""What panels ask of a store of very many runs and of long series, beside bare SQL on the same file.

Run with ``python -m tests.bench.bench_panels_store``; the stores are made at the first call and kept in the temporary
folder. The ratios are to the next row of bare SQL above.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from tests.bench.bench_search import EVERYWHERE, milliseconds
from tests.bench.long_series import KEY, long_series
from tests.bench.many_runs import many_runs
from tests.bench.table import Row, in_turn, print_table, sizes

from mltrack.store.pages import Search
from mltrack.store.sqlite import SqliteStore
from mltrack.store.summaries import CurveQuery

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

METRICS = ("m1", "m2", "m3")
COLUMNS = ("params.p0", "params.p12", "metrics.m1", "attributes.start_time")
MANY = 10**9
GOALS = {  # ms
    "count, no filter": 5,
    "count, a metric that half of them have": 60,
    "cells, a page of 100": 100,
    "cells, filtered by a metric": 100,
    "groups of a param, means of 3 metrics": 200,
    "4 columns of 10,000 runs": 60,
    "names of all": 30,
}
BARE_COUNT = """
SELECT count(*) FROM latest_metrics WHERE value > 0.5 AND key_id = (SELECT id FROM metric_keys WHERE name = 'm1')
"""
BARE_GROUPS = """
SELECT p.value, count(*), avg(m.value) FROM params p
JOIN latest_metrics m ON m.run_id = p.run_id AND m.key_id = (SELECT id FROM metric_keys WHERE name = 'm1')
WHERE p.key_id = (SELECT id FROM text_keys WHERE name = 'p0') GROUP BY p.value
"""
BARE_COLUMN = """
SELECT r.uuid, p.value FROM (SELECT id, uuid FROM runs ORDER BY started_at DESC LIMIT 10000) r
LEFT JOIN params p ON p.run_id = r.id AND p.key_id = (SELECT id FROM text_keys WHERE name = 'p0')
"""
BARE_SERIES = "SELECT step / {width}, min(value), max(value), avg(value) FROM metrics WHERE run_id = 1 GROUP BY 1"


def main() -> None:
    """Measure and print."""
    chosen = sizes(__doc__, runs=100_000, series=10, points=1_000_000, rounds=5)
    found = measure_runs(many_runs(chosen.runs), chosen.rounds)
    found |= measure_series(long_series(chosen.series, chosen.points), chosen.points, chosen.rounds)
    what = f"{chosen.runs} runs, then {chosen.series} series of {chosen.points} points"
    print_table(f"asking {what}, medians of {chosen.rounds} rounds in turn", rows(found))


def measure_runs(path: Path, rounds: int) -> dict[str, float]:
    """Time what is asked of many runs, in turn."""
    store, bare = SqliteStore(path), sqlite3.connect(path)
    all_runs, half = Search(EVERYWHERE, max_results=100), Search(EVERYWHERE, "metrics.m1 > 0.5", max_results=100)
    wide = Search(EVERYWHERE, max_results=10_000)
    newest = store.search_runs(Search(EVERYWHERE, max_results=1)).rows[0].info.run_id
    asked: dict[str, Callable[[], object]] = {
        "bare SQL: count, a metric that half of them have": lambda: bare.execute(BARE_COUNT).fetchall(),
        "count, no filter": lambda: store.count_matching(all_runs, most=MANY),
        "count, a metric that half of them have": lambda: store.count_matching(half, most=MANY),
        "cells, a page of 100": lambda: store.search_attempts(all_runs),
        "cells, filtered by a metric": lambda: store.search_attempts(half),
        "100 runs of a cell that all ran": lambda: store.runs_of_cell(newest, all_runs),
        "bare SQL: groups of a param, mean of 1 metric": lambda: bare.execute(BARE_GROUPS).fetchall(),
        "groups of a param, means of 3 metrics": lambda: groups(store, all_runs, "params.p0"),
        "groups of a param, filtered by a metric": lambda: groups(store, half, "params.p0"),
        "groups of a param of 10,000 values": lambda: groups(store, all_runs, "params.p12"),
        "groups of a param that none has": lambda: groups(store, all_runs, "params.none"),
        "bare SQL: 1 column of 10,000 runs": lambda: bare.execute(BARE_COLUMN).fetchall(),
        "4 columns of 10,000 runs": lambda: store.run_columns(wide, COLUMNS),
        "names of all": lambda: store.run_keys(EVERYWHERE),
        "names of one experiment": lambda: store.run_keys(EVERYWHERE[:1]),
    }
    return in_turn({what: milliseconds(work) for what, work in asked.items()}, rounds=rounds)


def measure_series(path: Path, points: int, rounds: int) -> dict[str, float]:
    """Time what is asked of long series, in turn."""
    store, bare = SqliteStore(path), sqlite3.connect(path)
    runs = tuple(run.info.run_id for run in store.search_runs(Search(("0",))).rows)
    middle = {"low": points // 2, "high": points // 2 + points // 100}
    query = BARE_SERIES.format(width=max(1, points // 500))
    asked: dict[str, Callable[[], object]] = {
        "bare SQL: one series in 500 groups": lambda: bare.execute(query).fetchall(),
        "one curve": lambda: store.metric_curves(CurveQuery(runs[:1], (KEY,))),
        f"{len(runs)} curves": lambda: store.metric_curves(CurveQuery(runs, (KEY,))),
        "one curve, a hundredth of it": lambda: store.metric_curves(CurveQuery(runs[:1], (KEY,), **middle)),
        f"{len(runs)} curves, a hundredth of them": lambda: store.metric_curves(CurveQuery(runs, (KEY,), **middle)),
        "which metrics are curves": lambda: store.curve_keys(runs),
    }
    return in_turn({what: milliseconds(work) for what, work in asked.items()}, rounds=rounds)


def groups(store: SqliteStore, search: Search, key: str) -> object:
    """Group runs as a table does."""
    return store.group_runs(search, key, metrics=METRICS, most=100)


def rows(found: dict[str, float]) -> list[Row]:
    """Make rows of times, in order; each has its ratio to the next row of bare SQL above."""
    made, bare = [], 1.0
    for what, time_of in found.items():
        bare = time_of if what.startswith("bare SQL") else bare
        made.append(Row(what, time_of, "ms", time_of / bare, f"goal: {GOALS[what]} ms" if what in GOALS else ""))
    return made


if __name__ == "__main__":
    main()
