"""Notebook snapshots: what a kernel executed, kept as an append-only log of cells and outputs by what they hold.

A kernel is a session, each cell it ran an execution with a number from 1. A run's snapshot is the session's log up to
the run's own execution, together with the notebook file's cells (the manifest) where the file was known. Equal sources
and outputs are one blob, so that running one cell a thousand times costs the cells that changed.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from mltrack.exceptions import MissingCellsError
from mltrack.store import provenance
from mltrack.store.code_index import index_source, unpack
from mltrack.store.concurrency import beside_others
from mltrack.store.points import missing_run, writable_run
from mltrack.store.upserts import upsert

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from sqlite3 import Connection

_SMALL = 64  # bytes below which zlib only adds


@dataclass(frozen=True, slots=True)
class Blob:
    """Text as the store keeps it: its digest, its size in bytes, and the bytes, compressed where that helps."""

    digest: bytes
    size: int
    encoding: str
    data: bytes

    @classmethod
    def of(cls, text: str) -> Blob:
        """Prepare a text for the store."""
        raw = text.encode("utf-8", "surrogatepass")
        digest = blake2b(raw, digest_size=16).digest()
        packed = zlib.compress(raw, 6) if len(raw) > _SMALL else raw
        if len(packed) < len(raw):
            return cls(digest, len(raw), "zlib", packed)
        return cls(digest, len(raw), "raw", raw)


@dataclass(frozen=True, slots=True)
class Session:
    """One kernel from its start to its end. ``language_info`` is the notebook metadata of that name, as JSON."""

    uuid: str
    started_at: int
    kernel_id: str | None = None
    notebook_path: str | None = None
    language_info: str = "{}"


@dataclass(frozen=True, slots=True)
class ExecutionWrite:
    """One execution to keep, with its outputs (JSON of a list of nbformat outputs) as they are by now.

    ``status`` is running, ok, error or interrupted; times are ms since 1970; ``metadata`` is JSON.
    """

    seq: int
    source: Blob
    started_at: int
    cell_id: str | None = None
    execution_count: int | None = None
    ended_at: int | None = None
    status: str = "running"
    metadata: str = "{}"
    outputs: Blob | None = None


@dataclass(frozen=True, slots=True)
class SnapshotWrite:
    """What a run's snapshot adds: executions that are new or have changed, and the manifest of the notebook file.

    ``seq`` is the run's own execution; ``cell_key`` names its cell through edits; ``how`` says how it was obtained.
    """

    session: Session
    seq: int
    cell_key: str
    how: str
    executions: Sequence[ExecutionWrite] = ()
    manifest: Blob | None = None
    manifest_blobs: Sequence[Blob] = ()


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution as it was read back: source and outputs as text (outputs: JSON of a list)."""

    seq: int
    cell_id: str | None
    execution_count: int | None
    source: str
    started_at: int
    ended_at: int | None
    status: str
    metadata: str
    outputs: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run's notebook as it was read back: the session, its executions up to the run's, and the file's manifest.

    ``manifest`` is JSON (see ``mltrack_magics.notebook_file.make_manifest``); ``texts`` holds what it names by digest.
    """

    session: Session
    seq: int
    cell_key: str
    how: str
    executions: tuple[Execution, ...]
    manifest: str | None
    texts: Mapping[str, str]


@beside_others
def write_snapshot(connection: Connection, run_id: str, snapshot: SnapshotWrite) -> None:
    """Add a snapshot, or what came later to one, inside the caller's transaction.

    MissingCellsError when executions before the run's own are not there: those of deleted runs were removed for good.
    """
    run_number, _ = writable_run(connection, run_id)
    session = _session_number(connection, snapshot.session)
    for execution in snapshot.executions:
        _write_execution(connection, session, execution, as_of=max(snapshot.seq, execution.seq))
    _refuse_gaps(connection, session, snapshot.seq)
    for blob in snapshot.manifest_blobs:
        _blob_number(connection, blob)
    manifest = _blob_number(connection, snapshot.manifest) if snapshot.manifest else None
    connection.execute(
        "INSERT INTO snapshots VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (run_id) DO UPDATE"
        " SET how = excluded.how, manifest_id = coalesce(excluded.manifest_id, snapshots.manifest_id)",
        (run_number, session, snapshot.seq, snapshot.cell_key, snapshot.how, manifest),
    )
    provenance.refresh(connection, run_number)


def _refuse_gaps(connection: Connection, session: int, seq: int) -> None:
    query = "SELECT count(*) FROM executions WHERE session_id = ? AND seq <= ?"
    count = connection.execute(query, (session, seq)).fetchone()[0]
    if count != seq:
        raise MissingCellsError(f"{seq - count} of the {seq} executed cells are no longer in the store; send them all.")


def _session_number(connection: Connection, session: Session) -> int:
    row = connection.execute(
        "INSERT INTO sessions (uuid, kernel_id, notebook_path, language_info, started_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (uuid) DO UPDATE SET notebook_path = coalesce(excluded.notebook_path, sessions.notebook_path)"
        " RETURNING id",
        (session.uuid, session.kernel_id, session.notebook_path, session.language_info, session.started_at),
    ).fetchone()
    return int(row[0])


def _write_execution(connection: Connection, session: int, execution: ExecutionWrite, *, as_of: int) -> None:
    source = _blob_number(connection, execution.source)
    index_source(connection, source)
    connection.execute(
        "INSERT INTO executions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (session_id, seq) DO UPDATE"
        " SET execution_count = excluded.execution_count, ended_at = excluded.ended_at, status = excluded.status,"
        " metadata = excluded.metadata",
        (
            session,
            execution.seq,
            execution.cell_id,
            execution.execution_count,
            source,
            execution.started_at,
            execution.ended_at,
            execution.status,
            execution.metadata,
        ),
    )
    if execution.outputs is not None:
        connection.execute(
            upsert("outputs", ("session_id", "seq", "as_of"), ("blob_id",)),
            (session, execution.seq, as_of, _blob_number(connection, execution.outputs)),
        )


def _blob_number(connection: Connection, blob: Blob) -> int:
    query = "SELECT id FROM blobs WHERE digest = ?"
    row = connection.execute(query, (blob.digest,)).fetchone()
    if row is None:
        connection.execute(
            "INSERT INTO blobs (digest, size, encoding, data) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (blob.digest, blob.size, blob.encoding, blob.data),
        )
        row = connection.execute(query, (blob.digest,)).fetchone()
    return int(row[0])


def read_snapshot(connection: Connection, run_id: str) -> Snapshot | None:
    """Give a run's snapshot, or None; NotFoundError when there is no such run."""
    row = connection.execute(
        "SELECT s.session_id, s.seq, s.cell_key, s.how, b.encoding, b.data, k.uuid, k.started_at, k.kernel_id,"
        " k.notebook_path, k.language_info FROM snapshots s JOIN runs r ON r.id = s.run_id"
        " JOIN sessions k ON k.id = s.session_id LEFT JOIN blobs b ON b.id = s.manifest_id WHERE r.uuid = ?",
        (run_id,),
    ).fetchone()
    if row is None:
        if connection.execute("SELECT 1 FROM runs WHERE uuid = ?", (run_id,)).fetchone() is None:
            raise missing_run(run_id)
        return None
    manifest = unpack(row[4], row[5]) if row[4] else None
    executions = _read_executions(connection, row[0], row[1])
    texts = _read_texts(connection, manifest) if manifest else {}
    return Snapshot(Session(*row[6:]), row[1], row[2], row[3], executions, manifest, texts)


