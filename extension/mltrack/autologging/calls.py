"""A user's call with something of ours before and after it, which it cannot notice.

What is to be done around a call is written as a generator, a *watcher*: it runs up to its ``yield`` before the call,
gets the call's result from it, and goes on after::

    def watch_fit(call):
        fit = call.begin_fit()
        fit.log_params(call.args[0].get_params())
        model = yield
        fit.log_metrics({"training_score": model.score(*call.args[1:3])})

An exception of the user's call is raised at the ``yield`` too, and then goes on to the user as it was. A watcher that
returns before its ``yield`` does not watch that call.

The functions that are put in place of a library's name nothing but texts and ``sys``: a class of a notebook, which has
them too, is pickled by value, and must load where there is no mltrack.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Generator
from contextvars import ContextVar
from typing import Any, TypeAlias

from mltrack import active
from mltrack.autologging import switch
from mltrack.autologging.fits import Fit, begin_fit
from mltrack.autologging.safety import random_states_kept, safely

Watcher: TypeAlias = Callable[["Call"], Generator[None, Any, None]]
Condition: TypeAlias = Callable[[tuple[Any, ...]], bool]
_Watch: TypeAlias = tuple[str, Watcher, Condition | None]
_watches: dict[str, _Watch] = {}
_watched: ContextVar[Call | None] = ContextVar("mltrack_watched_call", default=None)
_under_way: set[Call] = set()
_begun: dict[str, int] = {}  # how many calls of each library there were


class Call:
    """One call that is watched; a watcher may change ``args`` and ``kwargs`` before its ``yield``."""

    def __init__(self, library: str, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.library = library
        self.name = name
        self.args = args
        self.kwargs = kwargs
        self.fit: Fit | None = None
        self.outer: Call | None = None
        self.has_returned = False
        """Whether what goes on inside it now is ours."""
        self.is_over = False

    def begin_fit(self, name: str | None = None) -> Fit:
        """Begin to log this call as a training: to the active run, else to one of its own, ended after the call.

        For a part of a training (``watched_part``) it is that training, which ends its run itself.
        """
        if self.outer is not None and self.outer.fit is not None:
            return self.outer.fit
        self.fit = begin_fit(self.library, switch.options_of(self.library), name=name)
        return self.fit

    def close(self) -> None:
        """Let go of the user's data; a task that was begun inside the call, and outlives it, is inside no more."""
        self.is_over = True
        self.args, self.kwargs = (), {}


def watched_call() -> Call | None:
    """Give the watched call that this thread and task is inside of, or None."""
    call = _watched.get()
    return None if call is None or call.is_over else call


def is_inside() -> bool:
    """Tell whether this thread and task is inside a call that is watched already."""
    return watched_call() is not None


class inside:  # noqa: N801 - used as a statement, like contextlib's
    """A block in which calls are part of ``call`` and not watched: for worker threads, and for what we call ourselves.

    With None the block is inside nothing, as when a parallel trial is a training of its own.
    """

    def __init__(self, call: Call | None) -> None:
        self._call = call

    def __enter__(self) -> None:
        self._token = _watched.set(self._call)

    def __exit__(self, *error: object) -> None:
        _watched.reset(self._token)


def watched(library: str, watcher: Watcher, when: Condition | None = None) -> Callable[[Any], Any]:
    """Make a decorator for ``Patches.wrap`` that has ``watcher`` watch the outermost calls while the library is on.

    With ``when``, which is quick and gets the call's positional arguments, only those that it says True of.
    """
    return _decorator("call_or_watch", (library, watcher, when))


def followed(library: str, watcher: Watcher, when: Condition) -> Callable[[Any], Any]:
    """Make a decorator like ``watched`` for what is done with a model later on.

    It is watched in any cell, tracked or not, unless the library is switched off there.
    """
    return _decorator("call_or_follow", (library, watcher, when))


def watched_part(library: str, watcher: Watcher) -> Callable[[Any], Any]:
    """Make a decorator like ``watched`` for what users call and the library's own fits call, as ``xgboost.train``.

    Inside a watched fit of the same library the call is watched too, as a part of that fit: ``begin_fit`` gives it.
    """
    return _decorator("call_or_watch_part", (library, watcher, None))


