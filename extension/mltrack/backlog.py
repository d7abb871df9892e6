"""Writes that the store could not take yet: kept in memory, in order, and done when it can.

A full disk or a locked file must not end a training that takes hours. The first refusal is one warning; from then on
each call is kept here, and the store is tried again at most once a second, when a run ends, and when the process does.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections import deque
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import StoreBusyError, StoreError, StoreFullError, StoreReadOnlyError

if TYPE_CHECKING:
    from collections.abc import Callable

PASSING = (StoreFullError, StoreBusyError, StoreReadOnlyError)
MAX_CALLS = 1_000_000
RETRY_SECONDS = 1.0


class StoreWarning(UserWarning):
    """The store cannot be written at the moment; values are kept in memory."""


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

        Errors that will not pass by themselves (a bad value, no such run) are raised as they are.
        """
        if not self._waiting:
            try:
                call(*arguments, **options)
            except PASSING as error:
                self._keep(call, arguments, options)
                self._next_try = time.monotonic() + RETRY_SECONDS
                _warn(f"{error} Until then values are kept in memory, and written as soon as the store takes them.")
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
                    _warn(f"A write that had waited for the store was refused and is lost: {error}")
                else:
                    self._waiting.popleft()
        return True

    def _keep(self, call: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
        with self._lock:
            if len(self._waiting) >= MAX_CALLS:
                self.lost += 1
            else:
                self._waiting.append((call, arguments, options))


def _warn(message: str) -> None:
    warnings.warn(message, StoreWarning, stacklevel=4)
