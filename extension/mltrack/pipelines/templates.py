"""The placeholders in a step's parameters: ``{name}``, ``{inputs[0]}``, ``{outputs[0]}``; ``{{`` is a brace.

They are read here and not by ``str.format``, whose fields reach into what they are given.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_FIELD = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_NAME = re.compile(r"[A-Za-z_][\w.\- ]*")
_PLACE = re.compile(r"(inputs|outputs)\[(\d+)\]")


def value_text(value: object) -> str:
    """Write a value of YAML's or Python's as a command line has it: ``true`` for True."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def fields_of(text: str, where: str) -> set[str]:
    """Give the names of parameters that a text takes; InvalidParameterError says ``where`` one cannot be read.

    ``{inputs[0]}`` and ``{outputs[0]}`` are no parameters.
    """
    found: set[str] = set()

    def note(name: str) -> str:
        if not _PLACE.fullmatch(name):
            found.add(name)
        return ""

    _replaced(text, note, where)
    return found


def filled(text: str, values: Mapping[str, str], places: Mapping[str, Sequence[str]], *, where: str) -> str:
    """Put values and the paths of inputs and outputs (``places``) into a text.

    Raises
    ------
    InvalidParameterError
        When a field names nothing; the message says ``where``.
    """

    def value(name: str) -> str:
        place = _PLACE.fullmatch(name)
        if place is None:
            return values[name]
        paths = places[place[1]]
        if int(place[2]) < len(paths):
            return paths[int(place[2])]
        raise InvalidParameterError(f"{where} takes {{{name}}}, and the step has {len(paths)} {place[1]}.")

    return _replaced(text, value, where)


def _replaced(text: str, value: Callable[[str], str], where: str) -> str:
    def put(match: re.Match[str]) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        name = match[1]
        if name is None or not (_NAME.fullmatch(name) or _PLACE.fullmatch(name)):
            raise InvalidParameterError(
                f"{where} has {match[0]!r}, which is no placeholder. Write {{name}} for a parameter, {{inputs[0]}} or "
                "{outputs[0]} for a path, and {{ or }} for a brace."
            )
        return value(name)

    return _FIELD.sub(put, text)
