"""The controls above a chart or table, as ``controls.js`` reads them, and what the page says was set."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Control = dict[str, Any]


def choice(name: str, label: str, *, value: str, options: Iterable[tuple[str, str]]) -> Control:
    """Make a choice of one of some options, pairs of value and text."""
    return {"name": name, "label": label, "kind": "choice", "value": value, "options": _pairs(options)}


def several(name: str, label: str, *, value: Sequence[str], options: Iterable[tuple[str, str]]) -> Control:
    """Make a choice of some options, pairs of value and text."""
    return {"name": name, "label": label, "kind": "many", "value": list(value), "options": _pairs(options)}


def switch(name: str, label: str, *, value: bool, words: str = "") -> Control:
    """Make a switch; ``words`` are seen when the pointer rests on it."""
    return {"name": name, "label": label, "kind": "switch", "value": value, "words": words}


def slider(name: str, label: str, *, value: float, high: float, by: float) -> Control:
    """Make a slider from 0."""
    return {"name": name, "label": label, "kind": "range", "value": value, "low": 0, "high": high, "by": by}


def press(name: str, label: str, *, words: str = "") -> Control:
    """Make a button; it is set to True when it is pressed."""
    return {"name": name, "label": label, "kind": "press", "words": words}


def _pairs(options: Iterable[tuple[str, str]]) -> list[list[str]]:
    return [list(pair) for pair in options]


def is_allowed(controls: Iterable[Control], name: object, value: object) -> bool:
    """Tell whether a control of this name may be set to a value, of which only the page has said what it is."""
    control = next((each for each in controls if each["name"] == name), None)
    return control is not None and _CHECKS[control["kind"]](control, value)


def _is_option(control: Control, value: object) -> bool:
    return isinstance(value, str) and any(each == value for each, _ in control["options"])


def _are_options(control: Control, value: object) -> bool:
    return isinstance(value, list) and all(_is_option(control, each) for each in value)


def _is_number(control: Control, value: object) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return number and control["low"] <= value <= control["high"]


_CHECKS = {
    "choice": _is_option,
    "many": _are_options,
    "switch": lambda _, value: isinstance(value, bool),
    "press": lambda _, value: value is True,
    "range": _is_number,
}
