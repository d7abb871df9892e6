"""What all shapes on the wire share: absent fields are left out, and pairs are lists of ``{key, value}``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Json = dict[str, Any]


def present(**fields: Any) -> Json:
    """Give the fields that are there: not None, and no empty list; empty texts are sent."""
    return {name: value for name, value in fields.items() if value is not None and value != []}


def write_pairs(pairs: Mapping[str, str]) -> list[Json]:
    """Give a mapping as a list of ``{key, value}``."""
    return [{"key": key, "value": value} for key, value in pairs.items()]


def read_pairs(pairs: Any) -> dict[str, str]:
    """Read a list of ``{key, value}``; one without a value has an empty one."""
    return {text(pair, "key"): text(pair, "value") for pair in items(pairs)}


def items(value: Any) -> Iterable[Json]:
    """Give the objects of a list that may be absent; InvalidParameterError for anything else."""
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise InvalidParameterError(f"A list of objects was expected; got {str(value)[:80]!r}.")
    return value


def text(value: Json, name: str, default: str = "") -> str:
    """Give a field that is a text, or the default when it is absent; InvalidParameterError for anything else."""
    found = value.get(name, default)
    if found is None:
        return default
    if not isinstance(found, str):
        raise InvalidParameterError(f"The field {name!r} must be a text; got {str(found)[:80]!r}.")
    return found
