"""Logged models, registered models and versions on the wire. Source: MLflow's ``service.proto`` and
``model_registry.proto``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.model_entities import LoggedModel, LoggedModelMetric, ModelVersion, RegisteredModel
from mltrack.wire.numbers import read_double, read_int, write_double
from mltrack.wire.shapes import items, present, read_pairs, text, write_pairs

if TYPE_CHECKING:
    from mltrack.wire.shapes import Json

_STATUS = "LOGGED_MODEL_"
_STATUS_NAMES = {"FAILED": "UPLOAD_FAILED"}
_NUMBERED = {1: "PENDING", 2: "READY", 3: "FAILED"}


def write_status(status: str) -> str:
    """Give a logged model's status as the wire names it."""
    return f"{_STATUS}{_STATUS_NAMES.get(status, status)}"


def read_status(said: Any) -> str:
    """Read a logged model's status, by its name or MLflow's number of it."""
    if isinstance(said, int) and said in _NUMBERED:
        return _NUMBERED[said]
    name = str(said).removeprefix(_STATUS)
    found = {"UPLOAD_FAILED": "FAILED"}.get(name, name)
    if found not in _NUMBERED.values():
        raise InvalidParameterError(f"A logged model's status is PENDING, READY or UPLOAD_FAILED; got {said!r:.80}.")
    return found


def write_logged_model(model: LoggedModel) -> Json:
    """Give a logged model as ``LoggedModel``."""
    return {
        "info": present(
            model_id=model.model_id,
            experiment_id=model.experiment_id,
            name=model.name,
            creation_timestamp_ms=model.creation_timestamp,
            last_updated_timestamp_ms=model.last_updated_timestamp,
            artifact_uri=model.artifact_location,
            status=write_status(model.status),
            model_type=model.model_type,
            source_run_id=model.source_run_id or "",
            status_message=model.status_message,
            tags=write_pairs(model.tags),
        ),
        "data": present(
            params=write_pairs(model.params), metrics=[_write_metric(model, each) for each in model.metrics]
        ),
    }


def read_logged_model(said: Json) -> LoggedModel:
    """Read a ``LoggedModel``."""
    info, data = said.get("info") or {}, said.get("data") or {}
    return LoggedModel(
        text(info, "experiment_id"),
        text(info, "model_id"),
        text(info, "name"),
        text(info, "artifact_uri"),
        read_int(info.get("creation_timestamp_ms", 0)),
        read_int(info.get("last_updated_timestamp_ms", 0)),
        text(info, "model_type"),
        text(info, "source_run_id") or None,
        read_status(info.get("status", "LOGGED_MODEL_READY")),
        text(info, "status_message") or None,
        read_pairs(info.get("tags")),
        read_pairs(data.get("params")),
        tuple(_read_metric(each) for each in items(data.get("metrics"))),
    )


def _write_metric(model: LoggedModel, metric: LoggedModelMetric) -> Json:
    return present(
        key=metric.key,
        value=write_double(metric.value),
        timestamp=metric.timestamp,
        step=metric.step,
        model_id=model.model_id,
        run_id=metric.run_id,
        dataset_name=metric.dataset_name or None,
        dataset_digest=metric.dataset_digest or None,
    )


def _read_metric(said: Json) -> LoggedModelMetric:
    return LoggedModelMetric(
        text(said, "key"),
        read_double(said.get("value", 0.0)),
        read_int(said.get("timestamp", 0)),
        read_int(said.get("step", 0)),
        text(said, "run_id") or None,
        text(said, "dataset_name"),
        text(said, "dataset_digest"),
    )


def write_version(version: ModelVersion) -> Json:
    """Give a version of a registered model as ``ModelVersion``.

    ``digest`` and ``provenance`` are ours; MLflow's clients pass over them.
    """
    return present(
        name=version.name,
        version=version.version,
        creation_timestamp=version.creation_timestamp,
        last_updated_timestamp=version.last_updated_timestamp,
        user_id=version.user_id or None,
        current_stage=version.current_stage,
        description=version.description,
        source=version.source,
        run_id=version.run_id,
        status=version.status,
        status_message=version.status_message or None,
        run_link=version.run_link,
        tags=write_pairs(version.tags),
        aliases=list(version.aliases),
        model_id=version.model_id,
        digest=version.digest,
        provenance=json.dumps(dict(version.provenance)) if version.provenance else None,
    )


def read_version(said: Json) -> ModelVersion:
    """Read a ``ModelVersion``."""
    return ModelVersion(
        text(said, "name"),
        str(said.get("version", "")),
        read_int(said.get("creation_timestamp", 0)),
        read_int(said.get("last_updated_timestamp", 0)),
        description=text(said, "description"),
        user_id=text(said, "user_id"),
        current_stage=text(said, "current_stage", "None"),
        source=text(said, "source"),
        run_id=text(said, "run_id"),
        status=text(said, "status", "READY"),
        status_message=text(said, "status_message"),
        run_link=text(said, "run_link"),
        tags=read_pairs(said.get("tags")),
        aliases=tuple(str(each) for each in said.get("aliases") or ()),
        model_id=text(said, "model_id") or None,
        digest=text(said, "digest") or None,
        provenance=_read_provenance(text(said, "provenance")),
    )


def _read_provenance(said: str) -> dict[str, Any]:
    try:
        found = json.loads(said) if said else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def write_registered_model(model: RegisteredModel) -> Json:
    """Give a registered model as ``RegisteredModel``."""
    return present(
        name=model.name,
        creation_timestamp=model.creation_timestamp,
        last_updated_timestamp=model.last_updated_timestamp,
        description=model.description,
        latest_versions=[write_version(each) for each in model.latest_versions],
        tags=write_pairs(model.tags),
        aliases=[{"alias": alias, "version": version} for alias, version in model.aliases.items()],
    )


def read_registered_model(said: Json) -> RegisteredModel:
    """Read a ``RegisteredModel``."""
    return RegisteredModel(
        text(said, "name"),
        read_int(said.get("creation_timestamp", 0)),
        read_int(said.get("last_updated_timestamp", 0)),
        text(said, "description"),
        tuple(read_version(each) for each in items(said.get("latest_versions"))),
        read_pairs(said.get("tags")),
        {text(each, "alias"): str(each.get("version", "")) for each in items(said.get("aliases"))},
    )
