"""All that a run's card shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.entities import FileInfo, LoggedModel, Run


@dataclass(frozen=True, slots=True)
class CardData:
    """All that a run's card shows, as read at ``now_ms`` (ms since 1970, UTC).

    ``series`` and ``series_counts`` hold the thinned values and the number of points of metrics with more than one
    step; ``previous`` is the last run of the same cell, ``changed_cells`` the number of cells edited since;
    ``own_params`` are the names set in the cell itself; ``error`` is the last line of the exception.
    """

    run: Run
    experiment_name: str
    series: Mapping[str, tuple[float, ...]]
    series_counts: Mapping[str, int]
    previous: Run | None
    changed_cells: int
    own_params: tuple[str, ...]
    error: str | None
    traceback: str | None
    environment: Mapping[str, str]
    artifacts: tuple[FileInfo, ...]
    note: str | None
    now_ms: int
    models: tuple[LoggedModel, ...] = ()
