"""The types of Python's values: single ones, lists, dicts.

Source: ``mlflow.types.utils._infer_datatype``. Lists are looked at by the set of their values' types, not one by one,
unless they hold lists or dicts themselves.
"""

from __future__ import annotations

import sys
from functools import reduce
from typing import Any

from mltrack.exceptions import InvalidParameterError
from mltrack.types.datatype import DataType
from mltrack.types.documents import DEEPEST
from mltrack.types.fitting import is_missing
from mltrack.types.merging import merge_types
from mltrack.types.nested import AnyType, Array, Object, Property, ValueType
from mltrack.types.words import module_of, type_name, word_of


def infer_type(value: Any, *, depth: int = 0) -> ValueType | None:
    """Give the type of a value; ``AnyType`` of None, NaN and what is empty, None of an empty array.

    Raises
    ------
    InvalidParameterError
        When MLflow has no type for it, or its parts have no type in common.
    """
    if depth > DEEPEST:
        raise InvalidParameterError(f"Values have at most {DEEPEST} levels in a signature; this one has more.")
    if is_missing(value) or (isinstance(value, (list, dict)) and not value):
        return AnyType()
    if isinstance(value, dict):
        return Object([_property(name, each, depth) for name, each in value.items()])
    if isinstance(value, list) or is_array(value):
        items = infer_items(value, depth=depth + 1)
        return None if items is None else Array(items)
    word = word_of(type(value))
    if word is None:
        raise InvalidParameterError(_untyped(value))
    return DataType[word]


def infer_items(values: Any, *, depth: int = 0) -> ValueType | None:
    """Give the type that the values of a list or an array have in common; None when nothing is in it.

    Raises
    ------
    InvalidParameterError
        As ``infer_type``.
    """
    if is_array(values):
        values = list(values) if values.ndim > 1 or values.dtype.kind != "O" else values.tolist()
    kinds = set(map(type, values))
    if (plain := _plain_items(values, kinds)) is not None:
        return plain
    found = (infer_type(each, depth=depth) for each in values)
    types = dict.fromkeys(each for each in found if each is not None)
    return reduce(merge_types, types) if types else None


def is_array(value: Any) -> bool:
    """Tell whether it is a numpy array; numpy is not loaded to ask."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def _plain_items(values: Any, kinds: set[type]) -> ValueType | None:
    """Give the type of values when their types alone say it."""
    kinds = kinds - {type(None)}
    if float in kinds and (len(kinds) > 1 or kinds == {float}) and all(is_missing(each) for each in values):
        return AnyType()
    words = {word_of(kind) for kind in kinds}
    if len(words) != 1 or (word := words.pop()) is None:
        return None
    return DataType[word]


def _property(name: Any, value: Any, depth: int) -> Property:
    found = infer_type(value, depth=depth + 1)
    if found is None:
        raise InvalidParameterError(f"The array under {name!r:.60} is empty: its type cannot be told.")
    return Property(name, found, required=not isinstance(found, AnyType))


def _untyped(value: Any) -> str:
    kind = type(value)
    if any(base.__name__ == "BaseModel" and module_of(base).startswith("pydantic") for base in kind.__mro__):
        return (
            f"A signature cannot be inferred from a {type_name(kind)}. Say its type in the function instead: "
            f"`def predict(self, model_input: list[{type_name(kind)}])`."
        )
    return f"MLflow's signatures have no type for a {type_name(kind)} of {module_of(kind)}."
