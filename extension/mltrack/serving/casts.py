"""The values of a column as JSON has them, as the array that the model's signature asks for.

A value that does not fit is refused with the column's name, its row and the value: nothing is guessed, and no number
loses anything. JSON does not tell 1 from 1.0, so whole numbers may be written either way.
"""

from __future__ import annotations

import base64
import binascii
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mltrack.serving.bodies import short
from mltrack.serving.strict_json import BodyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Values = Sequence[Any]

TEXT = pd.Series(["text"]).dtype
"""What pandas makes of texts by itself: its own type from version 3 on, objects before."""
_LARGEST_FLOAT = float(np.finfo(np.float32).max)
_NUMBERS = {int, float}
_REALS = {int, float, bool, type(None)}  # true and false are 1.0 and 0.0, as for MLflow
_WANTED = {
    "boolean": "true or false",
    "integer": "whole numbers of 32 bits",
    "long": "whole numbers of 64 bits",
    "float": "numbers of 32 bits",
    "double": "numbers",
    "string": "texts",
    "binary": "texts in base64",
    "datetime": "points in time as ISO 8601 has them",
}


class ColumnError(BodyError):
    """A value of a column is not of the type that the model's signature gives the column."""


def cast(name: Any, values: Values, kind: str) -> Any:
    """Make the column of ``kind`` (MLflow's ``double``, ``long``…) named ``name``; a kind without a cast stays objects.

    Raises
    ------
    ColumnError
        A value does not fit; the message names the column, the row and the value.
    """
    return _CASTS[kind](name, values) if kind in _CASTS else objects(values)


def objects(values: Values) -> NDArray[Any]:
    """Make an array of the very objects; lists among them stay lists."""
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made


def real_rows(rows: Sequence[Values], width: int, dtype: np.dtype[Any]) -> NDArray[Any] | None:
    """Make a matrix of rows that are all lists of ``width`` numbers or null, or give None where they are not."""
    if set(map(type, rows)) != {list} or set(map(len, rows)) != {width}:
        return None
    if not set(map(type, chain.from_iterable(rows))) <= _REALS:
        return None
    try:
        made = np.array(rows, dtype=np.float64)
    except OverflowError:
        return None
    return made if dtype == np.float64 else narrow(made, dtype)


def narrow(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any] | None:
    """Make doubles of the smaller type, or give None if one of them is too large for it."""
    with np.errstate(over="ignore"):
        made = values.astype(dtype)
    return None if bool(np.isinf(made).any()) else made


def _reals(name: Any, values: Values, kind: str) -> NDArray[Any]:
    if set(map(type, values)) <= _REALS:
        try:
            made = np.array(values, dtype=np.float64)
        except OverflowError:
            raise _refused(name, values, kind, _is_real) from None
        narrowed = made if kind == "double" else narrow(made, np.dtype(np.float32))
        if narrowed is not None:
            return narrowed
    raise _refused(name, values, kind, _is_real if kind == "double" else _is_small_real)


def _whole(name: Any, values: Values, kind: str) -> NDArray[Any]:
    fits = _is_long if kind == "long" else _is_integer
    dtype = np.int64 if kind == "long" else np.int32
    kinds = set(map(type, values))
    if kinds <= _NUMBERS and (kinds <= {int} or all(map(fits, values))):
        try:
            return np.array(values, dtype=dtype)
        except OverflowError:
            pass
    raise _refused(name, values, kind, fits)


def _booleans(name: Any, values: Values) -> NDArray[Any]:
    if set(map(type, values)) <= {bool}:
        return np.array(values, dtype=bool)
    raise _refused(name, values, "boolean", lambda value: type(value) is bool)


def _texts(name: Any, values: Values) -> NDArray[Any]:
    kinds = set(map(type, values))
    if not kinds <= {str, int, float, bool, type(None)}:
        raise _refused(name, values, "string", lambda value: type(value) not in (list, dict))
    if kinds <= {str, type(None)}:
        return objects(values)
    return objects([value if value is None or type(value) is str else _text(name, value) for value in values])


def _text(name: Any, value: float) -> str:
    try:
        return str(value)
    except ValueError:  # an int of too many digits
        raise ColumnError(f"The column {short(name)} has {short(value)}, too many for a text.") from None


def _binary(name: Any, values: Values) -> NDArray[Any]:
    try:
        return objects([None if value is None else _decoded(value) for value in values])
    except (TypeError, ValueError):
        raise _refused(name, values, "binary", _is_base64) from None


def _decoded(value: Any) -> bytes:
    if type(value) is not str:
        raise TypeError
    # encodebytes breaks its lines
    return base64.b64decode(value.replace("\n", "").encode("ascii"), validate=True)


def _times(name: Any, values: Values) -> Any:
    if not set(map(type, values)) <= {str, int, type(None)}:
        raise _refused(name, values, "datetime", _is_time)
    try:
        return _without_zone(_parsed_times(values))
    except (ValueError, TypeError, OverflowError):
        raise _refused(name, values, "datetime", _is_time) from None


def _parsed_times(values: Values) -> pd.DatetimeIndex:
    """Parse texts; numbers are nanoseconds since 1970, as pandas takes them."""
    if all(type(value) is not int for value in values):
        try:
            return pd.to_datetime(list(values), format="ISO8601", utc=True)
        except ValueError:
            pass  # other formats are guessed, as MLflow's server does
    return pd.to_datetime(list(values), utc=True)


def _without_zone(times: pd.DatetimeIndex) -> NDArray[Any]:
    """A model's times have no zone: those that came with one are turned into UTC."""
    return times.tz_localize(None).as_unit("ns").to_numpy()


def _is_real(value: object) -> bool:
    return value is None or type(value) in (float, bool) or (type(value) is int and value.bit_length() < 1024)


def _is_small_real(value: Any) -> bool:
    return _is_real(value) and (value is None or abs(value) <= _LARGEST_FLOAT)


def _is_long(value: Any) -> bool:
    return _is_whole(value, 63)


def _is_integer(value: Any) -> bool:
    return _is_whole(value, 31)


def _is_whole(value: Any, bits: int) -> bool:
    return (type(value) is int or (type(value) is float and value.is_integer())) and -(2**bits) <= value < 2**bits


def _is_base64(value: object) -> bool:
    try:
        return value is None or bool(_decoded(value)) or value == ""
    except (TypeError, binascii.Error, ValueError):
        return False


def _is_time(value: Any) -> bool:
    if type(value) not in (str, int):
        return value is None
    try:
        return _without_zone(_parsed_times([value])) is not None
    except (ValueError, TypeError, OverflowError):
        return False


def _refused(name: Any, values: Values, kind: str, fits: Callable[[Any], bool]) -> ColumnError:
    row = next((row for row, value in enumerate(values) if not fits(value)), None)
    found = f"row {row} has {short(values[row])}" if row is not None else "together they cannot be read"
    return ColumnError(f"The column {short(name)} takes {_WANTED[kind]} ({kind}); {found}.")


_CASTS: dict[str, Callable[[Any, Values], Any]] = {
    "boolean": _booleans,
    "integer": lambda name, values: _whole(name, values, "integer"),
    "long": lambda name, values: _whole(name, values, "long"),
    "float": lambda name, values: _reals(name, values, "float"),
    "double": lambda name, values: _reals(name, values, "double"),
    "string": _texts,
    "binary": _binary,
    "datetime": _times,
}
