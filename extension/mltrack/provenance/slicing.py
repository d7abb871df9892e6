"""The backward slice of a run: which executions of cells its own depends on."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mltrack.exceptions import NotFoundError
from mltrack.lookup import find_run
from mltrack.provenance.observed import INSIDE, KEY, Observed
from mltrack.provenance.passage import Passage
from mltrack.provenance.slice import FileUse, Slice, Step
from mltrack.provenance.transforms import ParsedCell, parse_cell
from mltrack.settings import get_store, state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.entities import Run
    from mltrack.store.notebooks import Execution
    from mltrack.store.protocol import Store

MOST_REASONS = 12
SETTLE_SECONDS = 2.0
_WRITES = "w"


@dataclass(frozen=True, slots=True)
class _Item:
    """An execution, parsed."""

    seq: int
    cell_id: str | None
    source: str
    status: str
    metadata: str
    observed: Observed | None
    cell: ParsedCell

    @property
    def key(self) -> tuple[int, str, str, str]:
        """What is different when another passage over it may find something else."""
        return self.seq, self.source, self.status, self.metadata

    def as_step(self, reasons: Sequence[str], drawn_idly: tuple[str, ...]) -> Step:
        told = tuple(reasons[:MOST_REASONS])
        idle = () if any(each.startswith("gives ") for each in reasons) else drawn_idly
        return Step(self.seq, self.cell_id, self.source, self.cell.python, self.status, told, self.observed, idle)


@dataclass(slots=True)
class _Kept:
    """The last passage, for a kernel whose cells come one after the other."""

    keys: list[tuple[int, str, str, str]]
    passage: Passage


_kept: list[_Kept] = []  # one at most; taken out while it is used


def slice_of(run: Run | str, *, store: Store | None = None) -> Slice:
    """Give the executions that a run's cell depends on, and what stands in the way of having its result again.

    Parameters
    ----------
    run
        The run, or its id, the first digits of it, its name, or ``last``.
    store
        Where it is; the one in use when it is not given.

    Raises
    ------
    NotFoundError
        When there is no such run, or it has no snapshot of its notebook.
    """
    from mltrack.provenance.findings import findings_of  # what it asks of a slice is made here

    if store is None:
        state.settle(SETTLE_SECONDS)  # the cell may have ended just now
        store = get_store()
    run_id = find_run(run, store).info.run_id if isinstance(run, str) else run.info.run_id
    snapshot = store.load_snapshot(run_id)
    if snapshot is None:
        raise NotFoundError(f"Run {run_id} has no notebook: it was made without one, or with --no-snapshot.")
    found = slice_executions(snapshot.executions, run_id)
    return replace(found, findings=findings_of(snapshot, found))


def slice_executions(executions: Sequence[Execution], run_id: str, *, upcoming: str | None = None) -> Slice:
    """Give the executions that the last of these depends on, in the order they ran; it is the last itself.

    ``upcoming`` is the source of a cell that has not run yet: then that is the last. Nothing of the cells is run. The
    slice may hold more than is needed, never less.
    """
    items = [item for item in map(_item, executions) if item is not None]
    passage = _passage_over(items)
    if upcoming is not None:
        seq = items[-1].seq + 1 if items else 1
        items.append(_Item(seq, None, upcoming, "ok", "", None, parse_cell(upcoming)))
        passage.add(seq, items[-1].cell.statements, ok=True, observed=None)
    if not items:
        return Slice(run_id, ())
    found = _sliced(passage, items, run_id)
    if upcoming is None:
        _kept[:] = [_Kept([item.key for item in items], passage)]  # from here on it is another's, too
    return found


def _item(execution: Execution) -> _Item | None:
    """Parse an execution; one that another started is a part of that, and no step of its own."""
    metadata = json.loads(execution.metadata) if len(execution.metadata) > len("{}") else {}
    if INSIDE in metadata:
        return None
    document = metadata.get(KEY)
    observed = None if document is None else Observed.from_json(document)
    return _Item(
        execution.seq,
        execution.cell_id,
        execution.source,
        execution.status,
        execution.metadata,
        observed,
        parse_cell(execution.source),
    )


def _passage_over(items: Sequence[_Item]) -> Passage:
    """Go over executions, from where the last passage ended if it was over the first of them."""
    try:
        kept = _kept.pop()
    except IndexError:
        kept = _Kept([], Passage())
    done = len(kept.keys)
    if done > len(items) or any(key != item.key for key, item in zip(kept.keys, items, strict=False)):
        kept, done = _Kept([], Passage()), 0
    for item in items[done:]:
        ok = item.status in ("ok", "running")
        kept.passage.add(item.seq, item.cell.statements, ok=ok, observed=item.observed)
    return kept.passage


def _sliced(passage: Passage, items: Sequence[_Item], run_id: str) -> Slice:
    needed = passage.needed_by(items[-1].seq)
    reasons = passage.reasons(needed)
    idle = passage.memory.resources.drawn_idly
    steps = tuple(item.as_step(reasons.get(item.seq, ()), idle(item.seq)) for item in items if item.seq in needed)
    imports = {name for seq in needed for name in passage.memory.imports.get(seq, ())}
    left_out = tuple(item.seq for item in items if item.seq not in needed)
    return Slice(run_id, steps, left_out, imports=tuple(sorted(imports)), files=_files_of(passage, steps))


def _files_of(passage: Passage, steps: Sequence[Step]) -> tuple[FileUse, ...]:
    """Give the files that steps read and did not write before: those the kernel saw, and those the code names."""
    written: set[str] = set()
    found: dict[str, FileUse] = {}
    for step in steps:
        for each in step.observed.files if step.observed is not None else ():
            path, whole = str(each.get("path")), str(each.get("whole") or each.get("path"))
            if each.get("mode") == _WRITES:
                written.add(whole)
            elif whole not in written:
                found.setdefault(
                    whole, FileUse(path, whole, written=False, size=each.get("size"), digest=each.get("sha256"))
                )
        for path in passage.memory.resources.read_paths.get(step.seq, ()):
            seen = {*found, *written}
            if not any(whole == path or whole.endswith(f"/{path}") for whole in seen):
                found[path] = FileUse(path, path, written=False)
    return tuple(found.values())


def forget() -> None:
    """Forget the last passage, as when another kernel's cells follow."""
    _kept.clear()
