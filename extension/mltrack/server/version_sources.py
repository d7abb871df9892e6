"""What the source of a model version may be when a caller names it, and where its files lie as callers see it.

A source keeps the words it was sent in. What the store is asked is the run or logged model behind them, so that nothing
but their files can be meant, and so that the digest and the provenance of the version are known.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError, PermissionDeniedError
from mltrack.server.artifact_paths import PROXIED, ProxiedPath, artifact_path, read_proxied
from mltrack.server.need import LOGGED_MODEL, RUN, Role, Thing
from mltrack.server.owned_files import files_of
from mltrack.store.artifacts import is_remote
from mltrack.store.model_sources import MODELS, RUNS, read_source

if TYPE_CHECKING:
    from mltrack.entities import ModelVersion
    from mltrack.server.call import Call
    from mltrack.server.owned_files import OwnedFiles
    from mltrack.store.artifacts import SafePath
    from mltrack.store.model_protocol import KnownSource, NewModelVersion


def make_version(call: Call, new: NewModelVersion) -> ModelVersion:
    """Make a version of a source as callers name it.

    Raises
    ------
    InvalidParameterError
        When the source is none, is of another run or model than is said, or is a place that callers do not see.
    NotFoundError
        When its run or model is not there.
    PermissionDeniedError
        When the caller may not read what is behind it.
    """
    if new.source.startswith(PROXIED):
        known = call.store.known_source(_behind(call, new))
    else:
        _refuse_places(call, new)
        known = call.store.known_source(new)
    refuse_unreadable(call, new, known)
    return call.store.create_model_version(replace(new, known=known))


def refuse_unreadable(call: Call, new: NewModelVersion, known: KnownSource) -> None:
    """Refuse ``runs:/RUN_ID/NAME`` where that is a logged model of an experiment that the caller may not read."""
    if known.model_id in (None, new.model_id) or read_source(new.source).version is not None:
        return
    refuse_unreadable_model(call, str(known.model_id), new.source)


def refuse_unreadable_model(call: Call, model_id: str, source: str) -> None:
    """Raise PERMISSION_DENIED where a source leads to a logged model that the caller may not read."""
    if call.gate.role(call.user, Thing(LOGGED_MODEL, model_id)) < Role.READ:
        raise PermissionDeniedError(f"You may not read the logged model behind {source[:120]!r}.")


def _refuse_places(call: Call, new: NewModelVersion) -> None:
    """Refuse a place that the server keeps files of others at, of which callers know another name."""
    place, places = read_source(new.source).place, call.service.places
    if place is None:
        return
    is_hidden = places.is_served(place) if is_remote(place) else places.is_serving
    if is_hidden or place.startswith("memory:"):
        raise _refused(new.source, "it is no place that callers of this server see")


def _behind(call: Call, new: NewModelVersion) -> NewModelVersion:
    """Give the version with the run or model for what the proxy calls their files."""
    found = _read(new.source)
    owner, path = found.owner, found.path
    if owner.kind == RUN:
        source = f"{RUNS}{owner.key}/{path.text}" if path else f"{RUNS}{owner.key}"
        files_of(call, owner, experiment_id=found.experiment_id)
        return replace(new, source=source, run_id=new.run_id or owner.key)
    files = files_of(call, owner, experiment_id=found.experiment_id)
    source = f"{files.folder.uri}/{path.text}" if path else f"{MODELS}{owner.key}"
    return replace(new, source=source, model_id=new.model_id or owner.key)


def _read(source: str) -> ProxiedPath:
    scheme, _, rest = source.partition(":/")
    found = read_proxied(rest) if f"{scheme}:" == PROXIED and not rest.startswith("/") else None
    if found is None:
        raise _refused(source, "it names no run and no logged model")
    return found


def public_place(call: Call, name: str, version: str) -> str:
    """Give where the files of a version lie, as callers see it."""
    place = call.store.model_version_place(name, version)
    _refuse_later(call, name, version, call.service.places.owner_of(place))
    return call.service.places.shown(place)


def _refuse_later(call: Call, name: str, version: str, found: ProxiedPath | None) -> None:
    """Refuse a logged model that ``runs:/RUN_ID/NAME`` came to name only after the version was made of it."""
    if found is None or found.owner.kind != LOGGED_MODEL:
        return
    made = call.store.get_model_version(name, version)
    if made.model_id != found.owner.key:
        refuse_unreadable_model(call, found.owner.key, made.source)


def files_of_version(call: Call, path: str) -> tuple[OwnedFiles, SafePath]:
    """Give whose files those of the call's version are, and the path of one of them below their root.

    Raises
    ------
    InvalidParameterError
        When they lie in an object store of the callers' own.
    """
    wanted = artifact_path(path)
    place = call.store.model_version_place(call.request.name, call.request.version)
    found = call.service.places.owner_of(place)
    if found is None:
        raise InvalidParameterError(
            f"The files of version {call.request.version[:20]} of {call.request.name[:80]!r} do not go through this "
            "server; get-download-uri says where they lie."
        )
    _refuse_later(call, call.request.name, call.request.version, found)
    below = artifact_path(f"{found.path.text}/{wanted.text}") if found.path else wanted
    return files_of(call, found.owner), below


def _refused(source: str, reason: str) -> InvalidParameterError:
    return InvalidParameterError(
        f"{source[:120]!r} cannot be the source of a model version: {reason}. Give runs:/RUN_ID/PATH, "
        "models:/MODEL_ID, models:/NAME/VERSION, or the artifact URI of a run or logged model."
    )
