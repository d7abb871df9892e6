"""What mltrack talks about: experiments, runs, metrics, params, tags and files, as frozen values.

Names and fields are those of ``mlflow.entities``, so that code written for MLflow reads them unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class RunStatus(StrEnum):
    """How a run stands; the values are MLflow's."""

    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"

    @property
    def is_final(self) -> bool:
        """True when the run has ended, well or not."""
        return self not in (RunStatus.RUNNING, RunStatus.SCHEDULED)


class LifecycleStage(StrEnum):
    """Whether an experiment or run is in use or was deleted (softly)."""

    ACTIVE = "active"
    DELETED = "deleted"


class ViewType(StrEnum):
    """Which lifecycle stages a search looks at."""

    ACTIVE_ONLY = "ACTIVE_ONLY"
    DELETED_ONLY = "DELETED_ONLY"
    ALL = "ALL"


@dataclass(frozen=True, slots=True)
class Metric:
    """One point of a metric: a float at a step and a time (ms since 1970, UTC)."""

    key: str
    value: float
    timestamp: int
    step: int = 0


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of a run: both sides are text."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class RunTag:
    """A tag of a run: both sides are text, and it may be overwritten."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class ExperimentTag:
    """A tag of an experiment."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class InputTag:
    """A tag of a run's input, as ``mlflow.data.context`` with the value ``training``."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset as the store keeps it; ``schema`` and ``profile`` are JSON text or None.

    ``source_type`` and ``source`` say where it came from (``local``, ``http``, ``code``… and JSON text).
    """

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetInput:
    """A dataset that a run read, with the input's tags."""

    dataset: Dataset
    tags: tuple[InputTag, ...] = ()


@dataclass(frozen=True, slots=True)
class LoggedModelInput:
    """A logged model that a run read."""

    model_id: str


@dataclass(frozen=True, slots=True)
class LoggedModelOutput:
    """A logged model that a run made, and at which step."""

    model_id: str
    step: int = 0


@dataclass(frozen=True, slots=True)
class RunInputs:
    """What a run read."""

    dataset_inputs: tuple[DatasetInput, ...] = ()
    model_inputs: tuple[LoggedModelInput, ...] = ()


@dataclass(frozen=True, slots=True)
class RunOutputs:
    """What a run made, beyond what was logged to it."""

    model_outputs: tuple[LoggedModelOutput, ...] = ()


@dataclass(frozen=True, slots=True)
class Experiment:
    """A named group of runs. Times are ms since 1970, UTC; ``artifact_location`` is a path or URI."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str = LifecycleStage.ACTIVE.value
    tags: Mapping[str, str] = field(default_factory=dict)
    creation_time: int | None = None
    last_update_time: int | None = None


@dataclass(frozen=True, slots=True)
class RunInfo:
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


@dataclass(frozen=True, slots=True)
class RunData:
    """What was logged to a run: each metric's latest value, the params and the tags.

    ``latest`` holds the same metrics as whole points, with step and time: the one with the largest
    (step, timestamp, value) of each key, as MLflow chooses it.
    """

    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    latest: tuple[Metric, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """A run: its info, its data, and what it read and made, as read at one moment."""

    info: RunInfo
    data: RunData
    inputs: RunInputs = field(default_factory=RunInputs)
    outputs: RunOutputs = field(default_factory=RunOutputs)


@dataclass(frozen=True, slots=True)
class FileInfo:
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
