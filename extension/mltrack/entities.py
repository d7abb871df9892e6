"""What mltrack talks about: experiments, runs, metrics, params, tags and files, as frozen values.

Names and fields are those of ``mlflow.entities``, so that code written for MLflow reads them unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self, TypeVar

from mltrack.exceptions import InvalidParameterError
from mltrack.fields import Fields
from mltrack.model_entities import (
    LoggedModel,
    LoggedModelMetric,
    LoggedModelStatus,
    ModelVersion,
    RegisteredModel,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "CapturedName",
    "Dataset",
    "DatasetInput",
    "Experiment",
    "ExperimentTag",
    "FileInfo",
    "InputTag",
    "LifecycleStage",
    "LoggedModel",
    "LoggedModelInput",
    "LoggedModelMetric",
    "LoggedModelOutput",
    "LoggedModelStatus",
    "Metric",
    "ModelVersion",
    "PagedList",
    "Param",
    "RegisteredModel",
    "Run",
    "RunData",
    "RunInfo",
    "RunInputs",
    "RunOutputs",
    "RunStatus",
    "RunTag",
    "ViewType",
]
Item = TypeVar("Item")
__path__: list[str] = []  # MLflow has modules below one of this name; see mltrack.module_names


class PagedList(list[Item]):
    """One page of a search; ``token`` asks for the next one, and is None on the last."""

    def __init__(self, items: Iterable[Item], token: str | None = None) -> None:
        super().__init__(items)
        self.token = token

    def to_list(self) -> list[Item]:
        """Give the page as a plain list."""
        return list(self)


class RunStatus(StrEnum):
    """How a run stands; the values are MLflow's names, and its numbers 1 to 5 are taken for them."""

    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"

    @property
    def is_final(self) -> bool:
        """True when the run has ended, well or not."""
        return self not in (RunStatus.RUNNING, RunStatus.SCHEDULED)

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return _numbered(cls, value)

    @staticmethod
    def from_string(status_str: str) -> RunStatus:
        """Give the status of this name."""
        return RunStatus(status_str)

    @staticmethod
    def to_string(status: RunStatus | str | int) -> str:
        """Give the name of a status."""
        return RunStatus(status).value  # type: ignore[arg-type] # MLflow's numbers, too

    @staticmethod
    def is_terminated(status: RunStatus | str | int) -> bool:
        """Tell whether a run of this status has ended."""
        return RunStatus(status).is_final  # type: ignore[arg-type] # MLflow's numbers, too


class LifecycleStage(StrEnum):
    """Whether an experiment or run is in use or was deleted (softly)."""

    ACTIVE = "active"
    DELETED = "deleted"


class ViewType(StrEnum):
    """Which lifecycle stages a search looks at; MLflow's numbers 1, 2 and 3 are taken for them."""

    ACTIVE_ONLY = "ACTIVE_ONLY"
    DELETED_ONLY = "DELETED_ONLY"
    ALL = "ALL"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return cls.__members__.get(value.upper()) if isinstance(value, str) else _numbered(cls, value)

    @staticmethod
    def read(value: object) -> ViewType:
        """Give the view type that a user named, by member, name or number; else raise InvalidParameterError."""
        try:
            return ViewType(value)  # type: ignore[arg-type] # MLflow's numbers, too
        except ValueError:
            raise InvalidParameterError(
                f"A view type is ACTIVE_ONLY, DELETED_ONLY or ALL; got {str(value)[:80]!r}."
            ) from None

    @property
    def stages(self) -> tuple[str, ...]:
        """The lifecycle stages that are looked at."""
        every = (LifecycleStage.ACTIVE.value, LifecycleStage.DELETED.value)
        return {ViewType.ACTIVE_ONLY: every[:1], ViewType.DELETED_ONLY: every[1:]}.get(self, every)


_Member = TypeVar("_Member", bound=StrEnum)


def _numbered(kind: type[_Member], value: object) -> _Member | None:
    """Give the member of MLflow's number, which counts from 1."""
    members = list(kind)
    return members[value - 1] if type(value) is int and 1 <= value <= len(members) else None


@dataclass(frozen=True, slots=True)
class Metric(Fields):
    """One point of a metric: a float at a step and a time (ms since 1970, UTC).

    A point that is written may name the logged model that it says something of, and on which dataset.
    """

    key: str
    value: float
    timestamp: int
    step: int = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


@dataclass(frozen=True, slots=True)
class Param(Fields):
    """A parameter of a run: both sides are text."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class RunTag(Fields):
    """A tag of a run: both sides are text, and it may be overwritten."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class ExperimentTag(Fields):
    """A tag of an experiment."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class InputTag(Fields):
    """A tag of a run's input, as ``mlflow.data.context`` with the value ``training``."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Dataset(Fields):
    """A dataset as the store keeps it; ``schema`` and ``profile`` are JSON text or None.

    ``source_type`` and ``source`` say where it came from (``local``, ``http``, ``code``… and JSON text).
    """

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None

    def to_dictionary(self) -> dict[str, Any]:
        """Give the fields by name."""
        return dict(self)