def _read_texts(connection: Connection, manifest: str) -> dict[str, str]:
    names = {cell[part] for cell in json.loads(manifest)["cells"] for part in ("source", "outputs") if part in cell}
    texts = {}
    for name in names:
        row = connection.execute("SELECT encoding, data FROM blobs WHERE digest = ?", (bytes.fromhex(name),)).fetchone()
        if row is not None:
            texts[name] = unpack(*row)
    return texts


def _read_executions(connection: Connection, session: int, seq: int) -> tuple[Execution, ...]:
    rows = connection.execute(
        "SELECT x.seq, x.cell_id, x.execution_count, s.encoding, s.data,"
        " x.started_at, x.ended_at, x.status, x.metadata,"
        " b.encoding, b.data FROM executions x JOIN blobs s ON s.id = x.source_id"
        " LEFT JOIN outputs o ON o.session_id = x.session_id AND o.seq = x.seq AND o.as_of ="
        "  (SELECT max(l.as_of) FROM outputs l WHERE l.session_id = x.session_id AND l.seq = x.seq AND l.as_of <= :seq)"
        " LEFT JOIN blobs b ON b.id = o.blob_id"
        " WHERE x.session_id = :session AND x.seq <= :seq ORDER BY x.seq",
        {"session": session, "seq": seq},
    )
    return tuple(
        Execution(n, cell, count, unpack(e, s), began, ended, status, metadata, unpack(oe, o) if oe else "[]")
        for n, cell, count, e, s, began, ended, status, metadata, oe, o in rows
    )


def read_previous_run(connection: Connection, run_id: str) -> str | None:
    """Give the id of the last active run of the same cell before this one."""
    row = connection.execute(
        "SELECT p.uuid FROM runs r JOIN snapshots s ON s.run_id = r.id"
        " JOIN snapshots o ON o.cell_key = s.cell_key AND o.run_id < r.id JOIN runs p ON p.id = o.run_id"
        " WHERE r.uuid = ? AND p.lifecycle_stage = 'active' ORDER BY o.run_id DESC LIMIT 1",
        (run_id,),
    ).fetchone()
    return row[0] if row else None


def read_sources(connection: Connection, run_id: str) -> dict[str, bytes]:
    """Give the digest of the last source that each cell of a run's snapshot ran, by the cell's id.

    A cell without an id, outside Jupyter, is there only when it is the run's own; its key is empty.
    """
    rows = connection.execute(
        "SELECT coalesce(x.cell_id, ''), b.digest FROM runs r JOIN snapshots s ON s.run_id = r.id"
        " JOIN executions x ON x.session_id = s.session_id AND x.seq <= s.seq"
        " AND (x.cell_id IS NOT NULL OR x.seq = s.seq)"
        " JOIN blobs b ON b.id = x.source_id WHERE r.uuid = ? ORDER BY x.seq",
        (run_id,),
    )
    return dict(rows.fetchall())
