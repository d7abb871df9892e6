"""Reads MLflow's file store, an ``mlruns`` folder, in its shapes from MLflow 0.x to 3.x; no link in it is followed.

Source: ``mlflow.store.tracking.file_store`` of MLflow 3.17, and what it says of older shapes: run ids as ``run_uuid``,
statuses and ids as numbers, points without a step.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from mltrack.entities import Dataset, DatasetInput, InputTag
from mltrack.exceptions import InvalidParameterError
from mltrack.importers.foreign_files import (
    as_integer,
    as_text,
    is_file,
    is_folder,
    names,
    read_fields,
    read_meta,
    read_pairs,
)
from mltrack.importers.mlflow_registry_files import REGISTRY, read_registry
from mltrack.store.foreign import ForeignExperiment, ForeignModel, ForeignRun, ForeignStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mltrack.store.foreign import ForeignRegisteredModel, ModelLink, ModelPoint, Point

META, TRASH = "meta.yaml", ".trash"
NO_RUNS = ("tags", "datasets", "models", "traces", "assessments", "issues")  # beside the runs of an experiment
STATUSES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
MODEL_STATUSES = {1: "PENDING", 2: "READY", 3: "FAILED"}


def is_file_store(folder: Path) -> bool:
    """Tell whether a folder holds experiments of MLflow's."""
    return any(is_file(place / name / META) for place in (folder, folder / TRASH) for name in _experiment_names(place))


def _experiment_names(place: Path) -> list[str]:
    return [name for name in names(place) if name not in (REGISTRY, TRASH)]


