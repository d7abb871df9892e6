"""What an import did: how much of what came, what was left behind and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from mltrack.sizes import human_size

MOST_NOTES = 20


@dataclass(slots=True)
class ImportSummary:
    """What an import added, by kind, and what it left out, by reason; ``str`` of it reads well.

    ``runs_new`` came whole, ``runs_updated`` were here and got something more, ``runs_unchanged`` had nothing new.
    ``size`` is the bytes of the artifacts copied, ``masked`` the texts in which a secret was hidden, ``seconds`` how
    long it took.
    """

    source: str
    store: str
    experiments: int = 0
    runs_new: int = 0
    runs_updated: int = 0
    runs_unchanged: int = 0
    points: int = 0
    params: int = 0
    tags: int = 0
    inputs: int = 0
    models: int = 0
    model_versions: int = 0
    artifacts: int = 0
    size: int = 0
    masked: int = 0
    seconds: float = 0.0
    skipped: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    _more_notes: int = 0

    @property
    def runs(self) -> int:
        """The runs of the other store that are here now."""
        return self.runs_new + self.runs_updated + self.runs_unchanged

    def skip(self, reason: str, count: int = 1) -> None:
        """Count something that was left out."""
        self.skipped[reason] += count

    def note(self, text: str) -> None:
        """Keep a line for the reader; beyond some twenty they are only counted."""
        if text in self.notes:
            return
        if len(self.notes) < MOST_NOTES:
            self.notes.append(text)
        else:
            self._more_notes += 1

    def to_dict(self) -> dict[str, Any]:
        """Give the same as values that JSON knows."""
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        return {
            "source": self.source,
            "store": self.store,
            **numbers,
            "seconds": round(self.seconds, 3),
            "skipped": dict(self.skipped),
            "notes": self._all_notes(),
        }

    def _all_notes(self) -> list[str]:
        more = [f"… and {self._more_notes:,} more notes like these"] if self._more_notes else []
        return [*self.notes, *more]

    def __str__(self) -> str:
        lines = [
            f"Imported {self.source} into {self.store} in {self.seconds:.1f} s.",
            f"  runs: {self.runs_new:,} new, {self.runs_updated:,} updated, {self.runs_unchanged:,} already there",
            f"  added: {_listed(self)}",
        ]
        if self.masked:
            lines.append(f"  masked: secrets in {self.masked:,} params, tags and other texts")
        lines += [f"  skipped: {count:,} {reason}" for reason, count in sorted(self.skipped.items())]
        lines += [f"  note: {each}" for each in self._all_notes()]
        return "\n".join(lines)


_NUMBERS = (
    *("experiments", "runs_new", "runs_updated", "runs_unchanged", "points", "params", "tags", "inputs"),
    *("models", "model_versions", "artifacts", "size", "masked"),
)


def _listed(summary: ImportSummary) -> str:
    kinds = ("experiment", "point", "param", "tag", "input", "model", "model_version", "artifact")
    counts = [(getattr(summary, f"{kind}s"), kind.replace("_", " ")) for kind in kinds]
    shown = [f"{count:,} {kind}{'' if count == 1 else 's'}" for count, kind in counts if count]
    if summary.artifacts:
        shown[-1] += f" ({human_size(summary.size)})"
    return ", ".join(shown) or "nothing"
