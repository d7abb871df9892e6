"""Routes of logged models: made, read, finished, deleted, written to, searched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from mltrack.keys import check_key
from mltrack.server.message import Items, Message, Nothing, OptionalText, Pair, Shape, Text
from mltrack.server.need import EXPERIMENT, FILTERED, edits, reads
from mltrack.server.route import MEBIBYTE, QUICK, SLOW, SMALL, Route
from mltrack.server.things import experiment, experiment_of_model, experiment_of_run
from mltrack.store.model_protocol import NewLoggedModel
from mltrack.store.page_tokens import MAX_RESULTS
from mltrack.store.pages import Search
from mltrack.values import make_model_params, make_model_tags
from mltrack.wire.models import read_status, write_logged_model
from mltrack.wire.shapes import present

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mltrack.entities import LoggedModel
    from mltrack.server.call import Call

MOST_DATASETS = 100
"""Datasets of which metrics may be asked for together."""


class CreateModel(Message):
    """A logged model to be made."""

    experiment_id: Text
    name: OptionalText = None
    model_type: str | None = None
    source_run_id: OptionalText = None
    params: Items[Pair] = ()
    tags: Items[Pair] = ()


class ModelId(Message):
    """Names a logged model."""

    model_id: Text


class FinishModel(ModelId):
    """How the making of a logged model ended: the status's name, or MLflow's number of it."""

    status: str | int


class ModelTags(ModelId):
    """Tags of a logged model."""

    tags: Items[Pair] = ()


class ModelTagKey(ModelId):
    """A tag of a logged model."""

    key: Text


class ModelParams(ModelId):
    """Params of a logged model."""

    params: Items[Pair] = ()


class DatasetWanted(Message):
    """A dataset that a metric must be of."""

    dataset_name: Text
    dataset_digest: OptionalText = None


class ModelOrder(Message):
    """What to sort logged models by."""

    field_name: Text
    ascending: bool = True
    dataset_name: OptionalText = None
    dataset_digest: OptionalText = None


class SearchModels(Message):
    """Which logged models to find."""

    experiment_ids: Annotated[Items[str], Field(min_length=1)]
    filter: OptionalText = None
    datasets: Annotated[Items[DatasetWanted], Field(max_length=MOST_DATASETS)] = ()
    max_results: Annotated[int, Field(ge=1, le=MAX_RESULTS)] = 100
    order_by: Items[ModelOrder] = ()
    page_token: OptionalText = None


class ModelAnswer(Message):
    """A logged model."""

    model: Shape


class ModelsAnswer(Message):
    """A page of logged models."""

    models: tuple[Shape, ...] = ()
    next_page_token: str = ""


def create(call: Call) -> Shape:
    """Make a logged model without files, which is not ready yet."""
    asked: CreateModel = call.request
    new = NewLoggedModel(
        asked.experiment_id,
        asked.name,
        asked.model_type or "",
        asked.source_run_id,
        make_model_params(_mapping(asked.params)),
        make_model_tags(_mapping(asked.tags)),
    )
    return _answer(call, call.store.create_logged_model(new))


def get(call: Call) -> Shape:
    """Give a logged model."""
    return _answer(call, call.store.get_logged_model(call.request.model_id))


def finish(call: Call) -> Shape:
    """Say how the making of a logged model ended."""
    status = read_status(call.request.status)
    return _answer(call, call.store.finalize_logged_model(call.request.model_id, status))


def _answer(call: Call, model: LoggedModel) -> Shape:
    return {"model": write_logged_model(call.service.places.of_model(model))}


def delete(call: Call) -> None:
    """Mark a logged model deleted."""
    call.store.delete_logged_model(call.request.model_id)


def set_tags(call: Call) -> None:
    """Set tags."""
    asked: ModelTags = call.request
    call.store.set_logged_model_tags(asked.model_id, make_model_tags(_mapping(asked.tags)))


def delete_tag(call: Call) -> None:
    """Take a tag away."""
    call.store.delete_logged_model_tag(call.request.model_id, check_key(call.request.key, "tag"))


def log_params(call: Call) -> None:
    """Log params."""
    asked: ModelParams = call.request
    call.store.log_logged_model_params(asked.model_id, make_model_params(_mapping(asked.params)))


def _mapping(pairs: Iterable[Pair]) -> dict[str, str]:
    return {each.key: each.value for each in pairs}


def search(call: Call) -> Shape:
    """Give a page of the logged models that match, of the experiments that the caller may read."""
    asked: SearchModels = call.request
    may = call.gate.readable(call.user, EXPERIMENT)
    order: list[Any] = [each.model_dump(exclude_none=True) for each in asked.order_by]
    wanted = Search(
        tuple(each for each in asked.experiment_ids if may is None or each in may),
        asked.filter,
        tuple(order),
        max_results=asked.max_results,
        page_token=asked.page_token,
        datasets=tuple(each.model_dump(exclude_none=True) for each in asked.datasets),
    )
    page = call.store.search_logged_models(wanted)
    models = [write_logged_model(call.service.places.of_model(each)) for each in page.rows]
    return present(models=models, next_page_token=page.token)


_MODEL = experiment_of_model()
_MAKES = edits(experiment()) & reads(experiment_of_run("source_run_id"))
_READS, _EDITS = reads(_MODEL), edits(_MODEL)
_ONE = "logged-models/{model_id}"
ROUTES = (
    Route("POST", "logged-models", CreateModel, ModelAnswer, _MAKES, create, MEBIBYTE, QUICK),
    Route("POST", "logged-models/search", SearchModels, ModelsAnswer, FILTERED, search, MEBIBYTE, SLOW),
    Route("GET", _ONE, ModelId, ModelAnswer, _READS, get, 0, QUICK),
    Route("PATCH", _ONE, FinishModel, ModelAnswer, _EDITS, finish, SMALL, QUICK),
    Route("DELETE", _ONE, ModelId, Nothing, _EDITS, delete, SMALL, QUICK),
    Route("PATCH", f"{_ONE}/tags", ModelTags, Nothing, _EDITS, set_tags, MEBIBYTE, QUICK),
    Route("DELETE", _ONE + "/tags/{key:path}", ModelTagKey, Nothing, _EDITS, delete_tag, SMALL, QUICK),
    Route("POST", f"{_ONE}/params", ModelParams, Nothing, _EDITS, log_params, MEBIBYTE, QUICK),
)