class MlflowFiles(ForeignStore):
    """What an ``mlruns`` folder holds; a run that is being written is read as far as it is there."""

    def __init__(self, root: Path) -> None:
        self.base = root
        self.description = f"the MLflow folder {root}"
        self._folders: dict[str, Path] = {}
        self._skipped: Counter[str] = Counter()
        self._datasets: dict[Path, Dataset | None] = {}
        self._links: list[ModelLink] = []

    def skipped(self) -> Mapping[str, int]:
        """Say what could not be read, and how many traces there are."""
        return self._skipped

    def experiments(self) -> Iterator[ForeignExperiment]:
        """Give all experiments, deleted ones too."""
        for place in (self.base, self.base / TRASH):
            for name in _experiment_names(place):
                folder = place / name
                meta = self._meta(folder, "experiments whose meta.yaml is missing or damaged")
                if meta is None:
                    continue
                number = as_text(meta.get("experiment_id")) or name
                if self._folders.setdefault(number, folder) != folder:
                    self._skipped["experiments whose id another one has"] += 1
                    continue
                self._skipped.update({"traces": len(names(folder / "traces"))} if names(folder / "traces") else {})
                yield ForeignExperiment(
                    number,
                    as_text(meta.get("name")) or name,
                    "deleted" if place.name == TRASH else as_text(meta.get("lifecycle_stage")) or "active",
                    as_integer(meta.get("creation_time")),
                    as_integer(meta.get("last_update_time")),
                    tags=read_pairs(folder / "tags"),
                    some_run_ids=[each for each in names(folder) if each not in NO_RUNS][:20],
                )

    def count_runs(self) -> int:
        """Say how many folders there are that may be runs."""
        return sum(1 for folder in self._folders.values() for name in names(folder) if name not in NO_RUNS)

    def runs(self, experiment: ForeignExperiment) -> Iterator[ForeignRun]:
        """Give the runs of an experiment, deleted ones too."""
        folder = self._folders[experiment.experiment_id]
        for name in names(folder):
            if name in NO_RUNS:
                continue
            meta = self._meta(folder / name, "runs whose meta.yaml is missing or damaged")
            if meta is not None:
                yield self._run(folder / name, meta)

    def _run(self, folder: Path, meta: Mapping[str, Any]) -> ForeignRun:
        run_id = as_text(meta.get("run_id")) or as_text(meta.get("run_uuid")) or folder.name
        status = meta.get("status")
        status = STATUSES.get(status, "RUNNING") if isinstance(status, int) else as_text(status) or "RUNNING"
        self._read_links(folder, run_id)
        return ForeignRun(
            run_id,
            as_text(meta.get("run_name")) or as_text(meta.get("name")),
            as_text(meta.get("user_id")),
            status,
            as_text(meta.get("lifecycle_stage")) or "active",
            as_integer(meta.get("start_time")),
            as_integer(meta.get("end_time")),
            as_integer(meta.get("deleted_time")),
            _artifact_uri(folder, meta),
            params=read_pairs(folder / "params"),
            tags=read_pairs(folder / "tags"),
            datasets=list(self._inputs(folder)),
            points=self._points(folder / "metrics", is_open=status == "RUNNING"),
        )

    def _points(self, folder: Path, *, is_open: bool) -> Iterator[Point]:
        for key, fields, is_whole in read_fields(folder):
            if is_open and not is_whole:  # its writer is in the middle of it
                continue
            timestamp, value, step = _numbers(fields)
            if timestamp is None or value is None or step is None:
                self._skipped["lines of metrics that are damaged"] += 1
            else:
                yield key, value, timestamp, step

    def _inputs(self, folder: Path) -> Iterator[DatasetInput]:
        for name in names(folder / "inputs"):
            meta = self._meta(folder / "inputs" / name, "inputs whose meta.yaml is missing or damaged")
            if meta is None or as_text(meta.get("source_type")) != "DATASET":
                continue
            number = as_text(meta.get("source_id"))
            dataset = self._dataset(folder.parent / "datasets", number)
            tags = meta.get("tags")
            pairs = tags.items() if isinstance(tags, dict) else ()
            if dataset is not None:
                yield DatasetInput(dataset, tuple(InputTag(as_text(key), as_text(value)) for key, value in pairs))

    def _dataset(self, folder: Path, number: str) -> Dataset | None:
        if number not in names(folder):
            return None
        if folder / number not in self._datasets:
            meta = self._meta(folder / number, "datasets whose meta.yaml is missing or damaged")
            self._datasets[folder / number] = None if meta is None else _dataset(meta)
        return self._datasets[folder / number]

    def _read_links(self, folder: Path, run_id: str) -> None:
        for place, kind, role in (("inputs", "MODEL_INPUT", "input"), ("outputs", "MODEL_OUTPUT", "output")):
            for name in names(folder / place):
                meta = self._meta(folder / place / name, "links to models that are damaged")
                if meta is not None and as_text(meta.get("destination_type")) == kind:
                    step = as_integer(meta.get("step")) or 0
                    self._links.append((run_id, as_text(meta.get("destination_id")), role, step))

    def model_links(self) -> Iterator[ModelLink]:
        """Give which run read or made which logged model, of the runs that were read so far."""
        yield from self._links

    def models(self, experiment: ForeignExperiment) -> Iterator[ForeignModel]:
        """Give the logged models of an experiment."""
        place = self._folders[experiment.experiment_id] / "models"
        for name in names(place):
            meta = self._meta(place / name, "logged models whose meta.yaml is missing or damaged")
            if meta is not None:
                yield self._model(place / name, meta)

    def _model(self, folder: Path, meta: Mapping[str, Any]) -> ForeignModel:
        return ForeignModel(
            as_text(meta.get("model_id")) or folder.name,
            as_text(meta.get("name")),
            as_text(meta.get("model_type")),
            MODEL_STATUSES.get(as_integer(meta.get("status")) or 0, "READY"),
            as_text(meta.get("status_message")) or None,
            as_text(meta.get("lifecycle_stage")) or "active",
            as_text(meta.get("source_run_id")) or None,
            _artifact_uri(folder, {"artifact_uri": meta.get("artifact_location")}),
            as_integer(meta.get("creation_timestamp")) or 0,
            as_integer(meta.get("last_updated_timestamp")) or 0,
            params=read_pairs(folder / "params"),
            tags=read_pairs(folder / "tags"),
            points=list(self._model_points(folder / "metrics")),
        )

    def _model_points(self, folder: Path) -> Iterator[ModelPoint]:
        for key, fields, _ in read_fields(folder):
            timestamp, value, step = _numbers(fields)
            if timestamp is None or value is None or step is None or len(fields) < 4:
                self._skipped["lines of metrics that are damaged"] += 1
            else:
                name, digest = fields[4:6] if len(fields) >= 6 else ("", "")
                yield fields[3], key, value, timestamp, step, name, digest

    def registered_models(self) -> Iterator[ForeignRegisteredModel]:
        """Give the model registry."""
        yield from read_registry(self.base / REGISTRY, self._meta)

    def _meta(self, folder: Path, otherwise: str) -> dict[str, Any] | None:
        try:
            meta = read_meta(folder / META)
        except InvalidParameterError:
            meta = None
        if meta is None:
            self._skipped[otherwise] += 1
        return meta


def _numbers(fields: list[str]) -> tuple[int | None, float | None, int | None]:
    """Read (timestamp, value, step) of ``timestamp value [step [model or run id] [dataset's name and digest]]``."""
    try:
        value = float(fields[1])
    except (IndexError, ValueError):
        return None, None, None
    return as_integer(fields[0]), value, as_integer(fields[2]) if len(fields) > 2 else 0


def _dataset(meta: Mapping[str, Any]) -> Dataset:
    name, digest, kind, source, schema, profile = (
        as_text(meta.get(key)) for key in ("name", "digest", "source_type", "source", "schema", "profile")
    )
    return Dataset(name, digest, kind, source, schema or None, profile or None)


def _artifact_uri(folder: Path, meta: Mapping[str, Any]) -> str:
    """Give the folder beside the meta.yaml, unless it is empty and the meta.yaml names another place."""
    own = folder / "artifacts"
    named = as_text(meta.get("artifact_uri"))
    is_same = named.endswith("/".join(own.parts[-3:]))  # as it was called before the store was moved
    return str(own) if not named or is_same or (is_folder(own) and any(own.iterdir())) else named
