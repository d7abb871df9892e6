"""What keeps the promise of autolog: a fault in our code is one warning, and nothing of it reaches the user's call.

Every piece of ours that runs inside a user's call goes through ``safely`` or ``guarded``, which name it. The tests set
``inject`` to raise in each of those pieces in turn.
"""

from __future__ import annotations

import contextlib
import functools
import random
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from mltrack.config import test_mode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

inject: Callable[[str], None] | None = None
"""Called with ``"library: what"`` before each guarded piece; the tests raise in it."""
silenced: set[str] = set()
"""The libraries whose ``autolog`` was asked to be silent."""
_said: set[str] = set()


class AutologWarning(UserWarning):
    """Something could not be logged automatically; the user's own call is not affected."""


def safely(
    library: str, what: str, work: Callable[Arguments, Result], *arguments: Arguments.args, **options: Arguments.kwargs
) -> Result | None:
    """Give what ``work`` gives; None when it raised, which is one warning naming the library and ``what``.

    Interrupts and exits pass. In test mode faults are raised.
    """
    try:
        if inject is not None:
            inject(f"{library}: {what}")
        return work(*arguments, **options)
    except Exception as error:
        if test_mode():
            raise
        if library not in silenced:
            warn_once(f"{library}: {what} could not be logged ({_reason(error)}). Your result is not affected.")
        return None


def _reason(error: Exception) -> str:
    name = type(error).__name__
    try:
        return f"{name}: {error}"[:300]
    except Exception as again:  # a class of the user's own
        return f"{name}, whose str() raised {type(again).__name__}"


def guarded(library: str, what: str) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result | None]]:
    """Make a callback that a library calls safe; see ``safely``."""

    def decorate(work: Callable[Arguments, Result]) -> Callable[Arguments, Result | None]:
        @functools.wraps(work)
        def call(*arguments: Arguments.args, **options: Arguments.kwargs) -> Result | None:
            return safely(library, what, work, *arguments, **options)

        return call

    return decorate


def warn_once(message: str) -> None:
    """Warn with these words unless they were said before; a filter that makes warnings errors changes nothing."""
    line = " ".join(f"mltrack: {message}".split())
    if line in _said:
        return
    _said.add(line)
    with contextlib.suppress(Exception):
        warnings.warn(line, AutologWarning, stacklevel=4)


def forget_warnings() -> None:
    """Let everything be said once more."""
    _said.clear()


@contextmanager
def random_states_kept(*, unless: Callable[[], bool]) -> Iterator[None]:
    """Put the global random numbers of Python, numpy and torch back where they were, if they were drawn from.

    What we compute after a fit, as predictions for its metrics, must not change what the user draws next. Where
    ``unless`` is true, before or after, nothing is put back: other threads draw from the same numbers, and would draw
    the same ones twice.
    """
    places = [] if unless() else _random_states()
    try:
        yield
    finally:
        for get, put, before in [] if unless() else places:
            if not _is_same(before, get()):
                put(before)


def _random_states() -> list[tuple[Callable[[], Any], Callable[[Any], Any], Any]]:
    found: list[tuple[Callable[[], Any], Callable[[Any], Any]]] = [(random.getstate, random.setstate)]
    numpy, torch = sys.modules.get("numpy.random"), sys.modules.get("torch")
    if numpy is not None and hasattr(numpy, "set_state"):
        found.append((functools.partial(numpy.get_state, legacy=False), numpy.set_state))
    if torch is not None and hasattr(torch, "set_rng_state"):
        found.append((torch.get_rng_state, torch.set_rng_state))
    return [(get, put, get()) for get, put in found]


def _is_same(before: Any, after: Any) -> bool:
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(_is_same(value, after[name]) for name, value in before.items())
    same = before == after
    return bool(same.all() if hasattr(same, "all") else same)
