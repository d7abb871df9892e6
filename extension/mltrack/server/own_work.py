"""What the calls of ``own_calls`` do beyond asking the store: check what is sent, leave out what may not be read."""

from __future__ import annotations

import json
import os
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from mltrack.dataset_limits import check_dataset_input
from mltrack.entities import RunStatus
from mltrack.exceptions import AlreadyExistsError, InvalidParameterError, NotFoundError
from mltrack.keys import check_name, check_run_id, check_time
from mltrack.masking import mask_text
from mltrack.run_facts import read_facts, write_cell_end
from mltrack.server.need import EXPERIMENT, LOGGED_MODEL, REGISTERED_MODEL, RUN, Role, Thing
from mltrack.server.places import is_inside
from mltrack.server.version_sources import refuse_unreadable, refuse_unreadable_model
from mltrack.store.artifacts import is_remote
from mltrack.store.code_index import unpack
from mltrack.store.model_sources import read_source
from mltrack.values import check_metrics, make_param, make_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mltrack.entities import CapturedName, Metric, Param, RunTag
    from mltrack.run_facts import CellEnd, RunFacts
    from mltrack.server.call import Call
    from mltrack.store.artifact_folder import FileRecord
    from mltrack.store.artifacts import SafePath
    from mltrack.store.model_protocol import KnownSource, NewModelVersion
    from mltrack.store.model_sources import ModelSource
    from mltrack.store.notebooks import SnapshotWrite
    from mltrack.store.pages import Search
    from mltrack.store.protocol import EndedRun
    from mltrack.store.summaries import Curve, CurveQuery, RunKeys

MOST_POINTS = 20_000_000
"""Points of all curves that one call may ask for."""
MOST_ANSWERED, AT_ONCE = 1_000_000, 1_000_000
"""Points that an answer may have, which clients take up to 64 MiB of; and those that are read together, at most."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_BLOB = re.compile(r"[0-9a-f]{32}")
_MODEL = re.compile(r"/(m-[0-9a-f]{32})/artifacts(?:/|$)")
_PROCESS = uuid.uuid4().hex[:12]
_watch = ThreadPoolExecutor(1, "mltrack-version")  # a store says what is new to each thread by itself


def things_of(source: ModelSource) -> Iterator[Thing]:
    """Give the objects that the source of a model version names."""
    if source.run_id:
        yield Thing(RUN, source.run_id)
    if source.model_id:
        yield Thing(LOGGED_MODEL, source.model_id)
    if source.version:
        yield Thing(REGISTERED_MODEL, source.version[0])


def _among(call: Call, ids: Sequence[str]) -> Sequence[str]:
    """Give those of some experiments that the caller may read."""
    allowed = call.gate.readable(call.user, EXPERIMENT)
    return ids if allowed is None else [each for each in ids if each in allowed]


def narrowed(name: str) -> Callable[..., Any]:
    """Give the work of a search: the store's method of a name, in those of its experiments that the caller may read."""

    def work(call: Call, wanted: Search, **more: Any) -> Any:
        ids = tuple(_among(call, wanted.experiment_ids))
        return getattr(call.store, name)(wanted=replace(wanted, experiment_ids=ids), **more)

    return work


def run_keys(call: Call, experiment_ids: Sequence[str]) -> RunKeys:
    """Give the names that the runs of those of these experiments have that the caller may read."""
    return call.store.run_keys(_among(call, experiment_ids))


def count_runs(call: Call, experiment_ids: Sequence[str] | None) -> int:
    """Count the runs that the caller may read."""
    if experiment_ids is not None:
        return call.store.count_runs(_among(call, experiment_ids))
    allowed = call.gate.readable(call.user, EXPERIMENT)
    return call.store.count_runs(None if allowed is None else list(allowed))


def find_run_ids(call: Call, text: str, limit: int, stage: str) -> list[str]:
    """Give the ids of the runs that the caller may read."""
    allowed = call.gate.readable(call.user, EXPERIMENT)
    if allowed is None:
        return call.store.find_run_ids(text, limit=limit, stage=stage)
    found = call.store.find_run_ids(text, limit=1000, stage=stage)
    return [each for each in found if call.store.get_run(each).info.experiment_id in allowed][:limit]


def previous_run_of_cell(call: Call, run_id: str) -> str | None:
    """Give the last run of the same cell, when the caller may read that, too."""
    found = call.store.previous_run_of_cell(run_id)
    return found if found is not None and _may_read(call, Thing(RUN, found)) else None


