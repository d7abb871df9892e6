"""Says on a run, once its snapshot is complete, whether its result can be had again, and shows it on its card."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mltrack.entities import RunTag
from mltrack.keys import MAX_TAG_VALUE, REPRODUCIBLE_REASONS_TAG, REPRODUCIBLE_TAG
from mltrack_magics.cards import update_card

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from mltrack.provenance import Finding
    from mltrack.store.protocol import Store
    from mltrack_magics.cards import ShownCard

_LONGEST_REASON = 500


def judge(shell: InteractiveShell, store: Store, run_id: str, *, shown: ShownCard | None) -> None:
    """Find what a run depends on, tag it with what stands in the way of having it again, and update its card."""
    from mltrack.provenance.slicing import slice_of  # in the background, when a run has ended

    found = slice_of(run_id, store=store)
    store.log_batch(run_id, tags=tags_of(found.findings))
    if shown is not None:
        update_card(shell, store, run_id, shown=shown)


def tags_of(findings: Sequence[Finding]) -> list[RunTag]:
    """Give the tags of a run with these findings: ``mltrack.reproducible``, and when it is not, the reasons as JSON."""
    if not findings:
        return [RunTag(REPRODUCIBLE_TAG, "true")]
    reasons = [_reason(each) for each in findings]
    while len(text := json.dumps(reasons, ensure_ascii=False)) > MAX_TAG_VALUE:
        reasons.pop()
    return [RunTag(REPRODUCIBLE_TAG, "false"), RunTag(REPRODUCIBLE_REASONS_TAG, text)]


def _reason(finding: Finding) -> dict[str, object]:
    text = finding.text if len(finding.text) <= _LONGEST_REASON else finding.text[: _LONGEST_REASON - 1] + "…"
    return {"kind": finding.kind, "text": text, "seq": finding.seq, "cell_id": finding.cell_id}
