"""Counts of a server's requests: how many a second, and how long they took."""

from __future__ import annotations

import time
from collections import deque

RECENT_SECONDS = 10.0
"""Requests a second are counted over this time."""

_KEPT = 2048  # latencies that percentiles are made of
_MOST_RECENT = 200_000


class Statistics:
    """What the requests to ``/invocations`` came to since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._latencies: deque[float] = deque(maxlen=_KEPT)
        self._moments: deque[float] = deque(maxlen=_MOST_RECENT)
        self.requests = 0
        self.errors = 0
        self.in_flight = 0

    def begin(self) -> float:
        """Count a request that begins; gives the moment for ``end``."""
        self.in_flight += 1
        return time.monotonic()

    def end(self, began: float, status: int) -> None:
        """Count a request that was answered; a status of 400 or more is an error."""
        now = time.monotonic()
        self.in_flight -= 1
        self.requests += 1
        self.errors += status >= 400
        self._latencies.append(now - began)
        self._moments.append(now)
        self._forget(now)

    def _forget(self, now: float) -> None:
        while self._moments and self._moments[0] < now - RECENT_SECONDS:
            self._moments.popleft()

    def summary(self) -> dict[str, float | int | None]:
        """Give the figures: times in milliseconds of the last 2,048 requests (None before the first), and seconds."""
        now = time.monotonic()
        self._forget(now)
        latencies = sorted(self._latencies)
        span = min(RECENT_SECONDS, max(now - self._started, 1.0))
        return {
            "requests": self.requests,
            "requests_per_second": round(len(self._moments) / span, 2),
            "p50_ms": _percentile(latencies, 0.50),
            "p99_ms": _percentile(latencies, 0.99),
            "errors": self.errors,
            "in_flight": self.in_flight,
            "uptime_s": round(now - self._started, 1),
        }


def _percentile(ordered: list[float], share: float) -> float | None:
    if not ordered:
        return None
    return round(ordered[min(int(share * len(ordered)), len(ordered) - 1)] * 1000, 3)
