"""What only callers of a server ask of a store: histories a page at a time, and the datasets of experiments."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mltrack.store import dataset_summaries, history
from mltrack.store.base import SqlitePart
from mltrack.store.experiments import existing_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.store.dataset_summaries import DatasetSummary
    from mltrack.store.history import HistoryQuery, Point, SampleQuery
    from mltrack.store.pages import Page


class SqliteHistory(SqlitePart):
    """Reads what a server's callers ask for."""

    def metric_page(self, wanted: HistoryQuery, *, longest: int) -> Page[Point]:
        """Give one page of a metric's points by time, step and value; a page has at most ``longest``."""
        return self._database.read(lambda connection: history.read_page(connection, wanted, longest=longest))

    def metric_sample(self, wanted: SampleQuery) -> tuple[Point, ...]:
        """Give some of a metric's points by step, evenly chosen, the first and the last always among them."""
        return self._database.read(history.read_sample, wanted)

    def dataset_summaries(self, experiment_ids: Sequence[str]) -> list[DatasetSummary]:
        """Give the datasets that runs of these experiments read, each with each context once, up to 1,000."""
        numbers = json.dumps(existing_numbers(experiment_ids))
        return self._database.read(dataset_summaries.read_summaries, numbers)
