"""Counts of the runs that match: the same that the search finds, whatever it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.filter_texts import filters
from tests.core.notebooks import saved
from tests.core.run_rows import store as store_of
from tests.core.run_rows import tables
from tests.core.stores import begin, delete_run

from mltrack.entities import ViewType
from mltrack.exceptions import InvalidParameterError
from mltrack.store.filters import parse_filter
from mltrack.store.locator import Locator
from mltrack.store.pages import Search
from mltrack.store.run_search import RunFinder

if TYPE_CHECKING:
    from tests.core.filter_texts import Filter
    from tests.core.run_rows import Row

    from mltrack.store.sqlite import SqliteStore


@settings(max_examples=300)
@given(rows=tables(), wanted=filters, most=st.integers(0, 7))
def test_counts_what_plain_python_counts(rows: list[Row], wanted: Filter, most: int) -> None:
    text, holds = wanted
    connection = store_of(rows)
    finder = RunFinder(connection, Search(("1",)), (), bound=Locator("/base").bound)
    condition, values = finder.matching(parse_filter(text))
    found = [row[0] for row in connection.execute(f"SELECT r.uuid FROM runs r WHERE {condition}", values)]
    expected = [row.uuid for row in rows if holds(row)]
    assert sorted(found) == sorted(expected)
    assert finder.count(parse_filter(text), most) == min(most, len(expected))


def test_a_word_that_a_kernel_executed_again_and_again_is_of_all_runs_since_the_first(store: SqliteStore) -> None:
    runs = [begin(store, f"run {number}") for number in range(4)]
    cells = ("beta", "alpha", "alpha", "alpha")
    for number, run_id in enumerate(runs):
        saved(store, run_id, kernel="one", cells=cells[: number + 1], since=number)
    for text, count in (("code MATCH 'alpha'", 3), ("code MATCH 'alpha beta'", 3), ("code NOT MATCH 'alpha'", 1)):
        assert store.count_matching(Search(("0",), text), most=10) == count


def test_the_page_does_not_matter_and_stages_and_experiments_do(store: SqliteStore) -> None:
    other = store.create_experiment("other")
    runs = [begin(store), begin(store, "b"), begin(store, experiment_id=other)]
    delete_run(store, runs[0])
    cases = [
        (Search(("0",), max_results=1), 1),
        (Search(("0", other), max_results=1, order_by=("metrics.m",)), 2),
        (Search(("0", other), view_type=ViewType.ALL), 3),
        (Search(("0", other), view_type=ViewType.DELETED_ONLY), 1),
        (Search(("0",), "run_name = 'b'", view_type=ViewType.ALL), 1),
        (Search(()), 0),
        (Search(("99", "9" * 30)), 0),
    ]
    for wanted, count in cases:
        assert store.count_matching(wanted, most=10) == count
    assert store.count_matching(Search(("0", other)), most=1) == 1


def test_a_filter_that_is_none_is_refused(store: SqliteStore) -> None:
    with pytest.raises(InvalidParameterError, match="expected"):
        store.count_matching(Search(("0",), "metrics.m >"), most=1)
