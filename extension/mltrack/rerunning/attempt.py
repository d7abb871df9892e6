"""One combination of values that is run again: how far it is, what it printed, and its run in the store."""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mltrack.entities import RunStatus, RunTag
from mltrack.exceptions import MltrackError, NotFoundError
from mltrack.keys import END_REASON_TAG, PARENT_TAG, RERUN_OF_TAG, RERUN_VALUES_TAG
from mltrack.masking import mask_text
from mltrack.provenance.literal_source import source_of
from mltrack.rerunning.jobs import Job
from mltrack.rerunning.recipe import values_text
from mltrack.settings import uri_of
from mltrack.store.base import now_ms
from mltrack.store.protocol import EndedRun, Failure, RunChange
from mltrack.tracking import describe_run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mltrack.entities import Run
    from mltrack.rerunning.recipe import Recipe
    from mltrack.store.protocol import Store

WAITING, RUNNING, FINISHED, FAILED, KILLED = "waiting", "running", "finished", "failed", "killed"
NOT_RUN = "not run"
_KEPT_CHARACTERS = 20_000
_VALUE = re.compile(r" (\w+)=(\S+)$")
_INTERRUPTED = "KeyboardInterrupt:"  # that it was stopped is no error
_LONGEST_ENDING = 80
RUN_STATUS = {FINISHED: RunStatus.FINISHED, FAILED: RunStatus.FAILED, KILLED: RunStatus.KILLED}


class Attempt:
    """A run made again with some values.

    Attributes
    ----------
    run_id
        The id that its run has, or will have once its cell begins.
    values
        The values that differ from the run's own, by parameter.
    status
        ``waiting``, ``running``, ``finished``, ``failed``, ``killed``, or ``not run`` when all was stopped before.
    cell, cells
        Which cell runs, from 1, of how many; 0 before the first.
    error
        What went wrong, and in which cell and line.
    """

    def __init__(self, store: Store, values: Mapping[str, Any], *, run_id: str | None = None) -> None:
        self.run_id = run_id or uuid.uuid4().hex
        self.values = dict(values)
        self.status = WAITING if run_id is None else FINISHED
        self.cell = self.cells = 0
        self.error: str | None = None
        self.started_at: float | None = None
        self.ended_at: float | None = None
        self.changed: Callable[[], None] = lambda: None
        self._store = store
        self._lock = threading.Lock()
        self._texts: deque[str] = deque()
        self._length = 0
        self._job: Job | None = None

    @property
    def is_over(self) -> bool:
        """True when nothing more comes of it."""
        return self.status in RUN_STATUS or self.status == NOT_RUN

    @property
    def run(self) -> Run | None:
        """Its run as it is in the store now, or None before its cell has begun."""
        try:
            return self._store.get_run(self.run_id)
        except NotFoundError:
            return None

    @property
    def output(self) -> str:
        """The last that its cells printed; of a line that was written over and over only how it is now."""
        with self._lock:
            text = "".join(self._texts)
        lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
        return "\n".join(lines)

    def job(self, recipe: Recipe, *, parent_id: str) -> Job:
        """Say what a worker is to do for it."""
        run = recipe.run
        tags = {
            PARENT_TAG: parent_id,
            RERUN_OF_TAG: run.info.run_id,
            RERUN_VALUES_TAG: values_text(self.values),
        }
        self._job = Job(
            run_id=self.run_id,
            run_name=name_of(run, self.values),
            experiment_id=run.info.experiment_id,
            store=uri_of(self._store),
            folder=str(recipe.folder),
            tags=tags,
            sources=tuple(recipe.sources(self.values)),
            numbers=tuple(step.seq for step in recipe.found.steps),
        )
        self.cells = len(self._job.sources)
        return self._job

    def hear(self, message: Mapping[str, Any]) -> None:
        """Take in what a worker tells."""
        kind = message["kind"]
        if self.started_at is None:
            self.started_at, self.status = time.time(), RUNNING
        if kind == "cell":
            self.cell = int(message["number"])
        elif kind == "text":
            self._keep(str(message["text"]))
        elif kind == "error" and not str(message["text"]).startswith(_INTERRUPTED):
            self.error = self._placed(message)
        elif kind == "end":
            self._end(str(message["status"]))
        self.changed()

    def stop_waiting(self) -> None:
        """Note that it will not be begun."""
        if self.status == WAITING:
            self.status = NOT_RUN

    def _keep(self, text: str) -> None:
        with self._lock:
            self._texts.append(text[-_KEPT_CHARACTERS:])
            self._length += len(self._texts[-1])
            while self._length > _KEPT_CHARACTERS and len(self._texts) > 1:
                self._length -= len(self._texts.popleft())

    def _placed(self, message: Mapping[str, Any]) -> str:
        text = mask_text(str(message["text"]))
        if message.get("cell") is None:
            return text
        line = f", line {message['line']}" if message.get("line") else ""
        return f"{text} (cell {message['cell']} of {self.cells}{line})"

    def _end(self, status: str) -> None:
        try:
            status = self._ended_as(status)
        except MltrackError as error:  # its experiment is gone, say; it is over all the same
            self.error = self.error or error.message
        self.ended_at, self.status = time.time(), status

    def _ended_as(self, status: str) -> str:
        """Bring the run in the store to its end, if it has not come to one, and make it where its cell never began."""
        run = self.run
        if run is not None and RunStatus(run.info.status).is_final:
            status = run.info.status.lower() if status == FINISHED else status
        elif run is not None:
            self._store.update_run(self.run_id, RunChange(status=RUN_STATUS[status], end_time=now_ms()))
            self._store.log_batch(self.run_id, tags=[RunTag(END_REASON_TAG, (self.error or "it was stopped")[:500])])
        elif self._job is not None:
            self._make_ended(self._job, status)
        return status

    def _make_ended(self, job: Job, status: str) -> None:
        new = describe_run(job.run_name, experiment_id=job.experiment_id, tags=job.tags)
        ended = EndedRun(replace(new, owner=None, run_id=job.run_id), now_ms(), status=RUN_STATUS[status].value)
        self._store.add_ended_runs([ended])
        if self.error:
            name, _, text = self.error.partition(": ")
            self._store.record_failure(self.run_id, Failure(name, text or name, self.error))


def name_of(run: Run, values: Mapping[str, Any]) -> str:
    """Name a run that is made again after the first and its values, as ``baseline C=0.1``, to tell them apart."""
    first, sources = run.info.run_name, {name: source_of(value) for name, value in values.items()}
    if RERUN_OF_TAG in run.data.tags:  # the values that it has itself, of which some may be given anew
        first = first.removesuffix(" again")
        while found := _VALUE.search(first):
            first = first[: found.start()]
            sources.setdefault(found[1], found[2])
    ending = _ending(sources)
    return first + (ending if len(ending) <= _LONGEST_ENDING else f"{ending[: _LONGEST_ENDING - 1]}…")


def _ending(sources: Mapping[str, str]) -> str:
    return "".join(f" {name}={source}" for name, source in sorted(sources.items())) or " again"


def values_of(run: Run) -> dict[str, str]:
    """Give the sources of the values that a run was made again with, by parameter; empty for any other run."""
    try:
        found = json.loads(run.data.tags.get(RERUN_VALUES_TAG, "{}"))
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
