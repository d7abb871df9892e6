"""Schemas said by dataclasses: each field a column."""

from __future__ import annotations

import datetime as dt
from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

from mltrack.exceptions import InvalidParameterError
from mltrack.types.columns import ColSpec
from mltrack.types.nested import Array, Object, Property, ValueType, checked_type

if TYPE_CHECKING:
    from mltrack.types.schema import Schema

# mlflow.types.schema._map_field_type
_WORDS = {bool: "boolean", int: "long", float: "float", str: "string", bytes: "binary", dt.date: "datetime"}


def convert_dataclass_to_schema(dataclass: Any) -> Schema:
    """Make a schema of a dataclass: a column of each field, nested dataclasses as objects.

    Parameters
    ----------
    dataclass
        A dataclass, or an instance of one. Its fields are ``bool``, ``int`` (long), ``float`` (32 bits, as in MLflow),
        ``str``, ``bytes``, ``datetime.date``, a dataclass, a list of one of these, or such a type or None, which makes
        an optional column.

    Raises
    ------
    InvalidParameterError
        When a field has another type; it is named.
    """
    from mltrack.types.schema import Schema  # that module has this function among its names

    return Schema([ColSpec(kind, name, required) for name, kind, required in _fields(dataclass)])


def _fields(dataclass: Any) -> list[tuple[str, ValueType, bool]]:
    kind = dataclass if isinstance(dataclass, type) else type(dataclass)
    if not is_dataclass(kind):
        raise InvalidParameterError(f"{kind.__name__} is no dataclass.")
    hints = get_type_hints(kind)
    return [(name, *_field_type(hints[name], f"{kind.__name__}.{name}")) for name in kind.__dataclass_fields__]


def _field_type(hint: Any, where: str) -> tuple[ValueType, bool]:
    if get_origin(hint) not in (Union, UnionType):
        return _value_type(hint, where), True
    chosen = [each for each in get_args(hint) if each is not NoneType]
    if len(chosen) != 1:
        raise InvalidParameterError(f"The type of {where} is one of several; only one type, or None, is possible.")
    return _value_type(chosen[0], where), False


def _value_type(hint: Any, where: str) -> ValueType:
    if get_origin(hint) is list:
        return Array(_value_type(get_args(hint)[0], where))
    if isinstance(hint, type) and is_dataclass(hint):
        return Object([Property(name, kind, required) for name, kind, required in _fields(hint)])
    if hint not in _WORDS:
        raise InvalidParameterError(f"The type of {where} is {hint!r:.60}; it can be no column of a schema.")
    return checked_type(_WORDS[hint])
