"""Plain values as JSON, one shape for each kind: texts, numbers, bytes, paths, and whatever JSON can say."""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from mltrack.exceptions import InvalidParameterError
from mltrack.store.artifacts import SafePath, safe_path

DEPTH = 64
"""So many arrays and objects may stand in each other where any JSON may be."""
SHOWN = 60
SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
NONE = type(None)


class Shape:
    """How values of one declared type are written and read.

    ``python`` and ``json`` are the classes of what is written and of what is read, which tell the parts of a union.
    """

    python: tuple[type, ...] = ()
    json: tuple[type, ...] = ()
    word = "a value"

    def write(self, value: Any) -> Any:
        """Give a value as JSON has it."""
        return value

    def read(self, said: Any, where: str) -> Any:
        """Read a value; InvalidParameterError when it is not of this type. ``where`` is its place."""
        if type(said) not in self.json:
            raise refused(where, self.word, said)
        return said

    def schema(self) -> dict[str, Any]:
        """Give what a value may be, as JSON Schema says it."""
        return {}


def refused(where: str, word: str, said: object) -> InvalidParameterError:
    """Make the error that says that a value is not what was declared."""
    shown = str(said)[:SHOWN] if isinstance(said, (str, int, float)) else type(said).__name__
    return InvalidParameterError(f"Invalid value for parameter '{where}' supplied: it must be {word}; got {shown!r}.")


class Text(Shape):
    """A text without halves of surrogate pairs."""

    python, json, word = (str,), (str,), "a text"

    def read(self, said: Any, where: str) -> Any:
        """Read a value, and refuse what is none."""
        if type(said) is not str:
            raise refused(where, self.word, said)
        return said

    def schema(self) -> dict[str, Any]:
        """Give it as JSON Schema."""
        return {"type": "string"}


class Truth(Shape):
    """True or false."""

    python, json, word = (bool,), (bool,), "true or false"

    def schema(self) -> dict[str, Any]:
        """Give it as JSON Schema."""
        return {"type": "boolean"}


class Whole(Shape):
    """A whole number of 64 bits."""

    python, json, word = (int,), (int,), "a whole number of 64 bits"

    def read(self, said: Any, where: str) -> Any:
        """Read a value, and refuse what is none."""
        if type(said) is not int or not -(2**63) <= said < 2**63:
            raise refused(where, self.word, said if type(said) is not int else "one that is larger")
        return said

    def schema(self) -> dict[str, Any]:
        """Give it as JSON Schema."""
        return {"type": "integer"}


class Number(Shape):
    """A float; those that JSON has no number for are texts."""

    python = (float, int)
    json: tuple[type, ...] = (float, int, str)
    word = "a number, or NaN, Infinity or -Infinity"

    def write(self, value: Any) -> Any:
        """Give the value as JSON has it."""
        if math.isfinite(value):
            return float(value)
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"

    def read(self, said: Any, where: str) -> Any:
        """Read a value, and refuse what is none."""
        if type(said) is float and math.isfinite(said):
            return said
        if type(said) is int and -(2**63) <= said < 2**64:
            return float(said)
        if type(said) is str and said in SPECIAL:
            return SPECIAL[said]
        raise refused(where, self.word, said if not isinstance(said, int) else "another whole number")

    def schema(self) -> dict[str, Any]:
        """Give it as JSON Schema."""
        return {"anyOf": [{"type": "number"}, {"enum": [*SPECIAL]}]}


class NumberBesideText(Number):
    """A number where a text may stand as well: those that JSON has not are objects."""

    json: tuple[type, ...] = (float, dict)

    def write(self, value: Any) -> Any:
        """Give the value as JSON has it."""
        found = super().write(value)
        return {"float": found} if type(found) is str else found

    def read(self, said: Any, where: str) -> Any:
        """Read a value, and refuse what is none."""
        if type(said) is dict:
            if list(said) != ["float"] or type(said["float"]) is not str:
                raise refused(where, self.word, said)
            said = said["float"]
        return super().read(said, where)

    def schema(self) -> dict[str, Any]:
        """Give it as JSON Schema."""
        return {"anyOf": [{"type": "number"}, {"type": "object", "properties": {"float": {"enum": [*SPECIAL]}}}]}


class Bytes(Shape):
    """Bytes, in base64."""

    python, json, word = (bytes,), (str,), "bytes in base64"

    def write(self, value: Any) -> Any:
        """Give the value as JSON has it."""
        return b64encode(value).decode()

    def read(self, said: Any, where: str) -> Any:
        """Read a value, and refuse what is none."""
        try:
            return b64decode(super().read(said, where), validate=True)
        except ValueError:
            raise refused(where, self.word, said) from None

    def schema(self) -> dict[str, Any]:
        """Give it as JSON Schema."""
        return {"type": "string", "contentEncoding": "base64"}


class PathText(Shape):
    """An artifact's path, checked."""

    python, json, word = (SafePath,), (str,), "an artifact's path"

    def write(self, value: Any) -> Any:
        """Give the value as JSON has it."""
        return value.text

    def read(self, said: Any, where: str) -> Any:
        """Read a value, and refuse what is none."""
        return safe_path(super().read(said, where))

    def schema(self) -> dict[str, Any]:
        """Give it as JSON Schema."""
        return {"type": "string"}


class Anything(Shape):
    """Whatever JSON can say."""

    python = json = (dict, list, tuple, str, int, float, bool, NONE)

    def write(self, value: Any) -> Any:
        """Give the value as JSON has it."""
        if isinstance(value, Mapping):
            return {str(key): self.write(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.write(each) for each in value]
        return str(value) if type(value) is float and not math.isfinite(value) else value

    def read(self, said: Any, where: str, *, depth: int = 0) -> Any:
        """Read a value, and refuse what is none."""
        if depth > DEPTH:
            raise InvalidParameterError(
                f"Invalid value for parameter '{where}': it is nested deeper than {DEPTH} levels."
            )
        if type(said) is dict:
            return {TEXT.read(key, where): self.read(each, where, depth=depth + 1) for key, each in said.items()}
        if type(said) is list:
            return [self.read(each, where, depth=depth + 1) for each in said]
        if type(said) is float and not math.isfinite(said):
            raise refused(where, "JSON", said)
        return TEXT.read(said, where) if type(said) is str else said


class Null(Shape):
    """None."""

    python, json, word = (NONE,), (NONE,), "null"

    def schema(self) -> dict[str, Any]:
        """Give it as JSON Schema."""
        return {"type": "null"}


TEXT = Text()
