"""Routes of the aliases of registered models: names of versions that can be moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.server.message import Message, Nothing, Shape, Text
from mltrack.server.need import edits, reads
from mltrack.server.registered_models import ModelName
from mltrack.server.route import QUICK, SMALL, Route
from mltrack.server.things import registered_model
from mltrack.wire.models import write_version

if TYPE_CHECKING:
    from mltrack.server.call import Call


class AliasName(ModelName):
    """Names an alias."""

    alias: Text


class SetAlias(AliasName):
    """An alias, and the version that it is to name."""

    version: Text


class VersionAnswer(Message):
    """A version of a registered model."""

    model_version: Shape


def put(call: Call) -> None:
    """Let an alias name a version."""
    asked: SetAlias = call.request
    call.store.set_registered_model_alias(asked.name, asked.alias, asked.version)


def delete(call: Call) -> None:
    """Take an alias away."""
    call.store.delete_registered_model_alias(call.request.name, call.request.alias)


def get(call: Call) -> Shape:
    """Give the version that an alias names."""
    found = call.store.get_model_version_by_alias(call.request.name, call.request.alias)
    return {"model_version": write_version(call.service.places.of_version(found))}


_READS, _EDITS = reads(registered_model()), edits(registered_model())
ROUTES = (
    Route("POST", "registered-models/alias", SetAlias, Nothing, _EDITS, put, SMALL, QUICK),
    Route("DELETE", "registered-models/alias", AliasName, Nothing, _EDITS, delete, SMALL, QUICK),
    Route("GET", "registered-models/alias", AliasName, VersionAnswer, _READS, get, 0, QUICK),
)
