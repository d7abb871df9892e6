"""What the store said of who may what, so that it need not be asked at every request.

Several processes share one store, and each must learn soon of what another changed there. The store counts changes of
users, tokens and roles, and what was remembered is forgotten when that number is another. It is looked at once a
second, and what would keep somebody out is never remembered: so what is taken away is gone everywhere within a second,
and what is given counts at once.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Value = TypeVar("Value")

BELIEVED_SECONDS = 1.0
MOST = 10_000


class Remembered:
    """Answers by what was asked; ``version`` gives the store's number of changes."""

    def __init__(self, version: Callable[[], int], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._version = version
        self._clock = clock
        self._lock = threading.Lock()
        self._values: dict[Hashable, Any] = {}
        self._known: int | None = None
        self._looked_at = -math.inf

    def recent(self, key: Hashable) -> Any:
        """Give what is remembered of a key without asking the store, or None; it never waits."""
        return None if self._is_old() else self._values.get(key)

    def find(self, key: Hashable, read: Callable[[], Value], *, lets_in: Callable[[Value], bool]) -> Value:
        """Give what is remembered, when it lets somebody in, else what is there now."""
        if self._is_old():
            self._look()
        values = self._values
        if key in values:
            found: Value = values[key]
            if lets_in(found):
                return found
        found = read()
        if lets_in(found):
            self._keep(values, key, found)
        return found

    def exact(self, key: Hashable, read: Callable[[], Value]) -> Value:
        """Give what is there now, read when anything was changed since it was read last."""
        self._look()
        values = self._values
        if key in values:
            kept: Value = values[key]
            return kept
        found = read()
        self._keep(values, key, found)
        return found

    def forget(self) -> None:
        """Forget all: this process changed something itself."""
        with self._lock:
            self._values, self._looked_at = {}, -math.inf

    def _is_old(self) -> bool:
        return self._clock() - self._looked_at >= BELIEVED_SECONDS

    def _keep(self, values: dict[Hashable, Any], key: Hashable, found: object) -> None:
        with self._lock:
            # What was read before another thread found a change is not put among what was read after it.
            if values is self._values and len(values) < MOST:
                values[key] = found

    def _look(self) -> None:
        now, version = self._clock(), self._version()
        with self._lock:
            if version != self._known or len(self._values) >= MOST:
                self._values, self._known = {}, version
            self._looked_at = max(self._looked_at, now)
