"""What is done with a fitted model later: ``model.score(X, y)``, and metrics of its predictions.

They are logged to the model's run, which may have ended. Models and predictions are recognised by identity: a value is
never compared, nothing is written on a model, and what is garbage is forgotten.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from mltrack.autologging import switch
from mltrack.autologging.objects import Objects
from mltrack.autologging.safety import safely
from mltrack.frameworks.sklearn import NAME
from mltrack.frameworks.sklearn.callers import is_users_call, name_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from mltrack.autologging.calls import Call
    from mltrack.autologging.fits import Fit

_MOST_CALLS = 100
"""Of one function with one model; a loop that measures ten thousand times would bury the rest."""


class _Followed:
    """A fitted model: its training, and how often each function measured it."""

    def __init__(self, fit: Fit) -> None:
        self.fit = fit
        self._calls: Counter[str] = Counter()
        self._lock = threading.Lock()

    def log(self, metric: str, data: str, value: Any) -> None:
        """Log a number that was found with data of this name; the second of a metric is ``METRIC-2_DATA``."""
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
            return
        with self._lock:
            self._calls[metric] += 1
            count = self._calls[metric]
        if count <= _MOST_CALLS:
            self.fit.log_metrics({f"{metric}_{data}" if count == 1 else f"{metric}-{count}_{data}": value})


_models = Objects()
_predictions = Objects()


def follow(model: Any, fit: Fit) -> None:
    """Log what is done with a fitted model from now on to the run of its training."""
    if fit.is_logged and getattr(switch.options_of(NAME), "log_post_training_metrics", True):
        _models.add(model, _Followed(fit))


def is_of_our_model(args: tuple[Any, ...]) -> bool:
    """Tell whether a method of a model that is followed is called by the user."""
    return len(_models) > 0 and bool(args) and _models.find(args[0]) is not None and is_users_call()


def is_of_our_prediction(args: tuple[Any, ...]) -> bool:  # noqa: ARG001 - predictions may be given by name
    """Tell whether a metric function may be given a prediction, and is called by the user."""
    return len(_predictions) > 0 and is_users_call()


def watch_prediction(call: Call) -> Generator[None, Any, None]:
    """Remember what a model predicted, and from what."""
    followed, data = _models.find(call.args[0]), _data_of(call)
    name = safely(NAME, "the name of the data", name_of, data)
    result = yield
    if followed is None or name is None or result is data:
        return
    _predictions.add(result, (followed, name))
    base = _base(result)  # of which the user's own slices of the result will be views
    if base is not result and base is not _base(data):
        _predictions.add(base, (followed, name))


def _data_of(call: Call) -> Any:
    return call.args[1] if len(call.args) > 1 else next(iter(call.kwargs.values()), None)


def _base(thing: Any) -> Any:
    base = getattr(thing, "base", None) if isinstance(thing, np.ndarray) else None
    return thing if base is None else base


def watch_score(call: Call) -> Generator[None, Any, None]:
    """Log ``model.score(X, y)`` as ``LogisticRegression_score_X``."""
    model = call.args[0]
    followed, name = _models.find(model), safely(NAME, "the name of the data", name_of, _data_of(call))
    value = yield
    if followed is not None and name is not None:
        safely(NAME, "a score", followed.log, f"{type(model).__name__}_score", name, value)


def watch_metric(call: Call) -> Generator[None, Any, None]:
    """Log ``accuracy_score(y_test, model.predict(X_test))`` as ``accuracy_score_X_test``."""
    known = next(filter(None, map(_find_prediction, (*call.args, *call.kwargs.values()))), None)
    name = call.name
    value = yield
    if known is not None:
        followed, data = known
        safely(NAME, "a metric", followed.log, name, data, value)


def _find_prediction(thing: Any) -> Any:
    return _predictions.find(thing) or _predictions.find(_base(thing))


def watch_scorer(call: Call) -> Generator[None, Any, None]:
    """Log ``get_scorer("f1")(model, X_test, y_test)`` as ``f1_score_X_test``."""
    scorer, model, data = (*call.args, None, None)[:3]
    followed = _models.find(model)
    name = safely(NAME, "the name of the data", name_of, data) if followed is not None else None
    value = yield
    if followed is not None and name is not None:
        measure = getattr(getattr(scorer, "_score_func", None), "__name__", "score")
        safely(NAME, "a metric", followed.log, measure, name, value)
