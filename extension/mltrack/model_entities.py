"""Models as values: those that runs logged, and those that are registered, with their versions.

Names and fields are those of ``mlflow.entities``; times are ms since 1970, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mltrack.fields import Fields

if TYPE_CHECKING:
    from collections.abc import Mapping

__path__: list[str] = []  # MLflow has modules below one of this name; see mltrack.module_names


class LoggedModelStatus(StrEnum):
    """How a logged model stands; the values are MLflow's."""

    PENDING = "PENDING"
    READY = "READY"
    FAILED = "FAILED"


class ModelVersionStatus(StrEnum):
    """How a version of a registered model stands; here it is READY at once. The values are MLflow's."""

    PENDING_REGISTRATION = "PENDING_REGISTRATION"
    FAILED_REGISTRATION = "FAILED_REGISTRATION"
    READY = "READY"

    @classmethod
    def from_string(cls, status_str: str) -> ModelVersionStatus:
        """Give the status of that name, as MLflow's users ask for it."""
        return cls(status_str)

    @classmethod
    def to_string(cls, status: str) -> str:
        """Give a status as text."""
        return cls(status).value


@dataclass(frozen=True, slots=True)
class LoggedModelMetric(Fields):
    """One point of a metric that was logged for a model: by which run, and on which dataset ("" for none)."""

    key: str
    value: float
    timestamp: int
    step: int = 0
    run_id: str | None = None
    dataset_name: str = ""
    dataset_digest: str = ""


@dataclass(frozen=True, slots=True)
class LoggedModel(Fields):
    """A model that was logged to an experiment, mostly by a run."""

    experiment_id: str
    model_id: str
    name: str
    artifact_location: str
    creation_timestamp: int
    last_updated_timestamp: int
    model_type: str = ""
    source_run_id: str | None = None
    status: str = LoggedModelStatus.READY.value
    status_message: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: tuple[LoggedModelMetric, ...] = ()

    @property
    def model_uri(self) -> str:
        """The URI that loads the model."""
        return f"models:/{self.model_id}"


@dataclass(frozen=True, slots=True)
class ModelVersion(Fields):
    """A version of a registered model; ``version`` is a whole number as text.

    ``digest`` is that of its files when it was registered (``mltrack.models.manifest.digest_of``), None where they are
    not known; ``provenance`` says of which run, cell, notebook and data they came, also when the run is gone.
    """

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int | None = None
    description: str = ""
    user_id: str = ""
    current_stage: str = "None"
    source: str = ""
    run_id: str = ""
    status: str = "READY"
    status_message: str = ""
    run_link: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    model_id: str | None = None
    digest: str | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RegisteredModel(Fields):
    """A registered model; ``latest_versions`` are the newest of each stage, ``aliases`` gives versions by alias."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str = ""
    latest_versions: tuple[ModelVersion, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
