"""What stands in the way of having a result again: hidden state of the notebook and of the world around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.provenance.cell_order import find_disorder
from mltrack.provenance.evidence import Evidence
from mltrack.provenance.foreign_names import find_foreign
from mltrack.provenance.outside_files import find_outside
from mltrack.provenance.slice import KINDS
from mltrack.provenance.stale_cells import find_stale
from mltrack.provenance.unseeded import find_unseeded

if TYPE_CHECKING:
    from mltrack.provenance.slice import Finding, Slice
    from mltrack.store.notebooks import Snapshot

MOST_FINDINGS = 100


def findings_of(snapshot: Snapshot, found: Slice) -> tuple[Finding, ...]:
    """Give the reasons why a run from the top of the notebook to its bottom may give something else, by cell.

    A snapshot without the notebook's file is judged by what the kernel executed alone.
    """
    evidence = Evidence(snapshot, found)
    every = [
        finding
        for find in (find_stale, find_disorder, find_foreign, find_outside, find_unseeded)
        for finding in find(evidence)
    ]
    unique = dict.fromkeys(every)
    return tuple(sorted(unique, key=lambda each: (each.seq or 0, KINDS.index(each.kind))))[:MOST_FINDINGS]
