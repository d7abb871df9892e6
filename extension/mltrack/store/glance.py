"""A glance at a store for a shell that completes a word: names and ids, read without opening it as a store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack.store.connection import open_file

if TYPE_CHECKING:
    from pathlib import Path

MOST_RUNS = 50
MOST_EXPERIMENTS = 500
_BUSY_MS = 100


@dataclass(frozen=True, slots=True)
class Glance:
    """Some (id, name) pairs of a store: experiments by id, and the newest runs first."""

    experiments: tuple[tuple[str, str], ...]
    runs: tuple[tuple[str, str], ...]


def glance(path: Path, run_prefix: str = "") -> Glance:
    """Read the experiments and the newest runs whose ids begin with ``run_prefix``; raises the driver's own errors."""
    connection = open_file(path, read_only=True)
    try:
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        experiments = connection.execute(
            "SELECT CAST(id AS TEXT), name FROM experiments ORDER BY id LIMIT ?", (MOST_EXPERIMENTS,)
        )
        found = tuple(experiments)
        runs = connection.execute(
            "SELECT uuid, name FROM runs WHERE uuid >= :first AND uuid < :end ORDER BY id DESC LIMIT :most"
            if run_prefix
            else "SELECT uuid, name FROM runs ORDER BY id DESC LIMIT :most",
            {"first": run_prefix, "end": run_prefix + "\U0010ffff", "most": MOST_RUNS},
        )
        return Glance(found, tuple(runs))
    finally:
        connection.close()
