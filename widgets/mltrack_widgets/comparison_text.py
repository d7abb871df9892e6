"""Runs side by side as a terminal shows them: the rows that differ, and how many are the same in all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack_widgets.comparison import column_names
from mltrack_widgets.format import aligned, count, difference, one_line
from mltrack_widgets.text_diff import told_apart

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mltrack_widgets.comparison import Comparison, Row, Section

TERMINAL_WIDTH = 120
_NAME, _LEAST, _MOST = 28, 14, 32
_MOST_ROWS = 40
_AROUND = 8
_NO_VALUE = "–"


def comparison_text(comparison: Comparison, notes: Sequence[str] = ()) -> str:
    """Write a comparison as a table of what differs; runs that do not fit into a terminal are counted."""
    shown = max(1, min(len(comparison.runs), (TERMINAL_WIDTH - _NAME) // (_LEAST + 2)))
    room = min(_MOST, (TERMINAL_WIDTH - _NAME) // shown - 2)
    names = [one_line(name, room) for name in column_names(comparison.runs)[:shown]]
    table = [["", *names]]
    said: dict[int, str] = {}  # after so many lines of the table
    for section in comparison.sections:
        table += [
            [one_line(f"{section.kind}.{row.name}", _NAME), *_cells(row, section, room)[:shown]]
            for row in section.differing[:_MOST_ROWS]
        ]
        if words := _remark(section):
            said[len(table)] = f"{said[len(table)]}; {words}" if len(table) in said else words
    lines = list(_lines(table, said))
    hidden = len(comparison.runs) - shown
    more = [f"{count(hidden, 'more run')} not shown here"] if hidden else []
    return "\n".join([*notes, *lines, *more])


def _remark(section: Section) -> str:
    hidden = len(section.differing) - _MOST_ROWS
    parts = [f"{hidden} more differ"] if hidden > 0 else []
    if section.same:
        parts.append(f"{len(section.same)} the same in all")
    return f"{section.kind}: {', '.join(parts)}" if parts else ""


def _cells(row: Row, section: Section, room: int) -> list[str]:
    base = row.values[0]
    known = [value.shown for value in row.values if value is not None]
    if len(set(known)) > 1 and any(len(text) > room for text in known):
        known = ["".join(parts) for parts in told_apart(known, _AROUND)]
    texts = iter(known)
    cells = []
    for place, value in enumerate(row.values):
        if value is None:
            cells.append("not known" if place in section.unknown else _NO_VALUE)
            continue
        moved = ""
        if place and base is not None and base.number is not None and value.number is not None:
            moved = f" {difference(value.number, base.number)}".rstrip()
        cells.append(f"{one_line(next(texts), room - len(moved))}{moved}")
    return cells


def _lines(table: Sequence[Sequence[str]], said: dict[int, str]) -> Iterable[str]:
    for place, line in enumerate(aligned(table)):
        if place in said:
            yield f"({said[place]})"
        yield line
    if len(table) in said:
        yield f"({said[len(table)]})"
