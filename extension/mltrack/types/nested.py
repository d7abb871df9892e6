"""Types of values that have parts: arrays, objects with named properties, maps, and any value at all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from mltrack.exceptions import InvalidParameterError
from mltrack.types.datatype import DataType, datatype
from mltrack.types.documents import DEEPEST, member, text_member


@dataclass(frozen=True, slots=True)
class AnyType:
    """Any value that JSON has, None among them; nothing is checked."""

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values."""
        return {"type": "any"}

    def __repr__(self) -> str:
        return "Any"


@dataclass(frozen=True, slots=True, repr=False)
class Array:
    """A list, or an array, of values of one type, which may be None of unknown type (``AnyType``).

    Parameters
    ----------
    dtype
        The type of the values, or the name of a ``DataType``.
    """

    dtype: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", checked_type(self.dtype))

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values: ``{"type": "array", "items": …}``."""
        return {"type": "array", "items": type_document(self.dtype)}

    @classmethod
    def from_json_dict(cls, /, **kwargs: Any) -> Self:
        """Make it of plain values; see ``to_dict``."""
        return _read_as(cls, kwargs)

    def __repr__(self) -> str:
        return f"Array({self.dtype!r})"


@dataclass(frozen=True, slots=True, repr=False)
class SparkMLVector(Array):
    """A vector of Spark ML: read and written as MLflow does, and taken as an array of doubles."""

    dtype: Any = DataType.double

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values."""
        return {"type": "sparkml_vector"}

    def __repr__(self) -> str:
        return "SparkML vector"


@dataclass(frozen=True, slots=True, repr=False)
class Map:
    """A dict from texts to values of one type; ``value_type`` may be the name of a ``DataType``."""

    value_type: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "value_type", checked_type(self.value_type))

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values: ``{"type": "map", "values": …}``."""
        return {"type": "map", "values": type_document(self.value_type)}

    @classmethod
    def from_json_dict(cls, /, **kwargs: Any) -> Self:
        """Make it of plain values; see ``to_dict``."""
        return _read_as(cls, kwargs)

    def __repr__(self) -> str:
        return f"Map(str -> {self.value_type!r})"


@dataclass(frozen=True, slots=True, repr=False)
class Property:
    """A named part of an ``Object``.

    Parameters
    ----------
    name
        Its name, a text.
    dtype
        The type of its value, or the name of a ``DataType``.
    required
        Whether every object has it; default True.
    """

    name: str
    dtype: Any
    required: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise InvalidParameterError(f"A property's name is a text; got {self.name!r:.60}.")
        object.__setattr__(self, "dtype", checked_type(self.dtype))

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values: ``{name: {"type": …, "required": …}}``."""
        return {self.name: {**type_document(self.dtype), "required": self.required}}

    @classmethod
    def from_json_dict(cls, /, **kwargs: Any) -> Self:
        """Make it of plain values; see ``to_dict``."""
        if len(kwargs) != 1:
            raise InvalidParameterError(f"A property is a mapping of one name; got {len(kwargs)}.")
        ((name, document),) = kwargs.items()
        return cls(name, read_type(document), read_required(document))

    def __repr__(self) -> str:
        return f"{self.name}: {self.dtype!r} ({'required' if self.required else 'optional'})"


@dataclass(frozen=True, slots=True, repr=False)
class Object:
    """A dict with properties of given names and types, which are kept sorted by their names."""

    properties: list[Property] = field(hash=False)

    def __post_init__(self) -> None:
        given = self.properties
        if not isinstance(given, list) or not given or not all(isinstance(each, Property) for each in given):
            raise InvalidParameterError(f"An Object has a list of at least one Property; got {given!r:.80}.")
        if twice := [name for name, count in Counter(each.name for each in given).items() if count > 1]:
            raise InvalidParameterError(f"These properties occur twice in an Object: {', '.join(twice)[:200]}.")
        object.__setattr__(self, "properties", sorted(given, key=lambda each: each.name))

    def __hash__(self) -> int:
        return hash(tuple(self.properties))

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values: ``{"type": "object", "properties": {…}}``."""
        found: dict[str, Any] = {}
        for each in self.properties:
            found.update(each.to_dict())
        return {"type": "object", "properties": found}

    @classmethod
    def from_json_dict(cls, /, **kwargs: Any) -> Self:
        """Make it of plain values; see ``to_dict``."""
        return _read_as(cls, kwargs)

    def __repr__(self) -> str:
        return "{" + ", ".join(map(repr, self.properties)) + "}"


ValueType = DataType | Array | Object | Map | AnyType


def checked_type(given: Any) -> ValueType:
    """Give a type back, or the ``DataType`` of that name; anything else is an error."""
    if isinstance(given, (DataType, Array, Object, Map, AnyType)):
        return given
    if isinstance(given, str):
        return datatype(given)
    raise InvalidParameterError(
        f"A type is a DataType or its name, an Array, Object, Map or AnyType; got {given!r:.80}."
    )


def type_document(value_type: ValueType) -> dict[str, Any]:
    """Give a type as plain values, under MLflow's keys."""
    return {"type": value_type.name} if isinstance(value_type, DataType) else value_type.to_dict()


def read_required(document: dict[str, Any]) -> bool:
    """Tell whether something is required; files before MLflow 2.9 do not say, and there everything is."""
    required = document.get("required")
    if required is not None and not isinstance(required, bool):
        raise InvalidParameterError(f"'required' is true or false; got {required!r:.60}.")
    return required is not False


def read_type(document: Any, *, depth: int = 0) -> ValueType:
    """Make a type of plain values; keys that are not known are left out.

    Raises
    ------
    InvalidParameterError
        When they say no type, or one of more than 32 levels.
    """
    if depth > DEEPEST:
        raise InvalidParameterError(f"A type of a signature has at most {DEEPEST} levels; this one has more.")
    word = text_member(document, "type")
    if word == "array":
        return Array(read_type(member(document, "items", dict), depth=depth + 1))
    if word == "map":
        return Map(read_type(member(document, "values", dict), depth=depth + 1))
    if word == "object":
        return Object(
            [
                Property(name, read_type(each, depth=depth + 1), read_required(each))
                for name, each in member(document, "properties", dict).items()
            ]
        )
    if word == "any":
        return AnyType()
    return SparkMLVector() if word == "sparkml_vector" else datatype(word)


_Kind = TypeVar("_Kind")


def _read_as(kind: type[_Kind], document: dict[str, Any]) -> _Kind:
    found = read_type(document)
    if not isinstance(found, kind):
        raise InvalidParameterError(f"This is no {kind.__name__}: its type is {document.get('type')!r:.60}.")
    return found
