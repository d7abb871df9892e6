"""What findings are judged by: what the kernel executed, the slice, and the notebook's file as far as it is known."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mltrack.provenance.cell_facts import facts_of
from mltrack.provenance.observed import KEY, Observed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.provenance.slice import Slice, Step
    from mltrack.store.notebooks import Execution, Snapshot


@dataclass(frozen=True, slots=True)
class FileCell:
    """A code cell of the notebook's file, as it was saved."""

    cell_id: str
    source: str


class Evidence:
    """A run's snapshot and slice, looked at together."""

    def __init__(self, snapshot: Snapshot, found: Slice) -> None:
        self.executions = snapshot.executions
        self.steps = found.steps
        self._by_seq = {each.seq: each for each in snapshot.executions}
        self._metadata = {each.seq: _metadata(each) for each in snapshot.executions}
        manifest = json.loads(snapshot.manifest) if snapshot.manifest else {}
        self.saved_at: int | None = manifest.get("saved_at")
        self.cells = tuple(
            FileCell(str(each.get("id") or ""), snapshot.texts.get(each["source"], ""))
            for each in manifest.get("cells", ())
            if each["type"] == "code"
        )
        self._places = {each.cell_id: place for place, each in enumerate(self.cells) if each.cell_id}

    def label(self, seq: int) -> str:
        """Name an execution's cell in a sentence, by the number that stands beside it in the notebook."""
        execution = self._by_seq.get(seq)
        count = execution.execution_count if execution is not None else None
        return f"cell {count}" if count is not None else f"the cell that ran as number {seq}"

    def heading(self, seq: int) -> str:
        """Name an execution's cell at the beginning of a sentence."""
        label = self.label(seq)
        return label[:1].upper() + label[1:]

    @cached_property
    def has_ids(self) -> bool:
        """True when the file's ids are those that the kernel was told; some hosts tell it others, or none."""
        return any(each.cell_id in self._places for each in self.executions if each.cell_id)

    def place(self, step: Step) -> int | None:
        """Give where a step's cell stands among the file's code cells, or None."""
        if self.has_ids:
            return self._places.get(step.cell_id or "")
        places = [place for place, each in enumerate(self.cells) if _is_same_text(each.source, step.source)]
        return places[0] if len(places) == 1 else None

    def is_saved_since(self, step: Step) -> bool:
        """Tell whether the file that is known was saved after the step ran."""
        execution = self._by_seq.get(step.seq)
        return bool(self.cells and self.saved_at and execution and self.saved_at >= execution.started_at)

    def later(self, step: Step) -> list[Execution]:
        """Give the executions of the step's cell that came after it."""
        if step.cell_id is None:
            return []
        return [each for each in self.executions if each.seq > step.seq and each.cell_id == step.cell_id]

    def deleted_after(self, step: Step) -> bool:
        """Tell whether the front end said after the step that its cell was deleted, and never ran it again."""
        told = [seq for seq, about in self._metadata.items() if seq > step.seq and step.cell_id in _deleted(about)]
        return bool(told) and not any(each.seq >= told[-1] for each in self.later(step))

    def observed(self, execution: Execution) -> Observed | None:
        """Give what the kernel saw an execution do; None when it did not look."""
        metadata = self._metadata[execution.seq]
        if metadata.get("before_load") or not self.is_observed:
            return None
        return Observed.from_json(metadata.get(KEY) or {})

    @cached_property
    def is_observed(self) -> bool:
        """True when this kernel looked at what cells do: older ones did not."""
        return any(KEY in about for about in self._metadata.values())

    def seen(self, step: Step) -> Observed | None:
        """Give what the kernel saw a step do; None when it did not look."""
        execution = self._by_seq.get(step.seq)
        if step.observed is not None or execution is None:
            return step.observed
        return self.observed(execution)

    def type_of(self, name: str, seq: int) -> str:
        """Give the type that a name had when an execution ended, empty where the kernel did not see it."""
        found = ""
        for each in self.executions:
            seen = self.observed(each) if each.seq <= seq else None
            found = seen.types.get(name, found) if seen else found
        return found

    def bound_by(self, step: Step) -> frozenset[str]:
        """Give the names that a step binds, by its code and as the kernel saw."""
        seen = self.seen(step)
        return facts_of(step.source).binds | frozenset(seen.types if seen else ())


def listed(names: Sequence[str]) -> str:
    """Write names one after the other, the first few of many."""
    shown = ", ".join(names[:4])
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown


def _metadata(execution: Execution) -> dict[str, Any]:
    found = json.loads(execution.metadata or "{}")
    return found if isinstance(found, dict) else {}


def _deleted(metadata: Mapping[str, Any]) -> Sequence[str]:
    return tuple(metadata.get("deleted_cells") or ())


def _is_same_text(one: str, other: str) -> bool:
    return one.rstrip() == other.rstrip()
