"""What data says of itself: its columns or arrays as a ``Schema``.

Source: ``mlflow.types.utils._infer_schema``. Numbers are looked at for missing ones with one call of numpy's; only
columns of objects are looked at value by value, and of those only the types.
"""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.types.columns import ColSpec
from mltrack.types.datatype import DataType
from mltrack.types.fitting import is_missing
from mltrack.types.infer_frames import infer_columns
from mltrack.types.infer_values import infer_items, infer_type, is_array
from mltrack.types.schema import Schema
from mltrack.types.tensors import TensorSpec

if TYPE_CHECKING:
    import numpy as np


class SignatureWarning(UserWarning):
    """A signature may turn out to be too narrow for the data that comes later."""


def infer_schema(data: Any) -> Schema:
    """Say what columns or arrays data has.

    Parameters
    ----------
    data
        A DataFrame or Series of pandas or polars, a list of dicts, or a dict: columns. An array of numpy, a sparse
        matrix of scipy (CSR, CSC), or a dict of arrays: tensors, whose first axis may have any length. A list of
        single values or one such value: one column without a name.

    Returns
    -------
    Schema
        Columns in which values are missing are not required. Whole numbers give a ``SignatureWarning``: a frame in
        which one is missing has a column of doubles instead, which does not fit.

    Raises
    ------
    InvalidParameterError
        When MLflow's types cannot say it; the message names the column.
    """
    schema = schema_of(data)
    if hint := whole_numbers_hint(schema):
        warnings.warn(hint, SignatureWarning, stacklevel=2)
    return schema


def schema_of(data: Any) -> Schema:
    """Say what columns or arrays data has, without a warning; see ``infer_schema``."""
    return Schema(_inputs(data))


def whole_numbers_hint(schema: Schema) -> str | None:
    """Give what is to be said of columns of whole numbers, or None where there are none."""
    kinds = zip(schema.input_names(), schema.input_types(), strict=True)
    whole = [f"{name!r:.60}" for name, kind in kinds if kind in (DataType.integer, DataType.long)]
    if not whole:
        return None
    return (
        "Whole numbers cannot be missing: where one is, pandas makes doubles of its column, and these will be refused. "
        f"It is so with {', '.join(whole[:8])}{', …' if len(whole) > 8 else ''}. If some may be missing, make doubles "
        "of them before the signature is inferred: `frame.astype('float64')`."
    )


def _inputs(data: Any) -> list[Any]:
    if isinstance(data, dict):
        return _tensors(data) if all(map(is_array, data.values())) else _dict_columns(data)
    if isinstance(data, list):
        return _list_columns(data)
    if (columns := infer_columns(data)) is not None:
        return columns
    if is_array(data):
        return [_tensor(data.dtype, data.shape)]
    if is_sparse(data):
        return [_tensor(data.data.dtype, data.shape)]
    return [ColSpec(_known(infer_type(data), "the value"))]


def is_sparse(data: object) -> bool:
    """Tell whether it is a CSR or CSC matrix or array of scipy; scipy is not loaded to ask."""
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and sparse.issparse(data) and data.format in ("csr", "csc")  # type: ignore[attr-defined]


def _tensors(arrays: dict[Any, Any]) -> list[TensorSpec]:
    return [_tensor(array.dtype, array.shape, name=name) for name, array in arrays.items()]


def _tensor(dtype: np.dtype[Any], shape: tuple[int, ...], *, name: Any = None) -> TensorSpec:
    if not shape:
        raise InvalidParameterError("An array without axes cannot be a tensor: its first axis is that of the rows.")
    if dtype.kind in "US":  # lengths of texts are those of this data
        dtype = DataType.string.to_numpy() if dtype.kind == "U" else DataType.binary.to_numpy()
    return TensorSpec(dtype, (-1, *shape[1:]), name)


def _list_columns(values: list[Any]) -> list[ColSpec]:
    if not values:
        return [ColSpec(DataType.string)]  # MLflow's choice since 2.9
    if not all(isinstance(each, dict) for each in values):
        return [ColSpec(_known(infer_items(values), "the list"))]
    columns: dict[Any, list[Any]] = {}
    for record in values:
        for name, value in record.items():
            columns.setdefault(name, []).append(value)
    return [
        ColSpec(
            _known(infer_items(column), f"column {name!r:.80}"),
            name,
            len(column) == len(values) and not any(each is None for each in column),
        )
        for name, column in columns.items()
    ]


def _dict_columns(values: dict[Any, Any]) -> list[ColSpec]:
    if not all(isinstance(name, str) for name in values):
        raise InvalidParameterError("The columns of a dict are named by texts; some of these names are none.")
    return [
        ColSpec(_known(infer_type(value), f"column {name!r:.80}"), name, not _has_missing(value))
        for name, value in values.items()
    ]


def _has_missing(value: Any) -> bool:
    return any(map(is_missing, value)) if isinstance(value, list) else is_missing(value)


def _known(found: Any, what: str) -> Any:
    if found is None:
        raise InvalidParameterError(f"The type of {what} cannot be told: it is empty.")
    return found
