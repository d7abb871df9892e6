"""Tests of stores, over a store behind mltrack's server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.core.rest_stores import served_store
from tests.core.test_store import (  # noqa: F401 - they are collected here, with this module's store
    test_a_batch_is_written_whole,
    test_a_batch_over_a_limit_is_refused,
    test_a_deleted_run_is_read_and_not_written,
    test_a_param_is_written_again_with_its_value_only,
    test_a_refused_batch_leaves_nothing,
    test_a_run_is_what_was_said,
    test_a_taken_name_is_refused_also_by_a_deleted_experiment,
    test_ending_and_taking_up_a_run,
    test_foreign_page_tokens,
    test_hostile_filters_change_nothing,
    test_ids_are_found_by_their_first_digits_and_by_name,
    test_one_param_twice_in_a_batch,
    test_page_sizes_outside_the_limits,
    test_runs_are_searched_and_counted_by_experiment,
    test_tags_are_overwritten,
    test_the_name_and_its_tag_are_one,
    test_unknown_experiments,
    test_what_is_no_experiment_id_is_said_to_be,
)

from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.store.pages import Search
from mltrack.store.protocol import GarbageSelection, NewRun

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.core.rest_stores import ServedStore

pytestmark = pytest.mark.slow


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ServedStore]:
    with served_store(tmp_path / "server") as served:
        yield served


def test_pages_neither_lose_nor_double_a_run(store: ServedStore) -> None:
    ids = [store.create_run(NewRun("0", f"r{number}", 7)).run_id for number in range(25)]
    for size in (1, 7, 25, 1000):
        found, token, pages = [], None, 0
        while True:
            page = store.search_runs(Search(("0",), max_results=size, page_token=token))
            assert len(page.rows) <= size
            found += [each.info.run_id for each in page.rows]
            token, pages = page.token, pages + 1
            if token is None:
                break
        assert sorted(found) == sorted(ids)
        assert pages == -(-25 // size)


@pytest.mark.parametrize("run_id", ["", "0" * 32, "../x", "%", "a" * 5000])
def test_unknown_runs(store: ServedStore, run_id: str) -> None:
    for call in (store.get_run, store.artifact_folder):
        with pytest.raises(NotFoundError):
            call(run_id)


def test_a_run_that_is_asked_for_twice_is_one(store: ServedStore) -> None:
    new = NewRun("0", "once", 1, run_id="ab" * 16)
    assert store.create_run(new).run_id == store.create_run(new).run_id == "ab" * 16
    assert len(store.search_runs(Search(("0",))).rows) == 1


def test_garbage_is_for_where_the_store_is(store: ServedStore) -> None:
    with pytest.raises(InvalidParameterError, match="mltrack gc"):
        store.collect_garbage(GarbageSelection())
