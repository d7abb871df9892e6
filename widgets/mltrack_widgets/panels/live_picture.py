"""The picture of a live panel that stays: small charts as SVG, drawn as PNG without Vega and Altair.

The charts look as those of ``live.js``. Drawing takes milliseconds, where Vega takes half a second at first and Altair
one more: a cell that has trained ends at once.
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree as Tree

from mltrack.plain_text import printable
from mltrack_widgets.format import middle_cut, number
from mltrack_widgets.panels.palette_png import with_palette

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack_widgets.panels.live_series import LiveSeries

SCALE = 1.5
WIDTH, HEIGHT, GAP, COLUMNS = 320, 200, 12, 3
LEFT, RIGHT, TOP, BOTTOM = 48, 8, 26, 36
_TITLE_ROOM = 30
_MOST = sys.float_info.max
_TITLE, _TEXT, _GRID = "#202020", "#555555", "#dddddd"  # on white, whatever page the picture is shown on
_FONT = {"font-family": "sans-serif", "font-size": "11", "fill": _TEXT}


class Scale(NamedTuple):
    """Where values stand, from 0 to 1, and the marks along them."""

    low: float
    high: float
    is_log: bool = False

    def place(self, value: float) -> float:
        """Give where a finite value stands."""
        low, high, value = (math.log10(each) for each in (*self[:2], value)) if self.is_log else (*self[:2], value)
        half = 0.5  # the distance between two floats may be more than a float holds
        return (value * half - low * half) / (high * half - low * half)

    def marks(self, most: int) -> list[float]:
        """Give round values between the ends."""
        if self.is_log:
            least, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            return [10.0**power for power in range(least, last + 1, max(1, math.ceil((last - least) / most)))]
        by = _round_step((self.high - self.low) / most)
        if not math.isfinite(by) or by <= 0:
            return [self.low, self.high]
        first = math.ceil(self.low / by - 1e-9)
        most_high = min(_MOST, self.high + by * 1e-9)
        return [value for index in range(first, first + most + 2) if (value := index * by) <= most_high]


def _round_step(step: float) -> float:
    if not math.isfinite(step) or step <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(step))
    return float(next(size for size in (1, 2, 5, 10) if size * power >= step * (1 - 1e-9)) * power)


def scale_of(low: float, high: float, *, may_be_log: bool = False) -> Scale:
    """Give the scale of values from ``low`` to ``high``: logarithmic when they span over two decades."""
    if may_be_log and low > 0 and high / low > 100:
        return Scale(low, high, is_log=True)
    if low == high:
        room = abs(low) / 2 or 0.5
        return Scale(max(-_MOST, low - room), min(_MOST, high + room))
    return Scale(low, high)


def picture(series: Sequence[LiveSeries], colour: str) -> bytes:
    """Draw metrics beside and below each other, three in a row, as PNG."""
    import vl_convert  # 5 ms, for pictures only

    return with_palette(bytes(vl_convert.svg_to_png(drawing(series, colour), scale=SCALE)))


def width_of(series: Sequence[LiveSeries]) -> int:
    """Give how wide the picture is to be shown, in CSS pixels."""
    return min(COLUMNS, len(series)) * (WIDTH + GAP) - GAP


def drawing(series: Sequence[LiveSeries], colour: str) -> str:
    """Draw metrics beside and below each other, three in a row, as an SVG document."""
    rows = -(-len(series) // COLUMNS)
    size = {"width": str(width_of(series)), "height": str(rows * (HEIGHT + GAP) - GAP)}
    root = Tree.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **size})
    Tree.SubElement(root, "rect", {"width": size["width"], "height": size["height"], "fill": "white"})
    for index, each in enumerate(series):
        x, y = index % COLUMNS * (WIDTH + GAP), index // COLUMNS * (HEIGHT + GAP)
        _chart(Tree.SubElement(root, "g", {"transform": f"translate({x},{y})"}), each, colour)
    return Tree.tostring(root, encoding="unicode")


def _chart(group: Tree.Element, series: LiveSeries, colour: str) -> None:
    title = printable(middle_cut(series.key, _TITLE_ROOM))
    _text(group, (LEFT, 12), title, **{"font-size": "12", "fill": _TITLE})
    if series.last is not None:
        _text(group, (WIDTH - RIGHT, 12), number(series.last[2]), **{"text-anchor": "end"})
    points = list(zip(series.across(series.rows), (value for _, _, value in series.rows), strict=True))
    across = scale_of(points[0][0], points[-1][0])
    up = scale_of(series.low or 0.0, series.high if series.high is not None else 1.0, may_be_log=True)
    for mark in up.marks(5):
        y = _y(up, mark)
        Tree.SubElement(group, "path", {"d": f"M{LEFT} {y:.1f}H{WIDTH - RIGHT}", "stroke": _GRID})
        _text(group, (LEFT - 6, y + 4), number(mark), **{"text-anchor": "end"})
    for mark in across.marks(5) if len(points) > 1 else [points[0][0]]:
        _text(group, (_x(across, mark), HEIGHT - BOTTOM + 16), number(mark), **{"text-anchor": "middle"})
    middle = (LEFT + WIDTH - RIGHT) / 2
    _text(group, (middle, HEIGHT - 4), "seconds" if series.by_time else "step", **{"text-anchor": "middle"})
    _line(group, [(_x(across, x), _y(up, y) if _is_drawn(up, y) else None) for x, y in points], colour)


def _is_drawn(scale: Scale, value: float) -> bool:
    return math.isfinite(value) and (value > 0 or not scale.is_log)


def _x(scale: Scale, value: float) -> float:
    return LEFT + scale.place(value) * (WIDTH - LEFT - RIGHT)


def _y(scale: Scale, value: float) -> float:
    return HEIGHT - BOTTOM - scale.place(value) * (HEIGHT - TOP - BOTTOM)


def _line(group: Tree.Element, points: Sequence[tuple[float, float | None]], colour: str) -> None:
    """Draw a line that is broken where a value is not finite; a point between two breaks is a dot."""
    parts, pen = [], "M"
    for index, (x, y) in enumerate(points):
        if y is None:
            pen = "M"
            continue
        parts.append(f"{pen}{x:.1f} {y:.1f}")
        is_alone = pen == "M" and (index + 1 == len(points) or points[index + 1][1] is None)
        parts.append("h0" if is_alone else "")
        pen = "L"
    width = "6" if len(points) == 1 else "1.5"
    look = {"fill": "none", "stroke": colour, "stroke-width": width, "stroke-linejoin": "round"}
    Tree.SubElement(group, "path", {"d": "".join(parts), **look, "stroke-linecap": "round"})


def _text(group: Tree.Element, place: tuple[float, float], words: str, **look: str) -> None:
    attributes = {**_FONT, "x": f"{place[0]:.1f}", "y": f"{place[1]:.1f}", **look}
    Tree.SubElement(group, "text", attributes).text = words
