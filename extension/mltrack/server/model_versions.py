"""Routes of the versions of registered models: made, read, found, described, moved to stages, tagged, removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from mltrack.client.registry import refuse_prompts
from mltrack.keys import check_key
from mltrack.server.downloads import Download
from mltrack.server.message import Items, Message, Nothing, OptionalText, Pair, Shape, Text
from mltrack.server.model_aliases import VersionAnswer
from mltrack.server.need import FILTERED, edits, reads
from mltrack.server.registered_models import ModelName, VersionsAnswer, page_of_models, page_shape
from mltrack.server.route import AJAX, MEBIBYTE, PLAIN, QUICK, SLOW, SMALL, Route
from mltrack.server.things import registered_model, source
from mltrack.server.version_sources import files_of_version, make_version, public_place
from mltrack.store.model_protocol import NewModelVersion
from mltrack.values import make_model_tags
from mltrack.wire.models import write_version

if TYPE_CHECKING:
    from mltrack.entities import ModelVersion
    from mltrack.server.call import Call
    from mltrack.server.streams import Stream

MOST = 200_000
"""Versions of a page."""


class CreateVersion(ModelName):
    """A version to be made."""

    source: Text
    run_id: OptionalText = None
    tags: Items[Pair] = ()
    run_link: str = ""
    description: str = ""
    model_id: OptionalText = None


class VersionName(ModelName):
    """Names a version."""

    version: Text


class DescribeVersion(VersionName):
    """A version's new description."""

    description: str = ""


class MoveVersion(VersionName):
    """The stage that a version is to be in, and whether those that are there go to Archived."""

    stage: Text
    archive_existing_versions: bool = False


class VersionTagKey(VersionName):
    """A tag of a version."""

    key: Text


class SetVersionTag(VersionTagKey):
    """A tag of a version, with its value."""

    value: str = ""


class VersionFile(VersionName):
    """A file of a version."""

    path: Text


class SearchVersions(Message):
    """Which versions to find."""

    filter: OptionalText = None
    max_results: Annotated[int, Field(ge=1, le=MOST)] = 10_000
    order_by: Items[str] = ()
    page_token: OptionalText = None


class UriAnswer(Message):
    """Where the files of a version lie."""

    artifact_uri: str


def create(call: Call) -> Shape:
    """Make the next version of a registered model."""
    asked: CreateVersion = call.request
    given = {each.key: each.value for each in asked.tags}
    refuse_prompts(given)
    new = NewModelVersion(
        asked.name,
        asked.source,
        asked.run_id,
        asked.model_id,
        asked.description,
        asked.run_link,
        make_model_tags(given),
        call.user.name if call.user else "",
    )
    return _answer(call, make_version(call, new))


def get(call: Call) -> Shape:
    """Give a version."""
    return _answer(call, call.store.get_model_version(call.request.name, call.request.version))


def update(call: Call) -> Shape:
    """Describe a version anew."""
    asked: DescribeVersion = call.request
    return _answer(call, call.store.update_model_version(asked.name, asked.version, asked.description))


def move(call: Call) -> Shape:
    """Move a version to a stage."""
    asked: MoveVersion = call.request
    moved = call.store.transition_model_version_stage(
        asked.name, asked.version, asked.stage, archive_existing_versions=asked.archive_existing_versions
    )
    return _answer(call, moved)


def delete(call: Call) -> None:
    """Remove a version."""
    call.store.delete_model_version(call.request.name, call.request.version)


def set_tag(call: Call) -> None:
    """Set a tag."""
    asked: SetVersionTag = call.request
    call.store.set_model_version_tags(asked.name, asked.version, make_model_tags({asked.key: asked.value}))


def delete_tag(call: Call) -> None:
    """Take a tag away."""
    asked: VersionTagKey = call.request
    call.store.delete_model_version_tag(asked.name, asked.version, check_key(asked.key, "tag"))


def search(call: Call) -> Shape:
    """Give one page of the versions that match, of registered models that the caller may read."""
    page = page_of_models(call, call.store.search_model_versions, most=MOST)
    return page_shape("model_versions", [_shape(call, each) for each in page.rows], page.token)


def download_uri(call: Call) -> Shape:
    """Say where the files of a version lie, as callers see it."""
    return {"artifact_uri": public_place(call, call.request.name, call.request.version)}


def get_file(call: Call) -> Stream:
    """Send a file of a version."""
    return Download(*files_of_version(call, call.request.path))


def _shape(call: Call, version: ModelVersion) -> Shape:
    return write_version(call.service.places.of_version(version))


def _answer(call: Call, version: ModelVersion) -> Shape:
    return {"model_version": _shape(call, version)}


_READS, _EDITS = reads(registered_model()), edits(registered_model())
_MAKES = _EDITS & reads(source())
ROUTES = (
    Route("POST", "model-versions/create", CreateVersion, VersionAnswer, _MAKES, create, MEBIBYTE, QUICK),
    Route("GET", "model-versions/get", VersionName, VersionAnswer, _READS, get, 0, QUICK),
    Route("PATCH", "model-versions/update", DescribeVersion, VersionAnswer, _EDITS, update, MEBIBYTE, QUICK),
    Route("POST", "model-versions/transition-stage", MoveVersion, VersionAnswer, _EDITS, move, SMALL, QUICK),
    Route("DELETE", "model-versions/delete", VersionName, Nothing, _EDITS, delete, SMALL, QUICK),
    Route("POST", "model-versions/set-tag", SetVersionTag, Nothing, _EDITS, set_tag, MEBIBYTE, QUICK),
    Route("DELETE", "model-versions/delete-tag", VersionTagKey, Nothing, _EDITS, delete_tag, SMALL, QUICK),
    Route("GET", "model-versions/search", SearchVersions, VersionsAnswer, FILTERED, search, 0, SLOW),
    Route("GET", "model-versions/get-download-uri", VersionName, UriAnswer, _READS, download_uri, 0, QUICK),
    Route("GET", "/model-versions/get-artifact", VersionFile, None, _READS, get_file, 0, None, (*PLAIN, AJAX)),
)
