"""Writes that the store could not take yet: kept in memory, in order, and done when it can.

A full disk or a locked file must not end a training that takes hours. The first refusal is one warning; from then on
each call is kept here, and the store is tried again at most once a second, when a run ends, and when the process does.
"""

from __future__ import annotations

import sys
import threading
import time
import warnings
from collections import deque
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import StoreBusyError, StoreError, StoreFullError, StoreReadOnlyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

PASSING = (StoreFullError, StoreBusyError, StoreReadOnlyError)
MAX_CALLS = 1_000_000
RETRY_SECONDS = 1.0


_OURS = {"mltrack", "mltrack_magics", "mltrack_widgets", "contextlib", "functools"}
_NOBODYS = {"IPython", "ipykernel", "threading", "asyncio", "concurrent", "multiprocessing", "runpy"}


class StoreWarning(UserWarning):
    """The store cannot be written at the moment; values are kept until it can."""


def warn(message: str) -> None:
    """Give a StoreWarning of the line that called mltrack; of none where no user's did, as in a thread of ours."""
    level, frame = 2, sys._getframe(1)
    while _package(frame) in _OURS and frame.f_back is not None:
        level, frame = level + 1, frame.f_back
    if _package(frame) in _OURS | _NOBODYS:
        warnings.warn_explicit(message, StoreWarning, "<mltrack>", 0)
    else:
        warnings.warn(message, StoreWarning, stacklevel=level)


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


class Backlog:
    """The calls that wait for the store."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = deque()
        self._lock = threading.Lock()
        self._next_try = 0.0
        self.lost = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)

    def do(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        """Do the call now if nothing waits and the store takes it, else keep it for later.

        What a store keeps by itself (its ``keeps``) waits for nothing here, where it would be lost with the process.
        Errors that will not pass by themselves (a bad value, no such run) are raised as they are.
        """
        if not self._waiting or _is_kept_by_its_store(call):
            try:
                call(*arguments, **options)
            except PASSING as error:
                self._keep(call, arguments, options)
                self._next_try = time.monotonic() + RETRY_SECONDS
                warn(f"{error} Until then values are kept in memory, and written as soon as the store takes them.")
            return
        self._keep(call, arguments, options)
        self.drain()

    def drain(self, *, now: bool = False) -> bool:
        """Do what waits, oldest first, when it is time (or ``now``); True when nothing waits any more."""
        if not self._waiting or (not now and time.monotonic() < self._next_try):
            return not self._waiting
        with self._lock:
            while self._waiting:
                call, arguments, options = self._waiting[0]
                try:
                    call(*arguments, **options)
                except StoreError:
                    self._next_try = time.monotonic() + RETRY_SECONDS
                    return False
                except Exception as error:  # it would be refused again for ever, and whoever calls now did not do it
                    self.lost += 1
                    self._waiting.popleft()  # before the warning, which a user's filter may raise
                    warn(f"A write that had waited for the store was refused and is lost: {error}")
                else:
                    self._waiting.popleft()
        return True

    def _keep(self, call: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
        with self._lock:
            if len(self._waiting) >= MAX_CALLS:
                self.lost += 1
            else:
                self._waiting.append((call, arguments, options))


def _is_kept_by_its_store(call: Callable[..., Any]) -> bool:
    return getattr(call, "__name__", "") in getattr(getattr(call, "__self__", None), "keeps", ())
