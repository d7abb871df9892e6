"""What MLflow's wire has no word for, on an MLflow server: kept as files and tags of the runs, and read back there."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from weakref import WeakSet

from mltrack.rest.foreign_cells import ForeignCells
from mltrack.rest.foreign_documents import Documents
from mltrack.rest.foreign_files import ForeignFiles
from mltrack.rest.foreign_models import ForeignModels
from mltrack.rest.foreign_panels import ForeignPanels
from mltrack.rest.mirror import Mirror
from mltrack.run_facts import RunFacts, count_changed, models_of

if TYPE_CHECKING:
    from mltrack.entities import Experiment, Run
    from mltrack.store.protocol import Store

_CLOSE_SECONDS = 10.0


class ForeignExtras(ForeignPanels, ForeignCells, ForeignFiles, ForeignModels):
    """All of it for one server.

    Parameters
    ----------
    store
        The store in front of the server, which does what MLflow's wire can.
    """

    def __init__(self, store: Store) -> None:
        self._documents = Documents(store)
        self._mirror = Mirror(store)
        self._experiments_known: dict[str, Experiment] = {}
        ForeignPanels.__init__(self, store, self._mirror)
        ForeignCells.__init__(self, store, self._documents)
        ForeignFiles.__init__(self, store, self._documents)
        ForeignModels.__init__(self, store)
        _all.add(self)

    def run_facts(self, run_id: str) -> RunFacts:
        """Give what a run's card shows; what needs the server is asked for at the same time."""
        run = self._store.get_run(run_id)
        experiment = self._experiment_of(run)
        self._mirror.take(run, experiment)
        with ThreadPoolExecutor(4, "mltrack-facts") as pool:
            outlines = pool.submit(self._mirror.outlines, run_id)
            before = pool.submit(self.previous_run, run)
            files = pool.submit(self.list_artifacts, run_id)
            models = pool.submit(models_of, self._store, run)
            previous = before.result()
            changed = 0
            if previous is not None:
                changed = count_changed(self.cell_sources(previous.info.run_id), self.cell_sources(run_id))
            return RunFacts(
                run,
                experiment.name,
                outlines.result(),
                previous,
                changed,
                self.get_failure(run_id),
                tuple(self.get_captured(run_id)),
                self.get_environment(run_id),
                tuple(files.result()),
                models.result(),
            )

    def _experiment_of(self, run: Run) -> Experiment:
        """Give the experiment of a run, of which only the name is used here: another's renaming is seen a bit later."""
        number = run.info.experiment_id
        if number not in self._experiments_known:
            self._experiments_known[number] = self._store.get_experiment(number)
        return self._experiments_known[number]

    def note_change(self, run_id: str | None = None) -> None:
        """Note that this process changed something on the server."""
        self._mirror.note_change(run_id)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until the files of runs are on the server."""
        return self._documents.queue.flush(timeout)

    def close(self) -> None:
        """Send the files of runs, and let go of the copy of the server's runs."""
        self._documents.queue.close(_CLOSE_SECONDS)
        self._mirror.close()

    def forget_parent(self) -> None:
        """In a forked child: no lock is held by a thread that is here, and the parent's copy is the parent's."""
        self._documents.forget_parent()
        self._mirror.forget_parent()
        self._sessions.forget_parent()


_all: WeakSet[ForeignExtras] = WeakSet()


def _in_child() -> None:
    for extras in list(_all):
        extras.forget_parent()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_in_child)
