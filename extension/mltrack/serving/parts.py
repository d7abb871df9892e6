"""What one request asks of the model, and how the data of several becomes one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mltrack.serving.tables import Table

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from mltrack.serving.tables import Columns


@dataclass(frozen=True, slots=True)
class Part:
    """What one request asks of the model; all is held against the signature already.

    Attributes
    ----------
    data
        A ``Table``, a frame, an array, arrays by name, or whatever else the body has for a model without a signature.
    params
        The parameters as ``predict`` takes them.
    bare
        Whether the answer is the predictions themselves, not an object that holds them.
    rows
        How many predictions the model will give if it gives one for each row.
    key
        Parts with equal keys can be joined; None for one that stays alone.
    """

    data: Any
    params: Any = None
    bare: bool = False
    rows: int = 1
    key: Hashable | None = None


def key_of(data: Any, params: Any) -> Hashable | None:
    """Give the key by which parts are joined: their sort, columns and types, and their params."""
    asked = repr(params) if params else None  # 1, 1.0 and True are equal, their texts are not
    if isinstance(data, Table):
        return None if data.labels is not None else (data.names, type(data.values) is list, asked)
    if isinstance(data, pd.DataFrame):
        plain_rows = isinstance(data.index, pd.RangeIndex) and data.columns.is_unique
        return (tuple(data.columns), tuple(data.dtypes), asked) if plain_rows else None
    if isinstance(data, np.ndarray):
        return (_shape(data), asked)
    if isinstance(data, dict) and data and all(isinstance(each, np.ndarray) and each.ndim for each in data.values()):
        lengths = {len(each) for each in data.values()}
        return (tuple((name, _shape(each)) for name, each in data.items()), asked) if len(lengths) == 1 else None
    return None


def _shape(array: np.ndarray[Any, Any]) -> tuple[Any, ...]:
    if array.dtype.kind not in "US":
        return (array.shape[1:], array.dtype)
    # texts of other lengths have other types, but go together where the short ones do not grow much by it
    return (array.shape[1:], array.dtype.kind, array.dtype.itemsize.bit_length())


def rows_of(data: Any) -> int:
    """Give how many rows the data of a part has."""
    if isinstance(data, Table):
        return data.rows
    if isinstance(data, dict) and data:
        data = next(iter(data.values()))
    if isinstance(data, np.ndarray):
        return len(data) if data.ndim else 1
    return len(data) if isinstance(data, (pd.DataFrame, list)) else 1


def joined(parts: Sequence[Part], columns: Columns | None) -> Any:
    """Give the data of parts with equal keys as the model takes it, one below the other."""
    first = parts[0].data
    if isinstance(first, Table) and columns is not None:
        return columns.frame([part.data for part in parts])
    if len(parts) == 1:
        return first
    if isinstance(first, pd.DataFrame):
        return pd.concat([part.data for part in parts], ignore_index=True)
    if isinstance(first, dict):
        return {name: np.concatenate([part.data[name] for part in parts]) for name in first}
    return np.concatenate([part.data for part in parts])
