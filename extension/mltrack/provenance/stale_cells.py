"""Steps whose cell the notebook no longer has as it ran: it was edited, or deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.provenance.cell_facts import facts_of, is_import
from mltrack.provenance.evidence import listed
from mltrack.provenance.slice import DELETED, EDITED, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack.provenance.evidence import Evidence
    from mltrack.provenance.slice import Step


def find_stale(evidence: Evidence) -> Iterator[Finding]:
    """Find steps that the notebook would not repeat."""
    for step in evidence.steps:
        names = tuple(sorted(evidence.bound_by(step)))
        cell = evidence.heading(step.seq)
        if _is_deleted(evidence, step):
            what = f", which defines {listed(names)}," if names else ""
            text = f"{cell}{what} is not in the notebook any more: put it back, or define what it did in another cell."
            yield Finding(DELETED, text, step.seq, step.cell_id, names)
        elif _is_edited(evidence, step):
            text = f"{cell} was edited after it ran, and the result comes from what it was: run it and this cell again."
            yield Finding(EDITED, text, step.seq, step.cell_id, names)


def _is_deleted(evidence: Evidence, step: Step) -> bool:
    if step.cell_id is None:
        return False
    if evidence.is_saved_since(step) and evidence.has_ids:
        return evidence.place(step) is None
    return evidence.deleted_after(step)


def _is_edited(evidence: Evidence, step: Step) -> bool:
    if any(not does_the_same(step.source, each.source) for each in evidence.later(step)):
        return True
    place = evidence.place(step)
    if not evidence.is_saved_since(step):
        return False
    if place is None:  # without ids it cannot be said whether a cell was edited or deleted
        return not evidence.has_ids and not any(each.source.rstrip() == step.source.rstrip() for each in evidence.cells)
    return not does_the_same(step.source, evidence.cells[place].source)


def does_the_same(before: str, after: str) -> bool:
    """Tell whether a cell does what it did: nothing but comments, layout or imports that came to it has changed."""
    if before.rstrip() == after.rstrip():
        return True
    old, new = facts_of(before).body, facts_of(after).body
    if not old or not new:
        return False
    same_code = [each for each in old if not is_import(each)] == [each for each in new if not is_import(each)]
    return same_code and {each for each in old if is_import(each)} <= {each for each in new if is_import(each)}
