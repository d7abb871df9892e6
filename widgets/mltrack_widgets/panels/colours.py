"""Which colour a run has: the same in every panel of the notebook, given in the order in which runs are chosen."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

# Okabe and Ito's palette (https://jfly.uni-koeln.de/color/), blue first. Its black and its yellow would be lost on a
# dark or a white page; violet and brown stand for them, and stay apart from the others for the colour-blind too.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#7B4FD0", "#8C6D31")
DASHES: tuple[tuple[int, ...], ...] = ((1, 0), (6, 3), (2, 2), (8, 3, 2, 3))
UNCHOSEN = "#8C8C8C"
"""What stands for runs that were not chosen."""


class Line(NamedTuple):
    """How a run is drawn: its colour, and the dashes of its lines (lengths on and off, in pixels)."""

    colour: str
    dashes: tuple[int, ...]


class RunColours:
    """Gives each run the next colour when it is first chosen; past eight the dashes vary."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._lock = threading.Lock()

    def line(self, run_id: str) -> Line:
        """Give how a run is drawn, from now on the same."""
        with self._lock:
            place = self._places.setdefault(run_id, len(self._places))
        dashes = DASHES[place // len(PALETTE) % len(DASHES)]
        return Line(PALETTE[place % len(PALETTE)], dashes)

    def lines(self, run_ids: Iterable[str]) -> dict[str, Line]:
        """Give how each of these runs is drawn, in their order."""
        return {run_id: self.line(run_id) for run_id in run_ids}

    def forget(self) -> None:
        """Begin anew with the first colour."""
        with self._lock:
            self._places.clear()


run_colours = RunColours()
"""The colours of this kernel."""
