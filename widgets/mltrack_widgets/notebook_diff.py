"""What changed between two notebooks as they were executed: cells aligned by id and by what they hold.

A cell's id is its identity where the notebook gave it one. Cells without are aligned by equal source, and what is then
left between two aligned cells by how alike it is, by the alignment that nbdime computes
(https://nbdime.readthedocs.io/en/latest/diffing.html).
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import defaultdict, deque
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from mltrack.exceptions import NotFoundError
from mltrack.executed_notebook import as_notebook
from mltrack_widgets.format import one_line
from mltrack_widgets.notebook_view import joined_text
from mltrack_widgets.run_card import NAME_WIDTH
from mltrack_widgets.text_diff import DiffLine, line_diff

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mltrack.store.notebooks import Execution
    from mltrack.store.protocol import Store

UNCHANGED, CHANGED, ADDED, REMOVED, MOVED = "unchanged", "changed", "added", "removed", "moved"

_ALIKE = 0.5
"""How much of their words two sources share at least to be taken for one cell that was edited."""
_NEAR = 0.8
"""How much of their lines two sources share that are matched first."""
_TELLING = 12
"""Characters of a source from which on an equal one elsewhere is the same cell, moved; words, from which on one that
was added to is the same."""
_LARGEST_GAP = 200_000
"""Pairs of cells that are compared one by one; beyond, cells that are not equal are added and removed."""

# Ids that the document of a snapshot gives to cells that have none (see mltrack.executed_notebook).
_MADE_ID = re.compile(r"(?:execution-\d+|cell-\d+-*)")
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")
_WORD = re.compile(r"\w+|[^\w\s]")


class Cell:
    """A cell of a notebook, and what alignment looks at; ``content`` is the cell as nbformat has it."""

    def __init__(self, content: Mapping[str, Any], place: int) -> None:
        self.content = content
        self.place = place
        self.kind = str(content.get("cell_type"))
        self.source = joined_text(content.get("source"))
        name = str(content.get("id") or "")
        self.name = name
        self.id = "" if _MADE_ID.fullmatch(name) else name

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """The outputs as texts that are equal when the outputs are, whatever their numbers and memory addresses."""
        given = self.content.get("outputs")
        return tuple(_canonical(output) for output in given) if isinstance(given, list | tuple) else ()

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of the source, each with how many times it has come by then."""
        seen: dict[str, int] = defaultdict(int)
        found = []
        for word in _WORD.findall(self.source):
            seen[word] += 1
            found.append(f"{word} {seen[word]}")
        return frozenset(found)

    def is_like(self, other: Cell) -> bool:
        """Tell whether two cells may be one that was edited: of one kind, and half of their words are the same."""
        if self.kind != other.kind or not (self.words and other.words):
            return False
        shared = len(self.words & other.words)
        return 2 * shared >= _ALIKE * 2 * max(len(self.words), len(other.words)) or _holds(self, other, shared)


def _holds(one: Cell, other: Cell, shared: int) -> bool:
    """Tell whether nearly all of a longer source is in the other, to which more was added."""
    least = min(len(one.words), len(other.words))
    return least >= _TELLING and shared >= 0.9 * least


@dataclass(frozen=True)
class CellPair:
    """A cell before and after; one of them is None for one that was added or removed.

    ``kind`` is unchanged, changed, added, removed or moved (and perhaps changed).
    """

    kind: str
    before: Cell | None
    after: Cell | None

    @property
    def source_differs(self) -> bool:
        """True when the sources are not equal; what is on one side only differs."""
        return self.before is None or self.after is None or self.before.source != self.after.source

    @property
    def outputs_differ(self) -> bool:
        """True when the outputs are not equal, apart from numbers of execution and memory addresses."""
        return self.before is None or self.after is None or self.before.outputs != self.after.outputs

    @cached_property
    def lines(self) -> list[DiffLine]:
        """The source's lines: the same in both, removed and added, with what changed inside of a line."""
        return line_diff(self.before.source if self.before else "", self.after.source if self.after else "")


