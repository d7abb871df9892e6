"""How often a thread beside the user's work may do something, so that it takes a small share of the time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class Pace:
    """Measures what a thread's work costs, and says how long to wait until the next.

    Use it as a context manager around the work, on the thread that does it. What counts is the processor time of that
    thread, SQLite's included: that is what is taken from the user's code.

    Parameters
    ----------
    shortest
        Seconds between two pieces of work at least.
    share
        How much of the time may be taken in the long run.
    credit
        Seconds that may be taken at once after a pause, as at the beginning.
    """

    def __init__(self, *, shortest: float, share: float = 0.005, credit: float = 0.05) -> None:
        self.shortest, self.share, self.credit = shortest, share, credit
        self.spent = 0.0
        self._balance, self._counted_at, self._began = credit, time.monotonic(), 0.0

    def __enter__(self) -> Self:
        self._began = time.thread_time()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.note(time.thread_time() - self._began)

    def note(self, seconds: float) -> None:
        """Count so much processor time as spent now."""
        now = time.monotonic()
        self._balance = min(self.credit, self._balance + (now - self._counted_at) * self.share) - seconds
        self._counted_at = now
        self.spent += seconds

    @property
    def pause(self) -> float:
        """Seconds to wait before the next piece of work."""
        return max(self.shortest, -self._balance / self.share)
