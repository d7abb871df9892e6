"""What a run's result depends on: the executions of cells, in order, and what stands in the way of having it again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mltrack.provenance.observed import Observed

EDITED, DELETED, ORDER, UNDEFINED = "edited", "deleted", "order", "undefined"
RELATIVE_FILE, UNSEEDED = "relative-file", "unseeded"
KINDS = (EDITED, DELETED, ORDER, UNDEFINED, RELATIVE_FILE, UNSEEDED)
"""What a finding may be: a cell edited after it ran, one deleted whose names are alive, cells out of order, a name that
no cell defines, a file read by a relative path, randomness without a seed."""


@dataclass(frozen=True, slots=True)
class FileUse:
    """A file that a cell opened: its path as it was given, whole path, size in bytes, and SHA-256 where it is known."""

    path: str
    whole_path: str
    written: bool
    size: int | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One execution that a result depends on.

    ``source`` is the cell as typed, ``python`` the same after IPython's transforms (empty when it does not parse);
    ``reasons`` say what the result takes from it, as ``"defines df"``; ``observed`` is what the kernel saw it do;
    ``drawn_idly`` are the generators it draws from with no effect on what it gives.
    """

    seq: int
    cell_id: str | None
    source: str
    python: str
    status: str = "ok"
    reasons: tuple[str, ...] = ()
    observed: Observed | None = None
    drawn_idly: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason why a result may not be had again: its kind (see ``KINDS``), a sentence, and the cell it points at."""

    kind: str
    text: str
    seq: int | None = None
    cell_id: str | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Slice:
    """The executions that a run's cell depends on, in the order they ran, its own the last.

    ``left_out`` are the numbers of the executions before the run's own that are not needed; ``imports`` the roots of
    the modules that the steps import, sorted; ``files`` what they read that they did not write before.
    """

    run_id: str
    steps: tuple[Step, ...]
    left_out: tuple[int, ...] = ()
    findings: tuple[Finding, ...] = ()
    imports: tuple[str, ...] = ()
    files: tuple[FileUse, ...] = field(default=())

    @property
    def reproducible(self) -> bool:
        """True when nothing was found that stands in the way of having the result again."""
        return not self.findings
