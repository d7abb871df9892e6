"""A store in SQL, put together of its parts; what differs from database to database is said by its subclasses."""

from __future__ import annotations

from mltrack.store.sqlite_access import SqliteAccess
from mltrack.store.sqlite_artifacts import SqliteArtifacts
from mltrack.store.sqlite_cells import SqliteCells
from mltrack.store.sqlite_experiments import SqliteExperiments
from mltrack.store.sqlite_history import SqliteHistory
from mltrack.store.sqlite_models import SqliteModels
from mltrack.store.sqlite_registry import SqliteRegistry
from mltrack.store.sqlite_runs import SqliteRuns
from mltrack.store.sqlite_search import SqliteSearch
from mltrack.store.sqlite_summaries import SqliteSummaries
from mltrack.store.sqlite_upkeep import SqliteUpkeep


class SqlStore(
    SqliteExperiments,
    SqliteRuns,
    SqliteSearch,
    SqliteSummaries,
    SqliteHistory,
    SqliteArtifacts,
    SqliteCells,
    SqliteModels,
    SqliteRegistry,
    SqliteAccess,
    SqliteUpkeep,
):
    """All that a store does."""
