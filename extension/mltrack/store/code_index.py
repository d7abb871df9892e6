"""The words of executed code: an index of sources by blob, over one connection inside the caller's transaction.

The index keeps no text of its own (FTS5's contentless tables), so that taking a source out of it needs the text again.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from mltrack.store.dialect import dialect_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from sqlite3 import Connection

_SOURCES = "SELECT f.rowid FROM code_index f WHERE f.code_index MATCH {word}"
# Runs whose snapshot had executed a word, from the sources that have it, one perhaps several times.
RUNS_WITH_WORD = """
SELECT s.run_id FROM code_index f CROSS JOIN executions x ON x.source_id = f.rowid
CROSS JOIN snapshots s ON s.session_id = x.session_id AND s.seq >= x.seq WHERE f.code_index MATCH {word}
"""
# The same without a limit to come: each session's first such source is enough, of which there may be very many.
ALL_RUNS_WITH_WORD = """
SELECT s.run_id FROM (SELECT x.session_id, min(x.seq) AS seq FROM code_index f
CROSS JOIN executions x ON x.source_id = f.rowid WHERE f.code_index MATCH {word} GROUP BY x.session_id) w
CROSS JOIN snapshots s ON s.session_id = w.session_id AND s.seq >= w.seq
"""
# Whether a run's had, from the run.
HAS_WORD = f"""
EXISTS (SELECT 1 FROM snapshots s CROSS JOIN executions x ON x.session_id = s.session_id AND x.seq <= s.seq
WHERE s.run_id = r.id AND x.source_id IN ({_SOURCES}))
"""


def unpack(encoding: str, data: bytes) -> str:
    """Give back the text of a blob."""
    raw = zlib.decompress(data) if encoding == "zlib" else data
    return raw.decode("utf-8", "surrogatepass")


def index_source(connection: Connection, number: int) -> None:
    """Put the source that a blob holds into the index, unless it is there."""
    dialect = dialect_of(connection)
    if not dialect.is_indexed(connection, number):
        dialect.index(connection, number, _text(connection, number))


def index_all_sources(connection: Connection) -> None:
    """Put every source that was executed into the index, as for a store that had none."""
    for (number,) in connection.execute("SELECT DISTINCT source_id FROM executions").fetchall():
        index_source(connection, number)


def forget_sources(connection: Connection, numbers: Iterable[int]) -> None:
    """Take sources out of the index; call it before their blobs are deleted, whose numbers may be given again."""
    dialect = dialect_of(connection)
    for number in numbers:
        if dialect.is_indexed(connection, number):
            dialect.forget(connection, number, _text(connection, number))


def _text(connection: Connection, number: int) -> str:
    row = connection.execute("SELECT encoding, data FROM blobs WHERE id = ?", (number,)).fetchone()
    return unpack(*row).encode("utf-8", "replace").decode()  # no lone surrogates, which SQLite takes as no text
