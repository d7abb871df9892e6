"""Numbers on the wire: NaN and infinities are texts, since JSON has none (proto3's JSON mapping)."""

from __future__ import annotations

import math
from typing import Any

from mltrack.exceptions import InvalidParameterError

_TEXTS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def write_double(value: float) -> float | str:
    """Give a float as JSON has it: itself, or the text of what JSON has no number for."""
    if math.isfinite(value):
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124 - NaN


def read_double(value: Any) -> float:
    """Read a float; InvalidParameterError for what is none."""
    if isinstance(value, str):
        value = _TEXTS.get(value, value)
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidParameterError(f"{str(value)[:80]!r} is no number.") from None


def read_int(value: Any) -> int:
    """Read a whole number of 64 bits, which may be a text; InvalidParameterError for what is none."""
    try:
        found = int(value) if isinstance(value, (int, str)) and len(str(value)) <= 20 else None
    except ValueError:
        found = None
    if found is None or not -(2**63) <= found < 2**63:
        raise InvalidParameterError(f"{str(value)[:80]!r} is no whole number of 64 bits.")
    return found
