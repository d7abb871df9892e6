"""One run to be made again by a worker: which cells, where, and as what; as JSON between processes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Job:
    """Cells to run in a clean kernel; the last one is tracked, as a run whose id, name and tags are decided.

    ``store`` is the tracking URI, ``numbers`` are those that the cells had in the notebook.
    """

    run_id: str
    run_name: str
    experiment_id: str
    store: str
    folder: str
    tags: dict[str, str]
    sources: tuple[str, ...]
    numbers: tuple[int, ...]

    def to_json(self) -> str:
        """Write it on one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Job:
        """Read what ``to_json`` gave."""
        found = json.loads(text)
        return cls(**{**found, "sources": tuple(found["sources"]), "numbers": tuple(found["numbers"])})
