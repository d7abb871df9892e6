"""Routes of what runs read and made: datasets and logged models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from mltrack.dataset_limits import check_dataset_input
from mltrack.entities import Dataset, DatasetInput, InputTag, LoggedModelInput, LoggedModelOutput
from mltrack.server.message import Items, Message, Nothing, Pair, RunMessage, Shape, Text, Whole
from mltrack.server.need import edits, reads
from mltrack.server.route import AJAX, API, LARGE, MEBIBYTE, QUICK, SLOW, SMALL, Route
from mltrack.server.things import experiment_of_run, experiments, experiments_of_models
from mltrack.wire.shapes import present

if TYPE_CHECKING:
    from mltrack.server.call import Call

MOST_EXPERIMENTS = 20
MOST_INPUTS = 1_000
"""Datasets, and logged models, of one request, as MLflow takes them; more would keep others from writing."""


class DatasetSaid(Message):
    """A dataset."""

    name: Text
    digest: Text
    source_type: str = ""
    source: str = ""
    schema_: Annotated[str | None, Field(alias="schema")] = None
    profile: str | None = None


class DatasetInputSaid(Message):
    """A dataset that a run read, with the input's tags."""

    dataset: DatasetSaid
    tags: Items[Pair] = ()

    def entity(self) -> DatasetInput:
        """Give it as the store takes it."""
        said = self.dataset
        dataset = Dataset(said.name, said.digest, said.source_type, said.source, said.schema_, said.profile)
        return check_dataset_input(DatasetInput(dataset, tuple(InputTag(tag.key, tag.value) for tag in self.tags)))


class ModelInputSaid(Message):
    """A logged model that a run read."""

    model_id: Text


class ModelOutputSaid(ModelInputSaid):
    """A logged model that a run made, and at which step."""

    step: Whole = 0


class LogInputs(RunMessage):
    """What a run read."""

    datasets: Annotated[Items[DatasetInputSaid], Field(max_length=MOST_INPUTS)] = ()
    models: Annotated[Items[ModelInputSaid], Field(max_length=MOST_INPUTS)] = ()


class LogOutputs(RunMessage):
    """What a run made."""

    models: Annotated[Items[ModelOutputSaid], Field(max_length=MOST_INPUTS)]


class SearchDatasets(Message):
    """Of which experiments to give the datasets."""

    experiment_ids: Annotated[Items[Text], Field(min_length=1, max_length=MOST_EXPERIMENTS)]


class DatasetsAnswer(Message):
    """Datasets, each with each context in which runs read it."""

    dataset_summaries: tuple[Shape, ...] = ()


def log_inputs(call: Call) -> None:
    """Note which datasets and logged models a run read."""
    asked: LogInputs = call.request
    datasets = [each.entity() for each in asked.datasets]
    call.store.log_inputs(asked.run_id, datasets, models=[LoggedModelInput(each.model_id) for each in asked.models])


def log_outputs(call: Call) -> None:
    """Note which logged models a run made."""
    asked: LogOutputs = call.request
    call.store.log_outputs(asked.run_id, [LoggedModelOutput(each.model_id, each.step) for each in asked.models])


def search_datasets(call: Call) -> Shape:
    """Give the datasets that runs of some experiments read."""
    found = call.store.dataset_summaries(call.request.experiment_ids)
    return present(dataset_summaries=[present(**each._asdict()) for each in found])


_RUN = edits(experiment_of_run())
_READS, _MAKES = _RUN & reads(experiments_of_models()), _RUN & edits(experiments_of_models())
_FINDS = reads(experiments())
_SEARCH = "experiments/search-datasets"
ROUTES = (
    Route("POST", "runs/log-inputs", LogInputs, Nothing, _READS, log_inputs, LARGE, QUICK),
    Route("POST", "runs/outputs", LogOutputs, Nothing, _MAKES, log_outputs, MEBIBYTE, QUICK),
    Route("POST", _SEARCH, SearchDatasets, DatasetsAnswer, _FINDS, search_datasets, SMALL, SLOW, (API, AJAX)),
)
