"""What another tracker's store holds, in one shape for all of them: what the importers read and the store takes in.

Everything here comes from files that others wrote: texts are not yet masked or cut, ids and paths not yet checked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.entities import LifecycleStage, RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mltrack.entities import DatasetInput

    Pair = tuple[str, str]
    Point = tuple[str, float, int, int]
    """(metric, value, timestamp in ms, step)."""
    ModelPoint = tuple[str, str, float, int, int, str, str]
    """(run id, metric, value, timestamp in ms, step, dataset's name, dataset's digest)."""
    ModelLink = tuple[str, str, str, int]
    """(run id, model id, "input" or "output", step)."""


@dataclass(frozen=True, slots=True)
class ForeignExperiment:
    """An experiment as another store has it; ``some_run_ids`` are a few of its runs."""

    experiment_id: str
    name: str
    lifecycle_stage: str = LifecycleStage.ACTIVE.value
    created_at: int | None = None
    updated_at: int | None = None
    tags: Sequence[Pair] = ()
    some_run_ids: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ForeignRun:
    """A run as another store has it; times are ms since 1970, ``points`` may be read only once.

    ``files`` are artifacts that the store holds as text of its own, by path.
    """

    run_id: str
    name: str = ""
    user_id: str = ""
    status: str = RunStatus.FINISHED.value
    lifecycle_stage: str = LifecycleStage.ACTIVE.value
    started_at: int | None = None
    ended_at: int | None = None
    deleted_at: int | None = None
    artifact_uri: str = ""
    params: Sequence[Pair] = ()
    tags: Sequence[Pair] = ()
    datasets: Sequence[DatasetInput] = ()
    points: Iterable[Point] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ForeignModel:
    """A logged model as another store has it; ``status`` is PENDING, READY or FAILED."""

    model_id: str
    name: str = ""
    model_type: str = ""
    status: str = "READY"
    status_message: str | None = None
    lifecycle_stage: str = LifecycleStage.ACTIVE.value
    source_run_id: str | None = None
    artifact_uri: str = ""
    created_at: int = 0
    updated_at: int = 0
    params: Sequence[Pair] = ()
    tags: Sequence[Pair] = ()
    points: Sequence[ModelPoint] = ()


@dataclass(frozen=True, slots=True)
class ForeignVersion:
    """A version of a registered model as another store has it; no ``model_id`` where its ``source`` says it."""

    version: int
    description: str = ""
    user_id: str = ""
    stage: str = "None"
    source: str = ""
    run_id: str = ""
    status: str = "READY"
    status_message: str = ""
    run_link: str = ""
    created_at: int = 0
    updated_at: int = 0
    tags: Sequence[Pair] = ()
    model_id: str | None = None


@dataclass(frozen=True, slots=True)
class ForeignRegisteredModel:
    """A registered model with its versions as another store has it; ``aliases`` are (alias, version)."""

    name: str
    description: str = ""
    created_at: int = 0
    updated_at: int = 0
    tags: Sequence[Pair] = ()
    aliases: Sequence[tuple[str, int]] = ()
    versions: Sequence[ForeignVersion] = ()


class ForeignStore:
    """Another tracker's store, as seen at one moment; a kind of store says what it has and leaves the rest empty."""

    description = ""
    base = Path()
    """The folder that relative places in it are below."""

    def experiments(self) -> Iterator[ForeignExperiment]:
        """Give all experiments, deleted ones too."""
        yield from ()

    def count_runs(self) -> int:
        """Say how many runs there are, for the progress shown."""
        return 0

    def runs(self, experiment: ForeignExperiment) -> Iterator[ForeignRun]:  # noqa: ARG002 - for others to override
        """Give the runs of an experiment, deleted ones too."""
        yield from ()

    def models(self, experiment: ForeignExperiment) -> Iterator[ForeignModel]:  # noqa: ARG002 - for others to override
        """Give the logged models of an experiment."""
        yield from ()

    def model_links(self) -> Iterator[ModelLink]:
        """Give which run read or made which logged model."""
        yield from ()

    def registered_models(self) -> Iterator[ForeignRegisteredModel]:
        """Give the model registry."""
        yield from ()

    def skipped(self) -> Mapping[str, int]:
        """Say what is there and is not read: how many of each kind."""
        return {}

    def close(self) -> None:
        """Let go of the store's files."""
