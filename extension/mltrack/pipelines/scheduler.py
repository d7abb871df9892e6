"""Runs the steps of a pipeline: each as soon as what it needs is there, so many at once, until all is done."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from mltrack.exceptions import MltrackError
from mltrack.pipelines.progress import StepStatus
from mltrack.store.base import now_ms

if TYPE_CHECKING:
    from mltrack.pipelines.graph import Graph
    from mltrack.pipelines.progress import Progress
    from mltrack.pipelines.step_runs import StepRuns

THREAD_NAME = "mltrack-pipeline"


class Scheduler:
    """Starts steps on threads of their own. A failed step stops those that come after it, and no others."""

    def __init__(self, graph: Graph, progress: Progress, work: StepRuns, *, jobs: int) -> None:
        self._graph = graph
        self._progress = progress
        self._work = work
        self._jobs = jobs
        self._cancelled = False
        self._threads: list[threading.Thread] = []

    @property
    def cancelled(self) -> bool:
        """Whether it was asked to stop."""
        return self._cancelled

    def run(self) -> None:
        """Run all steps; returns when nothing runs any more."""
        changed = self._progress.changed
        while True:
            with changed:
                ready = self._begin_some()
                if not ready and all(state.status.is_final for state in self._progress.states().values()):
                    break
                if not ready:
                    changed.wait()
        for thread in self._threads:
            thread.join()

    def cancel(self) -> None:
        """Stop what runs and begin nothing more; ``run`` returns once all have ended."""
        with self._progress.changed:
            self._cancelled = True
            self._progress.changed.notify_all()
        self._work.cancel()

    def _begin_some(self) -> bool:
        """Begin what can begin, and settle what never will; tell whether anything was done."""
        states = self._progress.states()
        active = sum(state.status in (StepStatus.CHECKING, StepStatus.RUNNING) for state in states.values())
        for name in self._graph.order:
            if name not in states or states[name].status is not StepStatus.WAITING:
                continue
            if self._cancelled:
                self._progress.set(name, status=StepStatus.NOT_RUN, reason="the pipeline was stopped")
                return True
            before = [states[each] for each in self._graph.before[name]]
            bad = next((state for state in before if state.status.is_final and not state.status.is_good), None)
            if bad is not None:
                self._progress.set(name, status=StepStatus.NOT_RUN, reason=_blocked(bad.name, bad.status))
                return True
            if active < self._jobs and all(state.status.is_good for state in before):
                self._begin(name)
                return True
        return False

    def _begin(self, name: str) -> None:
        self._progress.set(name, status=StepStatus.CHECKING)
        thread = threading.Thread(target=self._do, args=(name,), name=f"{THREAD_NAME}-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _do(self, name: str) -> None:
        try:
            self._work.do(name)
        except MltrackError as error:
            self._fail(name, error.message)
        except Exception as error:
            self._fail(name, f"{type(error).__name__}: {error}")

    def _fail(self, name: str, reason: str) -> None:
        status = StepStatus.STOPPED if self._cancelled else StepStatus.FAILED
        with suppress(MltrackError, OSError):  # its run may be gone; the step has ended all the same
            self._work.close(name, status, reason)
        self._progress.set(name, status=status, reason=reason, ended=now_ms())


def _blocked(name: str, status: StepStatus) -> str:
    how = {StepStatus.FAILED: "failed", StepStatus.STOPPED: "was stopped"}.get(status, "was not run")
    return f"step {name} {how}"
