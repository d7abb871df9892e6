"""Values as Python source, and text that was typed on a command line as values."""

from __future__ import annotations

import ast
import math
from typing import Any

from mltrack.exceptions import InvalidParameterError
from mltrack.provenance.cell_literals import NotLiteralError, literal_value

_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError, ArithmeticError, NotLiteralError)
_WORDS = {"true": True, "false": False}
_DEPTH = 20


def source_of(value: object) -> str:
    """Write a value as an expression that gives it: numbers (also NaN and infinities), texts, and containers of those.

    Raises
    ------
    InvalidParameterError
        When it is something else, or nested over 20 levels.
    """
    try:
        return _written(value, _DEPTH)
    except ValueError as error:  # an integer of more digits than Python writes
        raise InvalidParameterError(f"A value of type {type(value).__name__} cannot be written: {error}.") from error


def _written(value: Any, depth: int) -> str:
    if depth == 0:
        raise InvalidParameterError(f"A value is nested over {_DEPTH} levels; give a flatter one.")
    if type(value).__module__ == "numpy" and hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return float.__repr__(value) if math.isfinite(value) else f'float("{float.__repr__(value)}")'
    if isinstance(value, str):
        return str.__repr__(value)
    return _container(value, depth - 1)


def _container(value: Any, depth: int) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_written(key, depth)}: {_written(item, depth)}" for key, item in value.items()) + "}"
    if not isinstance(value, (list, tuple, set)):
        raise InvalidParameterError(
            f"A value of type {type(value).__name__} cannot be put into a cell; "
            "give a number, text, None, or a list, tuple, set or dict of those."
        )
    if isinstance(value, set) and not value:
        return "set()"
    inner = ", ".join(_written(item, depth) for item in value)
    if isinstance(value, tuple):
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return f"[{inner}]" if isinstance(value, list) else "{" + inner + "}"


def literal_of(text: str) -> Any:
    """Give the value of a literal as it stands in source; NotLiteralError when it is none."""
    if not text.strip():
        raise NotLiteralError(text)
    try:
        return literal_value(ast.parse(f"({text}\n)", mode="eval").body)
    except _UNREADABLE as error:
        raise NotLiteralError(text[:80]) from error


def typed_value(text: str, like: object) -> Any:
    """Give the value that a typed text stands for, where a literal such as ``like`` stood.

    For a float ``1`` is 1.0 and ``nan`` is NaN; ``true`` is True; for a text every text is itself. What is no value of
    that type is the literal it reads as (``0.5`` for an int, ``None`` for anything), else the text.
    """
    if isinstance(like, str):
        return text
    kind = type(like)
    if kind in (int, float):
        try:
            return kind(text)
        except (ValueError, OverflowError):
            pass
    word = text.strip()
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    try:
        return literal_of(word)
    except NotLiteralError:
        return text
