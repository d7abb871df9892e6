"""The same runs in a store of our own and on an MLflow server, to be compared."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mltrack.entities import Dataset, DatasetInput, Metric, Param, RunTag
from mltrack.store.notebooks import Blob, ExecutionWrite, Session, SnapshotWrite
from mltrack.store.pages import Search
from mltrack.store.protocol import NewRun, RunChange

if TYPE_CHECKING:
    from mltrack.store.protocol import Store

SESSION = Session("5" * 32, 1, "kernel", "book.ipynb")
BEGAN = 1_700_000_000_000


@dataclass(frozen=True)
class Filled:
    """A store that holds some runs, and their ids in the order in which they were made."""

    store: Store
    experiment_id: str
    ids: tuple[str, ...]

    def plain(self, value: Any) -> Any:
        """Make what is equal but for the stores' own ids equal."""
        if isinstance(value, dict):
            return {self.plain(key): self.plain(each) for key, each in value.items()}
        if hasattr(value, "__dataclass_fields__"):
            names = [each for each in value.__dataclass_fields__ if each not in ("token", "artifact_uri")]
            return [type(value).__name__, *(self.plain(getattr(value, name)) for name in names)]
        if isinstance(value, (list, tuple)):
            return [self.plain(each) for each in value]
        if isinstance(value, str):
            return f"run {self.ids.index(value)}" if value in self.ids else value
        return f"{value:.12g}" if isinstance(value, float) else value


def fill(store: Store) -> Filled:
    experiment = store.create_experiment("Versuch ü")
    ids = []
    for number in range(4):
        tags = (RunTag("stage", "träin" if number else "test"),)
        run_id = store.create_run(NewRun(experiment, f"run-{number}", BEGAN + number, "user", tags)).run_id
        points = [Metric("loss", 1 / (step + 1 + number), 10 + step, step) for step in range(30)]
        more = [Metric("odd", math.nan, 1, 0), Metric("acc", number / 7, 5, 0)]
        store.log_batch(run_id, metrics=[*points, *more], params=[Param("C", str(number % 2)), Param("wörter", "ja")])
        store.log_inputs(run_id, [DatasetInput(Dataset("d", "1", "local", "s"))])
        if number < 3:
            blob = Blob.of(f"x = {number}")
            ran = ExecutionWrite(number + 1, blob, 5, "cell", number, 6, "ok", "{}", Blob.of(f'["{number}"]'))
            store.save_snapshot(run_id, SnapshotWrite(SESSION, number + 1, "id:cell", "tap", [ran]))
        if number:
            store.update_run(run_id, RunChange("FINISHED", BEGAN + 100 + number))
        ids.append(run_id)
    return Filled(store, experiment, tuple(ids))


def every(filled: Filled, **more: Any) -> Search:
    return Search((filled.experiment_id,), **more)


def a_run(filled: Filled, store: Store) -> str:
    return store.create_run(NewRun(filled.experiment_id, "written", BEGAN)).run_id
