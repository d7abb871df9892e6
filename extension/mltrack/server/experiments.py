"""Routes of experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.entities import LifecycleStage
from mltrack.exceptions import NotFoundError
from mltrack.keys import check_key
from mltrack.server.message import Items, Message, Nothing, OptionalText, Pair, Shape, Text
from mltrack.server.need import EXPERIMENT, USER, Thing, edits, manages, reads
from mltrack.server.route import MEBIBYTE, QUICK, SMALL, Route
from mltrack.server.things import experiment, experiment_by_name
from mltrack.values import make_experiment_tag
from mltrack.wire.runs import write_experiment

if TYPE_CHECKING:
    from mltrack.entities import Experiment
    from mltrack.server.call import Call


class CreateExperiment(Message):
    """An experiment to be made."""

    name: Text
    artifact_location: OptionalText = None
    tags: Items[Pair] = ()


class ExperimentId(Message):
    """Names an experiment by its id."""

    experiment_id: Text


class ExperimentName(Message):
    """Names an experiment by its name."""

    experiment_name: Text


class UpdateExperiment(ExperimentId):
    """An experiment's new name."""

    new_name: Text


class ExperimentTagKey(ExperimentId):
    """A tag of an experiment."""

    key: Text


class SetExperimentTag(ExperimentTagKey):
    """A tag of an experiment, with its value."""

    value: str = ""


class ExperimentAnswer(Message):
    """An experiment."""

    experiment: Shape


def create(call: Call) -> Shape:
    """Make an experiment; who made it may manage it."""
    asked: CreateExperiment = call.request
    tags = [make_experiment_tag(each.key, each.value) for each in asked.tags]
    made = call.store.create_experiment(
        asked.name, artifact_location=call.service.places.chosen(asked.artifact_location), tags=tags
    )
    call.gate.made(call.user, Thing(EXPERIMENT, made))
    return {"experiment_id": made}


def get(call: Call) -> Shape:
    """Give an experiment, deleted or not."""
    return _answer(call, call.store.get_experiment(call.request.experiment_id))


def get_by_name(call: Call) -> Shape:
    """Give the experiment of a name, deleted or not."""
    name = call.request.experiment_name
    found = call.store.get_experiment_by_name(name)
    if found is None:
        raise NotFoundError(f"There is no experiment with the name {name[:80]!r}.")
    return _answer(call, found)


def _answer(call: Call, found: Experiment) -> Shape:
    return {"experiment": write_experiment(call.service.places.of_experiment(found))}


def update(call: Call) -> None:
    """Rename an experiment."""
    call.store.update_experiment(call.request.experiment_id, name=call.request.new_name)


def delete(call: Call) -> None:
    """Mark an experiment deleted, with its runs."""
    call.store.update_experiment(call.request.experiment_id, lifecycle_stage=LifecycleStage.DELETED)


def restore(call: Call) -> None:
    """Bring a deleted experiment back, with the runs that were deleted with it."""
    call.store.update_experiment(call.request.experiment_id, lifecycle_stage=LifecycleStage.ACTIVE)


def set_tag(call: Call) -> None:
    """Set a tag."""
    asked: SetExperimentTag = call.request
    call.store.set_experiment_tags(asked.experiment_id, [make_experiment_tag(asked.key, asked.value)])


def delete_tag(call: Call) -> None:
    """Take a tag away."""
    call.store.delete_experiment_tag(call.request.experiment_id, check_key(call.request.key, "tag"))


_READS, _EDITS, _MANAGES = reads(experiment()), edits(experiment()), manages(experiment())
_NAMED = reads(experiment_by_name())
ROUTES = (
    Route("POST", "experiments/create", CreateExperiment, ExperimentId, USER, create, MEBIBYTE, QUICK),
    Route("GET", "experiments/get", ExperimentId, ExperimentAnswer, _READS, get, 0, QUICK),
    Route("GET", "experiments/get-by-name", ExperimentName, ExperimentAnswer, _NAMED, get_by_name, 0, QUICK),
    Route("POST", "experiments/update", UpdateExperiment, Nothing, _EDITS, update, SMALL, QUICK),
    Route("POST", "experiments/delete", ExperimentId, Nothing, _MANAGES, delete, SMALL, QUICK),
    Route("POST", "experiments/restore", ExperimentId, Nothing, _MANAGES, restore, SMALL, QUICK),
    Route("POST", "experiments/set-experiment-tag", SetExperimentTag, Nothing, _EDITS, set_tag, MEBIBYTE, QUICK),
    Route("POST", "experiments/delete-experiment-tag", ExperimentTagKey, Nothing, _EDITS, delete_tag, SMALL, QUICK),
)
