"""Tests of the fluent API, over mltrack's server."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest
from tests.core.rest_stores import served_store
from tests.core.test_logged_models import (  # noqa: F401 - they are collected here, over this module's server
    client,
    test_a_metric_of_a_model_is_the_runs_as_well,
    test_a_model_from_its_making_to_its_end,
    test_files,
    test_metrics_belong_to_the_models_their_run_made_at_that_step,
    test_the_active_model,
)
from tests.core.test_tracking import (  # noqa: F401 - likewise
    test_a_block_ends_its_run_and_passes_the_error_on,
    test_a_changed_param_is_refused_and_the_run_goes_on,
    test_a_child_of_a_run_that_has_ended,
    test_a_run_begins_and_ends,
    test_a_run_is_taken_up_again,
    test_ends,
    test_everything_goes_to_the_active_run,
    test_more_than_a_batch_takes,
    test_nested_runs_are_a_stack,
)

import mltrack
from mltrack import settings
from mltrack.store.artifact_folder import files_in, read_whole
from mltrack.store.artifacts import safe_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.core.rest_stores import ServedStore

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def store(tmp_path: Path) -> Iterator[ServedStore]:
    with served_store(tmp_path / "server") as served:
        mltrack.set_tracking_uri(served.uri)
        yield served
        settings.flush(5)


def test_the_search_grammar_beyond_mlflows(store: ServedStore) -> None:
    for depth in (1, 2, 10):
        with mltrack.start_run():
            mltrack.log_param("depth", depth)
            mltrack.log_metric("m", depth / 10)
    del store
    for clause, count in {
        "params.depth > 1": 2,
        "params.depth = '1' OR metrics.m BETWEEN 0.5 AND 2": 2,
        "NOT params.depth = '1'": 2,
        "params.depth IN ('1', '2')": 2,
    }.items():
        assert len(mltrack.search_runs(filter_string=clause, output_format="list")) == count


@pytest.mark.parametrize("size", [0, 1, 1 << 20, 5_000_001])
def test_artifacts_of_any_size(store: ServedStore, size: int) -> None:
    content = os.urandom(size)
    with mltrack.start_run() as run:
        mltrack.log_text("ä", "sub/ü 1.txt")
    folder = store.artifact_folder(run.info.run_id)
    record = folder.put(safe_path("big"), io.BytesIO(content))
    assert read_whole(folder, safe_path("big"), record) == content
    assert {each.path: each.file_size for each in files_in(folder)} == {"big": size, "sub/ü 1.txt": 2}
    assert dict(store.artifact_records(run.info.run_id))["big"] == record
    folder.delete()
    assert folder.entries() == []
