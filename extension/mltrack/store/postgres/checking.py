"""A check of a PostgreSQL store: that every row belongs to one that is there, and all executed code is indexed.

Whether the pages on its disk are good is for PostgreSQL to say (``pg_amcheck``, data checksums).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.store.base import now_ms
from mltrack.store.integrity import COUNTED, MOST_PROBLEMS, CheckReport
from mltrack.store.postgres.opening import open_database
from mltrack.store.references import references
from mltrack.store.tables import MIGRATIONS

if TYPE_CHECKING:
    from mltrack.store.postgres.connection import PostgresConnection

_UNINDEXED = "SELECT count(DISTINCT source_id) FROM executions WHERE source_id NOT IN (SELECT blob_id FROM code_index)"


def check_database(uri: str) -> CheckReport:
    """Check the store at ``uri``; a StoreError when it cannot be looked at."""
    database = open_database(uri, "", now=now_ms())
    try:
        return database.read(_check, database.pool.where)
    finally:
        database.close()


def _check(connection: PostgresConnection, where: str) -> CheckReport:
    loose = []
    for each in references():
        rows = connection.execute(f"{each.loose} LIMIT {MOST_PROBLEMS}").fetchall()
        loose += [
            f"a row of {each.table} ({', '.join(map(str, row))}) belongs to none in {each.parent}" for row in rows
        ]
    (unindexed,) = connection.ask(_UNINDEXED)[0]
    problems = (f"{unindexed} executed sources are not in the index of code",) if unindexed else ()
    counts = {name: int(connection.ask(f"SELECT count(*) FROM {name}")[0][0]) for name in COUNTED}
    return CheckReport(where, len(MIGRATIONS), problems, tuple(loose[:MOST_PROBLEMS]), counts)
