"""Reads MLflow's SQLite database, from a private copy of its tables (see ``mlflow_copy``)."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

from mltrack.entities import Dataset, DatasetInput, InputTag
from mltrack.store.foreign import (
    ForeignExperiment,
    ForeignModel,
    ForeignRegisteredModel,
    ForeignRun,
    ForeignStore,
    ForeignVersion,
)
from mltrack.store.mlflow_copy import private_copy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from mltrack.store.foreign import ModelLink, ModelPoint, Point

_LARGEST = sys.float_info.max  # MLflow keeps an infinity as the largest float of its sign


class MlflowDatabase(ForeignStore):
    """What an ``mlflow.db`` holds at the moment this is made; raises as ``private_copy`` does."""

    def __init__(self, path: Path) -> None:
        self._connection, revision, self._skipped = private_copy(path)
        self.base = path.parent
        self.description = f"the MLflow database {path} (schema {revision or 'of an early version'})"

    def close(self) -> None:
        """Drop the copy."""
        self._connection.close()

    def skipped(self) -> Mapping[str, int]:
        """Say how many traces and the like there are."""
        return self._skipped

    def experiments(self) -> Iterator[ForeignExperiment]:
        """Give all experiments, deleted ones too."""
        query = "SELECT experiment_id, name, lifecycle_stage, creation_time, last_update_time FROM experiments"
        for row in self._rows(f"{query} ORDER BY rowid"):
            tags = self._rows("SELECT key, value FROM experiment_tags WHERE experiment_id = ?", row[0])
            some = self._rows("SELECT run_uuid FROM runs WHERE experiment_id = ? LIMIT 20", row[0])
            yield ForeignExperiment(*[*row, tags, [run for (run,) in some]])

    def count_runs(self) -> int:
        """Say how many runs there are."""
        return int(self._rows("SELECT count(*) FROM runs")[0][0])

    def runs(self, experiment: ForeignExperiment) -> Iterator[ForeignRun]:
        """Give the runs of an experiment, deleted ones too, the oldest first."""
        query = (
            "SELECT run_uuid, name, user_id, coalesce(nullif(status, ''), 'RUNNING'), lifecycle_stage, start_time,"
            " end_time, deleted_time, artifact_uri FROM runs WHERE experiment_id = ? ORDER BY start_time, rowid"
        )
        for row in self._rows(query, experiment.experiment_id):
            params = self._rows("SELECT key, value FROM params WHERE run_uuid = ?", row[0])
            tags = self._rows("SELECT key, value FROM tags WHERE run_uuid = ?", row[0])
            yield ForeignRun(*[*row, params, tags, self._datasets(row[0]), self._points(row[0])])

    def _points(self, run_id: str) -> Iterator[Point]:
        query = (
            "SELECT key, CASE WHEN is_nan THEN NULL WHEN value >= ? THEN 9e999 WHEN value <= ? THEN -9e999 ELSE value"
            " END, coalesce(timestamp, 0), coalesce(step, 0) FROM metrics WHERE run_uuid = ?"
        )
        for key, value, timestamp, step in self._connection.execute(query, (_LARGEST, -_LARGEST, run_id)):
            yield key, _number(value), timestamp, step

    def _datasets(self, run_id: str) -> list[DatasetInput]:
        query = (
            "SELECT i.input_uuid, d.name, d.digest, d.dataset_source_type, d.dataset_source,"
            " nullif(d.dataset_schema, ''), nullif(d.dataset_profile, '')"
            " FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id"
            " WHERE i.destination_id = ? AND i.source_type = 'DATASET' AND i.destination_type = 'RUN' ORDER BY i.rowid"
        )
        found = []
        for number, *fields in self._rows(query, run_id):
            tags = self._rows("SELECT name, value FROM input_tags WHERE input_uuid = ?", number)
            found.append(DatasetInput(Dataset(*fields), tuple(InputTag(*tag) for tag in tags)))
        return found

    def models(self, experiment: ForeignExperiment) -> Iterator[ForeignModel]:
        """Give the logged models of an experiment, deleted ones too."""
        query = (
            "SELECT model_id, name, model_type,"
            " CASE status WHEN 2 THEN 'READY' WHEN 3 THEN 'FAILED' ELSE 'PENDING' END,"
            " nullif(status_message, ''), lifecycle_stage, nullif(source_run_id, ''), artifact_location,"
            " coalesce(creation_timestamp_ms, 0), coalesce(last_updated_timestamp_ms, 0)"
            " FROM logged_models WHERE experiment_id = ? ORDER BY rowid"
        )
        for row in self._rows(query, experiment.experiment_id):
            params = self._rows("SELECT param_key, param_value FROM logged_model_params WHERE model_id = ?", row[0])
            tags = self._rows("SELECT tag_key, tag_value FROM logged_model_tags WHERE model_id = ?", row[0])
            yield ForeignModel(*[*row, params, tags, self._model_points(row[0])])

    def _model_points(self, model_id: str) -> list[ModelPoint]:
        query = (
            "SELECT run_id, metric_name, metric_value, coalesce(metric_timestamp_ms, 0), coalesce(metric_step, 0),"
            " dataset_name, dataset_digest FROM logged_model_metrics WHERE model_id = ? ORDER BY rowid"
        )
        return [(run, key, _number(value), *rest) for run, key, value, *rest in self._rows(query, model_id)]

    def model_links(self) -> Iterator[ModelLink]:
        """Give which run read or made which logged model."""
        query = (
            "SELECT source_id, destination_id, CASE destination_type WHEN 'MODEL_INPUT' THEN 'input' ELSE 'output' END,"
            " coalesce(step, 0) FROM inputs WHERE destination_type IN ('MODEL_INPUT', 'MODEL_OUTPUT') ORDER BY rowid"
        )
        yield from self._rows(query)

    def registered_models(self) -> Iterator[ForeignRegisteredModel]:
        """Give the model registry; versions that were deleted are left out."""
        query = (
            "SELECT name, description, coalesce(creation_time, 0), coalesce(last_updated_time, 0)"
            " FROM registered_models ORDER BY rowid"
        )
        for row in self._rows(query):
            tags = self._rows("SELECT key, value FROM registered_model_tags WHERE name = ?", row[0])
            aliases = self._rows("SELECT alias, version FROM registered_model_aliases WHERE name = ?", row[0])
            yield ForeignRegisteredModel(*[*row, tags, aliases, self._versions(row[0])])

    def _versions(self, name: str) -> list[ForeignVersion]:
        query = (
            "SELECT version, description, user_id, current_stage, source, run_id, status, status_message, run_link,"
            " coalesce(creation_time, 0), coalesce(last_updated_time, 0) FROM model_versions"
            " WHERE name = ? AND version > 0 AND current_stage <> 'Deleted_Internal' ORDER BY version"
        )
        tags = "SELECT key, value FROM model_version_tags WHERE name = ? AND version = ?"
        return [ForeignVersion(*[*row, self._rows(tags, name, row[0])]) for row in self._rows(query, name)]

    def _rows(self, query: str, *values: object) -> list[Any]:
        return self._connection.execute(query, values).fetchall()


def _number(value: float | None) -> float:
    return math.nan if value is None else value