def run_facts(call: Call, run_id: str) -> RunFacts:
    """Give what a run's card shows, without the run before it and the models that the caller may not read."""
    found, places = read_facts(call.store, run_id), call.service.places
    models = [each for each in found.models if _may_read(call, Thing(EXPERIMENT, each.experiment_id))]
    found = replace(found, run=places.of_run(found.run), models=tuple(places.of_model(each) for each in models))
    if found.previous is None:
        return found
    if not _may_read(call, Thing(RUN, found.previous.info.run_id)):
        return replace(found, previous=None, changed_cells=0)
    return replace(found, previous=places.of_run(found.previous))


def _may_read(call: Call, thing: Thing) -> bool:
    return call.gate.role(call.user, thing) >= Role.READ


def metric_curves(call: Call, wanted: CurveQuery) -> Sequence[Curve]:
    """Give curves, of no more points than an answer may have."""
    if len(wanted.run_ids) * len(wanted.keys) * wanted.points > MOST_POINTS:
        raise InvalidParameterError(
            f"{len(wanted.run_ids)} runs, {len(wanted.keys)} metrics and {wanted.points} points of each are over "
            f"{MOST_POINTS:,} points; ask for less at a time."
        )
    found: list[Curve] = []
    for part in _parts(wanted):
        found += call.store.metric_curves(part)
        if sum(len(each.steps) for each in found) > MOST_ANSWERED:
            raise InvalidParameterError(f"The curves have over {MOST_ANSWERED:,} points; ask for less at a time.")
    return found


