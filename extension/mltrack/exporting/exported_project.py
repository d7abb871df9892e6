"""A run that was exported: where it is, and what to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mltrack.plain_text import printable

if TYPE_CHECKING:
    from pathlib import Path

    from mltrack.exporting.verification import Verification

MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class ExportedProject:
    """A run that was exported: the folder, what is in it, and what a reader should know.

    ``parameters`` can be set with ``-P``; ``fixed`` are other params that the run has from its cells, which no literal
    in them gives; ``left_out`` is how many cells ran before that the result does not depend on.
    """

    folder: Path
    run_id: str
    cells: int
    left_out: int = 0
    parameters: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    archive: Path | None = None
    verification: Verification | None = None

    def __fspath__(self) -> str:
        """Give the folder's path."""
        return str(self.folder)

    @property
    def text(self) -> str:
        """A few lines on what was written."""
        left = f", {self.left_out} left out" if self.left_out else ""
        lines = [f"{printable(str(self.folder))}: {self.cells} cell{'s' * (self.cells != 1)} of the run{left}"]
        lines += [f"parameters: {', '.join(self.parameters)}"] if self.parameters else []
        more = f" and {len(self.fixed) - MOST_NAMED} more" if len(self.fixed) > MOST_NAMED else ""
        named = ", ".join(printable(each) for each in self.fixed[:MOST_NAMED])
        lines += [f"computed, so not to be set: {named}{more}"] if self.fixed else []
        lines += [f"archive: {printable(str(self.archive))}"] if self.archive else []
        lines += [f"note: {printable(each)}" for each in self.notes]
        lines += [self.verification.text] if self.verification else []
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """Give it as plain JSON."""
        return {
            "folder": str(self.folder),
            "run_id": self.run_id,
            "cells": self.cells,
            "left_out": self.left_out,
            "parameters": [*self.parameters],
            "fixed": [*self.fixed],
            "notes": [*self.notes],
            "archive": str(self.archive) if self.archive else None,
            "verification": self.verification.as_json() if self.verification else None,
        }
