"""Values as typed JSON and back: dataclasses, tuples, mappings, bytes, numbers of every kind, as they are declared.

Reading is strict: what is missing, unknown, of another kind or too deep is an InvalidParameterError that names its
place. Nothing that is read names a class; only those that a declaration names are made (``shape_of``).
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from mltrack.exceptions import InvalidParameterError
from mltrack.store.artifacts import SafePath
from mltrack.wire.scalars import (
    NONE,
    SHOWN,
    TEXT,
    Anything,
    Bytes,
    Null,
    Number,
    NumberBesideText,
    PathText,
    Shape,
    Text,
    Truth,
    Whole,
    refused,
)


class _Union(Shape):
    def __init__(self, parts: Sequence[Shape]) -> None:
        if any(isinstance(each, Text) for each in parts):
            parts = [NumberBesideText() if type(each) is Number else each for each in parts]
        self._parts = parts
        self._writers = {kind: each.write for each in reversed(parts) for kind in each.python}
        self._readers = {kind: each.read for each in reversed(parts) for kind in each.json}
        for each in parts:  # a whole number is one where whole numbers may stand as well
            if isinstance(each, Whole):
                self._writers[int], self._readers[int] = each.write, each.read
        self.python, self.json = tuple(self._writers), tuple(self._readers)
        self.word = " or ".join(each.word for each in parts)

    def write(self, value: Any) -> Any:
        writer = self._writers.get(type(value))
        if writer is None:  # a subclass, as of a text or a mapping
            writer = next(writer for kind, writer in self._writers.items() if isinstance(value, kind))
        return writer(value)

    def read(self, said: Any, where: str) -> Any:
        reader = self._readers.get(type(said))
        if reader is None:
            raise refused(where, self.word, said)
        return reader(said, where)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [each.schema() for each in self._parts]}


class _Items(Shape):
    """A list, or a tuple of any length."""

    json, word = (list,), "a list"

    def __init__(self, item: Shape, kind: type) -> None:
        self._item, self._kind = item, kind
        self.python = (list, tuple)

    def write(self, value: Any) -> Any:
        write = self._item.write
        return [write(each) for each in value]

    def read(self, said: Any, where: str) -> Any:
        read = self._item.read
        return self._kind([read(each, where) for each in super().read(said, where)])

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self._item.schema()}


class _Places(Shape):
    """A tuple whose places have types of their own; ``make`` makes it of them."""

    python, json = (tuple,), (list,)

    def __init__(self, places: Sequence[Shape], make: Any) -> None:
        self._places, self._make = places, make
        self.word = f"a list of {len(places)}"

    def write(self, value: Any) -> Any:
        return [place.write(each) for place, each in zip(self._places, value, strict=True)]

    def read(self, said: Any, where: str) -> Any:
        if len(super().read(said, where)) != len(self._places):
            raise refused(where, self.word, said)
        return self._make(place.read(each, where) for place, each in zip(self._places, said, strict=True))

    def schema(self) -> dict[str, Any]:
        count = len(self._places)
        return {"type": "array", "minItems": count, "maxItems": count, "items": {}}


class _Map(Shape):
    python, json, word = (Mapping, dict), (dict,), "an object"

    def __init__(self, key: Shape, value: Shape) -> None:
        self._key, self._value = key, value

    def write(self, value: Any) -> Any:
        return {self._key.write(key): self._value.write(each) for key, each in value.items()}

    def read(self, said: Any, where: str) -> Any:
        found = super().read(said, where)
        return {self._key.read(key, where): self._value.read(each, where) for key, each in found.items()}

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self._value.schema()}


class _Member(Shape):
    json = (str,)

    def __init__(self, kind: type[Enum]) -> None:
        self._kind, self.python = kind, (kind,)
        self.word = f"one of {', '.join(str(each.value) for each in kind)}"

    def write(self, value: Any) -> Any:
        return self._kind(value).value

    def read(self, said: Any, where: str) -> Any:
        try:
            return self._kind(super().read(said, where))
        except ValueError:
            raise refused(where, self.word, said) from None

    def schema(self) -> dict[str, Any]:
        return {"enum": [each.value for each in self._kind]}


class _Record(Shape):
    """A dataclass; it is filled in later, so that it may be part of itself."""

    json, word = (dict,), "an object"

    def __init__(self, kind: type, hints: Mapping[str, Any]) -> None:
        self._kind, self.python = kind, (kind,)
        self._fields = {each.name: shape_of(hints[each.name]) for each in fields(kind)}
        self._needed = {
            each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING
        }

    def write(self, value: Any) -> Any:
        return {name: shape.write(getattr(value, name)) for name, shape in self._fields.items()}

    def read(self, said: Any, where: str) -> Any:
        found = super().read(said, where)
        for name in found:
            if name not in self._fields:
                raise InvalidParameterError(f"Unknown parameter '{where}.{str(name)[:SHOWN]}'.")
        for name in self._needed:
            if name not in found:
                raise InvalidParameterError(f"Missing value for required parameter '{where}.{name}'.")
        values = {name: self._fields[name].read(each, f"{where}.{name}") for name, each in found.items()}
        made = self._kind(**values)
        check = CHECKS.get(self._kind)
        if check is not None:
            check(made, where)
        return made

    def schema(self) -> dict[str, Any]:
        properties = {name: shape.schema() for name, shape in self._fields.items()}
        return {
            "type": "object",
            "properties": properties,
            "required": sorted(self._needed),
            "additionalProperties": False,
        }


CHECKS: dict[type, Any] = {}
"""What else must be true of values of a class: called with a value and its place, it raises InvalidParameterError."""
_PLAIN: dict[Any, Shape] = {
    str: TEXT,
    bool: Truth(),
    int: Whole(),
    float: Number(),
    bytes: Bytes(),
    object: Anything(),
    NONE: Null(),
    None: Null(),
    SafePath: PathText(),
}
NAMES: dict[str, Any] = {"Mapping": Mapping, "Sequence": Sequence}
"""What annotations name that their modules import only for type checkers; see ``declare``."""


def declare(*kinds: type) -> None:
    """Let the annotations of dataclasses name these classes."""
    NAMES.update({each.__name__: each for each in kinds})


@cache
def shape_of(declared: Any) -> Shape:
    """Give how values of a type are written and read; TypeError for one that has no shape."""
    found = _PLAIN.get(declared)
    if found is not None:
        return found
    origin, parts = get_origin(declared), get_args(declared)
    if origin in (Union, types.UnionType):
        return _Union([shape_of(each) for each in parts])
    if origin is tuple:
        is_row = len(parts) == 2 and parts[1] is Ellipsis
        return _Items(shape_of(parts[0]), tuple) if is_row else _Places([shape_of(each) for each in parts], tuple)
    if origin in (list, Sequence):
        return _Items(shape_of(parts[0]), list)
    if origin in (dict, Mapping):
        return _Map(shape_of(parts[0]), shape_of(parts[1]))
    return _of_class(origin or declared, parts)


def _of_class(kind: Any, parts: tuple[Any, ...]) -> Shape:
    if not isinstance(kind, type):
        raise TypeError(f"{kind!r} has no shape on the wire.")
    if issubclass(kind, Enum):
        return _Member(kind)
    if is_dataclass(kind):
        hints = get_type_hints(kind, localns=NAMES)
        names = _parameters(kind)
        given = dict(zip(names, parts, strict=False))
        return _Record(kind, {name: _filled(each, given) for name, each in hints.items()})
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        hints = get_type_hints(kind, localns=NAMES)
        return _Places([shape_of(hints[name]) for name in kind._fields], lambda values: kind(*values))
    raise TypeError(f"{kind!r} has no shape on the wire.")


def _parameters(kind: type) -> tuple[Any, ...]:
    return tuple(getattr(kind, "__parameters__", ())) if issubclass(kind, Generic) else ()


def _filled(hint: Any, given: Mapping[Any, Any]) -> Any:
    """Put the classes that a generic dataclass was declared with in the places of its type variables."""
    if isinstance(hint, TypeVar):
        return given[hint]
    if getattr(hint, "__parameters__", ()):
        return hint[tuple(given[each] for each in hint.__parameters__)]
    return hint
