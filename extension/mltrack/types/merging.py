"""The type that fits two: what is inferred from several values.

Source: the ``_merge`` methods of ``mlflow.types.schema``.
"""

from __future__ import annotations

from mltrack.exceptions import InvalidParameterError
from mltrack.types.datatype import DataType
from mltrack.types.nested import AnyType, Array, Map, Object, Property, ValueType


def merge_types(first: ValueType, second: ValueType) -> ValueType:
    """Give the type that values of both have: unknown ones give way, properties that only one has become optional.

    Raises
    ------
    InvalidParameterError
        When there is none: a number and a text, say, or a long and a double.
    """
    if isinstance(first, AnyType):
        return second if isinstance(second, (AnyType, DataType)) else merge_types(second, first)
    if isinstance(first, Object):
        return _merge_objects(first, second)
    if first == second or isinstance(second, AnyType):
        return first
    if isinstance(first, Array) and isinstance(second, Array):
        return Array(merge_types(first.dtype, second.dtype))
    if isinstance(first, Map) and isinstance(second, Map):
        return Map(merge_types(first.value_type, second.value_type))
    raise _unlike(first, second)


def _merge_objects(first: Object, second: ValueType) -> Object:
    if first == second:
        return first
    if isinstance(second, AnyType):
        return Object([Property(each.name, each.dtype, required=False) for each in first.properties])
    if not isinstance(second, Object):
        raise _unlike(first, second)
    ours, theirs = ({each.name: each for each in one.properties} for one in (first, second))
    alone = [each for name, each in (ours | theirs).items() if name not in ours or name not in theirs]
    return Object(
        [
            *(Property(each.name, each.dtype, required=False) for each in alone),
            *(_merge_properties(each, theirs[name]) for name, each in ours.items() if name in theirs),
        ]
    )


def _merge_properties(first: Property, second: Property) -> Property:
    return Property(first.name, merge_types(first.dtype, second.dtype), first.required and second.required)


def _unlike(first: ValueType, second: ValueType) -> InvalidParameterError:
    return InvalidParameterError(
        f"Values of the types {first!r:.80} and {second!r:.80} have no type in common. Give all of them one type, "
        "or say Array(AnyType()) in a signature of your own."
    )
