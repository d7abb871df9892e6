"""Columns of data as they go to the page: numbers as bytes, texts that come again and again once (see columns.js)."""

from __future__ import annotations

import math
import sys
from array import array
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_WHOLE = (("u1", "B", 0, 2**8), ("u2", "H", 0, 2**16), ("i4", "i", -(2**31), 2**31))
# A float of 4 bytes holds 7 digits; what is shown has 4, and a chart fewer.
_SMALLEST, _LARGEST = 1e-37, 3e38


def packed(values: Sequence[float | None]) -> dict[str, Any]:
    """Pack numbers as bytes, as few as hold 7 digits of them; None and infinities become NaN, which is not drawn."""
    for kind, code, low, high in _WHOLE:
        if all(type(value) is int and low <= value < high for value in values):
            return _bytes(kind, array(code, values))
    numbers = [math.nan if value is None or math.isinf(value) else float(value) for value in values]
    exact = any(type(value) is int for value in values)  # moments and steps, of which every digit counts
    small = not exact and all(value == 0 or math.isnan(value) or _SMALLEST < abs(value) < _LARGEST for value in numbers)
    return _bytes("f4", array("f", numbers)) if small else _bytes("f8", array("d", numbers))


def texts(values: Iterable[str]) -> dict[str, Any]:
    """Pack texts: each different one once, and which of them comes where."""
    places: dict[str, int] = {}
    codes = [places.setdefault(value, len(places)) for value in values]
    return {"texts": list(places), "codes": packed(codes)}


def _bytes(kind: str, numbers: array[Any]) -> dict[str, Any]:
    if sys.byteorder == "big":  # pages read the smallest byte first
        numbers.byteswap()
    return {"kind": kind, "bytes": numbers.tobytes()}