@dataclass(frozen=True, slots=True)
class DatasetInput(Fields):
    """A dataset that a run read, with the input's tags."""

    dataset: Dataset
    tags: tuple[InputTag, ...] = ()

    def to_dictionary(self) -> dict[str, Any]:
        """Give the dataset and the tags as dictionaries."""
        return {"dataset": self.dataset.to_dictionary(), "tags": {tag.key: tag.value for tag in self.tags}}


@dataclass(frozen=True, slots=True)
class LoggedModelInput(Fields):
    """A logged model that a run read."""

    model_id: str


@dataclass(frozen=True, slots=True)
class LoggedModelOutput(Fields):
    """A logged model that a run made, and at which step."""

    model_id: str
    step: int = 0


@dataclass(frozen=True, slots=True)
class RunInputs(Fields):
    """What a run read."""

    dataset_inputs: tuple[DatasetInput, ...] = ()
    model_inputs: tuple[LoggedModelInput, ...] = ()

    def to_dictionary(self) -> dict[str, Any]:
        """Give the inputs as lists of dictionaries."""
        return {
            "dataset_inputs": [each.to_dictionary() for each in self.dataset_inputs],
            "model_inputs": [dict(each) for each in self.model_inputs],
        }


@dataclass(frozen=True, slots=True)
class RunOutputs(Fields):
    """What a run made, beyond what was logged to it."""

    model_outputs: tuple[LoggedModelOutput, ...] = ()

    def to_dictionary(self) -> dict[str, Any]:
        """Give the outputs as a list of dictionaries."""
        return {"model_outputs": [dict(each) for each in self.model_outputs]}


@dataclass(frozen=True, slots=True)
class Experiment(Fields):
    """A named group of runs. Times are ms since 1970, UTC; ``artifact_location`` is a path or URI."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str = LifecycleStage.ACTIVE.value
    tags: Mapping[str, str] = field(default_factory=dict)
    creation_time: int | None = None
    last_update_time: int | None = None


@dataclass(frozen=True, slots=True)
class RunInfo(Fields):
    """What a run is, without what was logged to it. Times are ms since 1970, UTC."""

    run_id: str
    experiment_id: str
    run_name: str
    user_id: str
    status: str
    start_time: int
    end_time: int | None
    artifact_uri: str
    lifecycle_stage: str = LifecycleStage.ACTIVE.value

    @property
    def run_uuid(self) -> str:
        """The run's id under its older name."""
        return self.run_id

    def to_proto(self) -> Self:
        """Give this, where MLflow's users ask for its message of the same fields."""
        return self


@dataclass(frozen=True, slots=True)
class RunData(Fields):
    """What was logged to a run: each metric's latest value, the params and the tags.

    ``latest`` holds the same metrics as whole points, with step and time: the one with the largest
    (step, timestamp, value) of each key, as MLflow chooses it.
    """

    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    latest: tuple[Metric, ...] = ()

    def to_dictionary(self) -> dict[str, Any]:
        """Give metrics, params and tags as dictionaries."""
        return {"metrics": dict(self.metrics), "params": dict(self.params), "tags": dict(self.tags)}


@dataclass(frozen=True, slots=True)
class Run(Fields):
    """A run: its info, its data, and what it read and made, as read at one moment."""

    info: RunInfo
    data: RunData
    inputs: RunInputs = field(default_factory=RunInputs)
    outputs: RunOutputs = field(default_factory=RunOutputs)

    def to_dictionary(self) -> dict[str, Any]:
        """Give the run as dictionaries, lists and plain values."""
        return {
            "info": dict(self.info),
            "data": self.data.to_dictionary(),
            "inputs": self.inputs.to_dictionary(),
            "outputs": self.outputs.to_dictionary(),
        }


@dataclass(frozen=True, slots=True)
class FileInfo(Fields):
    """A file or folder among a run's artifacts: its path below the run's root, and its size in bytes."""

    path: str
    is_dir: bool
    file_size: int | None = None


@dataclass(frozen=True, slots=True)
class CapturedName:
    """A name that a tracked cell bound or read, and where its value stands in the cell's source.

    ``kind`` is ``param`` or ``metric``; ``origin`` is ``bound`` (assigned in the cell), ``read`` (bound outside it)
    or ``option`` (``-p k=v``). Lines count from 1 and columns from 0, in characters of the cell as it was typed;
    all four are None when the value has no place in the source.
    """

    kind: str
    name: str
    origin: str
    line: int | None = None
    column: int | None = None
    end_line: int | None = None
    end_column: int | None = None
