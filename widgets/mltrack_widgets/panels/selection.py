"""Which runs are chosen, and which of them is the baseline; panels that share a selection show the same."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakMethod

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Selection:
    """Runs by their ids, in the order in which they were chosen, and perhaps a baseline.

    It may be changed on any thread. Observers are called on the thread that changed it, after the change, and are held
    weakly: a panel that is gone is told no more.
    """

    def __init__(self, run_ids: Iterable[str] = (), *, baseline: str | None = None) -> None:
        self._lock = threading.RLock()
        self._ids = tuple(dict.fromkeys(run_ids))
        self._baseline = baseline
        self._observers: list[WeakMethod[Callable[[], None]]] = []

    @property
    def ids(self) -> tuple[str, ...]:
        """The chosen runs."""
        return self._ids

    @property
    def baseline(self) -> str | None:
        """The run that others are compared with, chosen or not."""
        return self._baseline

    def choose(self, run_ids: Iterable[str]) -> None:
        """Choose exactly these; those that stay keep their place, new ones follow."""
        wanted = list(dict.fromkeys(run_ids))
        with self._lock:
            kept = [run_id for run_id in self._ids if run_id in set(wanted)]
            ids = tuple(dict.fromkeys([*kept, *wanted]))
            changed, self._ids = ids != self._ids, ids
        if changed:
            self._tell()

    def toggle(self, run_id: str) -> None:
        """Choose a run, or take it out."""
        with self._lock:
            ids = self._ids
        self.choose([each for each in ids if each != run_id] if run_id in ids else [*ids, run_id])

    def compare_with(self, run_id: str | None) -> None:
        """Make a run the baseline, or none."""
        with self._lock:
            changed, self._baseline = run_id != self._baseline, run_id
        if changed:
            self._tell()

    def observe(self, method: Callable[[], None]) -> None:
        """Call a bound method after each change, as long as its object lives."""
        with self._lock:
            self._observers.append(WeakMethod(method))

    def unobserve(self, method: Callable[[], None]) -> None:
        """Call it no more."""
        with self._lock, suppress(ValueError):
            self._observers.remove(WeakMethod(method))

    def _tell(self) -> None:
        with self._lock:
            self._observers = [each for each in self._observers if each() is not None]
            methods = [each() for each in self._observers]
        faults = [fault for method in methods if method is not None and (fault := _fault_of(method)) is not None]
        if faults:
            raise faults[0]


def _fault_of(method: Callable[[], None]) -> Exception | None:
    """Tell an observer; what it raises is given back, so that the others are told, too."""
    try:
        method()
    except Exception as error:
        return error
    return None
