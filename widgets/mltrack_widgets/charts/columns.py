"""Data frames as columns: a pandas or polars frame, or a mapping of names to sequences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Frame = Any
"""A pandas or polars DataFrame, or a mapping of column names to sequences of the same length."""

_PREFIXES = ("", "params.", "metrics.", "attributes.", "tags.")


def columns_of(frame: Frame) -> dict[str, list[Any]]:
    """Read a frame's columns as lists, by name; what pandas marks as missing is None.

    Raises
    ------
    InvalidParameterError
        When it is no frame, or its columns differ in length.

    """
    if isinstance(frame, Mapping):
        columns = {str(name): list(values) for name, values in frame.items()}
    elif hasattr(frame, "columns") and hasattr(frame, "__getitem__"):
        columns = {str(name): _plain(frame[name]) for name in frame.columns}
    else:
        raise InvalidParameterError(
            f"A chart is drawn from a DataFrame or a dict of columns; got {type(frame).__name__}."
        )
    if len({len(values) for values in columns.values()}) > 1:
        lengths = ", ".join(f"{name} {len(values)}" for name, values in columns.items())
        raise InvalidParameterError(f"The columns of a frame are of one length; got {lengths}.")
    return columns


def _plain(series: Any) -> list[Any]:
    if str(getattr(series, "dtype", "")).startswith("datetime64"):
        series = series.astype("datetime64[ms, UTC]" if "UTC" in str(series.dtype) else "datetime64[ms]").astype(
            "int64"
        )
    values = series.tolist() if hasattr(series, "tolist") else list(series)
    hole = not str(getattr(series, "dtype", "")).lower().startswith("float")  # where NaN says that there is nothing
    return [
        None if _missing(value) or (hole and isinstance(value, float) and math.isnan(value)) else value
        for value in values
    ]


def _missing(value: Any) -> bool:
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def column(columns: Mapping[str, Sequence[Any]], name: str) -> Sequence[Any]:
    """Give a column by its name, which may lack ``params.`` or ``metrics.``.

    Raises
    ------
    InvalidParameterError
        When there is none.

    """
    for prefix in _PREFIXES:
        if prefix + name in columns:
            return columns[prefix + name]
    raise InvalidParameterError(f"The frame has no column {name!r}; it has {', '.join(map(repr, columns)) or 'none'}.")


def short_name(name: str) -> str:
    """Take ``params.`` and its like off a column's name, as nobody needs them in a title."""
    return next((name.removeprefix(prefix) for prefix in _PREFIXES[1:] if name.startswith(prefix)), name)


def number_of(value: Any) -> float:
    """Read a value as a number, as which params are texts; NaN when it is none."""
    if isinstance(value, bool) or value is None:
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def numeric(values: Iterable[Any]) -> bool:
    """Tell whether values are numbers or texts of numbers, at least one of them finite; missing ones do not count."""
    found = False
    for value in values:
        if value is None or (isinstance(value, Real) and not isinstance(value, bool)):
            found = found or (value is not None and math.isfinite(number_of(value)))
        elif isinstance(value, bool) or not _is_number(str(value)):
            return False
        else:
            found = found or math.isfinite(number_of(value))
    return found


def _is_number(text: str) -> bool:
    return text.strip().lower() == "nan" or not math.isnan(number_of(text))


def finite_or_none(value: float) -> float | None:
    """Give a finite number, or None, which is how JSON says that there is none and how a line breaks."""
    return value if math.isfinite(value) else None


def text_of(value: Any) -> str:
    """Write a value as a category's name."""
    return "(none)" if value is None or value == "" else str(value)


def in_order(categories: Iterable[str]) -> list[str]:
    """Sort names of categories: numbers by size, then texts."""
    distinct = dict.fromkeys(categories)
    return sorted(distinct, key=lambda text: (math.isnan(number_of(text)), _size(text), text))


def _size(text: str) -> float:
    size = number_of(text)
    return 0.0 if math.isnan(size) else size
