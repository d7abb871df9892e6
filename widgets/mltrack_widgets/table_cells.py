"""Cells of tables of runs: how a value reads, and what hovering over it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mltrack_widgets.format import exact_time, number, one_line, param_value, relative_time, short_id
from mltrack_widgets.run_card import TEXT_WIDTH, status_mark, status_word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mltrack_widgets.html import Markup


class Cell(NamedTuple):
    """A cell: its text, what hovering over it says, and how it is drawn when it is more than text."""

    text: str
    title: str | None = None
    markup: Markup | None = None


NO_VALUE = Cell("")
"""The cell of a run that has none of what the column is about."""


def text_cell(text: str, width: int = TEXT_WIDTH) -> Cell:
    """Show a text, cut in the middle to ``width`` characters with the whole on hover."""
    return Cell(one_line(text, width), text if len(text) > width else None)


def status_cell(status: str) -> Cell:
    """Show a run's status: a dot in its colour, and the word."""
    return Cell(status_word(status), markup=status_mark(status))


def id_cell(run_id: str) -> Cell:
    """Show the first 8 digits of an id."""
    return Cell(one_line(short_id(run_id), 8), run_id)


def moment_cell(milliseconds: int, now_ms: int) -> Cell:
    """Show how long ago a moment was, both in ms since 1970, with the exact time on hover."""
    return Cell(relative_time(milliseconds, now_ms), exact_time(milliseconds))


def param_cell(text: str | None) -> Cell:
    """Show a param's value; None is a run without it."""
    if text is None:
        return NO_VALUE
    shown = param_value(text)
    return Cell(one_line(shown, TEXT_WIDTH), text if len(shown) > TEXT_WIDTH or shown != text else None)


def metric_cell(value: float | None) -> Cell:
    """Show a metric's value, with all its digits on hover; None is a run without it."""
    return NO_VALUE if value is None else Cell(number(value), repr(value))


def are_numbers(values: Iterable[str | None]) -> bool:
    """Tell whether all texts that are there read as numbers, so that their column is aligned at the right."""
    return all(_is_number(value) for value in values if value is not None)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