def _decorator(how: str, watch: _Watch) -> Callable[[Any], Any]:
    note = _noted(watch)

    def decorate(original: Any) -> Any:
        @functools.wraps(original)
        def call_watched(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            ours = sys.modules.get("mltrack.autologging.calls")
            if ours is None:  # in another process, which may not even have mltrack
                return original(*args, **kwargs)
            return getattr(ours, how)(note, original, args, kwargs)

        return call_watched

    return decorate


def _noted(watch: _Watch) -> str | _Watch:
    """Give the name that functions of a module are noted under, which is pickled in their stead; else them as is."""
    library, watcher, when = watch
    names = [getattr(each, "__qualname__", "<>") for each in (watcher, when) if each is not None]
    if any("<" in name for name in names) or hasattr(watcher, "__self__"):
        return watch
    name = f"{library}: {watcher.__module__} {' '.join(names)}"
    _watches[name] = watch
    return name


def call_or_watch(note: str | _Watch, original: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call the original of a function that ``watched`` decorated, watched where it is to be."""
    __tracebackhide__ = True
    watch = _watches.get(note) if isinstance(note, str) else note
    if watch is None or is_inside() or not switch.is_on(watch[0]) or not _is_meant(watch, original, args):
        return original(*args, **kwargs)
    return _watch(_new_call(watch[0], original, args, kwargs), watch[1], original)


def call_or_follow(note: str | _Watch, original: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call the original of a function that ``followed`` decorated, watched where it is to be."""
    __tracebackhide__ = True
    watch = _watches.get(note) if isinstance(note, str) else note
    if watch is None or is_inside() or not switch.follows(watch[0]) or not _is_meant(watch, original, args):
        return original(*args, **kwargs)
    return _watch(_new_call(watch[0], original, args, kwargs), watch[1], original)


def call_or_watch_part(note: str | _Watch, original: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call the original of a function that ``watched_part`` decorated, watched where it is to be."""
    __tracebackhide__ = True
    watch, outer = _watches.get(note) if isinstance(note, str) else note, watched_call()
    if watch is None or outer is None or outer.fit is None or outer.library != watch[0]:
        return call_or_watch(note, original, args, kwargs)
    call = _new_call(watch[0], original, args, kwargs)
    call.outer = outer
    return _watch(call, watch[1], original)


def _new_call(library: str, original: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
    return Call(library, getattr(original, "__qualname__", type(original).__name__), args, dict(kwargs))


def _is_meant(watch: _Watch, original: Any, args: tuple[Any, ...]) -> bool:
    library, _, when = watch
    if when is None:
        return True
    return bool(safely(library, f"whether {getattr(original, '__name__', 'a call')} is logged", when, args))


def _watch(call: Call, watcher: Watcher, original: Any) -> Any:
    __tracebackhide__ = True
    _begun[call.library] = _begun.get(call.library, 0) + 1
    _under_way.add(call)
    try:
        with inside(call):
            try:
                result = _call_between(call, watcher, original)
            except BaseException as error:  # an interrupt may come inside our own part as well
                _end_fit(call, active.status_after(error))
                raise
            _end_fit(call, "FINISHED")
            return result
    finally:
        _under_way.discard(call)
        call.close()


def _call_between(call: Call, watcher: Watcher, original: Any) -> Any:
    """Call the original between the two halves of the watcher."""
    __tracebackhide__ = True
    args, kwargs = call.args, dict(call.kwargs)
    steps = safely(call.library, f"{call.name}, before it", _begin, call, watcher)
    if steps is None:
        call.args, call.kwargs = args, kwargs  # a watcher that failed half way changes nothing
    try:
        result = original(*call.args, **call.kwargs)
    except BaseException as error:
        trace = error.__traceback__
        safely(call.library, f"{call.name}, its failure", _fail, steps, error)
        error.__traceback__ = trace  # without the frames of the watcher, which it went through
        del trace  # it holds this frame, and with it the user's data
        raise
    call.has_returned = True
    safely(call.library, f"{call.name}, after it", _finish, steps, result)
    return result


def _begin(call: Call, watcher: Watcher) -> Generator[None, Any, None]:
    steps = watcher(call)
    with random_states_kept(unless=_others()):
        next(steps, None)
    return steps


def _finish(steps: Generator[None, Any, None] | None, result: Any) -> None:
    if steps is None:
        return
    with random_states_kept(unless=_others()):
        try:
            steps.send(result)
        except StopIteration:
            return


def _fail(steps: Generator[None, Any, None] | None, error: BaseException) -> None:
    if steps is None:
        return
    with random_states_kept(unless=_others()):
        try:
            steps.throw(error)
        except StopIteration:
            return
        except BaseException as again:
            if error not in (again, again.__cause__):  # a StopIteration comes back as the cause of a RuntimeError
                raise


def _others() -> Callable[[], bool]:
    """Give what tells whether another thread has trained since now: global random numbers are its own as well."""
    begun = _begun.copy()
    return lambda: len(_under_way) > 1 or _begun != begun


def _end_fit(call: Call, status: str) -> None:
    if call.fit is not None:
        safely(call.library, "the end of its run", call.fit.end, status)
