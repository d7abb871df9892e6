"""What a model predicted, as JSON that any reader takes.

Arrays, Series and lists are lists, frames are lists of records, dates are ISO 8601, bytes are base64. JSON has neither
NaN nor infinite numbers: they are null, as are values that are missing.
"""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import json
import math
import sys
import uuid
from typing import Any

import numpy as np
import pandas as pd

from mltrack.exceptions import MltrackError

_DEPTH = 200  # of lists in lists; Python's own limit is reached at some 1,000


class UnwritableError(MltrackError):
    """What a model predicted cannot be written as JSON."""


def write_json(value: Any) -> bytes:
    """Write what ``plain`` gave, or a part of it.

    Raises
    ------
    UnwritableError
        Something in it is no value that JSON could have, as a function or an object of a class of the user's.
    """
    try:
        return _ENCODER.encode(value).encode()
    except (ValueError, TypeError):  # numbers that are not finite, keys that are no text
        return _ENCODER.encode(_cleaned(value, 0)).encode()


def plain(predictions: Any) -> Any:
    """Give predictions as the lists, dicts and values that ``write_json`` takes; rows are the items of a list."""
    if isinstance(predictions, np.ndarray):
        return _array(predictions)
    if isinstance(predictions, pd.DataFrame):
        return _records(predictions)
    if isinstance(predictions, (pd.Series, pd.Index)):
        return _column(predictions)
    return _foreign(predictions)


def _array(array: np.ndarray[Any, Any]) -> Any:
    kind = array.dtype.kind
    if kind == "f" and not np.isfinite(array).all():
        finite, array = np.isfinite(array), array.astype(object)
        array[~finite] = None
    if kind in "mM":
        array = np.array(pd.Series(array.ravel()).astype(object), dtype=object).reshape(array.shape)
    return array.tolist()


def _column(column: Any) -> Any:
    """A Series as a list; types of pandas' own keep whole numbers whole where values are missing."""
    return _array(column.to_numpy()) if isinstance(column.dtype, np.dtype) else column.tolist()


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    names = [_key(name) for name in frame.columns]
    if len({*names}) != len(names):
        raise UnwritableError("The model gave a frame with two columns of the same name.")
    columns = [_column(frame.iloc[:, number]) for number in range(len(names))]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _foreign(value: Any) -> Any:
    """Turn the frames and arrays of libraries that are loaded into lists; what is neither stays."""
    polars = sys.modules.get("polars")
    if polars is not None and isinstance(value, polars.DataFrame):
        return value.to_dicts()
    if polars is not None and isinstance(value, polars.Series):
        return value.to_list()
    sparse = sys.modules.get("scipy.sparse")
    if sparse is not None and sparse.issparse(value):
        return _array(value.toarray())
    if hasattr(type(value), "__array__") and not isinstance(value, np.generic):
        return _array(np.asarray(value))
    return value


def _cleaned(value: Any, depth: int) -> Any:
    """Give a value with null for what JSON has no number for, and with keys that are text."""
    if depth > _DEPTH:
        raise UnwritableError(f"The model gave values nested deeper than {_DEPTH} levels, or within themselves.")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_key(name): _cleaned(each, depth + 1) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_cleaned(each, depth + 1) for each in value]
    if value is None or isinstance(value, (str, int)):
        return value
    return _cleaned(_simpler(value), depth + 1)


def _key(name: Any) -> str:
    if isinstance(name, str):
        return name
    return str(name.item() if isinstance(name, np.generic) else name)


def _simpler(value: Any) -> Any:
    """Give what stands for a value in JSON; it may itself need to be made simpler."""
    if isinstance(value, np.generic):
        return value.item() if value.dtype.kind not in "mM" else _array(np.asarray(value).reshape(1))[0]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    if value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return pd.Timedelta(value).isoformat()
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return float(value) if isinstance(value, decimal.Decimal) else str(value)
    if hasattr(type(value), "model_dump"):  # a pydantic model
        return value.model_dump()
    made = plain(value)
    if made is value:
        raise UnwritableError(f"The model gave an object of the type {type(value).__name__}, which JSON cannot hold.")
    return made


_ENCODER = json.JSONEncoder(allow_nan=False, default=_simpler)
