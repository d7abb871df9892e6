"""Experiments, runs, metrics and files on the wire. Source: MLflow's ``service.proto``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.entities import (
    Dataset,
    DatasetInput,
    Experiment,
    FileInfo,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
)
from mltrack.wire.numbers import read_double, read_int, write_double
from mltrack.wire.shapes import items, present, read_pairs, text, write_pairs

if TYPE_CHECKING:
    from mltrack.wire.shapes import Json


def write_experiment(experiment: Experiment) -> Json:
    """Give an experiment as ``Experiment``."""
    return present(
        experiment_id=experiment.experiment_id,
        name=experiment.name,
        artifact_location=experiment.artifact_location,
        lifecycle_stage=experiment.lifecycle_stage,
        creation_time=experiment.creation_time,
        last_update_time=experiment.last_update_time,
        tags=write_pairs(experiment.tags),
    )


def read_experiment(said: Json) -> Experiment:
    """Read an ``Experiment``."""
    return Experiment(
        text(said, "experiment_id"),
        text(said, "name"),
        text(said, "artifact_location"),
        text(said, "lifecycle_stage", "active"),
        read_pairs(said.get("tags")),
        _time(said, "creation_time"),
        _time(said, "last_update_time"),
    )


def write_run(run: Run) -> Json:
    """Give a run as ``Run``, with its data, inputs and outputs."""
    data, inputs, outputs = run.data, run.inputs, run.outputs
    return {
        "info": write_info(run.info),
        "data": present(
            metrics=[write_metric(each) for each in data.latest],
            params=write_pairs(data.params),
            tags=write_pairs(data.tags),
        ),
        "inputs": present(
            dataset_inputs=[write_dataset_input(each) for each in inputs.dataset_inputs],
            model_inputs=[{"model_id": each.model_id} for each in inputs.model_inputs],
        ),
        "outputs": present(
            model_outputs=[{"model_id": each.model_id, "step": each.step} for each in outputs.model_outputs]
        ),
    }


def read_run(said: Json) -> Run:
    """Read a ``Run``."""
    data, inputs, outputs = (said.get(name) or {} for name in ("data", "inputs", "outputs"))
    latest = tuple(sorted((read_metric(each) for each in items(data.get("metrics"))), key=lambda each: each.key))
    metrics = {each.key: each.value for each in latest}
    return Run(
        read_info(said.get("info") or {}),
        RunData(metrics, read_pairs(data.get("params")), read_pairs(data.get("tags")), latest),
        RunInputs(
            tuple(read_dataset_input(each) for each in items(inputs.get("dataset_inputs"))),
            tuple(LoggedModelInput(text(each, "model_id")) for each in items(inputs.get("model_inputs"))),
        ),
        RunOutputs(
            tuple(
                LoggedModelOutput(text(each, "model_id"), read_int(each.get("step", 0)))
                for each in items(outputs.get("model_outputs"))
            )
        ),
    )


def write_info(info: RunInfo) -> Json:
    """Give what a run is as ``RunInfo``."""
    return present(
        run_id=info.run_id,
        run_uuid=info.run_id,
        run_name=info.run_name,
        experiment_id=info.experiment_id,
        user_id=info.user_id,
        status=info.status,
        start_time=info.start_time,
        end_time=info.end_time,
        artifact_uri=info.artifact_uri,
        lifecycle_stage=info.lifecycle_stage,
    )


def read_info(said: Json) -> RunInfo:
    """Read a ``RunInfo``."""
    return RunInfo(
        text(said, "run_id") or text(said, "run_uuid"),
        text(said, "experiment_id"),
        text(said, "run_name"),
        text(said, "user_id"),
        text(said, "status", "RUNNING"),
        _time(said, "start_time") or 0,
        _time(said, "end_time"),
        text(said, "artifact_uri"),
        text(said, "lifecycle_stage", "active"),
    )


def write_metric(metric: Metric) -> Json:
    """Give a point as ``Metric``."""
    found: Json = {
        "key": metric.key,
        "value": write_double(metric.value),
        "timestamp": metric.timestamp,
        "step": metric.step,
    }
    if metric.model_id:
        found["model_id"] = metric.model_id
    if metric.dataset_name:
        found |= present(dataset_name=metric.dataset_name, dataset_digest=metric.dataset_digest)
    return found


def read_metric(said: Json) -> Metric:
    """Read a ``Metric``."""
    return Metric(
        text(said, "key"),
        read_double(said.get("value", 0.0)),
        read_int(said.get("timestamp", 0)),
        read_int(said.get("step", 0)),
        text(said, "model_id") or None,
        text(said, "dataset_name") or None,
        text(said, "dataset_digest") or None,
    )


def write_dataset_input(given: DatasetInput) -> Json:
    """Give a dataset that a run read as ``DatasetInput``."""
    dataset = given.dataset
    return present(
        tags=[{"key": tag.key, "value": tag.value} for tag in given.tags],
        dataset=present(
            name=dataset.name,
            digest=dataset.digest,
            source_type=dataset.source_type,
            source=dataset.source,
            schema=dataset.schema,
            profile=dataset.profile,
        ),
    )


def read_dataset_input(said: Json) -> DatasetInput:
    """Read a ``DatasetInput``."""
    dataset = said.get("dataset") or {}
    name, digest, source_type, source = (text(dataset, each) for each in ("name", "digest", "source_type", "source"))
    return DatasetInput(
        Dataset(name, digest, source_type, source, dataset.get("schema"), dataset.get("profile")),
        tuple(InputTag(key, value) for key, value in read_pairs(said.get("tags")).items()),
    )


def write_file(file: FileInfo) -> Json:
    """Give a file or folder as ``FileInfo``."""
    return present(path=file.path, is_dir=file.is_dir, file_size=None if file.is_dir else file.file_size)


def read_file(said: Json) -> FileInfo:
    """Read a ``FileInfo``; MLflow leaves out the size of an empty file."""
    is_dir = bool(said.get("is_dir"))
    return FileInfo(text(said, "path"), is_dir=is_dir, file_size=None if is_dir else read_int(said.get("file_size", 0)))


def _time(said: Any, name: str) -> int | None:
    return None if said.get(name) is None else read_int(said[name])
