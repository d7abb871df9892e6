"""What running a run's cells again takes: its slice, the values that can be changed, and where it ran."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltrack.entities import LifecycleStage
from mltrack.exceptions import InvalidParameterError, NotFoundError, StateError
from mltrack.keys import RERUN_OF_TAG, SWEEP_OF_TAG
from mltrack.lookup import find_run
from mltrack.masking import MASK
from mltrack.plain_text import visible
from mltrack.provenance.literal_source import source_of
from mltrack.provenance.rewriting import checked_values, parameters_of, with_values
from mltrack.provenance.slicing import slice_of
from mltrack.provenance.track_line import find_line, lines_without
from mltrack.rerunning.seals import is_own
from mltrack.settings import get_store, state

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import CapturedName, Run
    from mltrack.provenance.slice import Slice
    from mltrack.store.notebooks import Snapshot
    from mltrack.store.protocol import Store

SETTLE_SECONDS = 10.0
_MOST_SHOWN = 4_000  # characters of a stranger's code in a message


@dataclass(frozen=True, slots=True)
class Recipe:
    """A run's cells in the order they ran, its own the last, and the folder they ran in."""

    run: Run
    found: Slice
    captured: Sequence[CapturedName]
    folder: Path

    def checked(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Give values as they will stand in the cells; InvalidParameterError names those that can be changed."""
        known = parameters_of(self.found, self.captured, self.run.data.params)
        found = checked_values(known, values)
        for name, value in found.items():
            if value == "" and not isinstance(known[name].value, str):
                raise InvalidParameterError(f"There is no value after {name}=; the run has {known[name].value!r}.")
        return found

    def sources(self, values: Mapping[str, Any]) -> list[str]:
        """Give the cells as typed with other values in them; the last one alone is a tracked one."""
        sources = with_values(self.found, values, self.captured, self.run.data.params)
        return [*map(_untracked, sources[:-1]), sources[-1]]


def recipe_of(text: str | Run, *, trust: bool = False) -> Recipe:
    """Find out how to run a run again.

    Raises
    ------
    NotFoundError
        When there is no such run, or it has no notebook.
    StateError
        When its notebook was recorded by somebody else and ``trust`` was not said, or a secret was masked in it.
    """
    state.settle(SETTLE_SECONDS)  # the cell may have ended just now
    run = tracked_run(text) if isinstance(text, str) else text
    run_id = run.info.run_id
    store = get_store()
    _refuse_deleted(store, run)
    snapshot = store.load_snapshot(run_id)
    if snapshot is None:
        raise NotFoundError(
            f"Run {run.info.run_name!r} ({run_id}) has no notebook, so that its cells are not known: it was made by a "
            "script, or with --no-snapshot."
        )
    found = slice_of(run, store=store)
    _refuse_masked(run, found)
    if not trust and not is_own(store.get_run(run_id), snapshot):
        raise StateError(_stranger(run, found))
    return Recipe(run, found, store.get_captured(run_id), folder_of(snapshot) or Path.cwd())


def tracked_run(text: str) -> Run:
    """Find the run that is meant: a name, or "last", stands for the run that was tracked, not for those made of it."""
    run = find_run(text)
    while not run.info.run_id.startswith(text) and (origin := _origin(run)):
        try:
            run = get_store().get_run(origin)
        except NotFoundError:
            break
    return run


def _origin(run: Run) -> str | None:
    tags = run.data.tags
    return tags.get(RERUN_OF_TAG) or tags.get(SWEEP_OF_TAG)


def folder_of(snapshot: Snapshot) -> Path | None:
    """Give the folder of the notebook's file, where it is known and there."""
    path = notebook_path(snapshot)
    return path.parent if path is not None and path.parent.is_dir() else None


def notebook_path(snapshot: Snapshot) -> Path | None:
    """Give the notebook's file as it was known when the cell ran."""
    manifest = json.loads(snapshot.manifest) if snapshot.manifest else {}
    text = manifest.get("path") or snapshot.session.notebook_path
    return Path(text) if text else None


def values_text(values: Mapping[str, Any]) -> str:
    """Write values as JSON of their sources, in the order of their names: equal for equal values."""
    return json.dumps({name: source_of(values[name]) for name in sorted(values)})


def _untracked(source: str) -> str:
    found = find_line(source)
    return source if found is None else "".join(lines_without(source.splitlines(keepends=True), found[0]))


def _refuse_deleted(store: Store, run: Run) -> None:
    experiment = store.get_experiment(run.info.experiment_id)
    if experiment.lifecycle_stage == LifecycleStage.DELETED:
        raise StateError(
            f"Run {run.info.run_name!r} cannot be run again: its experiment {experiment.name!r} was deleted. "
            f"mltrack.restore_experiment({experiment.experiment_id!r}) brings it back."
        )


def _refuse_masked(run: Run, found: Slice) -> None:
    masked = [step.seq for step in found.steps if MASK in step.source]
    if masked:
        raise StateError(
            f"Run {run.info.run_name!r} cannot be run again: a secret in cell {masked[0]} of its notebook was masked "
            "when it was kept. Read it from the environment, track the cell once more, and rerun that."
        )


def _stranger(run: Run, found: Slice) -> str:
    code = visible("\n\n".join(step.source for step in found.steps))
    shown = code if len(code) <= _MOST_SHOWN else f"{code[:_MOST_SHOWN]}\n… ({len(code):,} characters)"
    return (
        f"The notebook of run {run.info.run_name!r} ({run.info.run_id}) was not recorded by you, or not with the key "
        f"that you have now. Read its cells first:\n\n{shown}\n\nTo run them, say --trust, or rerun(…, trust=True)."
    )
