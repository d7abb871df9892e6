"""Threads of joblib that scikit-learn hands work to are inside the fit that they work for.

``Parallel.__call__`` runs in the thread that fits, and marks each task with the number of the watched call; the task,
wherever it runs, looks the number up. In another process there is no such number, and nothing is patched.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from mltrack.autologging.calls import Call, inside, watched_call

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MARK = "_mltrack_call"
_calls: WeakValueDictionary[int, Call] = WeakValueDictionary()
_numbers = itertools.count(1)


def carrying(original: Any) -> Any:
    """Decorate ``Parallel.__call__``."""

    @functools.wraps(original)
    def call_parallel(self: Any, iterable: Iterable[Any]) -> Any:
        __tracebackhide__ = True
        call = watched_call()
        if call is not None and call.has_returned:
            self.verbose = 0  # the forest says how far a prediction is, but nobody asked for one
        return original(self, iterable if call is None else _marked(iterable, call))

    return call_parallel


def _marked(iterable: Iterable[Any], call: Call) -> Iterator[Any]:
    number = next(_numbers)
    _calls[number] = call
    for task in iterable:
        with contextlib.suppress(Exception):  # whatever it is, it is the user's
            setattr(task[0], _MARK, number)
        yield task


def in_worker(original: Any) -> Any:
    """Decorate the call of one task."""

    @functools.wraps(original)
    def call_task(self: Any, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        call = _calls.get(getattr(self, _MARK, 0))
        if call is None or call is watched_call():
            return original(self, *args, **kwargs)
        with inside(call):
            return original(self, *args, **kwargs)

    return call_task
