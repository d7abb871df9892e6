"""Single values, lists and dicts made to fit a type, or refused: what pandas is not needed for.

Source: ``mlflow.models.utils._enforce_type`` and ``_enforce_param_datatype``. Where a value comes from Python or JSON,
whose numbers have no width, what counts is whether the number fits, not how wide it is.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from mltrack.exceptions import InvalidParameterError
from mltrack.types.datatype import DataType
from mltrack.types.nested import AnyType, Array, Map, Object, Property, ValueType
from mltrack.types.words import module_of, type_name, widens, word_of

# The largest whole number up to which a type has all of them.
_WHOLE = {"integer": 2**31 - 1, "long": 2**63 - 1, "float": 2**24, "double": 2**53}
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (float,),
    "double": (float,),
    "string": (str,),
    "binary": (bytes, bytearray, str),
    "datetime": (dt.date, dt.datetime),
}
_MAY_BE_NONE = ("string", "binary", "datetime", "float", "double")


def fit_value(value: Any, kind: ValueType, *, required: bool = True, where: str = "the value") -> Any:
    """Give a value as its type has it; numbers are widened where nothing is lost.

    Parameters
    ----------
    value
        Anything; it is not changed.
    kind
        The type it should have.
    required
        False when the value may be missing: None, NaN, an empty list or dict.
    where
        What the value is called in errors.

    Raises
    ------
    InvalidParameterError
        When it does not fit; the message says which part of it.
    """
    if isinstance(kind, AnyType):
        return value
    if isinstance(kind, DataType):
        return None if not required and is_missing(value) else _fit_scalar(value, kind, where)
    if isinstance(kind, Array):
        return _fit_array(value, kind, required=required, where=where)
    if isinstance(kind, Map):
        return _fit_map(value, kind, required=required, where=where)
    return _fit_object(value, kind, required=required, where=where)


def is_missing(value: Any) -> bool:
    """Tell whether it is None, NaN, or what pandas puts where a value is missing."""
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 - only NaN is not itself
        return True
    kind = type(value)
    return type_name(kind) in ("NAType", "NaTType") and module_of(kind).startswith("pandas")


def _fit_scalar(value: Any, kind: DataType, where: str) -> Any:
    word, given = kind.name, type(value)
    if given is int and word in _WHOLE and _is_whole_within(value, word):
        return float(value) if word in ("float", "double") else value
    if given is not int and given in _PYTHON_TYPES[word]:
        return value
    if isinstance(value, Decimal) and word == "double":
        return float(value)
    if module_of(given) == "numpy" and hasattr(value, "dtype") and not value.shape:
        if widens(value.dtype.kind, value.dtype.itemsize, word):
            return kind.to_numpy().type(value)
    elif isinstance(value, dt.date) and word == "datetime":
        return value
    raise _misfit(value, kind, where)


def _is_whole_within(value: int, word: str) -> bool:
    return -_WHOLE[word] - (word in ("integer", "long")) <= value <= _WHOLE[word]


def _fit_item(value: Any, kind: DataType, where: str) -> Any:
    if is_missing(value) and kind.name in _MAY_BE_NONE:
        return float("nan") if kind.name in ("float", "double") else None
    return _fit_scalar(value, kind, where)


def _fit_array(value: Any, kind: Array, *, required: bool, where: str) -> Any:
    is_array = module_of(type(value)) == "numpy" and hasattr(value, "ndim") and value.ndim > 0
    may_be_empty = not required or isinstance(kind.dtype, AnyType)
    if may_be_empty and (value is None or ((is_array or isinstance(value, list)) and len(value) == 0)):
        return value
    if not is_array and not isinstance(value, list):
        raise _misfit(value, kind, where)
    if not isinstance(kind.dtype, DataType):
        fitted = [fit_value(each, kind.dtype, required=required, where=where) for each in value]
        return _as_array(fitted) if is_array else fitted
    if is_array and value.dtype.kind != "O":
        if value.ndim > 1 or not widens(value.dtype.kind, value.dtype.itemsize, kind.dtype.name):
            raise _misfit(value, kind, where)
        return value.astype(kind.dtype.to_numpy(), copy=False)
    fitted = [_fit_item(each, kind.dtype, f"item {number} of {where}") for number, each in enumerate(value)]
    return _as_array(fitted) if is_array else fitted


def _as_array(values: list[Any]) -> Any:
    import numpy as np  # heavy; there is an array already

    return np.array(values)


def _fit_map(value: Any, kind: Map, *, required: bool, where: str) -> Any:
    if (not required or isinstance(kind.value_type, AnyType)) and (value is None or value == {}):
        return value
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise _misfit(value, kind, where)
    return {
        key: fit_value(each, kind.value_type, required=required, where=f"{key!r:.60} of {where}")
        for key, each in value.items()
    }


def _fit_object(value: Any, kind: Object, *, required: bool, where: str) -> Any:
    if not required and (value is None or value == {}):
        return value
    if not isinstance(value, dict):
        raise _misfit(value, kind, where)
    properties: dict[Any, Property] = {each.name: each for each in kind.properties}
    if missing := [each.name for each in kind.properties if each.required and each.name not in value]:
        raise InvalidParameterError(f"{where} lacks {_names(missing)}; give {_them(missing)}.")
    if unknown := [name for name in value if name not in properties]:
        raise InvalidParameterError(
            f"{where} has {_names(unknown)}, which the signature does not know; leave {_them(unknown)} out."
        )
    return {
        name: fit_value(
            each, properties[name].dtype, required=properties[name].required, where=f"{name!r:.60} of {where}"
        )
        for name, each in value.items()
    }


def _names(names: list[Any]) -> str:
    return ", ".join(f"{name!r:.60}" for name in names[:10])


def _them(names: list[Any]) -> str:
    return "it" if len(names) == 1 else "them"


def _misfit(value: Any, kind: ValueType, where: str) -> InvalidParameterError:
    given = word_of(type(value))
    shown = f"a {type_name(type(value))}" + (f" of {value.dtype}" if hasattr(value, "dtype") else "")
    if isinstance(value, int) and given == "long" and isinstance(kind, DataType) and kind.name in _WHOLE:
        shown = f"{value!s:.40}, which is too large" if value.bit_length() < 1000 else "a number of many digits"
    elif is_missing(value):
        shown = "no value"
    return InvalidParameterError(f"{where} is {shown}; the signature wants {kind!r:.120}.")


def fit_param(value: Any, kind: DataType | Object, *, is_list: bool = False) -> Any:
    """Give a param's value as its type has it: Python's own types, whole numbers as floats where those are wanted.

    ``is_list`` when it should be a list, or an array with one axis. None stays None. The error says what it was and
    what it should be.
    """
    if is_list:
        if not isinstance(value, list) and getattr(value, "ndim", 0) != 1:
            raise InvalidParameterError(f"it is a list of {kind!r}, and got a {type_name(type(value))}.")
        return [fit_param(each, kind) for each in value]
    if isinstance(kind, Object):
        fit_value(value, kind, where="it")
        return value  # as it came: a model that takes a dict takes Python's numbers
    if value is None:
        return None
    if kind is DataType.datetime:
        return _fit_datetime(value)
    accepted = (kind, *(DataType[word] for word in _WIDER.get(kind.name, ())))
    try:
        if any(DataType.check_type(each, value) for each in accepted):
            return kind.to_python()(value)
    except OverflowError:
        pass
    raise InvalidParameterError(f"it is a {kind!r}, and got a {type_name(type(value))}.")


_WIDER = {"long": ("integer",), "float": ("integer", "long"), "double": ("integer", "long", "float")}


def _fit_datetime(value: Any) -> dt.date:
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.UTC).replace(tzinfo=None)
    if type(value) in (dt.date, dt.datetime):
        return value  # type: ignore[no-any-return]
    import numpy as np  # heavy; reads dates as MLflow does

    try:
        found = np.datetime64(value).item()
    except (ValueError, TypeError, OverflowError):
        found = None
    if not isinstance(found, dt.date):
        raise InvalidParameterError(f"it is a datetime, as '2026-01-31T12:00:00', and got {value!r:.60}.")
    return found
