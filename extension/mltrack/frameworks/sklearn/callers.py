"""Who called: the user's code or scikit-learn's own, and what the user calls the data."""

from __future__ import annotations

import sys
from inspect import CO_OPTIMIZED
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

UNKNOWN = "unknown_dataset"
_OF_FRAME_AND_HERE = 3
_BETWEEN = (
    *("mltrack.autologging.", "mltrack.frameworks.sklearn.", "sklearn.utils._set_output"),
    *("sklearn.utils._param_validation", "sklearn.utils._available_if"),
)
"""Modules whose functions stand between a caller and what it calls: ours, and scikit-learn's decorators."""


def is_users_call(args: tuple[Any, ...] = ()) -> bool:  # noqa: ARG001 - a condition of ``watched``
    """Tell whether scikit-learn itself is not the caller, as when a scorer or ``k_means`` calls a model's methods."""
    frame = next(_callers(), None)
    return frame is None or str(frame.f_globals.get("__name__", "")).partition(".")[0] != "sklearn"


def _callers() -> Iterator[FrameType]:
    """Give the frames outside of ours and of decorators, the nearest first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not str(frame.f_globals.get("__name__", "")).startswith(_BETWEEN):
            yield frame
        frame = frame.f_back


def name_of(data: Any) -> str:
    """Give the name of the variable that holds this very object where the data comes from, else ``unknown_dataset``.

    As with MLflow, that is the nearest caller that did not get it as an argument itself: ``evaluate(X_test)`` names
    the data ``X_test`` and not what ``evaluate`` calls it.
    """
    if data is None:
        return UNKNOWN
    found = UNKNOWN
    for frame in _callers():
        found = _name_in(frame, data) or found
        is_argument = _is_argument(frame, data)
        _forget_names(frame)
        if not is_argument:
            break
    return found


def _forget_names(frame: FrameType) -> None:
    """Let go of the user's data: before Python 3.13 a look at a function's names leaves a copy of them in its frame.

    A copy that the user has as well, by ``locals()``, stays as it is.
    """
    names, code = frame.f_locals, frame.f_code
    if type(names) is dict and code.co_flags & CO_OPTIMIZED and sys.getrefcount(names) <= _OF_FRAME_AND_HERE:
        for name in (*code.co_varnames, *code.co_cellvars, *code.co_freevars):
            names.pop(name, None)


def _is_argument(frame: FrameType, data: Any) -> bool:
    code = frame.f_code
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
    for name in code.co_varnames[:count]:
        value: Any = frame.f_locals.get(name)
        if value is data:
            return True
        if type(value) in (tuple, dict):  # *args and **kwargs
            items = value.values() if isinstance(value, dict) else value
            if any(item is data for item in items):
                return True
    return False


def _name_in(frame: FrameType, data: Any) -> str | None:
    for names in (frame.f_locals, frame.f_globals):
        found = [name for name, value in list(names.items()) if value is data]
        if found:
            return min(found, key=lambda name: name.startswith("_"))  # `_` and `_12` are outputs of a notebook
    return None
