"""The runs of one cell seen together: the newest stands for all, and they can be listed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from tests.core.notebooks import saved
from tests.core.stores import FINISHED, begin, delete_run

from mltrack.entities import Metric, RunTag, ViewType
from mltrack.exceptions import InvalidParameterError
from mltrack.store.pages import Search

if TYPE_CHECKING:
    from mltrack.store.sqlite import SqliteStore
    from mltrack.store.summaries import Attempts


def attempt(store: SqliteStore, cell: str | None, *, loss: float = 0.0, tag: str = "", **options: object) -> str:
    """A run of a cell; None: of no cell."""
    run_id = begin(store, **options)  # type: ignore[arg-type]
    store.log_batch(run_id, metrics=[Metric("loss", loss, 1)], tags=[RunTag("tag", tag)])
    if cell is not None:
        saved(store, run_id, cell=cell)
    return run_id


def attempts(store: SqliteStore, filter_string: str = "", *order: str, **options: object) -> list[tuple[str, int]]:
    wanted = Search(("0",), filter_string, order, **options)  # type: ignore[arg-type]
    return [(each.run_id, each.count) for each in store.search_attempts(wanted).rows]


@pytest.fixture
def runs(store: SqliteStore) -> list[str]:
    """Runs of the cells a, a, none, b, a, none, started one after the other."""
    places = zip(("a", "a", None, "b", "a", None), (5, 1, 3, 4, 2, 0), strict=True)
    return [
        attempt(store, cell, loss=loss, tag=f"{number}", start_time=number)
        for number, (cell, loss) in enumerate(places)
    ]


def test_a_cell_is_seen_by_its_newest_run(store: SqliteStore, runs: list[str]) -> None:
    assert attempts(store) == [(runs[5], 1), (runs[4], 3), (runs[3], 1), (runs[2], 1)]
    assert store.previous_run_of_cell(runs[4]) == runs[1]


def test_the_order_is_that_of_the_newest_runs(store: SqliteStore, runs: list[str]) -> None:
    assert attempts(store, "", "metrics.loss") == [(runs[5], 1), (runs[4], 3), (runs[2], 1), (runs[3], 1)]
    assert attempts(store, "", "tags.tag DESC") == [(runs[5], 1), (runs[4], 3), (runs[3], 1), (runs[2], 1)]
    assert attempts(store, "", "start_time ASC") == [(runs[2], 1), (runs[3], 1), (runs[4], 3), (runs[5], 1)]


def test_only_runs_that_match_count(store: SqliteStore, runs: list[str]) -> None:
    assert attempts(store, "tags.tag IN ('0', '1', '2')") == [(runs[2], 1), (runs[1], 2)]
    assert attempts(store, "metrics.loss > 4") == [(runs[0], 1)]
    delete_run(store, runs[4])
    assert attempts(store)[2:] == [(runs[2], 1), (runs[1], 2)]
    assert attempts(store, view_type=ViewType.DELETED_ONLY) == [(runs[4], 1)]
    assert attempts(store, view_type=ViewType.ALL)[1] == (runs[4], 3)
    assert attempts(store, "metrics.loss > 99") == []


def test_a_cell_in_two_experiments_is_one_where_both_are_searched(store: SqliteStore, runs: list[str]) -> None:
    other = store.create_experiment("other")
    moved = attempt(store, "a", experiment_id=other, start_time=9)
    assert attempts(store)[1] == (runs[4], 3)
    both = store.search_attempts(Search(("0", other))).rows
    assert [(each.run_id, each.count) for each in both][:2] == [(moved, 4), (runs[5], 1)]
    assert store.runs_of_cell(moved, Search((other,))) == [moved]


def test_the_runs_of_a_cell_come_in_the_order_of_the_search(store: SqliteStore, runs: list[str]) -> None:
    assert store.runs_of_cell(runs[1], Search(("0",))) == [runs[4], runs[1], runs[0]]
    assert store.runs_of_cell(runs[4], Search(("0",), order_by=("metrics.loss",))) == [runs[1], runs[4], runs[0]]
    assert store.runs_of_cell(runs[4], Search(("0",), "metrics.loss < 3")) == [runs[4], runs[1]]
    assert store.runs_of_cell(runs[4], Search(("0",), max_results=2)) == [runs[4], runs[1]]
    delete_run(store, runs[1])
    assert store.runs_of_cell(runs[4], Search(("0",))) == [runs[4], runs[0]]


def test_a_run_of_no_cell_stands_for_itself_and_an_unknown_one_for_none(store: SqliteStore, runs: list[str]) -> None:
    store.update_run(runs[2], FINISHED)
    assert store.runs_of_cell(runs[2], Search(("0",))) == [runs[2]]
    assert store.runs_of_cell(runs[2], Search(("0",), "tags.tag = '9'")) == []
    assert store.runs_of_cell("0" * 32, Search(("0",))) == []


@pytest.mark.parametrize("order", [(), ("metrics.loss DESC",), ("tags.tag",), ("start_time",)])
def test_pages_neither_lose_nor_double(store: SqliteStore, order: tuple[str, ...]) -> None:
    chance = random.Random(1)
    cells = [chance.choice(["a", "b", "c", "d", None]) for _ in range(30)]
    for number, cell in enumerate(cells):
        attempt(store, cell, loss=chance.random(), tag=str(chance.randrange(9)), start_time=number // 2)
    whole = store.search_attempts(Search(("0",), order_by=order)).rows
    assert sorted(each.count for each in whole) == sorted(
        [cells.count(cell) for cell in ("a", "b", "c", "d")] + [1] * cells.count(None)
    )
    found: list[Attempts] = []
    token = None
    while token or not found:
        page = store.search_attempts(Search(("0",), order_by=order, max_results=3, page_token=token))
        found += page.rows
        token = page.token
    assert found == list(whole)


def test_tokens_are_of_one_search(store: SqliteStore, runs: list[str]) -> None:
    del runs
    of_runs = store.search_runs(Search(("0",), max_results=1)).token
    of_attempts = store.search_attempts(Search(("0",), max_results=1)).token
    assert store.search_attempts(Search(("0",), max_results=1, page_token=of_attempts)).rows
    with pytest.raises(InvalidParameterError, match="no page token of this search"):
        store.search_attempts(Search(("0",), page_token=of_runs))
    with pytest.raises(InvalidParameterError, match="no page token of this search"):
        store.search_runs(Search(("0",), page_token=of_attempts))
