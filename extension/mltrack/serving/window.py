"""How long requests wait for each other, so that one ``predict`` answers several."""

from __future__ import annotations

MOST_SECONDS = 0.005
_SHARE = 0.5  # of the time a prediction takes: waiting longer costs more than one prediction for two saves
_FAILURES, _PAUSE = 3, 64
_MEMORY = 0.2  # weight of the newest prediction's time in their mean


class Window:
    """Learns how many callers there are at a time; a lone one never waits.

    Callers that were answered together come back together. So a worker that is free waits until as many are there as
    were there before, at most half as long as a prediction takes and 5 ms. Where that did not help three times in a
    row, the next 64 batches do not wait.
    """

    def __init__(self) -> None:
        self._expected = 1
        self._mean = 0.0
        self._failures = 0
        self._pause = 0

    @property
    def expected(self) -> int:
        """How many requests are worth waiting for."""
        return 1 if self._pause else self._expected

    def seconds(self, waiting: int) -> float:
        """Give how long the oldest request may wait for more than those that are there; 0 for not at all."""
        return 0.0 if waiting >= self.expected else min(MOST_SECONDS, self._mean * _SHARE)

    def sent(self, count: int) -> None:
        """Learn that a batch of so many requests went to a worker."""
        if self._pause:
            self._pause -= 1
        elif count >= self._expected:
            self._failures = 0
        else:
            self._failures += 1
            if self._failures == _FAILURES:
                self._failures, self._pause = 0, _PAUSE

    def answered(self, count: int, waiting: int, seconds: float) -> None:
        """Learn that a batch was answered after some time, while others began to wait."""
        self._expected = count + waiting
        self._mean += (seconds - self._mean) * (_MEMORY if self._mean else 1)
