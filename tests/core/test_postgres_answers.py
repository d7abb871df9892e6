"""What callers of a server ask of a store: PostgreSQL answers it as SQLite does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from tests.core import postgres_server
from tests.core.stores import begin
from tests.core.whole_runs import DATASET

from mltrack.entities import DatasetInput, InputTag, Metric
from mltrack.store.history import HistoryQuery, SampleQuery
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

    from mltrack.store.sql_store import SqlStore

pytestmark = pytest.mark.slow
SAMPLES = [(37, None, None), (5_000, 10, 20), (5, 10, 1_000), (1, None, None)]


def answers(store: SqlStore) -> list[object]:
    run_id, other = begin(store, run_id="a" * 32), begin(store, run_id="b" * 32)
    for start in range(0, 1_500, 500):
        metrics = [Metric("m", math.nan if n % 11 == 0 else n % 7, n // 2, n) for n in range(start, start + 500)]
        store.log_batch(run_id, metrics=metrics)
    store.log_inputs(run_id, [DATASET])
    store.log_inputs(other, [DatasetInput(DATASET.dataset, (InputTag("mlflow.data.context", "train"),))])
    first = store.metric_page(HistoryQuery(run_id, "m", 1_000), longest=1_000)
    second = store.metric_page(HistoryQuery(run_id, "m", 1_000, first.token), longest=1_000)
    samples = [store.metric_sample(SampleQuery(run_id, "m", *each)) for each in SAMPLES]
    return [first, second, samples, store.metric_outlines(run_id), store.dataset_summaries(["0"])]


def test_histories_samples_and_datasets(tmp_path: Path) -> None:
    with postgres_server.new_store(tmp_path) as store:
        assert repr(answers(store)) == repr(answers(SqliteStore(tmp_path / "mltrack.db")))
