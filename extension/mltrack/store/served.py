"""What a store behind a server must do beside what every store does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mltrack.store.protocol import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.exceptions import MltrackError
    from mltrack.store.batches import RunBatch
    from mltrack.store.dataset_summaries import DatasetSummary
    from mltrack.store.history import HistoryQuery, Point, SampleQuery
    from mltrack.store.pages import Page


class ServedStore(Store, Protocol):
    """A store that a server answers from."""

    def log_batches(self, batches: Sequence[RunBatch]) -> list[MltrackError | None]:
        """Write each whole or not at all, in one transaction; gives what each was refused for, None if it is kept."""

    def metric_page(self, wanted: HistoryQuery, *, longest: int) -> Page[Point]:
        """Give one page of a metric's points by time, step and value; a page has at most ``longest``."""

    def metric_sample(self, wanted: SampleQuery) -> tuple[Point, ...]:
        """Give some of a metric's points by step, evenly chosen, the first and the last always among them."""

    def dataset_summaries(self, experiment_ids: Sequence[str]) -> list[DatasetSummary]:
        """Give the datasets that runs of these experiments read, each with each context once, up to 1,000."""
