"""How the steps of a pipeline's run stand, told to whoever asked to be told."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class StepStatus(StrEnum):
    """How a step stands; the values are the words that are shown."""

    WAITING = "waiting"
    CHECKING = "checking"
    RUNNING = "running"
    FINISHED = "finished"
    SKIPPED = "skipped"
    FAILED = "failed"
    STOPPED = "stopped"
    NOT_RUN = "not run"

    @property
    def is_final(self) -> bool:
        """True when nothing more happens with the step."""
        return self not in (StepStatus.WAITING, StepStatus.CHECKING, StepStatus.RUNNING)

    @property
    def is_good(self) -> bool:
        """True when what comes after the step may run."""
        return self in (StepStatus.FINISHED, StepStatus.SKIPPED)


@dataclass(frozen=True, slots=True)
class StepState:
    """How a step stands.

    Attributes
    ----------
    reason
        Why it runs, was skipped or failed, in words.
    run_id
        Its run, a child of the pipeline's.
    made_by
        The run that made its outputs: its own, or the one for which it was skipped.
    started, ended
        Ms since 1970.
    """

    name: str
    status: StepStatus = StepStatus.WAITING
    reason: str = ""
    run_id: str | None = None
    made_by: str | None = None
    started: int | None = None
    ended: int | None = None

    def duration(self, now: int) -> int | None:
        """Give how many ms it ran, until its end or ``now``; None when it never ran."""
        if self.started is None or self.status is StepStatus.SKIPPED:
            return None
        return max(0, (self.ended or now) - self.started)


class Progress:
    """The states of all steps. Any thread may read and change them; each change is told to the observers."""

    def __init__(self, names: Iterable[str]) -> None:
        self.changed = threading.Condition(threading.RLock())
        self._states = {name: StepState(name) for name in names}
        self._observers: list[Callable[[StepState | None], None]] = []
        self._told: list[StepState | None] = []

    def states(self) -> Mapping[str, StepState]:
        """Give the states as they are now."""
        with self.changed:
            return dict(self._states)

    def set(self, name: str, **changes: Any) -> StepState:
        """Change a step's state and tell of it; one that has come to its end stays as it is."""
        with self.changed:
            state = self._states[name]
            if state.status.is_final:
                return state
            state = self._states[name] = replace(state, **changes)
            self.changed.notify_all()
        self._tell(state)
        return state

    def tell_end(self) -> None:
        """Tell that all is over, as None."""
        self._tell(None)

    def observe(self, callback: Callable[[StepState | None], None]) -> None:
        """Have every change told, those that were before at once and others on the thread that makes them."""
        with self.changed:
            for each in self._told:
                callback(each)
            self._observers.append(callback)

    def _tell(self, state: StepState | None) -> None:
        with self.changed:
            self._told.append(state)
            for each in list(self._observers):
                with suppress(Exception):  # who looks on must not stop what goes on
                    each(state)

    def unobserve(self, callback: Callable[[StepState | None], None]) -> None:
        """Tell nothing more."""
        with self.changed:
            self._observers = [each for each in self._observers if each != callback]
