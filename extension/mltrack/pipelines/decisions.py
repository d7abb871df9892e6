"""Whether a step runs or is skipped, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack.entities import RunStatus
from mltrack.exceptions import StateError
from mltrack.pipelines.code import code_of
from mltrack.pipelines.fingerprint import Fingerprint, changes
from mltrack.pipelines.places import absolute

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.entities import Run
    from mltrack.pipelines.arguments import Arguments
    from mltrack.pipelines.digests import Digests
    from mltrack.pipelines.fingerprint import Record
    from mltrack.pipelines.records import Records
    from mltrack.pipelines.steps import Pipeline, Step

_REQUIREMENTS = "requirements.txt"
_ID_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done with a step, and why: ``made_by`` is the run that made its outputs when it is skipped."""

    fingerprint: Fingerprint
    reason: str
    made_by: str | None = None
    left_behind: tuple[str, ...] = ()


class Judge:
    """Looks at a step of a pipeline and at what earlier runs left, and says whether it runs."""

    def __init__(self, pipeline: Pipeline, records: Records, digests: Digests) -> None:
        self._pipeline = pipeline
        self._records = records
        self._digests = digests

    def decide(self, step: Step, arguments: Arguments, *, needs: Mapping[str, str], forced: bool = False) -> Decision:
        """Say whether a step runs; all that it reads is there by now.

        Parameters
        ----------
        needs
            The runs that made the results of the steps it needs without a file between.

        Raises
        ------
        StateError
            When an input is not there.
        """
        tried = self._records.tried(step.name)
        last = self._records.last(tried)
        left = last[1].left_behind if last else ()
        found = self._fingerprint(step, arguments, needs, left)
        if forced:
            return Decision(found, "forced", left_behind=left)
        if step.always:
            return Decision(found, "it says always: true", left_behind=left)
        if not step.inputs and not step.outputs:
            return Decision(found, "it has no inputs and no outputs", left_behind=left)
        return self._compared(step, found, tried, last)

    def outputs_of(self, step: Step) -> dict[str, str | None]:
        """Give the digests of a step's outputs as they are now; None for those that are not there."""
        return {path: self._digests.of(absolute(self._pipeline.root, path)) for path in step.outputs}

    def code_of(self, step: Step, left_behind: tuple[str, ...]) -> dict[str, str]:
        """Give the digests of the files that are a step's code now."""
        return code_of(self._pipeline, step, self._digests, without=left_behind)

    def _compared(self, step: Step, found: Fingerprint, tried: list[Run], last: tuple[str, Record] | None) -> Decision:
        left = last[1].left_behind if last else ()
        now = self.outputs_of(step)
        wrong = ""
        for run_id, record in self._records.equal(found.key):
            problem = _compare_outputs(run_id, record, now)
            if not problem:
                return Decision(found, f"nothing changed since run {run_id[:_ID_LENGTH]}", run_id, record.left_behind)
            wrong = wrong or problem
        return Decision(found, wrong or _why(found, tried, last), left_behind=left)

    def _fingerprint(
        self, step: Step, arguments: Arguments, needs: Mapping[str, str], left_behind: tuple[str, ...]
    ) -> Fingerprint:
        inputs = {}
        for path in step.inputs:
            digest = self._digests.of(absolute(self._pipeline.root, path))
            if digest is None:
                raise StateError(f"The input {path!r} of step {step.name!r} is not there any more.")
            inputs[path] = digest
        entry = self._pipeline.entry_of(step)
        environment = self._environment(step)
        code = {name: digest for name, digest in self.code_of(step, left_behind).items() if name not in environment}
        command = step.entry_point if entry is None else entry.command
        return Fingerprint(command, dict(arguments.shown), inputs, code, environment, dict(needs))

    def _environment(self, step: Step) -> dict[str, str]:
        said = self._pipeline.projects[step.project].environment
        folder = self._pipeline.folder_of(step)
        places = [folder / _REQUIREMENTS, *([said.file] if said.file is not None else [])]
        found = {place.name: self._digests.of(place) for place in places}
        kept = {name: digest for name, digest in found.items() if digest is not None}
        return kept | {f"docker {key}": str(value) for key, value in said.docker.items()}


def _compare_outputs(run_id: str, record: Record, now: Mapping[str, str | None]) -> str:
    """Say which output is not as a run left it; empty when all are."""
    for path, digest in now.items():
        if digest is None:
            return f"output {path} is missing"
        if record.outputs.get(path) != digest:
            return f"output {path} is not as run {run_id[:_ID_LENGTH]} left it"
    return ""


def _why(found: Fingerprint, tried: list[Run], last: tuple[str, Record] | None) -> str:
    status = tried[0].info.status if tried else None
    if status == RunStatus.FAILED:
        return f"its last run {tried[0].info.run_id[:_ID_LENGTH]} failed"
    if status == RunStatus.KILLED:
        return f"its last run {tried[0].info.run_id[:_ID_LENGTH]} was stopped"
    if last is None:
        return "first run"
    return changes(last[1].fingerprint, found) or "its outputs have other names"
