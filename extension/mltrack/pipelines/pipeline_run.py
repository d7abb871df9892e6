"""A run of a pipeline, as its caller sees it: how its steps stand, what they printed, its end."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from mltrack.entities import RunStatus
from mltrack.exceptions import MltrackError, NotFoundError, StateError
from mltrack.keys import END_REASON_TAG, MAX_TAG_VALUE
from mltrack.pipelines.progress import StepStatus
from mltrack.pipelines.scheduler import THREAD_NAME
from mltrack.settings import state
from mltrack.store.base import now_ms
from mltrack.store.protocol import RunChange
from mltrack.values import make_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mltrack.entities import RunInfo
    from mltrack.pipelines.digests import Digests
    from mltrack.pipelines.folder_lock import FolderLock
    from mltrack.pipelines.graph import Graph
    from mltrack.pipelines.progress import Progress, StepState
    from mltrack.pipelines.scheduler import Scheduler
    from mltrack.pipelines.step_runs import StepRuns
    from mltrack.store.protocol import Store


_LOOK_SECONDS = 0.2  # an interrupt is heard between two waits, whichever thread the system gave it to


class PipelineRun:
    """A pipeline that runs, or did; ``mltrack.pipelines.run`` makes these. In a notebook it is shown as its graph.

    Attributes
    ----------
    run_id
        The run of the pipeline; each of its steps is a child of it.
    name
        The pipeline's name.
    graph
        Which step goes before which.
    """

    def __init__(self, info: RunInfo, name: str, graph: Graph, *, parts: Parts) -> None:
        self.run_id = info.run_id
        self.name = name
        self.graph = graph
        self.started = info.start_time
        self.ended: int | None = None
        self._parts = parts
        self._lock: FolderLock | None = None
        self._status = RunStatus.RUNNING
        self._over = threading.Event()  # joining the thread, when interrupted, has Python 3.11 take it for ended
        # A script waits for the end before it ends itself; a kernel that is shut down does not.
        self._thread = threading.Thread(target=self._work, name=THREAD_NAME, daemon=state.in_notebook)

    def __repr__(self) -> str:
        return f"<PipelineRun {self.name!r} {self.status.lower()} {self.run_id}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()

    @property
    def status(self) -> str:
        """RUNNING, FINISHED when every step has finished or was skipped, FAILED, or KILLED when it was stopped."""
        return self._status.value

    def get_status(self) -> str:
        """Give the status; the name that MLflow's submitted runs have for it."""
        return self.status

    @property
    def steps(self) -> Mapping[str, StepState]:
        """How each step stands now, by name, in the order of the graph."""
        states = self._parts.progress.states()
        return {name: states[name] for name in self.graph.order if name in states}

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all steps have ended, at most ``timeout`` seconds; True when all went well.

        An interrupt (Ctrl-C) while waiting stops the pipeline.
        """
        try:
            if timeout is not None:
                self._over.wait(timeout)
            while timeout is None and not self._over.wait(_LOOK_SECONDS):
                pass
        except KeyboardInterrupt:
            self.cancel()
            raise
        return self._status is RunStatus.FINISHED

    def cancel(self) -> None:
        """Stop the steps that run, begin no more, and wait until nothing is left of them."""
        self.stop()
        while not self._over.wait(_LOOK_SECONDS):
            pass

    def stop(self) -> None:
        """Ask for what ``cancel`` does and return at once."""
        if self._status is RunStatus.RUNNING:
            self._parts.scheduler.cancel()

    def logs(self, step: str) -> str:
        """Give what a step has printed; NotFoundError when there is no such step."""
        if step not in self.graph.before:
            raise NotFoundError(f"There is no step {step!r}; there are: {', '.join(self.graph.order)}.")
        return self._parts.work.logs(step)

    def observe(self, callback: Callable[[StepState | None], None]) -> None:
        """Have every change of a step told, and at last the end of the run as None; on threads of the pipeline's."""
        self._parts.progress.observe(callback)

    def unobserve(self, callback: Callable[[StepState | None], None]) -> None:
        """Tell nothing more."""
        self._parts.progress.unobserve(callback)

    def check(self) -> None:
        """Raise a StateError that names the steps that failed, if some did, or says that the run was stopped."""
        if self._status is RunStatus.KILLED:
            raise StateError(f"The pipeline {self.name!r} was stopped (run {self.run_id}); run it again to go on.")
        failed = self._failed()
        if self._status is RunStatus.FAILED:
            said = "; ".join(f"{each.name}: {each.reason.rstrip('.')}" for each in failed)
            raise StateError(
                f"The pipeline {self.name!r} failed (run {self.run_id}): {said}. What has finished is kept; run it "
                "again to go on."
            )

    def begin(self, lock: FolderLock) -> None:
        """Start the work, which holds the lock until its end; called once, by what makes it."""
        self._lock = lock
        self._thread.start()

    def _failed(self) -> list[StepState]:
        return [each for each in self.steps.values() if each.status is StepStatus.FAILED]

    def _work(self) -> None:
        status = RunStatus.FAILED
        try:
            self._parts.scheduler.run()
            is_good = all(each.status.is_good for each in self.steps.values())
            status = RunStatus.FINISHED if is_good else RunStatus.FAILED
            if not is_good and self._parts.scheduler.cancelled:
                status = RunStatus.KILLED
        finally:
            with suppress(MltrackError, OSError):  # the steps have ended all the same
                self._close(status)
            if self._lock is not None:
                self._lock.release()
            self._status = status
            self._parts.progress.tell_end()
            self._over.set()

    def _close(self, status: RunStatus) -> None:
        self.ended = now_ms()
        store = self._parts.store
        if failed := self._failed():
            names = ", ".join(each.name for each in failed)
            store.log_batch(self.run_id, tags=[make_tag(END_REASON_TAG, f"failed: {names}"[:MAX_TAG_VALUE])])
        store.update_run(self.run_id, RunChange(status=status, end_time=self.ended))
        self._parts.digests.save()


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run of a pipeline is made of, for ``PipelineRun``."""

    store: Store
    digests: Digests
    progress: Progress
    scheduler: Scheduler
    work: StepRuns
