"""Searches in an SQLite store: pages of every kind of rows, counts, and ids from what a person types."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mltrack.store import experiments, search
from mltrack.store.base import SqlitePart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.entities import Experiment, LoggedModel, ModelVersion, RegisteredModel, Run
    from mltrack.store.pages import Page, Search


class SqliteSearch(SqlitePart):
    """Finds runs, experiments and models; what is wrong with a search is an InvalidParameterError."""

    def search_runs(self, wanted: Search) -> Page[Run]:
        """Give one page of the runs that match, up to 50,000."""
        self._sweep()
        return self._database.read(search.find_runs, wanted, self._locate)

    def search_experiments(self, wanted: Search) -> Page[Experiment]:
        """Give one page of the experiments that match, up to 50,000."""
        return self._database.read(search.find_experiments, wanted, self._locate)

    def search_registered_models(self, wanted: Search) -> Page[RegisteredModel]:
        """Give one page of the registered models that match, up to 1,000."""
        return self._database.read(search.find_registered_models, wanted)

    def search_model_versions(self, wanted: Search) -> Page[ModelVersion]:
        """Give one page of the model versions that match, up to 200,000."""
        return self._database.read(search.find_model_versions, wanted, self._locate)

    def search_logged_models(self, wanted: Search) -> Page[LoggedModel]:
        """Give one page of the logged models that match, up to 50,000."""
        return self._database.read(search.find_logged_models, wanted, self._locate)

    def count_runs(self, experiment_ids: Sequence[str] | None = None) -> int:
        """Count the active runs of these experiments; default: of the store."""
        query = "SELECT count(*) FROM runs WHERE lifecycle_stage = 'active'"
        values: tuple[str, ...] = ()
        if experiment_ids is not None:
            query += " AND experiment_id IN (SELECT value FROM json_each(?))"
            values = (json.dumps(experiments.existing_numbers(experiment_ids)),)
        return int(self._database.read(lambda connection: connection.execute(query, values).fetchone()[0]))

    def find_run_ids(self, text: str, *, limit: int = 20, stage: str = "active") -> list[str]:
        """Give the ids of runs whose id begins with, or whose name is, ``text``, newest first."""
        query = (
            "SELECT uuid FROM runs WHERE lifecycle_stage = :stage AND (name = :text OR"
            " (uuid >= :text AND uuid < :text || 'g' AND :text <> '')) ORDER BY started_at DESC, id DESC LIMIT :limit"
        )
        values = {"text": text, "limit": limit, "stage": str(stage)}
        return self._database.read(lambda connection: [row[0] for row in connection.execute(query, values)])
