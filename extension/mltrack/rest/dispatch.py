"""Sends what waits in a spool, batch by batch, and notes what arrived and what was refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mltrack.rest.delivery import Delivery, Refused
from mltrack.rest.records import Amount, Batch, batches

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mltrack.rest.spool import Spool, Window
    from mltrack.rest.transport import Transport


@dataclass(slots=True)
class Refusal:
    """How much a server refused, of which run, why, and where it is kept (None: nowhere)."""

    run_id: str
    amount: Amount
    reason: str
    kept: Path | None


@dataclass(slots=True)
class Sent:
    """What came of it: how much arrived of which runs, and what was refused."""

    amount: Amount = field(default_factory=Amount)
    runs: set[str] = field(default_factory=set)
    refused: list[Refusal] = field(default_factory=list)


class Dispatch:
    """Takes what waits for a server there; one thread at a time.

    ``told`` is called with what was refused before that counts as sent: whoever waits for that finds it said.
    """

    def __init__(self, spool: Spool, transport: Transport, *, told: Callable[[Refusal], object] | None = None) -> None:
        self._spool = spool
        self._delivery = Delivery(transport)
        self._told = told
        self._window: Window | None = None
        self._batches: list[Batch] = []

    def step(self, seconds: float) -> Sent | None:
        """Send the next batch, which may take so many seconds; None when nothing waits.

        Raises
        ------
        MltrackError
            When it did not arrive; it waits on, and so does what comes after it.
        """
        if self._window is None:
            self._window = self._spool.window()
            if self._window is None:
                return None
            self._batches = batches(self._window.records)
        sent = Sent()
        if self._batches:
            batch = self._batches[0]
            refused = self._delivery.deliver(batch, seconds)
            del self._batches[0]
            sent.amount += batch.amount
            sent.runs.add(batch.run_id)
            sent.refused += self._set_aside(self._window, refused)
            for each in sent.refused:
                sent.amount -= each.amount
                if self._told is not None:
                    self._told(each)
        if not self._batches:
            self._spool.done(self._window)
            self._window = None
        return sent

    def _set_aside(self, window: Window, refused: list[Refused]) -> list[Refusal]:
        found = []
        for each in refused:
            kept = self._spool.keep_refused(window, [each.batch.record(error=each.reason)])
            found.append(Refusal(each.batch.run_id, each.batch.amount, each.reason, kept))
        return found
