"""Counts of a server's requests, in Prometheus' words; with several processes each has files that all can read."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from glob import glob
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from mltrack.server.settings import COUNTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.server.exchange import Exchange

    Counts = tuple[Callable[[], None], Callable[[float], None], Callable[[float], None], Callable[[float], None]]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class _BegunFiles(MultiProcessCollector):
    """The counts of all processes; a file that has just been made, or whose process ended as it made it, has none."""

    def collect(self) -> Any:
        paths = glob(os.path.join(self._path, "*.db"))
        return self.merge([path for path in paths if _size(path)])  # type: ignore[no-untyped-call]


class Figures:
    """The counts of one process."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # a time beside each count, that nobody asked for
        registry, route = CollectorRegistry(), ("route", "method")
        self._registry = registry
        self._requests = Counter(
            "mltrack_requests", "Requests that were answered.", (*route, "status"), registry=registry
        )
        self._seconds = Histogram(
            "mltrack_request_seconds", "Seconds until the end of an answer.", route, buckets=_SECONDS, registry=registry
        )
        self._received = Counter("mltrack_request_bytes", "Bytes of bodies received.", route, registry=registry)
        self._sent = Counter("mltrack_response_bytes", "Bytes of bodies sent.", route, registry=registry)
        self._in_flight = Gauge(
            "mltrack_requests_in_flight", "Requests being answered.", multiprocess_mode="livesum", registry=registry
        )
        self._known: dict[tuple[str, str, int], Counts] = {}

    def begin(self) -> float:
        """Count a request that begins; gives the moment for ``end``."""
        self._in_flight.inc()
        return time.perf_counter()

    def end(self, began: float, exchange: Exchange) -> None:
        """Count a request that was answered; a route is named by its template, so that there are only so many."""
        self._in_flight.dec()
        method = exchange.method if exchange.method in _METHODS else "other"
        key = (exchange.route, method, exchange.status)
        add, note, receive, send = self._known.get(key) or self._known.setdefault(key, self._counts(*key))
        add()
        note(time.perf_counter() - began)
        receive(exchange.received)
        send(exchange.sent)

    def text(self) -> bytes:
        """Give all counts of all processes as Prometheus reads them."""
        registry = self._registry
        if COUNTS in os.environ:
            registry = CollectorRegistry()
            _BegunFiles(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)

    def _counts(self, route: str, method: str, status: int) -> Counts:
        return (
            self._requests.labels(route, method, str(status)).inc,
            self._seconds.labels(route, method).observe,
            self._received.labels(route, method).inc,
            self._sent.labels(route, method).inc,
        )


def _size(path: str) -> int:
    with suppress(FileNotFoundError):  # its process has ended, and what it had in flight is forgotten
        return os.path.getsize(path)
    return 0


def forget(pid: int) -> None:
    """Forget what a process that has ended had in flight; what it counted stays."""
    mark_process_dead(pid)  # type: ignore[no-untyped-call]
