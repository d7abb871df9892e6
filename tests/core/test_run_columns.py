"""Columns of values of many runs: what each run has, in the search's order, under the names asked for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from tests.core.stores import FINISHED, begin, bits, delete_run

from mltrack.entities import Metric, Param, RunTag
from mltrack.exceptions import InvalidParameterError
from mltrack.store import columns
from mltrack.store.pages import Search

if TYPE_CHECKING:
    from mltrack.store.sqlite import SqliteStore

VALUES = (0.5, math.nan, -0.0, math.inf)


@pytest.fixture
def runs(store: SqliteStore) -> list[str]:
    """Four runs and one without anything; the second and the third have ended."""
    found = [begin(store, f"run {number}", start_time=number) for number in range(5)]
    for number, (run_id, value) in enumerate(zip(found, VALUES, strict=False)):
        store.log_batch(
            run_id,
            metrics=[Metric("val/loss", 9.0, 1, 1), Metric("val/loss", value, 1, 2)],
            params=[Param("a b", f"{number}")],
            tags=[RunTag("it's", "yes")] if number == 1 else [],
        )
    for run_id in found[1:3]:
        store.update_run(run_id, FINISHED)
    return found


def test_each_column_has_a_value_or_none_for_each_run(store: SqliteStore, runs: list[str]) -> None:
    names = ["metrics.`val/loss`", "params.`a b`", 'parameter."a b"', "tags.`it's`", "params.none", "metrics.none"]
    found = store.run_columns(Search(("0",), order_by=("start_time",)), names)
    assert found.run_ids == runs
    assert list(found.columns) == names
    losses = list(found.columns[names[0]])
    assert [bits(value) for value in losses[:4]] == [bits(value) for value in VALUES]  # type: ignore[arg-type]
    assert losses[4] is None
    assert found.columns[names[1]] == found.columns[names[2]] == ["0", "1", "2", "3", None]
    assert found.columns[names[3]] == [None, "yes", None, None, None]
    assert found.columns[names[4]] == found.columns[names[5]] == [None] * 5


def test_attributes_go_by_any_of_their_names(store: SqliteStore, runs: list[str]) -> None:
    names = ["attributes.start_time", "Created", "run_name", "end_time", "status", "attr.run_id", "artifact_uri"]
    found = store.run_columns(Search(("0",), "start_time < 2", order_by=("start_time",)), names).columns
    assert list(found.values())[:5] == [
        [0, 1],
        [0, 1],
        ["run 0", "run 1"],
        [None, 10],
        ["RUNNING", "FINISHED"],
    ]
    assert found["attr.run_id"] == runs[:2]
    assert found["artifact_uri"] == [store.get_run(run_id).info.artifact_uri for run_id in runs[:2]]


def test_the_search_says_which_runs_and_in_which_order(store: SqliteStore, runs: list[str]) -> None:
    delete_run(store, runs[3])
    other = begin(store, experiment_id=store.create_experiment("other"))
    found = store.run_columns(Search(("0",), "params.`a b` != '1'", ("metrics.`val/loss` DESC",)), ["run_name"])
    assert found.run_ids == [runs[0], runs[2]]
    assert found.columns["run_name"] == ["run 0", "run 2"]
    assert store.run_columns(Search(("0",), max_results=2), []).run_ids == [runs[4], runs[2]]
    assert store.run_columns(Search(("1",)), ["params.p"]).run_ids == [other]
    nothing = store.run_columns(Search(("0",), "run_name = 'none'"), ["params.p", "metrics.m"])
    assert (nothing.run_ids, dict(nothing.columns)) == ([], {"params.p": [], "metrics.m": []})


def test_a_page_goes_on_where_that_of_the_runs_does(store: SqliteStore, runs: list[str]) -> None:
    token = store.search_runs(Search(("0",), max_results=2)).token
    assert store.run_columns(Search(("0",), max_results=2, page_token=token), []).run_ids == [runs[2], runs[1]]


def test_more_columns_than_one_query_joins(store: SqliteStore) -> None:
    run_id = begin(store)
    count = 3 * columns.JOINS + 1
    store.log_batch(run_id, params=[Param(f"p{number}", str(number)) for number in range(count)])
    store.log_batch(run_id, metrics=[Metric(f"m{number}", float(number), 1) for number in range(count)])
    names = [f"{kind}{number}" for number in range(count) for kind in ("params.p", "metrics.m")]
    found = store.run_columns(Search(("0",)), names).columns
    for number in range(count):
        assert found[f"params.p{number}"] == [str(number)]
        assert found[f"metrics.m{number}"] == [float(number)]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("params.p DESC", "expected the end after params.p"),
        ("params.a b", "expected the end after params.a"),
        ("datasets.name", "has no one value of datasets.name"),
        ("code", "has no one value of code"),
        ("accuracy", "Unknown attribute"),
        ("", "expected a key"),
        ("params.p; DROP TABLE runs", "expected"),
    ],
)
def test_what_names_no_column_is_refused(store: SqliteStore, name: str, message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        store.run_columns(Search(("0",)), [name])
