"""What a model is given, checked against its signature and brought into its form, or refused with a reason.

Source of the rules: ``mlflow.models.utils._enforce_schema``. Numbers are widened where nothing is lost (``int32`` to
``long``, ``float32`` to ``double``), never narrowed; columns come in the signature's order, others are dropped. Every
refusal starts with ``Failed to enforce schema`` and names the column.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.models.enforcement_columns import fit_column
from mltrack.models.enforcement_frames import as_frame
from mltrack.models.enforcement_tensors import enforce_tensors
from mltrack.types.schema import DataType, Schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from mltrack.types.params import ParamSchema

PREFIX = "Failed to enforce schema"


class EnforcementWarning(UserWarning):
    """Something that a model was given was left out, as its signature does not know it."""


def enforce_schema(data: Any, schema: Schema) -> Any:
    """Give data as a model of this signature takes it.

    Parameters
    ----------
    data
        For columns: a DataFrame or Series of pandas or polars, a dict of columns or of one row, a list of records, rows
        or values, an array, one value. For tensors: an array, a sparse matrix (CSR, CSC), a dict of arrays, or a
        DataFrame whose columns hold numbers, lists or arrays. It is not changed.
    schema
        The signature's inputs.

    Returns
    -------
    pandas.DataFrame, numpy.ndarray, scipy.sparse matrix or dict of arrays
        A DataFrame when the signature has columns, with these in its order; nothing is copied that fits.

    Raises
    ------
    InvalidParameterError
        When it does not fit: the message names the column, what it is, and what it should be.
    """
    known: _Fitting | None = schema.prepared
    if known is not None and known.is_like(data):
        return data.copy(deep=known.is_copied)
    try:
        if schema.is_tensor_spec():
            return enforce_tensors(data, schema)
        fitted = _fit_frame(as_frame(data, schema), schema)
    except InvalidParameterError as error:
        raise InvalidParameterError(f"{PREFIX}: {error.message}") from None
    if _Fitting.is_worth_knowing(data, fitted, schema):
        schema.prepared = _Fitting(fitted)
    return fitted


class _Fitting:
    """A frame that fitted as it was: the next one with its columns and types does too, as types say it all."""

    __slots__ = ("columns", "is_copied", "kind", "types")

    def __init__(self, frame: pd.DataFrame) -> None:
        import pandas as pd  # heavy; there is a frame already

        self.kind, self.columns, self.types = type(frame), frame.columns, frame.dtypes.tolist()
        # Since pandas 3 a copy is shallow until either is written to; before, a model could change its caller's frame.
        self.is_copied = int(pd.__version__.partition(".")[0]) < 3

    def is_like(self, data: Any) -> bool:
        """Tell whether data has the same columns and types."""
        return (
            type(data) is self.kind and data.columns.equals(self.columns) and bool(data.dtypes.tolist() == self.types)
        )

    @staticmethod
    def is_worth_knowing(data: Any, fitted: pd.DataFrame, schema: Schema) -> bool:
        """Tell whether data came out as it was, and would with any other values of these types."""
        dtypes = fitted.dtypes.tolist()
        if type(data) is not type(fitted) or not data.columns.equals(fitted.columns) or len(dtypes) < len(schema):
            return False
        return data.dtypes.tolist() == dtypes and all(
            kind in _ANY_OBJECT or (isinstance(kind, DataType) and dtype == kind.to_pandas())
            for kind, dtype in zip(schema.input_types(), dtypes, strict=True)
        )


_ANY_OBJECT = (DataType.string, DataType.binary)


def _fit_frame(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    import pandas as pd  # heavy; there is a frame already

    if not schema.has_input_names():
        names = _by_position(frame, schema)
        chosen = zip(names, schema.inputs, strict=True)
        fitted = {name: fit_column(_shown(name), frame[name], spec) for name, spec in chosen}
    else:
        _check_names(frame.columns.tolist(), schema)
        fitted = {
            spec.name: fit_column(_shown(spec.name), frame[spec.name], spec)
            for spec in schema.inputs
            if spec.name in frame.columns
        }
    return pd.DataFrame(fitted, index=frame.index)


def _shown(name: Any) -> str:
    return f"column {name!r:.80}"


def _by_position(frame: pd.DataFrame, schema: Schema) -> list[Any]:
    given = frame.shape[1]
    if given < len(schema):
        raise InvalidParameterError(
            f"the signature has {len(schema)} columns without names, and the data has only {given}; give all of them, "
            "in the order they were trained in."
        )
    names = frame.columns.tolist()[: len(schema)]
    _check_unique(frame.columns.tolist(), names)
    return names


def _check_names(given: list[Any], schema: Schema) -> None:
    names, present = schema.input_names(), set(given)
    extra = [name for name in given if name not in set(names)]
    if missing := [name for name in schema.required_input_names() if name not in present]:
        others = f" The signature does not know {_listed(extra)}." if extra else ""
        raise InvalidParameterError(f"{_missing(missing)}.{others}")
    _check_unique(given, names)
    if extra:
        warnings.warn(
            f"The signature does not know {_listed(extra)}; the model does not see what is in there.",
            EnforcementWarning,
            stacklevel=4,
        )


def _missing(names: list[Any]) -> str:
    if len(names) == 1:
        return f"column {names[0]!r:.80} is missing; add it to the data"
    return f"the columns {', '.join(f'{name!r:.60}' for name in names[:20])} are missing; add them to the data"


def _listed(names: list[Any]) -> str:
    listed = ", ".join(f"{name!r:.60}" for name in dict.fromkeys(names[:20]))
    return f"column {listed}" if len(names) == 1 else f"the columns {listed}"


def _check_unique(given: list[Any], names: list[Any]) -> None:
    if len(set(given)) < len(given) and (twice := [name for name in names if given.count(name) > 1]):
        raise InvalidParameterError(f"{_listed(twice)} occurs twice in the data; which one is meant cannot be told.")


def enforce_params(params: Mapping[str, Any] | None, schema: ParamSchema | None) -> dict[str, Any] | None:
    """Give the params of ``predict`` with their types and defaults.

    Parameters
    ----------
    params
        Values by name, or None.
    schema
        The signature's params; None when the model takes none: what was given is left out then, with a warning.

    Returns
    -------
    dict or None
        All params of the schema, unknown ones left out with an ``EnforcementWarning``. Without a schema what was
        given when it is empty, else an empty dict.

    Raises
    ------
    InvalidParameterError
        When they are no dict, or a value is of another type; the message names the param.
    """
    if schema is None:
        return _without_params(params) if params else None if params is None else {}
    given = {} if params is None else params
    if not isinstance(given, dict):
        raise InvalidParameterError(f"Params are a dict of values by name; got a {type(params).__name__}.")
    given = {str(name): value for name, value in given.items()}
    specs = {spec.name: spec for spec in schema}
    if unknown := [name for name in given if name not in specs]:
        known = ", ".join(specs)[:200]
        _warn(f"The params {', '.join(unknown)[:200]} were left out: the signature does not know them. It has {known}.")
    fitted = {name: specs[name].fit(value) for name, value in given.items() if name in specs}
    return {**fitted, **{name: spec.default for name, spec in specs.items() if name not in fitted}}


def _without_params(params: Any) -> dict[str, Any]:
    shown = ", ".join(map(str, params))[:200] if isinstance(params, dict) else f"a {type(params).__name__}"
    _warn(f"The params {shown} were left out: the model's signature has none.")
    return {}


def _warn(message: str) -> None:
    warnings.warn(message, EnforcementWarning, stacklevel=4)


def validate_schema(data: Any, expected_schema: Schema) -> None:
    """Check data against a schema; see ``enforce_schema``, whose errors it raises."""
    enforce_schema(data, expected_schema)
