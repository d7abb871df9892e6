"""What is logged to one run at once: its limits, and how it is written as rows, alone or with those of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError, MltrackError, StoreError
from mltrack.keys import MAX_BATCH_ITEMS, MAX_BATCH_METRICS, MAX_BATCH_PARAMS, MAX_BATCH_TAGS
from mltrack.store import logged_models, points
from mltrack.store.concurrency import beside_others

if TYPE_CHECKING:
    from collections.abc import Sequence
    from sqlite3 import Connection

    from mltrack.entities import Metric, Param, RunTag


@dataclass(frozen=True, slots=True)
class RunBatch:
    """What is logged to one run, all of it or nothing."""

    run_id: str
    metrics: Sequence[Metric] = ()
    params: Sequence[Param] = ()
    tags: Sequence[RunTag] = ()

    @property
    def size(self) -> int:
        """How many points, params and tags there are."""
        return len(self.metrics) + len(self.params) + len(self.tags)


def check_batch(batch: RunBatch) -> None:
    """Raise InvalidParameterError for a batch that is too large, or that has a param twice."""
    if len(batch.params) > 1:
        _refuse_doubles(batch.params)
    if batch.size <= MAX_BATCH_PARAMS:  # the lowest of the limits
        return
    counts = (
        ("metrics", len(batch.metrics), MAX_BATCH_METRICS),
        ("params", len(batch.params), MAX_BATCH_PARAMS),
        ("tags", len(batch.tags), MAX_BATCH_TAGS),
        ("items", batch.size, MAX_BATCH_ITEMS),
    )
    for what, count, most in counts:
        if count > most:
            raise InvalidParameterError(f"A batch of {count} {what} is too large: at most {most} go in one; split it.")


def _refuse_doubles(params: Sequence[Param]) -> None:
    seen: set[str] = set()
    for param in params:
        if param.key in seen:
            raise InvalidParameterError(f"Param {param.key!r} is in this batch twice; params are written once.")
        seen.add(param.key)


@beside_others
def write_batch(connection: Connection, keys: points.MetricKeys, batch: RunBatch) -> dict[str, int]:
    """Write a batch and give the numbers of its metrics, to be remembered once the transaction is kept."""
    run = points.writable_run(connection, batch.run_id)
    numbers: dict[str, int] = {}
    if batch.metrics:
        numbers = keys.numbers(connection, {metric.key for metric in batch.metrics})
        points.write_metrics(connection, run, batch.metrics, numbers=numbers)
        if any(metric.model_id for metric in batch.metrics):
            logged_models.write_metrics(connection, run[0], batch.metrics, numbers=numbers)
    if batch.params:
        points.write_params(connection, run[0], batch.params)
    if batch.tags:
        points.write_tags(connection, run[0], batch.tags)
    return numbers


@beside_others
def write_batches(
    connection: Connection, keys: points.MetricKeys, batches: Sequence[RunBatch]
) -> tuple[list[MltrackError | None], dict[str, int]]:
    """Write each batch whole or not at all; gives what each was refused for, and the numbers of metrics."""
    refusals: list[MltrackError | None] = []
    numbers: dict[str, int] = {}
    for batch in batches:
        connection.execute("SAVEPOINT batch")
        try:
            check_batch(batch)
            found = write_batch(connection, keys, batch)
        except StoreError:  # the store's own trouble, not the batch's
            raise
        except MltrackError as error:
            connection.execute("ROLLBACK TO batch")
            refusals.append(error)
        else:
            numbers.update(found)
            refusals.append(None)
        connection.execute("RELEASE batch")
    return refusals, numbers
