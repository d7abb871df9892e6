"""One column of a frame made to fit its type, or refused.

Source: ``mlflow.models.utils._enforce_mlflow_datatype``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.types.fitting import fit_value
from mltrack.types.schema import ColSpec, DataType
from mltrack.types.words import widens

if TYPE_CHECKING:
    import pandas as pd


def fit_column(where: str, column: pd.Series[Any], spec: ColSpec) -> Any:
    """Give a column with the values of its type: itself when it fits, else a widened copy.

    Parameters
    ----------
    where
        What it is called in errors.
    column
        The values.
    spec
        The type they should have.

    Raises
    ------
    InvalidParameterError
        When they do not fit; the message says what they are, what they should be, and how to mend it.
    """
    if isinstance(spec.type, DataType):
        with_gaps = None if spec.required else _fit_gaps(column, spec.type)
        return _fit_plain(where, column, spec.type) if with_gaps is None else with_gaps
    import pandas as pd  # heavy; there is a frame already

    values = [
        fit_value(value, spec.type, required=spec.required, where=f"row {number} of {where}")
        for number, value in enumerate(column.tolist())
    ]
    return pd.Series(values, index=column.index, name=column.name, dtype=None if values else object)


def _fit_plain(where: str, column: pd.Series[Any], kind: DataType) -> pd.Series[Any]:
    import pandas as pd  # heavy; there is a frame already

    word = kind.name
    if column.dtype == "O" and word not in ("string", "binary"):
        column = column.infer_objects()
    dtype: Any = column.dtype
    is_text = dtype == "O" or isinstance(dtype, pd.StringDtype)
    if word in ("string", "binary") and (is_text or (word == "binary" and dtype.kind == "S")):
        return column
    if word == "string" and isinstance(dtype, pd.CategoricalDtype) and dtype.categories.dtype.kind == "O":
        return column  # texts of which models of categories know each; MLflow refuses what it calls texts itself
    if dtype == "O":
        column = _fit_objects(where, column, kind)
        dtype = column.dtype
    if dtype == kind.to_pandas():
        return column
    if word == "datetime" and dtype.kind == "M" and getattr(dtype, "tz", None) is None:
        return column.astype("datetime64[ns]")
    is_number = dtype.kind in "biuf" and word not in _SIZELESS
    if is_number and (widens(dtype.kind, dtype.itemsize, word) or _are_bits(column, kind)):
        return _widened(where, column, kind)
    raise _misfit(where, column, kind)


def _fit_gaps(column: pd.Series[Any], kind: DataType) -> pd.Series[Any] | None:
    """Give a column as it is when all that keeps it from its type is that values are missing, which numpy's types lack.

    MLflow refuses whole numbers of pandas' own types here, though it is of such data that columns become optional.
    """
    import pandas as pd  # heavy; there is a frame already

    dtype: Any = column.dtype
    if dtype == "O":
        word = {"integer": "long", "boolean": "boolean"}.get(pd.api.types.infer_dtype(column, skipna=True))
        return column if word == kind.name else None
    is_own = isinstance(dtype, pd.api.extensions.ExtensionDtype) and dtype.kind in "biuf"
    fits = is_own and kind.name not in _SIZELESS and widens(dtype.kind, dtype.itemsize, kind.name)
    return column if fits and column.hasnans else None


_SIZELESS = ("string", "binary", "datetime")


def _widened(where: str, column: pd.Series[Any], kind: DataType) -> pd.Series[Any]:
    try:
        return column.astype(kind.to_numpy())
    except (ValueError, TypeError):  # pandas' own types with missing values
        raise _misfit(where, column, kind) from None


def _fit_objects(where: str, column: pd.Series[Any], kind: DataType) -> pd.Series[Any]:
    """Give a column of objects as dates or doubles where that is what they are: dates, Decimals, numbers with gaps."""
    import pandas as pd  # heavy; there is a frame already

    given = pd.api.types.infer_dtype(column, skipna=True)
    if kind is DataType.datetime and given in ("date", "datetime", "datetime64", "empty"):
        try:
            return column.astype("datetime64[ns]")
        except (ValueError, TypeError):  # of different time zones, or outside of nanoseconds
            raise _misfit(where, column, kind) from None
    if kind is DataType.double and given in ("decimal", "integer", "floating", "mixed-integer-float", "empty"):
        return pd.to_numeric(column).astype("float64")
    raise _misfit(where, column, kind)


def _are_bits(column: pd.Series[Any], kind: DataType) -> bool:
    """Tell whether it has whole numbers of 64 bits of which all are 0 or 1, which MLflow lets pass for decimal ones."""
    return kind.name in ("float", "double") and column.dtype == "int64" and bool(column.isin((0, 1)).all())


def _misfit(where: str, column: pd.Series[Any], kind: DataType) -> InvalidParameterError:
    return InvalidParameterError(
        f"{where} has the type {_given(column)}; the signature wants {kind.name}. {_remedy(column, kind)}"
    )


def _given(column: pd.Series[Any]) -> str:
    import pandas as pd  # heavy; there is a frame already

    if isinstance(column.dtype, pd.StringDtype):
        return "string"
    if column.dtype != "O":
        return str(column.dtype)
    missing = " with missing values" if column.isna().any() else ""
    return f"object ({pd.api.types.infer_dtype(column, skipna=True)}{missing})"


def _remedy(column: pd.Series[Any], kind: DataType) -> str:
    name, word = column.name, kind.name
    if word in ("integer", "long", "boolean") and column.hasnans:
        return (
            f"Values are missing, which a {word} column cannot have: fill or drop them, or train with that column as "
            "doubles (`astype('float64')`) before the signature is inferred."
        )
    if word == "datetime":
        return f"Convert it: `pandas.to_datetime(frame[{name!r:.60}])`, without a time zone."
    if word in ("string", "binary"):
        return f"Convert it: `frame[{name!r:.60}].astype({'str' if word == 'string' else 'bytes'!r})`."
    return (
        f"That could change the values, so convert it yourself: `frame[{name!r:.60}].astype({kind.to_numpy().name!r})`."
    )
