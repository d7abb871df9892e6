"""Delivers batches to a server: what it refuses is found and set aside, so that the rest of the batch goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack.exceptions import MltrackError, NotFoundError
from mltrack.rest import creation
from mltrack.rest.records import LOG_BATCH, LOG_INPUTS

if TYPE_CHECKING:
    from mltrack.rest.records import Batch
    from mltrack.rest.transport import Transport

# What a server says of a request that it will never take. What else it answers may be another's, as a proxy's page:
# then the request waits.
_REFUSALS = {
    "INVALID_PARAMETER_VALUE",
    "RESOURCE_DOES_NOT_EXIST",
    "NOT_FOUND",
    "RESOURCE_ALREADY_EXISTS",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "INVALID_STATE",
}


def is_refusal(error: MltrackError) -> bool:
    """Tell whether a server will never take what it answered so."""
    return error.error_code in _REFUSALS


def is_too_old(error: MltrackError, path: str) -> bool:
    """Tell whether a server has no such call as MLflow's older ones have not."""
    return path == LOG_INPUTS and error.error_code == "ENDPOINT_NOT_FOUND"


@dataclass(frozen=True, slots=True)
class Refused:
    """What a server refused, and why."""

    batch: Batch
    reason: str


class Delivery:
    """The way of batches to one server."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def deliver(self, batch: Batch, seconds: float) -> list[Refused]:
        """Send a batch, and give what of it was refused.

        Raises
        ------
        MltrackError
            When it did not arrive, or nobody knows; it may be sent again, for what is there already is kept once.
        """
        self._transport.prepare()  # what is wrong here is no refusal of the server's
        refused = self._sent(batch, seconds)
        if not refused or batch.is_whole or batch.count == 1 or self._is_run_refused(batch.run_id, seconds):
            return refused
        return self._parts(batch, seconds)

    def _parts(self, batch: Batch, seconds: float) -> list[Refused]:
        """Send the halves of a batch that is refused as a whole, and the halves of those."""
        found: list[Refused] = []
        for part in batch.halves():
            refused = self._sent(part, seconds)
            found += self._parts(part, seconds) if refused and part.count > 1 else refused
        return found

    def _is_run_refused(self, run_id: str, seconds: float) -> bool:
        """Ask whether the run itself is what is refused, by sending nothing to it."""
        try:
            self._transport.call("POST", LOG_BATCH, body={"run_id": run_id}, timeout=seconds, once=True)
        except MltrackError as error:
            if is_refusal(error):
                return True
            raise
        return False

    def _sent(self, batch: Batch, seconds: float) -> list[Refused]:
        try:
            self._ask(batch, seconds)
        except MltrackError as error:
            if not (is_refusal(error) or self._is_unknown(batch, error, seconds)):
                raise
            return [Refused(batch, str(error))]
        return []

    def _ask(self, batch: Batch, seconds: float) -> None:
        if batch.create is not None:
            creation.make_later(self._transport, batch.create, batch.run_id, seconds)
            return
        try:
            self._transport.call("POST", batch.path, body=batch.body(), timeout=seconds, once=True)
        except NotFoundError:
            if batch.run_id in self._transport.renamed or not creation.find_real(self._transport, batch.run_id):
                raise
            self._transport.call("POST", batch.path, body=batch.body(), timeout=seconds, once=True)

    def _is_unknown(self, batch: Batch, error: MltrackError, seconds: float) -> bool:
        """Tell whether a server that is one has no such call; raises where it cannot be asked."""
        if not is_too_old(error, batch.path):
            return False
        self._is_run_refused(batch.run_id, seconds)
        return True
