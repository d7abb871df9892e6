"""Snapshots on an MLflow server, which has no sessions: each run's file holds what its kernel had executed by then."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError, MissingCellsError, StoreFormatError
from mltrack.store.code_index import unpack
from mltrack.store.notebooks import Blob, Execution, ExecutionWrite, Session, Snapshot
from mltrack.wire.codec import shape_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.store.notebooks import SnapshotWrite

FORMAT = 1
OUTPUT_BYTES = 1_000_000
"""Of earlier cells' outputs, a snapshot holds the newest up to so many bytes, packed; its own cell's it has all."""
_SESSIONS = 4  # kernels of one process: one, and those before a reload
_EMPTY = "[]"


@dataclass(slots=True)
class _Known:
    """What was written of one session."""

    executions: dict[int, ExecutionWrite] = field(default_factory=dict)
    manifests: OrderedDict[str, tuple[Blob, tuple[Blob, ...]]] = field(default_factory=OrderedDict)


class Sessions:
    """Remembers what this process wrote of its kernel, so that each run's snapshot can be written whole."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lock = threading.Lock()

    def forget_parent(self) -> None:
        """In a forked child: no lock is held by a thread that is here."""
        self._lock = threading.Lock()

    def document(self, run_id: str, write: SnapshotWrite) -> dict[str, Any]:
        """Add what is written, and give the whole snapshot of a run as JSON.

        Raises
        ------
        MissingCellsError
            When cells that were executed before were not written here.
        """
        with self._lock:
            known = self._known.setdefault(write.session.uuid, _Known())
            self._known.move_to_end(write.session.uuid)
            while len(self._known) > _SESSIONS:
                self._known.popitem(last=False)
            for each in write.executions:
                earlier = known.executions.get(each.seq)
                kept = each.outputs or (earlier.outputs if earlier else None)
                known.executions[each.seq] = replace(each, outputs=kept)
            if write.manifest is not None:
                known.manifests[run_id] = (write.manifest, tuple(write.manifest_blobs))
                known.manifests.move_to_end(run_id)
                while len(known.manifests) > 8:  # runs whose snapshot is not complete yet
                    known.manifests.popitem(last=False)
            missing = [seq for seq in range(1, write.seq + 1) if seq not in known.executions]
            if missing:
                raise MissingCellsError(
                    f"{len(missing)} of the {write.seq} executed cells were not sent; send them all."
                )
            executions = [known.executions[seq] for seq in range(1, write.seq + 1)]
            return _document(write, executions, known.manifests.get(run_id))


def _document(
    write: SnapshotWrite, executions: Sequence[ExecutionWrite], manifest: tuple[Blob, tuple[Blob, ...]] | None
) -> dict[str, Any]:
    texts: dict[str, Blob] = {}
    shown = _shown(executions, write.seq)
    cells = []
    for each in executions:
        texts[each.source.digest.hex()] = each.source
        outputs = shown.get(each.seq)
        if outputs is not None:
            texts[outputs.digest.hex()] = outputs
        cells.append(
            [
                *(each.seq, each.cell_id, each.execution_count, each.source.digest.hex(), each.started_at),
                *(each.ended_at, each.status, each.metadata, outputs.digest.hex() if outputs else None),
            ]
        )
    session = write.session
    if manifest is not None:
        texts.update({blob.digest.hex(): blob for blob in (manifest[0], *manifest[1])})
    return {
        "format": FORMAT,
        "session": shape_of(Session).write(session),
        "seq": write.seq,
        "cell_key": write.cell_key,
        "how": write.how,
        "executions": cells,
        "manifest": manifest[0].digest.hex() if manifest else None,
        "texts": {name: unpack(blob.encoding, blob.data) for name, blob in texts.items()},
    }


def _shown(executions: Sequence[ExecutionWrite], own: int) -> dict[int, Blob]:
    """Choose the outputs that are kept: those of the run's own cell, then the newest of the others."""
    found, left = {}, OUTPUT_BYTES
    for each in reversed(executions):
        if each.outputs is None:
            continue
        if each.seq != own:
            left -= len(each.outputs.data)
        if each.seq == own or left >= 0:
            found[each.seq] = each.outputs
    return found


def read_document(document: Any) -> Snapshot:
    """Read a snapshot; StoreFormatError when it is not one that mltrack wrote."""
    try:
        return _read(document)
    except (InvalidParameterError, KeyError, TypeError, ValueError, AttributeError):
        raise StoreFormatError("The snapshot of a run is not what mltrack writes; it was not used.") from None


def _read(document: Mapping[str, Any]) -> Snapshot:
    if document["format"] != FORMAT:
        raise StoreFormatError("The snapshot of a run was written by a newer mltrack; it was not used.")
    texts = shape_of(dict[str, str]).read(document["texts"], "texts")
    executions = tuple(_execution(row, texts) for row in document["executions"])
    manifest = texts[document["manifest"]] if document["manifest"] else None
    named = (
        {cell[part] for cell in json.loads(manifest)["cells"] for part in ("source", "outputs") if part in cell}
        if manifest
        else ()
    )
    session = shape_of(Session).read(document["session"], "session")
    seq, key, how = shape_of(tuple[int, str, str]).read([document[each] for each in ("seq", "cell_key", "how")], "head")
    return Snapshot(
        session, seq, key, how, executions, manifest, {name: texts[name] for name in named if name in texts}
    )


_ROW = shape_of(tuple[int, str | None, int | None, str, int, int | None, str, str, str | None])


def _execution(row: Any, texts: Mapping[str, str]) -> Execution:
    seq, cell, count, source, began, ended, status, metadata, outputs = _ROW.read(row, "executions")
    shown = texts[outputs] if outputs else _EMPTY
    return Execution(seq, cell, count, texts[source], began, ended, status, metadata, shown)


def sources_in(document: Any) -> dict[str, bytes]:
    """Give the digest of the last source that each cell of a snapshot ran, by the cell's id; see ``Store``."""
    try:
        rows = [_ROW.read(row, "executions") for row in document["executions"]]
        own = document["seq"]
        return {row[1] or "": bytes.fromhex(row[3]) for row in rows if row[1] is not None or row[0] == own}
    except (InvalidParameterError, KeyError, TypeError, ValueError):
        raise StoreFormatError("The snapshot of a run is not what mltrack writes; it was not used.") from None
