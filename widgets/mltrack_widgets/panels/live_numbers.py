"""The numbers of a live panel's metrics: as a table, and as lines of a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mltrack_widgets.format import number, one_line, sparkline
from mltrack_widgets.html import NOTHING, join, short_text, tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack_widgets.html import Markup
    from mltrack_widgets.panels.live_series import LiveSeries

_KEY_WIDTH = 40


def table_of(series: Sequence[LiveSeries]) -> Markup:
    """Give each metric's last, lowest and highest value and its number of points; nothing where there is none."""
    if not series:
        return NOTHING
    head = _row(("metric", "last", "min", "max", "points"), "th")
    rows = [_row((each.key, *_numbers(each)), "td") for each in series]
    return tag("div", {"class": "mt-scroll"}, tag("table", {}, tag("thead", {}, head), tag("tbody", {}, *rows)))


def lines_of(series: Sequence[LiveSeries]) -> list[str]:
    """Give a line for each metric: its last value, and bars where there are several."""
    return [_line(each) for each in series]


def _line(series: LiveSeries) -> str:
    values = [value for _, _, value in series.rows]
    bars = f" {sparkline(values)} ({series.count:,})" if series.count > 1 else ""
    return f"{one_line(series.key, _KEY_WIDTH)}  {number(values[-1])}{bars}"


def _numbers(series: LiveSeries) -> tuple[str, str, str, str]:
    low, high = (math.nan if each is None else each for each in (series.low, series.high))
    return number(series.rows[-1][2]), number(low), number(high), f"{series.count:,}"


def _row(cells: Sequence[str], name: str) -> Markup:
    first, *rest = cells
    others = join(tag(name, {"class": "mt-n"}, each) for each in rest)
    return tag("tr", {}, tag(name, {}, short_text(first, _KEY_WIDTH)), others)
