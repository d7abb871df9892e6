"""One step: it is looked at, skipped or run as a child run of the pipeline's, and what it left is kept."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from mltrack.entities import RunStatus
from mltrack.exceptions import StateError
from mltrack.keys import (
    END_REASON_TAG,
    MAX_TAG_VALUE,
    PARENT_TAG,
    PIPELINE_TAG,
    SOURCE_NAME_TAG,
    SOURCE_TYPE_TAG,
    STEP_MADE_BY_TAG,
    STEP_REASON_TAG,
    STEP_TAG,
)
from mltrack.pipelines.code import left_behind
from mltrack.pipelines.fingerprint import Record
from mltrack.pipelines.places import absolute
from mltrack.pipelines.progress import StepStatus
from mltrack.projects.live_output import log_file
from mltrack.projects.request import KEPT, RunRequest
from mltrack.projects.running import submit
from mltrack.store.base import now_ms
from mltrack.store.protocol import EndedRun, RunChange
from mltrack.tracking import describe_run
from mltrack.values import make_tag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.entities import RunInfo
    from mltrack.pipelines.decisions import Decision, Judge
    from mltrack.pipelines.jobs import Job
    from mltrack.pipelines.progress import Progress
    from mltrack.pipelines.records import Records
    from mltrack.pipelines.steps import Step
    from mltrack.projects.submitted import SubmittedRun
    from mltrack.store.protocol import NewRun

_FINAL = {StepStatus.FAILED: RunStatus.FAILED, StepStatus.STOPPED: RunStatus.KILLED}


class StepRuns:
    """Does single steps, from the look at their inputs to the record of their outputs."""

    def __init__(self, job: Job, judge: Judge, records: Records, progress: Progress, *, parent: RunInfo) -> None:
        self._job = job
        self._judge = judge
        self._records = records
        self._progress = progress
        self._lock = threading.Lock()
        self._submitted: dict[str, SubmittedRun] = {}
        self._said: dict[str, list[str]] = {}
        self._cancelled = False
        self._parent = parent

    def do(self, name: str) -> None:
        """Do a step to its end, well or not; an error is of what could not even be begun."""
        step = self._job.pipeline.steps[name]
        needs = {each: self._made_by(each) for each, paths in self._job.graph.before[name].items() if not paths}
        decision = self._judge.decide(step, self._job.arguments[name], needs=needs, forced=name in self._job.forced)
        if decision.made_by is not None:
            self._skip(step, decision)
        else:
            self._run(step, decision)

    def cancel(self) -> None:
        """Stop the steps that run."""
        with self._lock:
            self._cancelled = True
            begun = list(self._submitted.values())
        for each in begun:  # at once, as each takes up to some seconds
            threading.Thread(target=each.cancel, name="mltrack-pipeline-stop").start()

    def logs(self, name: str) -> str:
        """Give what was said of a step and what it has printed; of a skipped one, what the run did that made it."""
        with self._lock:
            found = self._submitted.get(name)
        if found is not None or name in self._said:
            return "".join(f"{line}\n" for line in self._said[name]) + (found.logs() if found is not None else "")
        made_by = self._progress.states()[name].made_by
        try:
            return log_file(made_by).read_text(encoding="utf-8", errors="replace") if made_by else ""
        except OSError:  # made on another machine, or long ago
            return ""

    def close(self, name: str, status: StepStatus, reason: str) -> None:
        """End the run of a step that did not come to its end by itself."""
        run_id = self._progress.states()[name].run_id
        if run_id is None:
            return
        store = self._records.store
        store.update_run(run_id, RunChange(status=_FINAL[status], end_time=now_ms()))
        store.log_batch(run_id, tags=[make_tag(END_REASON_TAG, reason[:MAX_TAG_VALUE])])

    def _made_by(self, name: str) -> str:
        return self._progress.states()[name].made_by or ""

    def _skip(self, step: Step, decision: Decision) -> None:
        moment = now_ms()
        new = self._new_run(step, {STEP_REASON_TAG: decision.reason, STEP_MADE_BY_TAG: str(decision.made_by)})
        (run_id,) = self._records.store.add_ended_runs([EndedRun(new, moment)])
        self._progress.set(
            step.name,
            status=StepStatus.SKIPPED,
            reason=decision.reason,
            run_id=run_id,
            made_by=decision.made_by,
            started=moment,
            ended=moment,
        )

    def _run(self, step: Step, decision: Decision) -> None:
        for path in step.outputs:
            absolute(self._job.pipeline.root, path).parent.mkdir(parents=True, exist_ok=True)
        info = self._records.store.create_run(self._new_run(step, {STEP_REASON_TAG: decision.reason}))
        changes = {"reason": decision.reason, "run_id": info.run_id, "started": now_ms()}
        self._progress.set(step.name, status=StepStatus.RUNNING, **changes)
        submitted = self._submit(step, info.run_id)
        if submitted.wait():
            self._keep(step, decision, info.run_id)
            self._progress.set(step.name, status=StepStatus.FINISHED, made_by=info.run_id, ended=now_ms())
            return
        status = StepStatus.STOPPED if self._cancelled else StepStatus.FAILED
        reason = "it was stopped" if self._cancelled else _failure(submitted)
        self._progress.set(step.name, status=status, reason=reason, ended=now_ms())

    def _submit(self, step: Step, run_id: str) -> SubmittedRun:
        if self._cancelled:
            raise StateError("it was stopped")
        said = self._said[step.name] = []
        request = RunRequest(
            str(self._job.pipeline.folder_of(step)),
            step.entry_point,
            parameters=dict(self._job.arguments[step.name].given),
            run_id=run_id,
            env_manager=self._job.env_manager,
            trust=True,  # was asked for all steps together
            say=said.append,
            output=KEPT,
        )
        submitted = submit(request)
        with self._lock:
            self._submitted[step.name] = submitted
            cancelled = self._cancelled
        if cancelled:
            submitted.cancel()
        return submitted

    def _keep(self, step: Step, decision: Decision, run_id: str) -> None:
        outputs = self._judge.outputs_of(step)
        missing = [path for path, digest in outputs.items() if digest is None]
        if missing:
            names = ", ".join(repr(path) for path in missing)
            raise StateError(f"Step {step.name!r} ended well and did not write its output {names}.")
        made = {path: digest for path, digest in outputs.items() if digest is not None}
        before = decision.fingerprint.code
        left: list[str] = []
        if step.code is None:
            left = left_behind(before, self._judge.code_of(step, decision.left_behind))
        self._records.write(run_id, Record(decision.fingerprint, made, (*decision.left_behind, *left)))

    def _new_run(self, step: Step, tags: Mapping[str, str]) -> NewRun:
        pipeline = self._job.pipeline
        said = {
            PARENT_TAG: self._parent.run_id,
            PIPELINE_TAG: pipeline.name,
            STEP_TAG: step.name,
            SOURCE_NAME_TAG: str(pipeline.folder_of(step)),
            SOURCE_TYPE_TAG: "PROJECT",
            **{key: value[:MAX_TAG_VALUE] for key, value in tags.items()},
        }
        return describe_run(step.name, experiment_id=self._parent.experiment_id, tags=said)


def _failure(submitted: SubmittedRun) -> str:
    """Say how a command failed: its exit code, and the last line that it printed."""
    lines = [line.strip() for line in submitted.logs().splitlines() if line.strip()]
    code = getattr(submitted, "exit_code", None)
    return f"exit code {code}" + (f": {lines[-1]}" if lines else "")