@dataclass(frozen=True)
class NotebookDiff:
    """Two notebooks as executed, aligned: ``pairs`` in the order of the later one, removed cells where they were."""

    pairs: tuple[CellPair, ...]

    def count(self, kind: str) -> int:
        """Count the pairs of a kind: unchanged, changed, added, removed or moved."""
        return sum(pair.kind == kind for pair in self.pairs)

    @property
    def words(self) -> str:
        """Say in a few words what changed: ``2 changed, 1 added, 12 unchanged``."""
        counts = ((self.count(kind), kind) for kind in (CHANGED, MOVED, ADDED, REMOVED, UNCHANGED))
        return ", ".join(f"{number} {kind}" for number, kind in counts if number) or "no cells"

    def __repr__(self) -> str:
        return f"<NotebookDiff: {self.words}>"


def diff_runs(store: Store, before: str, after: str) -> NotebookDiff:
    """Compare the notebooks that two runs, named by their whole ids, had executed.

    Raises
    ------
    NotFoundError
        When one of them has no notebook.

    """
    return diff_notebooks(_document(store, before), _document(store, after))


def diff_notebooks(before: Mapping[str, Any], after: Mapping[str, Any]) -> NotebookDiff:
    """Compare two notebooks (nbformat 4, as mappings) cell by cell; metadata and execution counts are left aside."""
    old, new = _cells(before), _cells(after)
    named = _by_id(old, new)
    kept, passing = _in_order([*named, *_by_source(old, new, named)])
    # a short cell that is equal to one elsewhere (`df.head()`) need not be that one
    moved = [match for match in passing if match in named or len(old[match.old].source) >= _TELLING]
    kept += _alike(old, new, kept, moved)
    return NotebookDiff(tuple(_pairs(old, new, sorted(kept), moved)))


def _document(store: Store, run_id: str) -> Mapping[str, Any]:
    """Give a run's notebook with each cell once, as it was executed last."""
    snapshot = store.load_snapshot(run_id)
    if snapshot is None:
        name = one_line(store.get_run(run_id).info.run_name, NAME_WIDTH)
        raise NotFoundError(f"The run {name} has no notebook: it was made without one, or with --no-snapshot.")
    if snapshot.manifest is None:
        snapshot = replace(snapshot, executions=tuple(_last_of_each(snapshot.executions)))
    return as_notebook(snapshot, run_id)


def _last_of_each(executions: Iterable[Execution]) -> Iterable[Execution]:
    """Give the last execution of each cell that has an id, at the place of its first; those without are all kept."""
    last: dict[object, Execution] = {}
    for execution in executions:
        last[execution.cell_id or execution.seq] = execution
    return last.values()


def _cells(notebook: Mapping[str, Any]) -> list[Cell]:
    given = notebook.get("cells")
    cells = given if isinstance(given, list | tuple) else ()
    return [Cell(cell, place) for place, cell in enumerate(each for each in cells if isinstance(each, dict))]


def _canonical(output: object) -> str:
    if not isinstance(output, dict):
        return repr(output)
    told = {key: value for key, value in output.items() if key not in ("metadata", "execution_count")}
    told.update({key: _addressless(told[key]) for key in ("text", "traceback") if key in told})
    if isinstance(told.get("data"), dict):
        told["data"] = {kind: _addressless(content) for kind, content in told["data"].items()}
    return json.dumps(told, sort_keys=True, default=repr)


def _addressless(text: object) -> object:
    """Put nbformat's multiline text together and leave out where in memory an object was; base64 has no such words."""
    return _ADDRESS.sub("0x…", joined_text(text)) if isinstance(text, str | list) else text


# Which cell is which


class _Match(NamedTuple):
    """The places of one cell in both notebooks."""

    old: int
    new: int


def _by_id(old: Sequence[Cell], new: Sequence[Cell]) -> list[_Match]:
    places = {cell.id: cell.place for cell in reversed(old) if cell.id}
    found = {places[cell.id]: cell for cell in reversed(new) if cell.id in places}
    return [_Match(place, cell.place) for place, cell in found.items() if old[place].kind == cell.kind]


