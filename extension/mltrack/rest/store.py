"""A store behind a tracking server, mltrack's or MLflow's, on MLflow's wire."""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError
from mltrack.rest.artifacts import RestArtifacts
from mltrack.rest.experiments import RestExperiments
from mltrack.rest.handed_over import RestCells, RestRecords, RestSummaries
from mltrack.rest.logged_models import RestModels
from mltrack.rest.part import Kept
from mltrack.rest.registry import RestRegistry
from mltrack.rest.runs import RestRuns
from mltrack.rest.searches import RestSearches
from mltrack.rest.sender import Sender
from mltrack.rest.transport import Transport

if TYPE_CHECKING:
    from mltrack.entities import RunInfo
    from mltrack.rest.extras import Extras
    from mltrack.store.protocol import GarbageReport, GarbageSelection

_stores: weakref.WeakSet[RestStore] = weakref.WeakSet()


class RestStore(
    RestExperiments,
    RestRuns,
    RestSearches,
    RestSummaries,
    RestArtifacts,
    RestCells,
    RestModels,
    RestRegistry,
    RestRecords,
):
    """A store behind a server; usable from any thread, and from a forked child.

    Nothing is asked of the server before something is wanted of it. ``uri`` is its address without credentials.

    Parameters
    ----------
    uri
        ``http://HOST:PORT`` or ``https://…``, perhaps with ``USER:PASSWORD@`` and the server's prefix as its path.
    """

    keeps = frozenset({"log_batch", "log_inputs", "update_run"})
    """What is kept on disk and sent later when the server is gone, so that nobody else needs to keep it."""

    def __init__(self, uri: str) -> None:
        self._transport = Transport(uri)
        self.uri = self._transport.uri
        self._sender = Sender(self._transport, self.uri)
        self._infos: Kept[RunInfo] = Kept()
        self._model_places: Kept[str] = Kept()
        self._lock = threading.Lock()
        self._found_extras: Extras | None = None
        _stores.add(self)

    @property
    def transport(self) -> Transport:
        """The way to the server."""
        return self._transport

    @property
    def sender(self) -> Sender:
        """What goes to the server in the background."""
        return self._sender

    @property
    def _extras(self) -> Extras:
        if self._found_extras is None:
            is_ours = self._transport.is_ours()
            with self._lock:
                if self._found_extras is None:
                    self._found_extras = self._own_extras() if is_ours else self._foreign_extras()
        return self._found_extras

    def _own_extras(self) -> Extras:
        from mltrack.rest.own import OwnExtras  # of mltrack's servers only

        return OwnExtras(self._transport)

    def _foreign_extras(self) -> Extras:
        from mltrack.rest.foreign import ForeignExtras  # of MLflow's servers only; brings sqlite3 along

        return ForeignExtras(self)

    def _changed(self, run_id: str | None = None) -> None:
        if self._found_extras is not None:
            self._found_extras.note_change(run_id)

    def collect_garbage(self, selection: GarbageSelection) -> GarbageReport:
        """Refuse: what was deleted is removed for good where the server's store is."""
        del selection
        raise InvalidParameterError(
            f"Deleted runs of {self.uri} are removed for good where its store is: run `mltrack gc --store URI` there, "
            "or `mlflow gc` for an MLflow server."
        )

    def roll_back(self) -> None:
        """Do nothing: no transaction is open across a wire."""

    def flush(self, timeout: float | None = None) -> bool:
        """Send what waits; False when some of it still does, which is sent later."""
        is_sent = self._sender.flush(None, timeout)
        return is_sent and (self._found_extras is None or self._found_extras.flush(timeout))

    def close(self) -> None:
        """Send what waits, and let go of what is kept here."""
        self._sender.close()
        if self._found_extras is not None:
            self._found_extras.close()

    def forget_parent(self) -> None:
        """In a forked child: no lock is held by a thread that is here."""
        self._lock = threading.Lock()
        self._infos.forget_parent()
        self._model_places.forget_parent()


def _forget_parent() -> None:
    for each in list(_stores):
        each.forget_parent()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_forget_parent)
