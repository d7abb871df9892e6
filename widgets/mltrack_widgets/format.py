"""How numbers, durations, times, ids and long texts are written: one form for every card, table and terminal line."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from unicodedata import combining, east_asian_width

from mltrack.plain_text import printable
from mltrack.sizes import human_size

if TYPE_CHECKING:
    from collections.abc import Sequence

SPARK_BARS = 20
"""The most bars a sparkline has."""

_BARS = "▁▂▃▄▅▆▇█"
_NO_VALUE = "·"

# ECMA-48: CSI sequences, OSC strings up to BEL or ST, and two-character escapes.
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_LONG_DECIMAL = re.compile(r"[+-]?\d*\.\d{5,}(?:[eE][+-]?\d+)?")

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def strip_ansi(text: str) -> str:
    """Take terminal colours and cursor movements out of a text."""
    return _ANSI.sub("", text) if "\x1b" in text else text


def number(value: float) -> str:
    """Write a number with 4 significant digits; whole numbers are written whole.

    Very large and very small ones take an exponent (``1.235e-05``); NaN is ``nan``, infinities are ``inf``, ``-inf``.
    """
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    if 1e-4 <= abs(value) < 1e9:
        decimals = max(0, 3 - math.floor(math.log10(abs(value))))
        text = f"{float(f'{value:.3e}'):.{decimals}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:.4g}"


def difference(new: float, old: float) -> str:
    """Write how a number moved: an arrow and the amount (``↑ 0.0088``), ``=`` when it stayed, nothing for NaN or inf.

    The amount has as many decimals as the new value is shown with, and two significant digits at least.
    """
    change = new - old
    if not math.isfinite(change):
        return ""
    if change == 0:
        return "="
    amount, shown = float(f"{abs(change):.3e}"), number(new)
    decimals = len(shown.partition(".")[2]) if "e" not in shown else 0
    rounded = round(amount, decimals)
    enough = rounded != 0 and amount >= 10 ** (1 - decimals)
    return f"{'↑' if change > 0 else '↓'} {number(rounded if enough else float(f'{amount:.1e}'))}"


def param_value(text: str) -> str:
    """Write a parameter's text; a decimal with many digits (``0.010000000000000002``) gets 4 significant ones."""
    return number(float(text)) if len(text) > 6 and _LONG_DECIMAL.fullmatch(text) else text


def duration(milliseconds: int) -> str:
    """Write a duration: ``340 ms``, ``1.2 s``, ``3 min 05 s``, ``2 h 07 min``, ``3 d 04 h``; below zero is zero."""
    milliseconds = max(0, milliseconds)
    if milliseconds < 1_000:
        return f"{milliseconds} ms"
    if milliseconds < 59_950:  # from here on one decimal would read 60.0 s
        return f"{milliseconds / 1_000:.1f} s"
    seconds = round(milliseconds / 1_000)
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min {seconds % _MINUTE:02d} s"
    if seconds < _DAY:
        return f"{seconds // _HOUR} h {seconds % _HOUR // _MINUTE:02d} min"
    return f"{seconds // _DAY} d {seconds % _DAY // _HOUR:02d} h"


def _local(milliseconds: int) -> datetime | None:
    """Return the moment in this machine's time zone, None when no calendar has it."""
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)).astimezone()
    except (OverflowError, ValueError, OSError):
        return None


def exact_time(milliseconds: int) -> str:
    """Write a moment (ms since 1970, UTC) with seconds and zone: ``2026-11-21 05:08:25 +0100``."""
    moment = _local(milliseconds)
    return f"{milliseconds} ms" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S %z}"


def relative_time(milliseconds: int, now: int) -> str:
    """Write how long ago a moment was, both in ms since 1970, UTC.

    ``just now``, ``3 min ago``, ``2 h ago``, ``yesterday``, then the date; a moment that lies ahead (a clock that was
    set back) is written exactly.
    """
    seconds = (now - milliseconds) / 1_000
    if seconds < -_MINUTE:
        return exact_time(milliseconds)
    if seconds < _MINUTE:
        return "just now"
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min ago"
    if seconds < _DAY:
        return f"{int(seconds // _HOUR)} h ago"
    moment, today = _local(milliseconds), _local(now)
    if moment is None or today is None:
        return exact_time(milliseconds)
    return "yesterday" if (today.date() - moment.date()).days == 1 else f"{moment:%Y-%m-%d}"


def size(count: int | None) -> str:
    """Write a number of bytes: ``340 B``, ``1.2 kB``, ``3.4 MB``; nothing when it is not known."""
    return "" if count is None else human_size(count)


def short_id(identifier: str) -> str:
    """Shorten an id to its first 8 characters."""
    return identifier[:8]


def middle_cut(text: str, width: int = 40) -> str:
    """Cut a long text in the middle (``long-na…me-of-run``), so that both ends of it stay readable."""
    if len(text) <= width:
        return text
    head = width // 2
    tail = max(0, width - head - 1)
    return f"{text[:head]}…{text[len(text) - tail :]}"


def one_line(text: str, width: int) -> str:
    """Return a text as one printable line, cut in the middle to ``width`` characters before escapes are spelled out."""
    return printable(middle_cut(text, width))


def terminal_width(text: str) -> int:
    """Return how many columns of a terminal a text takes: East Asian wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    wide = sum(east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(combining(character) > 0 for character in text)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Write rows of texts as lines whose columns stand below each other, with two blanks between them."""
    widths = [max(map(terminal_width, column)) for column in zip(*rows, strict=True)]
    padded = (
        [cell + " " * (width - terminal_width(cell)) for cell, width in zip(row, widths, strict=True)] for row in rows
    )
    return ["  ".join(cells).rstrip() for cells in padded]


def count(amount: int, noun: str) -> str:
    """Write a number of things: ``1 cell``, ``2 cells``."""
    return f"{amount} {noun}" if amount == 1 else f"{amount} {noun}s"


def sparkline(values: Sequence[float], bars: int = SPARK_BARS) -> str:
    """Draw a series as at most ``bars`` bars of text; NaN is a dot, an infinity reaches the top or the bottom."""
    points = _thinned(values, min(bars, SPARK_BARS))
    finite = [value for value in points if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    return "".join(_bar(value, low=low, high=high) for value in points)


def _thinned(values: Sequence[float], most: int) -> list[float]:
    """Return at most so many values, each the mean of a stretch of the series."""
    if len(values) <= most:
        return list(values)
    edges = [round(index * len(values) / most) for index in range(most + 1)]
    return [_mean(values[start:end]) for start, end in pairwise(edges)]


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return values[0]
    return math.fsum(value / len(finite) for value in finite)


def _bar(value: float, *, low: float, high: float) -> str:
    if math.isnan(value):
        return _NO_VALUE
    if math.isinf(value):
        return _BARS[-1] if value > 0 else _BARS[0]
    if low == high:
        return _BARS[len(_BARS) // 2 - 1]
    # the distance between two floats can be more than a float holds; halving all of them would lose the smallest ones
    scale = 1 if math.isfinite(high - low) else 2
    position = (value / scale - low / scale) / (high / scale - low / scale)
    return _BARS[min(len(_BARS) - 1, int(position * len(_BARS)))]
