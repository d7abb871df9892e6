"""What cells share besides names: random generators, files, the process's surroundings, and the last output."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mltrack.provenance.observed import Observed
    from mltrack.provenance.things import Thing

GENERATORS = ("random", "numpy", "torch")
SEEDS, DRAWS, MAY_DRAW, UNKNOWN, TELLS = "seeds", "draws from", "may draw from", "may seed", "tells the state of"
_WRITING = frozenset("wax+")
_OF_LIBRARIES = ("KMP_", "TORCHINDUCTOR_", "_RJEM_", "TF_", "TF2_", "XLA_", "PYTORCH_", "CUDA_MODULE_LOADING")
"""Variables that libraries set when they are loaded, which may be in any cell."""


@dataclass(slots=True)
class _Write:
    path: str | None  # None: one that is not to be seen
    seq: int
    sure: bool


@dataclass(slots=True)
class _Chain:
    """What has happened to a generator's state since it was last seeded for sure."""

    events: list[tuple[int, str]] = field(default_factory=list)

    def is_seeded(self) -> bool:
        return any(how in (SEEDS, UNKNOWN) for _, how in self.events)


class Resources:
    """What executions leave behind outside the namespace.

    Parameters
    ----------
    need
        Called with the executions that the one under way depends on, and why.
    is_sure
        Tells whether the present place of the code is surely reached.
    """

    def __init__(self, need: Callable[[Iterable[int], str, str], None], is_sure: Callable[[], bool]) -> None:
        self._need = need
        self._is_sure = is_sure
        self._seq = 0
        self._chains = {name: _Chain() for name in GENERATORS}
        self._random: list[tuple[str, str, bool]] = []  # of the execution under way: generator, what, for sure
        self._drawn: dict[int, set[str]] = {}
        self._drawn_idly: dict[int, set[str]] = {}
        self._writes: list[_Write] = []
        self._reads: list[str | None] = []
        self._moved = False
        self._figures: list[int] = []
        self.figures: set[Thing] = set()  # what pyplot gave; it may draw on these again
        self.ambient: dict[int, str] = {}
        self.outputs: list[int] = []
        self.output_things: set[Thing] = set()
        self.numbered: set[int] = set()  # executions that use the numbers of others: _3, Out[3], In[3]
        self.read_paths: dict[int, list[str]] = {}

    def begin(self, seq: int) -> None:
        """Turn to the next execution."""
        self._seq = seq
        self._random = []
        self._reads = []

    def end(self, observed: Observed | None, *, unseen: bool = False) -> None:
        """Settle what an execution did, by what the kernel saw of it where it did.

        ``unseen`` when it called what is not known.
        """
        seen = None if observed is None else {each for each in observed.random if each in GENERATORS}
        for name in GENERATORS:
            self._settle(name, seen)
        if observed is not None:
            self._note_seen(observed, unseen=unseen)

    # Random numbers

    def random(self, name: str, how: str, *, idly: bool | None = False) -> None:
        """Note what is done to a generator: ``SEEDS``, ``DRAWS``, ``MAY_DRAW``, ``TELLS`` or ``UNKNOWN``.

        ``idly`` when no result depends on the numbers that are drawn; None when little speaks for any being drawn.
        """
        sure = self._is_sure()
        if how not in (SEEDS, TELLS) and idly is not None:
            (self._drawn_idly if idly else self._drawn).setdefault(self._seq, set()).add(name)
        if (name, how, sure) not in self._random[-1:]:
            self._random.append((name, how, sure))

    def drawn_idly(self, seq: int) -> tuple[str, ...]:
        """Name the generators from which an execution draws numbers, none of which its result depends on."""
        return tuple(sorted(self._drawn_idly.get(seq, set()) - self._drawn.get(seq, set())))

    def may_draw(self) -> None:
        """Note that any generator may be drawn from, which matters where one is seeded."""
        for name in GENERATORS:
            self.random(name, MAY_DRAW, idly=None)

    def _settle(self, name: str, seen: set[str] | None) -> None:
        events = [(how, sure) for each, how, sure in self._random if each == name]
        if seen is not None and name not in seen:
            events = [(how, sure) for how, sure in events if how in (SEEDS, TELLS)]
        elif seen is not None and not events:
            events = [(UNKNOWN, True)]
        for how, sure in events:
            self._apply(name, how, sure=sure)

    def _apply(self, name: str, how: str, *, sure: bool) -> None:
        chain = self._chains[name]
        if how == SEEDS and sure:
            chain.events = [(self._seq, SEEDS)]
            return
        if how != SEEDS and chain.is_seeded():
            for seq, what in chain.events:
                self._need((seq,), what, name)
        if how != TELLS and chain.events[-1:] != [(self._seq, how)]:
            chain.events.append((self._seq, how))

    # Files

    def write(self, path: str | None, *, sure: bool = True) -> None:
        """Note that a file is written; ``sure`` when nothing of what it was before is left."""
        where = None if path is None else posixpath.normpath(path)
        sure = sure and self._is_sure()
        if sure and where is not None and not self._moved:
            self._writes = [each for each in self._writes if each.path != where]
        write = _Write(where, self._seq, sure)
        if write not in self._writes:
            self._writes.append(write)

    def read(self, path: str | None, *, says: bool = True) -> None:
        """Note that a file is read, or a folder is looked into; None for one that is not to be seen.

        ``says`` when the code says so, and the file is one of the notebook's.
        """
        where = None if path is None else posixpath.normpath(path)
        if where in self._reads:
            return
        self._reads.append(where)
        for each in self._writes:
            if where is None or each.path is None or _may_be_same(where, each.path):
                self._need((each.seq,), "writes", each.path or "files")
        if says and where is not None and not any(each.path == where for each in self._writes):
            self.read_paths.setdefault(self._seq, []).append(where)

    def _note_seen(self, observed: Observed, *, unseen: bool) -> None:
        for each in observed.files:
            path = str(each.get("whole") or each.get("path"))
            if _WRITING & set(str(each.get("mode", "r"))):
                if self._is_written_anew(path):
                    self._writes = [each for each in self._writes if each.path != path]
                self.write(path, sure=False)
            else:
                self.read(path)
        for what in observed.ambient:
            name = what.removeprefix("environ:")
            if name != what and (not unseen or name.startswith(_OF_LIBRARIES)):
                continue  # the code does not set it: a library did for itself, and does so again
            self.change_surroundings(f"sets {what.removeprefix('environ:')}")

    def _is_written_anew(self, whole: str) -> bool:
        """Tell whether the code of this execution surely writes a file over, that the kernel saw by its whole path."""
        written = [each.path for each in self._writes if each.sure and each.seq == self._seq and each.path]
        return not self._moved and any(whole == path or whole.endswith(f"/{path}") for path in written)

    # The rest

    def move(self) -> None:
        """Note that the working folder changes, and so what relative paths mean."""
        self._moved = True
        self.change_surroundings("changes the folder")

    def change_surroundings(self, what: str) -> None:
        """Note a change that any cell may depend on."""
        self.ambient.setdefault(self._seq, what)

    def draw_figure(self, *, anew: bool = False) -> None:
        """Note that pyplot's current figure is drawn on; ``anew`` when from here on it is another."""
        if anew and self._is_sure():
            self._figures.clear()
        if self._figures[-1:] != [self._seq]:
            self._figures.append(self._seq)

    def use_figure(self) -> None:
        """Note that pyplot's current figure is asked for."""
        self._need(self._figures, "draws", "the figure")

    def use_output(self) -> None:
        """Note that the last output, ``_``, is used."""
        self._need(self.outputs, "gives", "_")


def _may_be_same(first: str, second: str) -> bool:
    """Tell whether two paths may be one file, or one a folder in which the other is.

    The folder that a relative path starts from may not be known: the names at the ends are compared.
    """
    if first == second or "." in (first, second):
        return True
    if any(mark in first for mark in "*?["):
        return True
    one, other = first.split("/"), second.split("/")
    return one[-1] == other[-1] or one[-1] in other or other[-1] in one
