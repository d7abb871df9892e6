"""Routes of registered models: made, read, found, renamed, described, tagged, removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import Field

from mltrack.client.registry import refuse_prompts
from mltrack.keys import check_key
from mltrack.server.message import Items, Message, Nothing, OptionalText, Pair, Shape, Text
from mltrack.server.need import FILTERED, REGISTERED_MODEL, USER, Thing, edits, manages, reads
from mltrack.server.readable_pages import readable_page
from mltrack.server.route import MEBIBYTE, QUICK, SLOW, SMALL, Route
from mltrack.server.things import registered_model
from mltrack.store.pages import Search
from mltrack.values import make_model_tags
from mltrack.wire.models import write_registered_model, write_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.entities import ModelVersion, RegisteredModel
    from mltrack.server.call import Call
    from mltrack.store.pages import Page

Named = TypeVar("Named", "RegisteredModel", "ModelVersion")
MOST = 1_000
"""Registered models of a page."""


class ModelName(Message):
    """Names a registered model."""

    name: Text


class CreateModel(ModelName):
    """A registered model to be made."""

    tags: Items[Pair] = ()
    description: str = ""


class RenameModel(ModelName):
    """A registered model's new name."""

    new_name: Text


class DescribeModel(ModelName):
    """A registered model's new description."""

    description: str = ""


class ModelTagKey(ModelName):
    """A tag of a registered model."""

    key: Text


class SetModelTag(ModelTagKey):
    """A tag of a registered model, with its value."""

    value: str = ""


class LatestVersions(ModelName):
    """The newest version of each of some stages, or of all."""

    stages: Items[str] = ()


class SearchModels(Message):
    """Which registered models to find."""

    filter: OptionalText = None
    max_results: Annotated[int, Field(ge=1, le=MOST)] = 100
    order_by: Items[str] = ()
    page_token: OptionalText = None


class ModelAnswer(Message):
    """A registered model."""

    registered_model: Shape


class ModelsAnswer(Message):
    """A page of registered models."""

    registered_models: list[Shape]
    next_page_token: OptionalText = None


class VersionsAnswer(Message):
    """Versions of registered models, perhaps a page of them."""

    model_versions: list[Shape]
    next_page_token: OptionalText = None


def create(call: Call) -> Shape:
    """Make a registered model; who made it may manage it."""
    asked: CreateModel = call.request
    given = {each.key: each.value for each in asked.tags}
    refuse_prompts(given)
    made = call.store.create_registered_model(asked.name, tags=make_model_tags(given), description=asked.description)
    call.gate.made(call.user, Thing(REGISTERED_MODEL, made.name))
    return _answer(call, made)


def get(call: Call) -> Shape:
    """Give a registered model."""
    return _answer(call, call.store.get_registered_model(call.request.name))


def rename(call: Call) -> Shape:
    """Give a registered model another name."""
    asked: RenameModel = call.request
    renamed = call.store.rename_registered_model(asked.name, asked.new_name)
    call.gate.renamed(Thing(REGISTERED_MODEL, asked.name), renamed.name)
    return _answer(call, renamed)


def update(call: Call) -> Shape:
    """Describe a registered model anew."""
    return _answer(call, call.store.update_registered_model(call.request.name, call.request.description))


def delete(call: Call) -> None:
    """Remove a registered model with its versions."""
    call.store.delete_registered_model(call.request.name)
    call.gate.deleted(Thing(REGISTERED_MODEL, call.request.name))


def set_tag(call: Call) -> None:
    """Set a tag."""
    asked: SetModelTag = call.request
    call.store.set_registered_model_tags(asked.name, make_model_tags({asked.key: asked.value}))


def delete_tag(call: Call) -> None:
    """Take a tag away."""
    call.store.delete_registered_model_tag(call.request.name, check_key(call.request.key, "tag"))


def search(call: Call) -> Shape:
    """Give one page of the registered models that match and that the caller may read."""
    page = page_of_models(call, call.store.search_registered_models, most=MOST)
    return page_shape("registered_models", [_shape(call, each) for each in page.rows], page.token)


def latest_versions(call: Call) -> Shape:
    """Give the newest version of each stage that is asked for."""
    found = call.store.get_latest_versions(call.request.name, call.request.stages or None)
    places = call.service.places
    return page_shape("model_versions", [write_version(places.of_version(each)) for each in found], None)


def _shape(call: Call, model: RegisteredModel) -> Shape:
    return write_registered_model(call.service.places.of_registered_model(model))


def _answer(call: Call, model: RegisteredModel) -> Shape:
    return {"registered_model": _shape(call, model)}


def page_of_models(call: Call, find: Callable[[Search], Page[Named]], *, most: int) -> Page[Named]:
    """Give the page that a request asks for, of registered models, or their versions, that the caller may read."""
    asked = call.request
    search = Search(
        filter_string=asked.filter,
        order_by=tuple(asked.order_by),
        max_results=asked.max_results,
        page_token=asked.page_token,
    )
    readable = call.gate.readable(call.user, REGISTERED_MODEL)
    return readable_page(find, search, readable=readable, key=lambda each: each.name, most=most)


def page_shape(name: str, found: list[Shape], token: str | None) -> Shape:
    """Give a page as an answer has it: what is empty is not there."""
    answer: Shape = {name: found} if found else {}
    return answer | ({"next_page_token": token} if token else {})


_READS, _EDITS, _MANAGES = (need(registered_model()) for need in (reads, edits, manages))
_LATEST = ("registered-models/get-latest-versions", LatestVersions, VersionsAnswer, _READS, latest_versions)
ROUTES = (
    Route("POST", "registered-models/create", CreateModel, ModelAnswer, USER, create, MEBIBYTE, QUICK),
    Route("GET", "registered-models/get", ModelName, ModelAnswer, _READS, get, 0, QUICK),
    Route("POST", "registered-models/rename", RenameModel, ModelAnswer, _MANAGES, rename, SMALL, QUICK),
    Route("PATCH", "registered-models/update", DescribeModel, ModelAnswer, _EDITS, update, MEBIBYTE, QUICK),
    Route("DELETE", "registered-models/delete", ModelName, Nothing, _MANAGES, delete, SMALL, QUICK),
    Route("POST", "registered-models/set-tag", SetModelTag, Nothing, _EDITS, set_tag, MEBIBYTE, QUICK),
    Route("DELETE", "registered-models/delete-tag", ModelTagKey, Nothing, _EDITS, delete_tag, SMALL, QUICK),
    Route("GET", "registered-models/search", SearchModels, ModelsAnswer, FILTERED, search, 0, SLOW),
    Route("GET", *_LATEST, 0, QUICK),
    Route("POST", *_LATEST, SMALL, QUICK),
)
