"""Whether a run's notebook was recorded by this user: its cells and outputs, sealed with the user's key.

The seal is a tag of the run, set when the notebook has been saved. Who copies a store cannot make one for other code.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

from mltrack.entities import RunTag
from mltrack.exceptions import InvalidParameterError
from mltrack.keys import SEAL_TAG
from mltrack.signatures import is_sealed, seal
from mltrack.store.notebooks import Blob

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mltrack.entities import Run
    from mltrack.store.notebooks import Snapshot
    from mltrack.store.protocol import Store

_PURPOSE = b"notebook of a run "
_NO_OUTPUTS = Blob.of("[]").digest
Ran = tuple[int, bytes, "bytes | None"]
"""An execution: its number, and the digests of its source and of its outputs, as the store's blobs have them."""


def set_seal(store: Store, run_id: str, ran: Iterable[Ran]) -> None:
    """Seal a run's notebook, if this user has a key or can have one."""
    with suppress(OSError, InvalidParameterError):
        store.log_batch(run_id, tags=[RunTag(SEAL_TAG, seal(_digest(run_id, ran), _PURPOSE))])


def is_own(run: Run, snapshot: Snapshot) -> bool:
    """Tell whether this user sealed the notebook, and it is as it was then."""
    ran = [(each.seq, Blob.of(each.source).digest, Blob.of(each.outputs).digest) for each in snapshot.executions]
    return is_sealed(_digest(run.info.run_id, ran), _PURPOSE, run.data.tags.get(SEAL_TAG, ""))


def _digest(run_id: str, ran: Iterable[Ran]) -> str:
    found = hashlib.sha256(run_id.encode())
    for seq, source, outputs in ran:
        found.update(b"%d %s %s\n" % (seq, source, outputs or _NO_OUTPUTS))
    return found.hexdigest()
