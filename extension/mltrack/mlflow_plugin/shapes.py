"""Our entities as MLflow's, and back, by way of the wire that both speak."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlflow.entities import Experiment, Metric, Run, RunInfo
from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.protos import model_registry_pb2, service_pb2
from mlflow.store.entities import PagedList
from mlflow.utils.proto_json_utils import message_to_json, parse_dict

from mltrack import entities
from mltrack.wire import models, runs

try:
    from mlflow.entities import LoggedModel
except ImportError as error:  # which mlflow shows as the reason why it does not know our scheme
    raise ImportError("mltrack's stores need mlflow 3.0 or newer: `pip install -U mlflow`.") from error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mltrack.store.pages import Page


def _by_wire(write: Callable[[Any], dict[str, Any]], message: Any, kind: Any) -> Callable[[Any], Any]:
    def turn(entity: Any) -> Any:
        proto = message()
        parse_dict(write(entity), proto)
        return kind.from_proto(proto)

    return turn


experiment = _by_wire(runs.write_experiment, service_pb2.Experiment, Experiment)
"""Give an experiment as MLflow's."""
run = _by_wire(runs.write_run, service_pb2.Run, Run)
"""Give a run as MLflow's."""
info = _by_wire(runs.write_info, service_pb2.RunInfo, RunInfo)
"""Give what a run is as MLflow's."""
metric = _by_wire(runs.write_metric, service_pb2.Metric, Metric)
"""Give a point as MLflow's."""
logged_model = _by_wire(models.write_logged_model, service_pb2.LoggedModel, LoggedModel)
"""Give a logged model as MLflow's."""
registered_model = _by_wire(models.write_registered_model, model_registry_pb2.RegisteredModel, RegisteredModel)
"""Give a registered model as MLflow's."""
version = _by_wire(models.write_version, model_registry_pb2.ModelVersion, ModelVersion)
"""Give a version of a registered model as MLflow's."""


def page(found: Page[Any], turn: Callable[[Any], Any]) -> PagedList:
    """Give a page of a search as MLflow's."""
    return PagedList([turn(each) for each in found.rows], found.token)


def read_metrics(points: Iterable[Any]) -> list[entities.Metric]:
    """Read MLflow's points."""
    return [
        entities.Metric(
            each.key,
            each.value,
            each.timestamp,
            each.step or 0,
            getattr(each, "model_id", None),
            getattr(each, "dataset_name", None),
            getattr(each, "dataset_digest", None),
        )
        for each in points
    ]


def read_dataset_inputs(given: Iterable[Any]) -> list[entities.DatasetInput]:
    """Read MLflow's dataset inputs."""
    return [runs.read_dataset_input(json.loads(message_to_json(each.to_proto()))) for each in given]


def dataset_keys(found: entities.Run) -> Iterator[tuple[str, str, str, str | None]]:
    """Give (experiment, name, digest, context) of each dataset that a run read."""
    for each in found.inputs.dataset_inputs:
        context = next((tag.value for tag in each.tags if tag.key == "mlflow.data.context"), None)
        yield found.info.experiment_id, each.dataset.name, each.dataset.digest, context


def pairs(given: Any) -> dict[str, str]:
    """Read MLflow's tags or params, of which there may be none."""
    return {each.key: str(each.value) for each in given or ()}
