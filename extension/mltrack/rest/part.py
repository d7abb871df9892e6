"""What the parts of a ``RestStore`` share: the way to the server, what is sent in the background, and the rest."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

from mltrack.exceptions import ServerUnavailableError
from mltrack.rest.courier import OUTAGE_SECONDS

if TYPE_CHECKING:
    from mltrack.entities import Experiment, RunInfo
    from mltrack.rest.extras import Extras
    from mltrack.rest.sender import Sender
    from mltrack.rest.transport import Transport
    from mltrack.store.pages import Page, Search

FLUSH_SECONDS = 30.0
"""So long a look waits for what was logged before it."""
CHECK_SECONDS = 5.0
"""So long a server that was gone has to show that it is back."""
_KEPT = 1000
_Value = TypeVar("_Value")


class Kept(Generic[_Value]):
    """Some values by key, those of the keys that were used last."""

    def __init__(self, most: int = _KEPT) -> None:
        self._values: OrderedDict[str, _Value] = OrderedDict()
        self._most = most
        self._lock = threading.Lock()

    def get(self, key: str) -> _Value | None:
        """Give the value of a key, or None."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: str, value: _Value) -> None:
        """Keep a value."""
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            if len(self._values) > self._most:
                self._values.popitem(last=False)

    def forget_parent(self) -> None:
        """In a forked child: the lock may be held by a thread that is not here."""
        self._lock = threading.Lock()


class RestPart:
    """One part of a store behind a server; ``RestStore`` is made of several, and sets what they share."""

    uri: str
    _transport: Transport
    _sender: Sender
    _infos: Kept[RunInfo]
    _model_places: Kept[str]

    @property
    def _extras(self) -> Extras:
        """What MLflow's wire has no word for."""
        raise NotImplementedError

    def _changed(self, run_id: str | None = None) -> None:
        """Say that this process has changed something on the server."""
        raise NotImplementedError

    def _info(self, run_id: str) -> RunInfo:
        """Give a run's info, which may be older where only what never changes is wanted of it."""
        raise NotImplementedError

    def _search_experiments(self, wanted: Search) -> Page[Experiment]:
        """Give one page of the experiments that match."""
        raise NotImplementedError

    def _settle(self, run_id: str | None = None) -> None:
        """Wait until what was logged before is on the server, so that what is read has it.

        Raises
        ------
        ServerUnavailableError, UnauthenticatedError
            When the server is gone, or does not know who asks.
        """
        deadline = time.monotonic() + FLUSH_SECONDS
        if self._sender.flush(run_id, FLUSH_SECONDS, outage=OUTAGE_SECONDS):
            return
        if self._sender.is_failing:
            self._transport.check(CHECK_SECONDS)
            deadline = time.monotonic() + FLUSH_SECONDS
        left = deadline - time.monotonic()
        if left > 0:  # it is back, perhaps since a moment ago
            self._sender.flush(run_id, left)

    def _made(self, run_id: str) -> None:
        """See that a run is there which was begun when the server could not be reached."""
        if self._sender.awaits(run_id) and not self._sender.flush(run_id):
            raise ServerUnavailableError(f"Run {run_id} is not on {self.uri} yet, which cannot be reached.")

    def _extras_of(self, run_id: str) -> Extras:
        """What MLflow's wire has no word for, of a run that is there."""
        self._made(run_id)
        return self._extras