def _by_source(old: Sequence[Cell], new: Sequence[Cell], matched: Sequence[_Match]) -> list[_Match]:
    """Match the cells that are left by equal sources, in their order."""
    taken_old, taken_new = {match.old for match in matched}, {match.new for match in matched}
    waiting: dict[tuple[str, str], deque[int]] = defaultdict(deque)
    for cell in old:
        if cell.place not in taken_old:
            waiting[cell.kind, cell.source].append(cell.place)
    found = []
    for cell in new:
        places = waiting.get((cell.kind, cell.source)) if cell.place not in taken_new else None
        if places:
            found.append(_Match(places.popleft(), cell.place))
    return found


def _in_order(matched: Sequence[_Match]) -> tuple[list[_Match], list[_Match]]:
    """Part the matches into the longest run in which no cell passes another, and those that moved."""
    ordered = sorted(matched)
    ends: list[int] = []  # of the best run of each length, the place in the new notebook at which it ends
    lengths = []
    for match in ordered:
        length = bisect_left(ends, match.new)
        ends[length : length + 1] = [match.new]
        lengths.append(length)
    kept, moved, wanted, last = [], [], len(ends) - 1, len(matched) + max((each.new for each in matched), default=0)
    for match, length in zip(reversed(ordered), reversed(lengths), strict=True):
        if length == wanted and match.new < last:
            kept.append(match)
            wanted, last = wanted - 1, match.new
        else:
            moved.append(match)
    return kept[::-1], moved


def _alike(old: Sequence[Cell], new: Sequence[Cell], kept: Sequence[_Match], moved: Sequence[_Match]) -> list[_Match]:
    """Match what is left between two matches, where it is alike."""
    moved_old, moved_new = {match.old for match in moved}, {match.new for match in moved}
    found = []
    for before, after in zip([_Match(-1, -1), *kept], [*kept, _Match(len(old), len(new))], strict=True):
        left = [cell for cell in old[before.old + 1 : after.old] if cell.place not in moved_old]
        right = [cell for cell in new[before.new + 1 : after.new] if cell.place not in moved_new]
        if left and right and len(left) * len(right) <= _LARGEST_GAP:
            found += [_Match(one.place, other.place) for one, other in _snakes(left, right)]
    return found


def _snakes(left: Sequence[Cell], right: Sequence[Cell]) -> Iterator[tuple[Cell, Cell]]:
    if len(left) == len(right) == 1:
        if left[0].is_like(right[0]) or (left[0].name, left[0].kind) == (right[0].name, right[0].kind):
            yield left[0], right[0]
        return
    from nbdime.diffing.snakes import compute_snakes_multilevel  # 0.9 s, and most diffs have no such gap

    for one, other, length in compute_snakes_multilevel(left, right, [Cell.is_like, _is_near]):
        yield from zip(left[one : one + length], right[other : other + length], strict=True)


def _is_near(one: Cell, other: Cell) -> bool:
    """Tell whether two cells are alike in nearly all; such pairs are matched before those that are alike in half."""
    if not one.is_like(other):
        return False
    return SequenceMatcher(None, one.source.splitlines(), other.source.splitlines(), autojunk=False).ratio() > _NEAR


def _pairs(
    old: Sequence[Cell], new: Sequence[Cell], kept: Sequence[_Match], moved: Sequence[_Match]
) -> Iterator[CellPair]:
    """Walk both notebooks: what was removed comes before the cell that follows it."""
    origins = {match.new: match.old for match in moved}
    gone = {match.old for match in moved}
    place, ahead = 0, 0
    for match in [*kept, _Match(len(old), len(new))]:
        yield from (CellPair(REMOVED, cell, None) for cell in old[place : match.old] if cell.place not in gone)
        for cell in new[ahead : match.new]:
            origin = origins.get(cell.place)
            yield CellPair(ADDED, None, cell) if origin is None else CellPair(MOVED, old[origin], cell)
        if match.old < len(old):
            pair = CellPair(CHANGED, old[match.old], new[match.new])
            yield pair if pair.source_differs or pair.outputs_differ else replace(pair, kind=UNCHANGED)
        place, ahead = match.old + 1, match.new + 1
