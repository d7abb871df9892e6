"""A sweep: the combinations of several values, each a run made again, children of one run; it can be taken up again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mltrack.entities import RunStatus
from mltrack.exceptions import StateError
from mltrack.keys import PARENT_TAG, RERUN_OF_TAG, SWEEP_GRID_TAG, SWEEP_OF_TAG
from mltrack.process import current_owner
from mltrack.provenance.literal_source import literal_of, source_of
from mltrack.rerunning.attempt import FAILED, FINISHED, KILLED, NOT_RUN, RUN_STATUS, Attempt, values_of
from mltrack.rerunning.grids import combinations
from mltrack.rerunning.handles import Handle
from mltrack.rerunning.recipe import values_text
from mltrack.settings import get_store
from mltrack.store.base import now_ms
from mltrack.store.pages import Search
from mltrack.store.protocol import RunChange
from mltrack.tracking import describe_run

if TYPE_CHECKING:
    import pandas as pd

    from mltrack.entities import Run
    from mltrack.rerunning.grids import Grid
    from mltrack.rerunning.recipe import Recipe
    from mltrack.store.protocol import Store

_running: dict[str, Sweep] = {}


class Sweep(Handle):
    """Runs for all combinations of some values, children of the run ``run_id``."""

    def __init__(self, recipe: Recipe, run: Run, attempts: list[Attempt], store: Store) -> None:
        super().__init__(recipe, attempts)
        self.run_id = run.info.run_id
        self.run_name = run.info.run_name
        self.grid: dict[str, list[str]] = json.loads(run.data.tags[SWEEP_GRID_TAG])
        self._store = store

    @property
    def _parent_id(self) -> str:
        return self.run_id

    @property
    def run(self) -> Run:
        """The sweep's own run as it is in the store now."""
        return self._store.get_run(self.run_id)

    def runs(self) -> list[Run]:
        """Give the runs there are, in the order of the combinations."""
        found = (each.run for each in self.attempts)
        return [run for run in found if run is not None]

    def to_dataframe(self) -> pd.DataFrame:
        """Give the runs as a DataFrame with MLflow's columns."""
        from mltrack.frames import to_frame  # pandas: 0.3 s, for those who want a frame

        return to_frame(self.runs())

    def _end(self) -> None:
        _running.pop(self.run_id, None)
        status = RUN_STATUS[self.status_at_end]
        self._store.update_run(self.run_id, RunChange(status=status, end_time=now_ms()))

    @property
    def status_at_end(self) -> str:
        """How it ends, told from its attempts."""
        found = {each.status for each in self.attempts}
        return FINISHED if found == {FINISHED} else KILLED if found & {KILLED, NOT_RUN} else FAILED

    def __repr__(self) -> str:
        done = sum(each.status == FINISHED for each in self.attempts)
        return f"<Sweep {self.run_name!r}: {self.status}, {done} of {len(self.attempts)} finished>"


def sweep(recipe: Recipe, grid: Grid, *, jobs: int) -> Sweep:
    """Begin a sweep, or take up the one of the same run and values: its finished combinations are not run again.

    Raises
    ------
    StateError
        When it is running in another process.
    """
    store = get_store()
    wanted = [recipe.checked(values) for values in combinations(grid)]
    text = json.dumps({name: list(dict.fromkeys(source_of(each[name]) for each in wanted)) for name in grid})
    run = _earlier(store, recipe.run, text)
    if run is not None and run.info.run_id in _running:
        return _running[run.info.run_id]
    done = _finished(store, run) if run is not None else {}
    run = _begun(store, recipe.run, text) if run is None else _taken_up(store, run, is_done=len(done) >= len(wanted))
    attempts = [Attempt(store, values, run_id=done.get(values_text(values))) for values in wanted]
    found = Sweep(recipe, run, attempts, store)
    _running[found.run_id] = found
    found.start(jobs)
    return found


def grid_of(run: Run) -> Grid | None:
    """Give the values of a sweep's run; None for any other run."""
    text = run.data.tags.get(SWEEP_GRID_TAG)
    if text is None or SWEEP_OF_TAG not in run.data.tags:
        return None
    return {name: tuple(literal_of(each) for each in values) for name, values in json.loads(text).items()}


def _earlier(store: Store, run: Run, grid: str) -> Run | None:
    """Give the last sweep of a run over the same values."""
    filter_string = f"tags.`{SWEEP_OF_TAG}` = '{run.info.run_id}'"
    rows = store.search_runs(Search((run.info.experiment_id,), filter_string)).rows
    return next((each for each in rows if each.data.tags.get(SWEEP_GRID_TAG) == grid), None)


def _finished(store: Store, run: Run) -> dict[str, str]:
    """Give the ids of a sweep's finished runs by their values."""
    filter_string = f"tags.`{PARENT_TAG}` = '{run.info.run_id}' AND attributes.status = 'FINISHED'"
    found: dict[str, str] = {}
    token = None
    while True:
        page = store.search_runs(Search((run.info.experiment_id,), filter_string, page_token=token))
        for each in page.rows:
            if RERUN_OF_TAG in each.data.tags:
                found[json.dumps(dict(sorted(values_of(each).items())))] = each.info.run_id
        token = page.token
        if token is None:
            return found


def _begun(store: Store, run: Run, grid: str) -> Run:
    tags = {PARENT_TAG: run.info.run_id, SWEEP_OF_TAG: run.info.run_id, SWEEP_GRID_TAG: grid}
    name = f"sweep of {run.info.run_name}"
    new = describe_run(name, experiment_id=run.info.experiment_id, tags=tags)
    return store.get_run(store.create_run(new).run_id)


def _taken_up(store: Store, run: Run, *, is_done: bool) -> Run:
    if run.info.status == RunStatus.RUNNING:
        raise StateError(f"The sweep {run.info.run_name!r} ({run.info.run_id}) is running in another process.")
    if not is_done:
        store.update_run(run.info.run_id, RunChange(RunStatus.RUNNING, owner=str(current_owner())))
    return run


__all__ = ["Sweep", "grid_of", "sweep"]
