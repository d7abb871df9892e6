"""What changed between two executed notebooks as HTML: edited lines marked by signs, the outputs beside each other.

Sources and outputs are shown as ``notebook_view`` shows them: text and bitmap images, nothing of it runs.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from mltrack_widgets.format import count, one_line
from mltrack_widgets.html import NOTHING, Markup, join, short_text, tag
from mltrack_widgets.notebook_diff import ADDED, CHANGED, MOVED, REMOVED, UNCHANGED
from mltrack_widgets.notebook_view import count_of, outputs_of, state_of
from mltrack_widgets.run_card import TEXT_WIDTH
from mltrack_widgets.text_diff import SAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mltrack_widgets.notebook_diff import Cell, CellPair, NotebookDiff
    from mltrack_widgets.text_diff import DiffLine, Part

_CONTEXT = 3
"""Lines around a change that are shown; what is between two changes and longer is folded."""
_LEAST_FOLDED = 4
_MOST_LINES = 1_000
_MOST_PAIRS = 200
_LONGEST_LINE = 1_000
_LONGEST_SOURCE = 2_000

_SIGNS = {"+": "+", "-": "−", SAME: " "}
_CLASSES = {"+": "mt-line mt-plus", "-": "mt-line mt-minus", SAME: "mt-line"}
# Inline, so that it holds in untrusted notebooks too (see bundle.framed).
_PAIR = {"class": "mt-cell", "style": "padding:8px 0"}
_DIM = {"class": "mt-dim"}
_SUMMARY = {"class": "mt-dim", "style": "cursor:pointer"}
_LEGEND = {"style": "display:flex;flex-wrap:wrap;gap:0 16px"}
_BOTH = {"style": "display:flex;flex-wrap:wrap;gap:4px 16px"}
_ONE = {"style": "flex-grow:1;flex-basis:280px;min-width:0px"}
_LINES = {"style": "max-height:600px;overflow:auto"}


def notebook_diff_view(diff: NotebookDiff, names: tuple[str, str]) -> Markup:
    """Draw the difference of two notebooks; ``names`` are those of the runs, the earlier or baseline first."""
    signs = (
        tag("span", None, f"{sign} ", short_text(name, TEXT_WIDTH)) for sign, name in zip("−+", names, strict=True)
    )
    return tag("div", {"class": "mt-diff"}, tag("div", _LEGEND, *signs), *_groups(diff.pairs, names))


def _groups(pairs: Sequence[CellPair], names: tuple[str, str]) -> Iterable[Markup]:
    drawn = 0
    for unchanged, group in groupby(pairs, key=lambda pair: pair.kind == UNCHANGED):
        found = list(group)
        if unchanged:
            yield _unchanged(found)
            continue
        yield from (_pair(pair, names) for pair in found[: max(0, _MOST_PAIRS - drawn)])
        drawn += len(found)
    if drawn > _MOST_PAIRS:
        yield tag("div", _DIM, f"and {drawn - _MOST_PAIRS} more cells that differ")


def _unchanged(pairs: Sequence[CellPair]) -> Markup:
    sources = [tag("pre", {"class": "mt-cell"}, _cut(pair.after.source)) for pair in pairs if pair.after]
    summary = tag("summary", _SUMMARY, count(len(pairs), "unchanged cell"))
    return tag("details", {"class": "mt-same mt-of-cells"}, summary, *sources)


def _cut(text: str) -> str:
    """Return a source, its middle left out when it is long."""
    if len(text) <= _LONGEST_SOURCE:
        return text
    return f"{text[: _LONGEST_SOURCE // 2]}\n…\n{text[-_LONGEST_SOURCE // 2 :]}"


def _pair(pair: CellPair, names: tuple[str, str]) -> Markup:
    return tag("div", _PAIR, tag("div", _DIM, _heading(pair)), _source(pair), _outputs(pair, names))


def _heading(pair: CellPair) -> str:
    """Say what became of the cell, which counts it had, and whether it was executed."""
    cells = [cell for cell in (pair.before, pair.after) if cell is not None]
    counts = " → ".join(dict.fromkeys(filter(None, (count_of(cell.content) for cell in cells))))
    kinds = "" if all(cell.kind == "code" for cell in cells) else cells[-1].kind
    states = " → ".join(dict.fromkeys(state_of(cell.content) or "executed" for cell in cells))
    told = [counts, _became(pair), one_line(kinds, 16), "" if kinds or states == "executed" else states]
    return " · ".join(filter(None, told))


def _became(pair: CellPair) -> str:
    if pair.kind == MOVED and pair.before and pair.after:
        way = "up" if pair.after.place < pair.before.place else "down"
        edited = " and changed" if pair.source_differs else ""
        return f"moved {way} from place {pair.before.place + 1} to {pair.after.place + 1}{edited}"
    if pair.kind == CHANGED and not pair.source_differs:
        return "other outputs"
    return {ADDED: "added", REMOVED: "removed", CHANGED: "changed"}.get(pair.kind, pair.kind)


# Lines


def _source(pair: CellPair) -> Markup:
    lines = pair.lines
    if not lines:
        return NOTHING
    if not pair.source_differs:  # moved, or only its outputs differ
        summary = tag("summary", _SUMMARY, f"the same {count(len(lines), 'line')}")
        return tag("details", {"class": "mt-same mt-of-source"}, summary, _block(lines[:_MOST_LINES]))
    more = len(lines) - _MOST_LINES
    rest = tag("div", _DIM, f"and {count(more, 'more line')}") if more > 0 else NOTHING
    return tag("div", _LINES, *_folded(lines[:_MOST_LINES]), rest)


def _folded(lines: Sequence[DiffLine]) -> Iterable[Markup]:
    """Draw lines, folding those of a long stretch that did not change but for a few around a change."""
    start = 0
    for same, group in groupby(lines, key=lambda line: line.sign == SAME):
        stretch = list(group)
        first, last = start == 0, start + len(stretch) == len(lines)
        start += len(stretch)
        head, tail = (0 if first else _CONTEXT), len(stretch) - (0 if last else _CONTEXT)
        if same and tail - head >= _LEAST_FOLDED:
            summary = tag("summary", _SUMMARY, count(tail - head, "unchanged line"))
            yield _block(stretch[:head])
            yield tag("details", {"class": "mt-same mt-of-lines"}, summary, _block(stretch[head:tail]))
            yield _block(stretch[tail:])
        else:
            yield _block(stretch)


def _block(lines: Sequence[DiffLine]) -> Markup:
    return tag("pre", None, *map(_line, lines)) if lines else NOTHING


def _line(line: DiffLine) -> Markup:
    sign = tag("span", {"class": "mt-sign"}, f"{_SIGNS[line.sign]} ")
    return tag("div", {"class": _CLASSES[line.sign]}, sign, join(map(_part, line.parts)))


def _part(part: Part) -> Markup | str:
    text = part.text if len(part.text) <= _LONGEST_LINE else f"{part.text[:_LONGEST_LINE]}…"
    return tag("strong", {"class": "mt-mark"}, text) if part.changed else text


# Outputs


def _outputs(pair: CellPair, names: tuple[str, str]) -> Markup:
    """Draw the outputs beside each other where they differ, once where they do not."""
    sides = [(name, cell) for name, cell in zip(names, (pair.before, pair.after), strict=True) if cell is not None]
    if not any(cell.outputs for _, cell in sides):
        return NOTHING
    if len(sides) == 2 and not pair.outputs_differ:
        return tag("div", _DIM, "the same outputs")
    return tag("div", _BOTH, *(_side(name, cell) for name, cell in sides))


def _side(name: str, cell: Cell) -> Markup:
    drawn = list(outputs_of(cell.content)) or [tag("div", _DIM, "no output")]
    return tag("div", _ONE, tag("div", _DIM, "outputs of ", short_text(name, TEXT_WIDTH)), *drawn)
