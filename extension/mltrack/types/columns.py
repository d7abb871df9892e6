"""A column of a frame: its name, its type, and whether every row has a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from mltrack.types.nested import checked_type, read_required, read_type, type_document
from mltrack.types.words import plain_name


@dataclass(frozen=True, slots=True, repr=False)
class ColSpec:
    """A column of what goes into a model or comes out of it.

    Parameters
    ----------
    type
        The type of its values, or the name of a ``DataType``.
    name
        Its name; None for columns that are told by their position.
    required
        False when the column may be absent, or some of its values missing; default True.
    """

    type: Any
    name: Any = None
    required: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "type", checked_type(self.type))

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values: ``{"type": …, "name": …, "required": …}``, without a name if it has none."""
        named = {} if self.name is None else {"name": plain_name(self.name)}
        return {**type_document(self.type), **named, "required": self.required}

    @classmethod
    def from_json_dict(cls, /, **kwargs: Any) -> Self:
        """Make it of plain values; keys that are not known are left out."""
        return cls(read_type(kwargs), read_name(kwargs), read_required(kwargs))

    def __repr__(self) -> str:
        named = "" if self.name is None else f"{self.name!r}: "
        return f"{named}{self.type!r} ({'required' if self.required else 'optional'})"


def read_name(document: dict[str, Any]) -> Any:
    """Give the name that plain values hold; a list, as the name of a column with several levels, becomes a tuple."""
    return _hashable(document.get("name"))


def _hashable(name: Any) -> Any:
    if isinstance(name, list):
        return tuple(map(_hashable, name))
    return str(name) if isinstance(name, dict) else name
