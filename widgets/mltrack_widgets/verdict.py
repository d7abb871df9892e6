"""Whether a run's result can be had again, as its tags say: a word for its card, and the reasons why not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack.keys import REPRODUCIBLE_REASONS_TAG, REPRODUCIBLE_TAG, VERIFIED_TAG
from mltrack_widgets.format import count

if TYPE_CHECKING:
    from collections.abc import Mapping

OF_VERDICT = frozenset({REPRODUCIBLE_TAG, REPRODUCIBLE_REASONS_TAG, VERIFIED_TAG})
_KINDS = {
    "edited": "edited cell",
    "deleted": "deleted cell",
    "order": "order",
    "undefined": "undefined name",
    "relative-file": "file",
    "unseeded": "randomness",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a card says of a run, in words; ``reasons`` are (kind, sentence)."""

    word: str
    is_good: bool
    reasons: tuple[tuple[str, str], ...] = ()


def verdict_of(tags: Mapping[str, str]) -> Verdict | None:
    """Read it off a run's tags; None when nothing was found out yet."""
    found, verified = tags.get(REPRODUCIBLE_TAG), tags.get(VERIFIED_TAG)
    reasons = _reasons(tags.get(REPRODUCIBLE_REASONS_TAG, "")) if found == "false" else ()
    if verified == "true":
        return Verdict("verified", is_good=True, reasons=reasons)
    if verified == "false":
        return Verdict("run again, it gave other metrics", is_good=False, reasons=reasons)
    if found == "true":
        return Verdict("reproducible", is_good=True)
    if found == "false":
        said = f": {count(len(reasons), 'reason')}" if reasons else ""
        return Verdict(f"not reproducible{said}", is_good=False, reasons=reasons)
    return None


def kind_word(kind: str) -> str:
    """Name a kind of finding for a reader."""
    return _KINDS.get(kind, kind)


def _reasons(text: str) -> tuple[tuple[str, str], ...]:
    """Read a tag that anyone may have written."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    found = [each for each in document if isinstance(each, dict)] if isinstance(document, list) else []
    return tuple((kind_word(str(each.get("kind", ""))), str(each.get("text", ""))) for each in found)
