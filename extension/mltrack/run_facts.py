"""What a tracked cell leaves at its end, and what the card of a run shows, each as one value.

A store across a wire writes and reads each at once (``end_cell``, ``run_facts``), where one on this machine is asked
for its parts: a journey to a server is what costs.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack.exceptions import NotFoundError
from mltrack.keys import MAX_BATCH_PARAMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import CapturedName, DatasetInput, FileInfo, LoggedModel, Metric, Param, Run, RunTag
    from mltrack.store.protocol import Failure, Store

MOST_MODELS = 8
"""A card names at most so many of the models that its run made."""


@dataclass(frozen=True, slots=True)
class CellEnd:
    """What a tracked cell left: the data it read, what was captured of it, and the exception that ended it.

    Params and metrics that the run has by then under the same key are the user's own, and stay as they are.
    """

    run_id: str
    inputs: tuple[DatasetInput, ...] = ()
    metrics: tuple[Metric, ...] = ()
    params: tuple[Param, ...] = ()
    tags: tuple[RunTag, ...] = ()
    captured: tuple[CapturedName, ...] = ()
    failure: Failure | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.inputs or self.metrics or self.params or self.tags or self.captured or self.failure)


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the card of a run shows, as the store has it at one moment.

    ``outlines`` are those of ``Store.metric_outlines``; ``previous`` is the last run of the same cell, and
    ``changed_cells`` the number of cells that both executed and that differ.
    """

    run: Run
    experiment_name: str
    outlines: Mapping[str, tuple[int, tuple[float, ...]]]
    previous: Run | None
    changed_cells: int
    failure: Failure | None
    captured: tuple[CapturedName, ...]
    environment: Mapping[str, object] | None
    files: tuple[FileInfo, ...]
    models: tuple[LoggedModel, ...] = ()


def end_cell(store: Store, end: CellEnd) -> None:
    """Write what a tracked cell left, in one journey where the store is across a wire."""
    if end.is_empty:
        return
    at_once = getattr(store, "end_cell", None)
    if at_once is None:
        write_cell_end(store, end)
    else:
        at_once(end)


def facts_of(store: Store, run_id: str) -> RunFacts:
    """Read what a run's card shows, in one journey where the store is across a wire."""
    at_once = getattr(store, "run_facts", None)
    found: RunFacts = read_facts(store, run_id) if at_once is None else at_once(run_id)
    return found


def write_cell_end(store: Store, end: CellEnd) -> None:
    """Write what a tracked cell left, part by part; doing it again changes nothing."""
    run_id = end.run_id
    params, metrics = _not_there(store, end)
    names = kept_names(end, {each.key for each in params}, {each.key for each in metrics})
    if names:  # before the values: what of them is there tells whose they are
        store.record_captured(run_id, names)
    for start in range(0, max(len(params), len(metrics), len(end.tags)), MAX_BATCH_PARAMS):
        part = slice(start, start + MAX_BATCH_PARAMS)
        store.log_batch(run_id, metrics=metrics[part], params=params[part], tags=end.tags[part])
    if end.failure is not None:
        store.record_failure(run_id, end.failure)
    if end.inputs:
        store.log_inputs(run_id, end.inputs)


def kept_names(end: CellEnd, params: set[str], metrics: set[str]) -> list[CapturedName]:
    """Give the captured names of params and metrics that are written, and those of options, which were before."""
    kept = {"param": params, "metric": metrics}
    return [each for each in end.captured if each.origin == "option" or each.name in kept.get(each.kind, ())]


def _not_there(store: Store, end: CellEnd) -> tuple[list[Param], list[Metric]]:
    """Give what was captured and is not in the run."""
    if not (end.params or end.metrics):
        return [], []
    known = store.get_run(end.run_id).data
    return (
        [each for each in end.params if each.key not in known.params],
        [each for each in end.metrics if each.key not in known.metrics],
    )


def read_facts(store: Store, run_id: str) -> RunFacts:
    """Read what a run's card shows, part by part."""
    run = store.get_run(run_id)
    previous_id = store.previous_run_of_cell(run_id)
    return RunFacts(
        run,
        store.get_experiment(run.info.experiment_id).name,
        store.metric_outlines(run_id),
        store.get_run(previous_id) if previous_id else None,
        count_changed(store.cell_sources(previous_id), store.cell_sources(run_id)) if previous_id else 0,
        store.get_failure(run_id),
        tuple(store.get_captured(run_id)),
        store.get_environment(run_id),
        tuple(store.list_artifacts(run_id)),
        models_of(store, run),
    )


def count_changed(before: Mapping[str, bytes], now: Mapping[str, bytes]) -> int:
    """Count the cells that two runs had both executed and whose source differs."""
    return sum(before[cell] != source for cell, source in now.items() if cell in before)


def models_of(store: Store, run: Run) -> tuple[LoggedModel, ...]:
    """Give the models that a run made and that are there still, the first few."""
    found = []
    for made in run.outputs.model_outputs[:MOST_MODELS]:
        with suppress(NotFoundError):
            found.append(store.get_logged_model(made.model_id))
    return tuple(found)


def own_params(captured: Sequence[CapturedName]) -> tuple[str, ...]:
    """Give the names of the params that were set in the cell itself."""
    return tuple(each.name for each in captured if each.kind == "param" and each.origin == "bound")
