"""What a run of a pipeline would do, found out without running anything."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mltrack.pipelines.decisions import Judge
from mltrack.pipelines.digests import Digests
from mltrack.pipelines.jobs import job_of
from mltrack.pipelines.places import absolute
from mltrack.pipelines.records import Records
from mltrack.settings import get_store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mltrack.pipelines.jobs import Job
    from mltrack.pipelines.steps import Step


class Foreseen(StrEnum):
    """What would become of a step; ``MAY_RUN`` when that depends on what a step before it writes."""

    RUN = "run"
    MAY_RUN = "may run"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """What would become of a step, and why; ``after`` are the steps directly before it."""

    name: str
    action: Foreseen
    reason: str
    after: tuple[str, ...] = ()


def plan(
    directory: str | Path,
    parameters: Mapping[str, Any] | None = None,
    *,
    steps: tuple[str, ...] | list[str] | None = None,
    force: bool = False,
) -> list[PlannedStep]:
    """Say what ``mltrack.pipelines.run`` would do, in order; nothing is run or written.

    Raises
    ------
    InvalidParameterError, NotFoundError
        As ``mltrack.pipelines.run``.
    """
    job = job_of(directory, parameters, steps=tuple(steps or ()), force=force)
    planner = _Planner(job)
    return [planner.foresee(job.pipeline.steps[name]) for name in job.graph.order if name in job.arguments]


class _Planner:
    """Foresees what becomes of one step after the other."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._digests = Digests()
        self._judge = Judge(job.pipeline, Records(get_store(), job.pipeline.name), self._digests)
        self._found: dict[str, PlannedStep] = {}
        self._made_by: dict[str, str] = {}

    def foresee(self, step: Step) -> PlannedStep:
        action, reason = self._action(step)
        found = PlannedStep(step.name, action, reason, tuple(self._job.graph.before[step.name]))
        self._found[step.name] = found
        return found

    def _action(self, step: Step) -> tuple[Foreseen, str]:
        before = self._job.graph.before[step.name]
        again = [name for name in before if self._found[name].action is not Foreseen.SKIP]
        missing = [path for path in step.inputs if not absolute(self._job.pipeline.root, path).exists()]
        if missing:
            return Foreseen.RUN, f"input {missing[0]} is not there yet"
        needed = next((name for name in again if not before[name]), None)
        if needed is not None:
            surely = self._found[needed].action is Foreseen.RUN
            return (Foreseen.RUN if surely else Foreseen.MAY_RUN), f"step {needed} comes before it and runs"
        needs = {name: self._made_by[name] for name, paths in before.items() if not paths}
        decision = self._judge.decide(
            step, self._job.arguments[step.name], needs=needs, forced=step.name in self._job.forced
        )
        if decision.made_by is None:
            return Foreseen.RUN, decision.reason
        if again:
            return Foreseen.MAY_RUN, f"step {again[0]} runs before it and may write {before[again[0]][0]} anew"
        self._made_by[step.name] = decision.made_by
        return Foreseen.SKIP, decision.reason
