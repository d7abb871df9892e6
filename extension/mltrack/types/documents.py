"""Signatures as JSON texts, which may come from anywhere: bounded, and one clear error for what is none."""

from __future__ import annotations

import json
from typing import Any

from mltrack.exceptions import InvalidParameterError

DEEPEST = 32  # levels of one type
_LONGEST = 32 << 20  # characters


def read_list(text: Any, what: str) -> list[dict[str, Any]]:
    """Read a JSON list of mappings.

    Parameters
    ----------
    text
        The text, of at most 32 MiB.
    what
        What it is called in errors.

    Raises
    ------
    InvalidParameterError
        When it is no JSON, or JSON of anything else.
    """
    if not isinstance(text, (str, bytes)) or len(text) > _LONGEST:
        raise InvalidParameterError(f"{what} is a JSON text of at most {_LONGEST >> 20} MiB; got {_brief(text)}.")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidParameterError(f"{what} is no JSON: {_cut(str(error))}.") from None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise InvalidParameterError(f"{what} is a JSON list of mappings; got {_brief(found)}.")
    return found


def member(document: Any, key: str, kind: type | tuple[type, ...]) -> Any:
    """Give what a mapping holds under a key, when it is of that type."""
    found = document.get(key) if isinstance(document, dict) else None
    if not isinstance(found, kind):
        wanted = " or ".join(each.__name__ for each in (kind if isinstance(kind, tuple) else (kind,)))
        raise InvalidParameterError(f"A signature needs a {wanted} {key!r} in {_brief(document)}; got {_brief(found)}.")
    return found


def text_member(document: Any, key: str) -> str:
    """Give the text that a mapping holds under a key."""
    return str(member(document, key, str))


def _brief(value: Any) -> str:
    if isinstance(value, dict):
        return f"a mapping of {_cut(', '.join(map(str, list(value)[:8])))}" if value else "an empty mapping"
    if isinstance(value, (list, bytes)) or (isinstance(value, str) and len(value) > 60):
        return f"a {type(value).__name__} of {len(value)}"
    return repr(value)[:60]


def _cut(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:119]}…"