def _parts(wanted: CurveQuery) -> Iterator[CurveQuery]:
    """Give the query in parts of so many points, in its order."""
    runs, keys = (tuple(dict.fromkeys(each)) for each in (wanted.run_ids, wanted.keys))
    some_keys = max(AT_ONCE // max(wanted.points, 1), 1)
    some_runs = max(some_keys // max(len(keys), 1), 1)
    for begin in range(0, len(runs), some_runs):
        for start in range(0, len(keys), some_keys):
            yield replace(wanted, run_ids=runs[begin : begin + some_runs], keys=keys[start : start + some_keys])


def version(call: Call) -> str:
    """Give a text that is another once something was written, by whichever process."""
    return f"{_PROCESS} {os.getpid()} {_watch.submit(call.store.version).result()}"


def add_ended_runs(call: Call, ended: Sequence[EndedRun]) -> list[str]:
    """Make runs that are over; those that were made by the same call before are not made again."""
    ids = [check_run_id(each.new.run_id) for each in ended]
    checked = [_checked_run(each) for each in ended]
    with suppress(NotFoundError):
        return _made_before(call, checked, ids)
    return call.store.add_ended_runs(checked)


def _made_before(call: Call, ended: Sequence[EndedRun], ids: list[str]) -> list[str]:
    for each, run_id in zip(ended, ids, strict=True):
        if call.store.get_run(run_id).info.experiment_id != each.new.experiment_id:
            raise AlreadyExistsError(f"There is a run {run_id!r} already, in another experiment.")
    return ids


def _checked_run(each: EndedRun) -> EndedRun:
    new, (metrics, params, tags) = each.new, _checked(each.metrics, each.params, each.new.tags)
    try:
        final = RunStatus(each.status).is_final
    except ValueError:
        final = False
    if not final:
        raise InvalidParameterError(f"A run that is over is FINISHED, FAILED or KILLED; got {each.status[:80]!r}.")
    name = mask_text(check_name(new.run_name, "run"))
    check_time("start_time", new.start_time)
    check_time("end_time", each.end_time)
    new = replace(new, run_name=name, user_id=mask_text(new.user_id[:256]), tags=tuple(tags), owner=None)
    return replace(each, new=new, metrics=tuple(metrics), params=tuple(params))


def _checked(
    metrics: Sequence[Metric], params: Sequence[Param], tags: Sequence[RunTag]
) -> tuple[list[Metric], list[Param], list[RunTag]]:
    return (
        check_metrics(metrics),
        [make_param(each.key, each.value) for each in params],
        [make_tag(each.key, each.value) for each in tags],
    )


def end_cell(call: Call, end: CellEnd) -> None:
    """Write what a tracked cell left."""
    metrics, params, tags = _checked(end.metrics, end.params, end.tags)
    inputs = tuple(check_dataset_input(each) for each in end.inputs)
    _check_captured(end.captured)
    write_cell_end(
        call.store, replace(end, metrics=tuple(metrics), params=tuple(params), tags=tuple(tags), inputs=inputs)
    )


def record_captured(call: Call, run_id: str, names: Sequence[CapturedName]) -> None:
    """Keep where in the cell each captured value stands."""
    _check_captured(names)
    call.store.record_captured(run_id, names)


def _check_captured(names: Sequence[CapturedName]) -> None:
    for each in names:
        if each.kind not in ("param", "metric") or each.origin not in ("bound", "read", "option"):
            raise InvalidParameterError(
                f"A captured name is a param or metric, and bound, read or an option; got {each.kind[:40]!r} and "
                f"{each.origin[:40]!r}."
            )


def record_artifacts(call: Call, run_id: str, files: Mapping[SafePath, tuple[int, str]]) -> None:
    """Keep the size and digest of files."""
    _check_records(files)
    call.store.record_artifacts(run_id, files)


def record_logged_model_files(call: Call, model_id: str, files: Mapping[SafePath, FileRecord]) -> None:
    """Keep the size and digest of a logged model's files."""
    _check_records(files)
    call.store.record_logged_model_files(model_id, files)


def _check_records(files: Mapping[SafePath, tuple[int, str]]) -> None:
    for path, (size, digest) in files.items():
        if size < 0 or not _SHA256.fullmatch(digest):
            raise InvalidParameterError(
                f"What is kept of the file {path.text!r} must be its size and its SHA-256 in hexadecimal."
            )


def save_snapshot(call: Call, run_id: str, snapshot: SnapshotWrite) -> None:
    """Keep the notebook as a run had executed it; sessions belong to the user who began them."""
    session = snapshot.session
    if call.user is not None:
        name = blake2b(f"{call.user.id} {session.uuid}".encode(), digest_size=16).hexdigest()
        session = replace(session, uuid=name)
    if snapshot.manifest is not None:
        _check_manifest(snapshot)
    for text in (session.language_info, *(each.metadata for each in snapshot.executions)):
        if not isinstance(_json(text), dict):
            raise InvalidParameterError("The metadata of a snapshot must be JSON objects.")
    if not 1 <= snapshot.seq <= 10_000_000 or any(not 1 <= each.seq <= 10_000_000 for each in snapshot.executions):
        raise InvalidParameterError("The executions of a snapshot are numbered from 1.")
    call.store.save_snapshot(run_id, replace(snapshot, session=session))


def _check_manifest(snapshot: SnapshotWrite) -> None:
    """Refuse a manifest that names a text that is not sent with it: it could be somebody else's."""
    manifest = snapshot.manifest
    assert manifest is not None  # noqa: S101 - who calls has looked
    document = _json(unpack(manifest.encoding, manifest.data))
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list) or not all(isinstance(each, dict) for each in cells):
        raise InvalidParameterError("The manifest of a snapshot must be a JSON object with a list of cells.")
    sent = {each.digest.hex() for each in snapshot.manifest_blobs}
    named = [each[part] for each in cells for part in ("source", "outputs") if part in each]
    if not all(isinstance(each, str) and _BLOB.fullmatch(each) and each in sent for each in named):
        raise InvalidParameterError("The manifest of a snapshot names a text that was not sent with it.")


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidParameterError("A part of the snapshot that must be JSON is none.") from None


def known_source(call: Call, new: NewModelVersion) -> KnownSource:
    """Give what is known of the files behind the source of a version."""
    known = call.store.known_source(new)
    refuse_unreadable(call, new, known)
    return known


def source_place(call: Call, source: str) -> str:
    """Give where the files behind the source of a version lie, as callers see it."""
    store, places, named = call.store, call.service.places, read_source(source)
    place = store.source_place(source)
    if named.run_id:
        info = store.get_run(named.run_id).info
        if is_inside(place, info.artifact_uri):
            return f"{places.of_info(info).artifact_uri}{place[len(info.artifact_uri) :]}"
    found = _MODEL.search(place)
    if found is not None:
        with suppress(NotFoundError):
            model = store.get_logged_model(found[1])
            if is_inside(place, model.artifact_location):
                if named.version is None:
                    refuse_unreadable_model(call, model.model_id, source)
                return f"{places.of_model(model).artifact_location}{place[len(model.artifact_location) :]}"
    if not is_remote(place):
        raise InvalidParameterError(f"The files of {source[:120]!r} are not for others to see.")
    return place
