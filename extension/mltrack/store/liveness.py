"""Runs whose process has died: found by whoever reads the store next on the same machine, and marked KILLED."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.entities import RunTag
from mltrack.keys import END_REASON_TAG
from mltrack.process import Owner, is_gone
from mltrack.store.concurrency import once_beside_others
from mltrack.store.points import settle, write_tags
from mltrack.store.runs import read_info

if TYPE_CHECKING:
    from sqlite3 import Connection

    from mltrack.store.locator import Locator


_OPEN = "SELECT id, owner FROM runs WHERE status = 'RUNNING' AND owner IS NOT NULL"


def dead_runs(connection: Connection, *, is_shared: bool = False) -> list[tuple[int, str]]:
    """Give (internal id, owner) of the open runs whose process surely lives no more.

    ``is_shared`` says that other machines write to the store, some of which may be copies of this one.
    """
    verdicts: dict[str, bool] = {}
    dead = []
    for number, text in connection.execute(_OPEN).fetchall():
        if text not in verdicts:
            owner = Owner.parse(text)
            verdicts[text] = owner is not None and is_gone(owner, among_copies=is_shared)
        if verdicts[text]:
            dead.append((number, text))
    return dead


@once_beside_others
def mark_killed(connection: Connection, dead: list[tuple[int, str]], locate: Locator) -> list[str]:
    """End these runs, unless someone took them up or ended them meanwhile; gives where their artifacts lie.

    The end is the last sign of life, the last point's time or the start: when the process died is not known.
    """
    places = []
    for number, text in dead:
        found = connection.execute(
            "UPDATE runs SET status = 'KILLED', owner = NULL, ended_at = (SELECT max(t) FROM (SELECT runs.started_at"
            " AS t UNION ALL SELECT max(timestamp) FROM metrics WHERE run_id = runs.id) moments)"
            " WHERE id = ? AND status = 'RUNNING' AND owner = ? RETURNING uuid",
            (number, text),
        ).fetchone()
        if found is None:
            continue
        settle(connection, number)
        places.append(read_info(connection, found[0], locate).artifact_uri)
        owner = Owner.parse(text)
        pid = owner.pid if owner else "?"
        write_tags(connection, number, [RunTag(END_REASON_TAG, f"its process, pid {pid}, ended without closing it")])
    return places
