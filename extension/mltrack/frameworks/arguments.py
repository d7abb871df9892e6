"""What a call was given: its arguments by name, and the estimator it was called on; and what a function takes."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mltrack.autologging.calls import Call
    from mltrack.autologging.fits import Fit


class Arguments:
    """The arguments of one call by name, whichever way they were given, defaults too."""

    def __init__(self, function: Callable[..., Any], call: Call) -> None:
        self._call = call
        self._names: dict[str, Any] = {
            each.name: each.default
            for each in inspect.signature(function).parameters.values()
            if each.kind is not each.VAR_KEYWORD
        }

    def named(self) -> dict[str, Any]:
        """Give all of them; what has no default and was not given is left out."""
        defaults = {name: value for name, value in self._names.items() if value is not inspect.Parameter.empty}
        return {**defaults, **dict(zip(self._names, self._call.args, strict=False)), **self._call.kwargs}

    def prepend_callback(self, callback: Any) -> bool:
        """Put a callback in front of the user's, in a list of its own; False when theirs are no list or tuple."""
        given = self._callbacks()
        return given is not None and self._put([callback, *given])

    def append_callback(self, callback: Any) -> bool:
        """Put a callback behind the user's, in a list of its own; False when theirs are no list or tuple."""
        given = self._callbacks()
        return given is not None and self._put([*given, callback])

    def _callbacks(self) -> list[Any] | None:
        given = self.named().get("callbacks")
        return list(given or ()) if given is None or isinstance(given, (list, tuple)) else None

    def _put(self, callbacks: list[Any]) -> bool:
        place = list(self._names).index("callbacks")
        if place < len(self._call.args):
            args = list(self._call.args)
            args[place] = callbacks
            self._call.args = tuple(args)
        else:
            self._call.kwargs["callbacks"] = callbacks
        return True


def shown(value: Any) -> Any:
    """Give a param's value: of a function its name, which reads the same tomorrow, of the rest the value itself."""
    if isinstance(value, (list, tuple)) and any(callable(each) for each in value):
        return [shown(each) for each in value]
    return getattr(value, "__qualname__", value) if callable(value) else value


def log_estimator(fit: Fit, estimator: Any) -> None:
    """Set the tags ``estimator_name`` and ``estimator_class``, as MLflow does for scikit-learn's."""
    kind = type(estimator)
    fit.set_tags({"estimator_name": kind.__name__, "estimator_class": f"{kind.__module__}.{kind.__qualname__}"})


def taken_by(function: Callable[..., Any], params: Mapping[str, Any] | None) -> dict[str, Any]:
    """Give those of some params that a function takes by name; the rest is left out, as MLflow does."""
    if not params:
        return {}
    known = inspect.signature(function).parameters.values()
    if any(each.kind is each.VAR_KEYWORD for each in known):
        return dict(params)
    names = {each.name for each in known if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)}
    return {name: value for name, value in params.items() if name in names}
