"""Frames, arrays and values as JSON has them, in the words of MLflow's encoder.

Source: ``mlflow.utils.proto_json_utils.NumpyEncoder``. Missing and infinite numbers are ``null``.
"""

from __future__ import annotations

import base64
import datetime as dt
import math
from typing import Any

from mltrack.exceptions import InvalidParameterError
from mltrack.models.enforcement_frames import pandas_frame
from mltrack.types.fitting import is_missing
from mltrack.types.infer_frames import is_frame
from mltrack.types.infer_values import is_array
from mltrack.types.words import module_of, plain_name, type_name

_MOST_LEVELS = 64


def plain_value(value: Any, *, depth: int = 0) -> Any:
    """Give a value as JSON has it: bytes as base64, datetimes as ISO texts, numpy's as Python's, NaN as None.

    Raises
    ------
    InvalidParameterError
        When JSON cannot hold it.
    """
    if depth > _MOST_LEVELS:
        raise InvalidParameterError(f"JSON of an input example has at most {_MOST_LEVELS} levels; this has more.")
    kind = type(value)
    if kind in (str, int, bool) or value is None:
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_key(name): plain_value(each, depth=depth + 1) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_value(each, depth=depth + 1) for each in value]
    return _plain_object(value, depth)


def _plain_object(value: Any, depth: int) -> Any:
    if isinstance(value, (str, int)):
        return str(value) if isinstance(value, str) else int(value)
    if isinstance(value, (bytes, bytearray)):
        return base64.encodebytes(value).decode("ascii")
    if is_missing(value):
        return None
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if is_array(value):
        return plain_array(value)
    if module_of(type(value)) == "numpy" and hasattr(value, "item"):
        return plain_value(_item(value), depth=depth + 1)
    if is_frame(value, "pydantic", "BaseModel"):
        return plain_value(value.model_dump(), depth=depth + 1)
    raise InvalidParameterError(
        f"A value of the type {type_name(type(value))} cannot be kept as JSON; make it a number, a text or a list."
    )


def _item(value: Any) -> Any:
    """Give a numpy scalar as Python's; times as datetimes, to the microsecond."""
    if value.dtype.kind == "M":
        return value.astype("datetime64[us]").item()
    return value.item()


def _key(name: Any) -> Any:
    return name if isinstance(name, str) else str(plain_name(name))


def plain_array(array: Any) -> Any:
    """Give an array as lists; NaN and infinities as None."""
    kind = array.dtype.kind
    if kind in "biuU":
        return array.tolist()
    if kind == "f":
        import numpy as np  # heavy; there is an array already

        return array.tolist() if np.isfinite(array).all() else plain_value(array.tolist())
    if kind == "M":
        return plain_value(array.astype("datetime64[us]").tolist())
    return plain_value(array.tolist())


def plain_sparse(matrix: Any) -> dict[str, Any]:
    """Give a CSR or CSC matrix as its three arrays and its shape."""
    return {
        "data": plain_array(matrix.data),
        "indices": matrix.indices.tolist(),
        "indptr": matrix.indptr.tolist(),
        "shape": [int(length) for length in matrix.shape],
    }


def plain_frame(frame: Any) -> dict[str, Any]:
    """Give a frame as ``{"columns": …, "data": rows}``; the names are left out when they count from 0."""
    if is_frame(frame, "polars", "DataFrame"):
        frame = pandas_frame(frame)
    data = {"data": plain_value(frame.to_dict(orient="split")["data"])}
    names = frame.columns.tolist()
    if all(type(name) is int for name in names) and names == list(range(len(names))):
        return data
    return {"columns": [plain_name(name) for name in names], **data}


def read_constant(word: str) -> Any:
    """Give the number that MLflow's ``NaN`` and ``Infinity`` are, which strict JSON lacks."""
    return float(word.replace("Infinity", "inf"))
