"""The types of the columns of pandas and polars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.types.columns import ColSpec
from mltrack.types.datatype import DataType
from mltrack.types.infer_values import infer_items
from mltrack.types.nested import AnyType, ValueType
from mltrack.types.words import POLARS_WORDS, kind_of, module_of

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


def is_frame(data: object, library: str, name: str) -> bool:
    """Tell whether it is that library's ``DataFrame`` or ``Series``, or a child of it; the library is not loaded."""
    return any(base.__name__ == name and module_of(base).partition(".")[0] == library for base in type(data).__mro__)


def infer_columns(data: Any) -> list[ColSpec] | None:
    """Give the columns of a DataFrame or Series of pandas or polars; None of anything else.

    Raises
    ------
    InvalidParameterError
        When MLflow has no type for a column; the message names it.
    """
    if is_frame(data, "pandas", "DataFrame"):
        return [infer_series(data.iloc[:, number]) for number in range(data.shape[1])]
    if is_frame(data, "pandas", "Series"):
        return [infer_series(data)]
    if is_frame(data, "polars", "DataFrame"):
        return [infer_polars(each) for each in data.get_columns()]
    return [infer_polars(data)] if is_frame(data, "polars", "Series") else None


def infer_series(column: pd.Series[Any]) -> ColSpec:
    """Give a pandas column's name and type; it is required when no value is missing.

    Raises
    ------
    InvalidParameterError
        When MLflow has no type for it; the message names it.
    """
    dtype: Any = column.dtype
    if dtype.kind == "O":
        return _infer_objects(column)
    word = kind_of(dtype.kind, dtype.itemsize)
    if word is None:
        raise _untyped(column.name, dtype)
    never_missing = dtype.kind in "biu" and module_of(type(dtype)).startswith("numpy")
    return ColSpec(DataType[word], column.name, never_missing or not column.hasnans)


def _infer_objects(column: pd.Series[Any]) -> ColSpec:
    """Give a column's name and type by its values; pandas' own text, and objects that are all text, at a glance."""
    import pandas as pd  # heavy; whoever has a frame has loaded it

    if isinstance(column.dtype, pd.StringDtype):
        missing = column.isna()
        kind = AnyType() if len(missing) and missing.all() else DataType.string
        return ColSpec(kind, column.name, not missing.any())
    if column.dtype == "O" and pd.api.types.infer_dtype(column, skipna=False) == "string":
        return ColSpec(DataType.string, column.name)
    if isinstance(column.dtype, pd.CategoricalDtype):
        return ColSpec(_infer_categories(column), column.name, not column.hasnans)
    better = column.infer_objects()
    if better.dtype.kind != "O":
        return infer_series(better)
    return ColSpec(_infer_list(better.tolist(), column), column.name, not column.isna().any())


def _infer_categories(column: pd.Series[Any]) -> ValueType:
    if len(column) and column.isna().all():
        return AnyType()
    return _infer_list(column.cat.categories.tolist(), column)


def _infer_list(values: list[Any], column: pd.Series[Any]) -> ValueType:
    if not values:
        return DataType.string  # as MLflow says of a column of objects without rows
    try:
        found = infer_items(values)
    except InvalidParameterError as error:
        raise InvalidParameterError(f"The type of column {column.name!r:.80} cannot be told: {error.message}") from None
    if found is None:
        raise InvalidParameterError(f"The type of column {column.name!r:.80} cannot be told: its arrays are empty.")
    return found


def infer_polars(column: pl.Series) -> ColSpec:
    """Give a polars column's name and type; it is required when no value is null, or NaN.

    Raises
    ------
    InvalidParameterError
        When MLflow has no type for it; the message names it.
    """
    dtype = column.dtype
    name = column.name or None
    whole = column.null_count() == 0 and not (dtype.is_float() and column.is_nan().any())
    if dtype.is_nested() and len(column):
        found = infer_items(column.to_list())
        return ColSpec(AnyType() if found is None else found, name, whole)
    word = POLARS_WORDS.get(type(dtype).__name__)
    if word is None and type(dtype).__name__ != "Null":
        raise _untyped(name, dtype)
    return ColSpec(AnyType() if word is None else DataType[word], name, whole)


def _untyped(name: Any, dtype: Any) -> InvalidParameterError:
    return InvalidParameterError(
        f"MLflow's signatures have no type for column {name!r:.80}, which is {dtype}; "
        "convert it first, to a number or text."
    )
