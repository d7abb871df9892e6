"""What is known of a run that is to be exported: its slice, parameters, metrics, environment and notebook."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import NotFoundError
from mltrack.keys import SOURCE_NAME_TAG
from mltrack.lookup import find_run
from mltrack.provenance.observed import KEY, Observed
from mltrack.provenance.slice import FileUse, Slice, Step
from mltrack.provenance.slicing import slice_of
from mltrack.provenance.transforms import parse_cell
from mltrack.rerunning.seals import is_own
from mltrack.settings import get_store, state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.entities import CapturedName, Run
    from mltrack.store.notebooks import Snapshot
    from mltrack.store.protocol import Store

SETTLE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run as an export needs it.

    ``markdown`` holds, by the number of a step, the markdown cells that stood before its cell; ``folder`` is that of
    the notebook, where its file is known; ``is_own`` is True when this user recorded the notebook.
    """

    run: Run
    found: Slice
    captured: tuple[CapturedName, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    markdown: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    folder: Path | None = None
    is_own: bool = False

    @property
    def params(self) -> Mapping[str, str]:
        """The run's params as they were logged."""
        return self.run.data.params

    @property
    def metrics(self) -> dict[str, float]:
        """The last value of each metric, without those of the machine."""
        return {name: value for name, value in sorted(self.run.data.metrics.items()) if not name.startswith("system/")}

    @property
    def packages(self) -> Mapping[str, str]:
        """The version of each distribution that was installed, by its normalised name."""
        found = self.environment.get("packages")
        return found if isinstance(found, dict) else {}

    @property
    def python(self) -> str | None:
        """The version of Python that the run had."""
        found = self.environment.get("python")
        return str(found["version"]) if isinstance(found, dict) and found.get("version") else None


def facts_of(run: Run | str, *, whole: bool = False, store: Store | None = None) -> RunFacts:
    """Read what an export of a run needs; ``whole`` takes every cell that ran, not only those the run depends on.

    Raises
    ------
    NotFoundError
        When there is no such run, or it has no snapshot.
    """
    state.settle(SETTLE_SECONDS)  # the cell may have ended just now
    store = store or get_store()
    found = find_run(run, store) if isinstance(run, str) else store.get_run(run.info.run_id)
    run_id = found.info.run_id
    snapshot = store.load_snapshot(run_id)
    if snapshot is None:
        raise NotFoundError(
            f"Run {run_id} has no notebook to take cells from: it was made without one, or with --no-snapshot."
        )
    cells = _whole(snapshot, run_id) if whole else slice_of(found, store=store)
    return RunFacts(
        found,
        cells,
        tuple(store.get_captured(run_id)),
        store.get_environment(run_id) or {},
        _markdown(snapshot, cells),
        _folder(snapshot, found),
        is_own(found, snapshot),
    )


def _whole(snapshot: Snapshot, run_id: str) -> Slice:
    """Take every cell that ran to its end, and the run's own."""
    steps = []
    for each in snapshot.executions:
        kept = json.loads(each.metadata or "{}").get(KEY)
        python = parse_cell(each.source).python
        if (each.status == "ok" and python.strip()) or each.seq == snapshot.seq:
            seen = Observed.from_json(kept) if isinstance(kept, dict) else None
            steps.append(Step(each.seq, each.cell_id, each.source, python, each.status, (), seen))
    return Slice(run_id, tuple(steps), files=_files(steps))


def _files(steps: list[Step]) -> tuple[FileUse, ...]:
    """Give the files that steps read and did not write before."""
    found: dict[str, FileUse] = {}
    for use in (use for step in steps if step.observed for use in step.observed.files):
        whole = str(use.get("whole") or use.get("path"))
        written = use.get("mode") == "w"
        found.setdefault(whole, FileUse(str(use["path"]), whole, written, use.get("size"), use.get("sha256")))
    return tuple(use for use in found.values() if not use.written)


def _folder(snapshot: Snapshot, run: Run) -> Path | None:
    path = run.data.tags.get(SOURCE_NAME_TAG) or snapshot.session.notebook_path or ""
    is_notebook = path.endswith(".ipynb") and PurePath(path).is_absolute()
    return Path(path).parent if is_notebook and Path(path).parent.is_dir() else None


def _markdown(snapshot: Snapshot, found: Slice) -> dict[int, tuple[str, ...]]:
    """Give the markdown that stands in the notebook's file right before each cell, by the step that ran it first."""
    if not snapshot.manifest:
        return {}
    above: dict[str, tuple[str, ...]] = {}
    waiting: list[str] = []
    for entry in json.loads(snapshot.manifest).get("cells", ()):
        text = snapshot.texts.get(entry.get("source", ""), "")
        if entry.get("type") == "markdown":
            waiting.append(text)
        elif entry.get("type") == "code":
            above.setdefault(f"id {entry.get('id')}", tuple(waiting))
            above.setdefault(f"source {text}", tuple(waiting))
            waiting = []
    kept: dict[int, tuple[str, ...]] = {}
    for step in found.steps:
        texts = above.get(f"id {step.cell_id}") or above.get(f"source {step.source}") or ()
        if texts and texts not in kept.values():
            kept[step.seq] = texts
    return kept
