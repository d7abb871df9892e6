"""Data in any of the forms a model with columns takes, as a pandas frame.

Source: ``mlflow.models.utils._enforce_schema``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.types.infer_frames import is_frame
from mltrack.types.schema import Array, Object, Schema
from mltrack.types.words import type_name

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


def as_frame(data: Any, schema: Schema) -> pd.DataFrame:
    """Give data as a frame; a dict may be one row or hold columns, which the schema and its values tell.

    Raises
    ------
    InvalidParameterError
        When it is no data with columns.
    """
    import pandas as pd  # heavy; what the model takes is a frame

    if isinstance(data, pd.DataFrame):
        return data
    if is_frame(data, "polars", "DataFrame"):
        return pandas_frame(data)
    if isinstance(data, pd.Series) or is_frame(data, "polars", "Series"):
        return data.to_frame() if isinstance(data, pd.Series) else pandas_frame(data.to_frame())
    try:
        if isinstance(data, dict):
            return _dict_frame(data, schema)
        if isinstance(data, (list, _array_type())):
            return pd.DataFrame(data)
    except (ValueError, TypeError) as error:
        raise InvalidParameterError(f"a frame cannot be made of the {type_name(type(data))}: {error}") from None
    if data is not None and _is_scalar(data):
        return pd.DataFrame([data])
    raise InvalidParameterError(
        f"the signature has columns, and the data is a {type_name(type(data))}; give a DataFrame, a dict of columns, "
        "or a list of records."
    )


def _dict_frame(data: dict[Any, Any], schema: Schema) -> pd.DataFrame:
    import pandas as pd  # heavy; what the model takes is a frame

    if any(isinstance(kind, (Array, Object)) for kind in schema.input_types()) or all(map(_is_one, data.values())):
        return pd.DataFrame([data])
    arrays = _array_type()
    if all(isinstance(each, arrays) and each.shape == () and each.dtype.kind == "U" for each in data.values()):
        return pd.DataFrame([data])
    return pd.DataFrame(
        {name: each.tolist() if isinstance(each, arrays) and each.ndim > 1 else each for name, each in data.items()}
    )


def _is_one(value: Any) -> bool:
    """Tell whether a dict's value is one row's: single, or a list of texts."""
    return _is_scalar(value) or (isinstance(value, list) and all(isinstance(each, str) for each in value))


def _is_scalar(value: Any) -> bool:
    import numpy as np  # heavy; pandas, which is needed here, brings it

    return value is None or np.isscalar(value)


def _array_type() -> Any:
    import numpy as np  # heavy; pandas, which is needed here, brings it

    return np.ndarray


def pandas_frame(data: pl.DataFrame) -> pd.DataFrame:
    """Give a polars frame as the pandas frame that such data would be: texts as objects, missing numbers as NaN."""
    import pandas as pd  # heavy; what the model takes is a frame

    return pd.DataFrame({column.name: _pandas_values(column) for column in data.get_columns()})


def _pandas_values(column: pl.Series) -> Any:
    dtype = column.dtype
    if dtype.is_numeric() and not dtype.is_decimal():
        return column.to_numpy()  # nulls become NaN, and whole numbers with them doubles
    if type(dtype).__name__ in ("Datetime", "Date") and getattr(dtype, "time_zone", None) is None:
        return column.to_numpy().astype("datetime64[ns]")
    if type(dtype).__name__ == "Boolean" and not column.null_count():
        return column.to_numpy()
    return column.to_list()
