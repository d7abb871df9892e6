"""Type hints of the functions that predict: the schema they say, and data made to fit them.

Source: ``mlflow.types.type_hints``. A hint is of the rows: ``list[str]`` is one column of texts.
"""

from __future__ import annotations

import datetime as dt
import sys
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from mltrack.exceptions import InvalidParameterError
from mltrack.types.columns import ColSpec
from mltrack.types.datatype import DataType
from mltrack.types.infer_frames import is_frame
from mltrack.types.infer_values import is_array
from mltrack.types.nested import AnyType, Array, Map, Object, Property, ValueType
from mltrack.types.schema import Schema
from mltrack.types.words import module_of

_PLAIN: dict[Any, DataType] = {
    int: DataType.long,
    str: DataType.string,
    bool: DataType.boolean,
    float: DataType.double,
    bytes: DataType.binary,
    dt.datetime: DataType.datetime,
}
_UNIONS = (Union, UnionType)
_WANTED = (
    "The data that a function predicts for is hinted as list[…] of int, float, str, bool, bytes, datetime, a list or "
    "dict of these, a pydantic model, or Any."
)


class HintError(InvalidParameterError):
    """A type hint says no schema."""


def hint_schema(hint: Any) -> Schema:
    """Give the schema that the type hint of a function's data says: one column without a name.

    Raises
    ------
    HintError
        When it says none; the message gives the hint.
    """
    if get_origin(hint) is not list:
        raise HintError(f"The hint {_shown(hint)} says no signature: it is of no list of rows. {_WANTED}")
    return _unnamed(hint, get_args(hint)[0])


def output_schema(hint: Any) -> Schema:
    """Give the schema that the type hint of what a function returns says; see ``hint_schema``."""
    return _unnamed(hint, get_args(hint)[0] if get_origin(hint) is list else hint)


def _unnamed(hint: Any, row: Any) -> Schema:
    kind, required = _type_of(row)
    if not required:
        raise HintError(f"The rows of {_shown(hint)} may be None; only fields of a pydantic model may.")
    return Schema([ColSpec(kind)])


def is_data_hint(hint: Any) -> bool:
    """Tell whether a hint names a kind of data, as ``pandas.DataFrame``, whose columns only an example can say."""
    names = {("pandas", "DataFrame"), ("pandas", "Series"), ("numpy", "ndarray"), ("polars", "DataFrame")}
    names |= {("scipy", f"{form}_{kind}") for form in ("csr", "csc") for kind in ("matrix", "array")}
    kind = get_origin(hint) or hint
    return isinstance(kind, type) and (module_of(kind).partition(".")[0], kind.__name__) in names


def _type_of(hint: Any) -> tuple[ValueType, bool]:
    if hint is Any:
        return AnyType(), True
    if hint in _PLAIN:
        return _PLAIN[hint], True
    if is_pydantic(hint):
        return _pydantic_type(hint), True
    origin, args = get_origin(hint), get_args(hint)
    if origin is list and len(args) == 1:
        return Array(_type_of(args[0])[0]), True
    if origin is dict and len(args) == 2 and args[0] is str:
        return Map(_type_of(args[1])[0]), True
    if origin in _UNIONS:
        others = [each for each in args if each is not NoneType]
        is_one = len(others) == 1
        return _type_of(others[0])[0] if is_one else AnyType(), NoneType not in args
    raise HintError(f"The hint {_shown(hint)} says no type of a signature. {_WANTED}")


def is_pydantic(hint: Any) -> bool:
    """Tell whether it is a class of pydantic's models; pydantic is not loaded to ask."""
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and isinstance(hint, type) and issubclass(hint, pydantic.BaseModel)


def _pydantic_type(model: Any) -> Object:
    properties = []
    for name, field in model.model_fields.items():
        kind, required = _type_of(field.annotation)
        if not required and field.is_required():
            raise HintError(f"The field {name!r} of {model.__name__} may be None; give it None as its default.")
        properties.append(Property(name, kind, required))
    return Object(properties)


def fit_to_hint(data: Any, hint: Any) -> Any:
    """Give data as a function with this hint takes it: frames as lists of rows, dicts as the pydantic models hinted.

    Parameters
    ----------
    data
        A list of rows, a frame with one column, or with the fields of a pydantic model or dict, or a body's JSON, in
        which bytes are base64 and datetimes ISO texts.
    hint
        A hint that ``hint_schema`` knows.

    Raises
    ------
    InvalidParameterError
        When the data is not of that type; the message says which row.
    """
    if is_frame(data, "pandas", "Series"):
        data = data.tolist()
    elif is_frame(data, "pandas", "DataFrame"):
        data = _rows(data, get_args(hint)[0] if get_origin(hint) is list else Any)
    elif is_array(data):
        data = data.tolist()
    return _fit(data, hint, "the data")


def _rows(frame: Any, row: Any) -> list[Any]:
    is_record = is_pydantic(row) or get_origin(row) is dict
    if is_record and frame.columns.tolist() != [0]:
        return [dict(each) for each in frame.to_dict(orient="records")]
    if frame.shape[1] != 1:
        raise InvalidParameterError(
            f"The model takes a list of {_shown(row)}, and the frame has {frame.shape[1]} columns; give one."
        )
    return list(frame.iloc[:, 0].tolist())


def _fit(value: Any, hint: Any, where: str) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any or (origin in _UNIONS and _is_open(args)) or (value is None and NoneType in args):
        return value
    if origin in _UNIONS:
        return _fit(value, next(each for each in args if each is not NoneType), where)
    if is_pydantic(hint):
        return _fit_pydantic(value, hint, where)
    if origin is list and isinstance(value, list):
        return [_fit(each, args[0], f"row {number} of {where}") for number, each in enumerate(value)]
    if origin is dict and isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _fit(each, args[1], f"{key!r:.60} of {where}") for key, each in value.items()}
    if hint in _PLAIN:
        return _fit_plain(value, hint, where)
    raise _misfit(value, hint, where)


def _is_open(args: tuple[Any, ...]) -> bool:
    return sum(each is not NoneType for each in args) > 1


def _fit_plain(value: Any, hint: Any, where: str) -> Any:
    import base64  # small, and seldom needed

    try:
        if isinstance(value, str) and hint is bytes:
            return base64.b64decode(value)
        if isinstance(value, str) and hint is dt.datetime:
            return dt.datetime.fromisoformat(value)
    except ValueError:
        raise _misfit(value, hint, where) from None
    if hint is float and type(value) is int:
        return float(value)  # JSON has one kind of numbers
    if isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    raise _misfit(value, hint, where)


def _fit_pydantic(value: Any, model: Any, where: str) -> Any:
    if isinstance(value, model):
        return value
    if not isinstance(value, dict):
        raise _misfit(value, model, where)
    try:
        return model.model_validate(value)
    except ValueError as error:  # pydantic's own is a child of it
        raise InvalidParameterError(f"{where} is no {model.__name__}: {str(error)[:300]}") from None


def _misfit(value: Any, hint: Any, where: str) -> InvalidParameterError:
    return InvalidParameterError(
        f"Failed to enforce schema: {where} is a {type(value).__name__}; the model's type hint wants {_shown(hint)}."
    )


def _shown(hint: Any) -> str:
    return hint.__name__ if type(hint) is type else f"{hint!s:.120}"
