"""What goes on in worker processes, to be waited for and stopped: a rerun, or the combinations of a sweep."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Self

from mltrack.exceptions import StateError
from mltrack.rerunning.attempt import FAILED, FINISHED, KILLED, NOT_RUN, RUNNING, Attempt
from mltrack.rerunning.crew import Crew

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import Run
    from mltrack.rerunning.jobs import Job
    from mltrack.rerunning.recipe import Recipe

_LOOK_SECONDS = 0.2  # an interrupt is heard between two waits, whichever thread the system gave it to


class Handle:
    """Attempts that worker processes make.

    Attributes
    ----------
    recipe
        What is run again.
    attempts
        One for each combination of values.
    version
        Another number whenever there is something new.
    began_at
        When it began, in s since 1970.
    """

    def __init__(self, recipe: Recipe, attempts: Sequence[Attempt]) -> None:
        self.recipe = recipe
        self.attempts = tuple(attempts)
        self.version = 0
        self.began_at = time.time()
        self._by_id = {each.run_id: each for each in attempts}
        self._over = threading.Event()
        self._stopped = False
        self._lock = threading.Lock()
        self._crew: Crew | None = None
        for each in attempts:
            each.changed = self._changed

    def start(self, jobs: int) -> Self:
        """Begin what is not finished, so many at once."""
        work = [each.job(self.recipe, parent_id=self._parent_id) for each in self.attempts if not each.is_over]
        crew = self._crew = Crew(work, jobs, hear=self._hear)
        self.began_at = time.time()
        crew.start()
        threading.Thread(target=self._watch, args=(crew,), name="mltrack-rerun-end", daemon=True).start()
        return self

    @property
    def _parent_id(self) -> str:
        return self.recipe.run.info.run_id

    def _hear(self, job: Job, message: dict[str, Any]) -> None:
        self._by_id[job.run_id].hear(message)

    def _changed(self) -> None:
        with self._lock:
            self.version += 1

    def _watch(self, crew: Crew) -> None:
        crew.join()
        for each in self.attempts:
            each.stop_waiting()
        try:
            self._end()
        finally:
            self._over.set()
            self._changed()

    def _end(self) -> None:
        """Do what is to be done when all attempts are over."""

    @property
    def is_over(self) -> bool:
        """True when nothing goes on any more."""
        return self._over.is_set()

    @property
    def status(self) -> str:
        """``running``, then ``finished``, ``failed`` when something failed, or ``killed`` when it was stopped."""
        if not self.is_over:
            return RUNNING
        found = {each.status for each in self.attempts}
        if self._stopped and found - {FINISHED, FAILED}:
            return KILLED
        return FINISHED if found == {FINISHED} else KILLED if found <= {FINISHED, KILLED, NOT_RUN} else FAILED

    def stop(self) -> None:
        """Interrupt what runs and begin nothing more; finished runs stay."""
        self._stopped = True
        if self._crew is not None:
            self._crew.stop()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until all is over, at most so long, and tell whether it is; an interrupt stops it."""
        try:
            if seconds is not None:
                return self._over.wait(seconds)
            while not self._over.wait(_LOOK_SECONDS):
                pass
        except KeyboardInterrupt:
            self.stop()
            while not self._over.wait(_LOOK_SECONDS):
                pass
            raise
        return True

    @property
    def pids(self) -> list[int]:
        """The worker processes."""
        return self._crew.pids if self._crew else []


class Rerun(Handle):
    """A run that is made again with other values, or the same, in a clean kernel.

    ``run_id`` is the new run's id, ``status`` how it stands, ``output`` what its cells printed.
    """

    def __init__(self, recipe: Recipe, attempt: Attempt) -> None:
        super().__init__(recipe, [attempt])

    @property
    def attempt(self) -> Attempt:
        """The one there is."""
        return self.attempts[0]

    @property
    def run_id(self) -> str:
        """The id of the new run."""
        return self.attempt.run_id

    @property
    def values(self) -> Mapping[str, Any]:
        """The values that were given."""
        return self.attempt.values

    @property
    def output(self) -> str:
        """The last that its cells printed."""
        return self.attempt.output

    @property
    def error(self) -> str | None:
        """What went wrong, and in which cell and line."""
        return self.attempt.error

    def result(self, seconds: float | None = None) -> Run:
        """Wait for the new run and give it; StateError when it is not there, after so long or for good."""
        self.wait(seconds)
        run = self.attempt.run
        if run is None or not self.is_over:
            raise StateError(f"The rerun of {self.recipe.run.info.run_name!r} has not ended yet.")
        return run

    def __repr__(self) -> str:
        return f"<Rerun of {self.recipe.run.info.run_name!r}: {self.status}>"
