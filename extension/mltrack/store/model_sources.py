"""What the source of a model version may be, and where the files behind it lie.

A source is taken as it is written, never decoded; one that would lead elsewhere once it is decoded is refused all the
same, since others may decode it. ``mlflow.server.handlers`` has the same rules for what a server may be told.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from mltrack.exceptions import InvalidParameterError
from mltrack.keys import is_run_id
from mltrack.model_names import check_model_name, is_model_id
from mltrack.store.artifact_folder import FileRecord
from mltrack.store.artifacts import SafePath, artifact_place, is_remote, safe_path
from mltrack.store.logged_models import model_number, read_place
from mltrack.store.runs import read_info

if TYPE_CHECKING:
    from sqlite3 import Connection

    from mltrack.store.locator import Locator


RUNS, MODELS = "runs:/", "models:/"
_FORMS = "runs:/RUN_ID/PATH, models:/MODEL_ID or models:/NAME/VERSION"
_MOST = 2048
_DECODINGS = 6


@dataclass(frozen=True, slots=True)
class ModelSource:
    """What a source names: files of a run, of a logged model, another version, or a place in an object store.

    ``path`` is that below the root of the run's or model's files, None for the root. A path or URI is ``place``, with
    the run or model whose files it lies in once that is known.
    """

    run_id: str | None = None
    model_id: str | None = None
    path: SafePath | None = None
    version: tuple[str, str] | None = None
    place: str | None = None


def read_source(source: object) -> ModelSource:
    """Read a source that names a run, a logged model or a version; a path or URI is given as ``place``.

    Raises
    ------
    InvalidParameterError
        When it is none, or has a part ``..``, also a percent-encoded one, or a character that hides what it is.
    """
    if not isinstance(source, str) or not source.strip() or len(source) > _MOST:
        raise _refused(source, f"it must be text of 1 to {_MOST} characters")
    _refuse_detours(source)
    if source.startswith(RUNS):
        run_id, _, path = source.removeprefix(RUNS).partition("/")
        if not is_run_id(run_id):
            raise _refused(source, "it names no run")
        return ModelSource(run_id=run_id, path=safe_path(path) if path else None)
    if source.startswith(MODELS):
        return _read_models(source)
    return ModelSource(place=source)


def _read_models(source: str) -> ModelSource:
    name, *rest = source.removeprefix(MODELS).split("/")
    if not rest and is_model_id(name):
        return ModelSource(model_id=name)
    if len(rest) != 1 or not rest[0].isascii() or not rest[0].isdigit():
        raise _refused(source, "it names neither a logged model nor a version by its number")
    return ModelSource(version=(check_model_name(name), rest[0]))


def _refuse_detours(source: str) -> None:
    text = source
    for _ in range(_DECODINGS):
        parts = text.replace("\\", "/").split("/")
        if ".." in parts or "." in parts or any(ord(character) < 32 for character in text):
            raise _refused(source, "it has a part '.' or '..', or a control character, as it is or once it is decoded")
        plain = unquote(text)
        if plain == text:
            return
        text = plain
    raise _refused(source, "it is encoded several times over")


def check_source(
    connection: Connection, source: str, *, run_id: str | None, model_id: str | None, locate: Locator
) -> ModelSource:
    """Read a source and check that it belongs to the run or logged model that it is said to be of.

    Raises
    ------
    InvalidParameterError
        When it does not, or is a path or URI of no run or model of this store.
    NotFoundError
        When the run or model is not there.
    """
    found = read_source(source)
    if found.run_id is not None:
        if found.run_id != run_id:
            raise _refused(source, f"run_id must be {found.run_id!r}, the run that it names; got {run_id!r}")
        read_info(connection, found.run_id, locate)
    elif found.model_id is not None:
        if found.model_id != model_id:
            raise _refused(source, f"model_id must be {found.model_id!r}, the model that it names; got {model_id!r}")
        model_number(connection, found.model_id)
    elif found.place is not None:
        return _inside(connection, source, (run_id, model_id), locate)
    return found


def _inside(connection: Connection, source: str, ids: tuple[str | None, str | None], locate: Locator) -> ModelSource:
    """Check a path or URI: inside the files of the run or model, or else in an object store."""
    place = artifact_place(source)
    run_id, model_id = ids
    roots = []
    if run_id:
        roots.append((read_info(connection, run_id, locate).artifact_uri, ModelSource(run_id=run_id)))
    if model_id:
        model_number(connection, model_id)
        roots.append((read_place(connection, model_id, locate), ModelSource(model_id=model_id)))
    for root, owner in roots:
        below = _path_below(root, place)
        if below is not None:
            path = safe_path(below) if below else None
            return ModelSource(owner.run_id, owner.model_id, path, None, place)
    if is_remote(place):
        return ModelSource(place=place)
    raise _refused(
        source, "a path on this machine must lie in the artifacts of the run run_id or of the logged model model_id"
    )


def _path_below(root: str, place: str) -> str | None:
    """Give the path from a root to a place inside it, "" for the root itself, None for what is elsewhere."""
    if is_remote(root) or is_remote(place):
        inside = place == root or place.startswith(f"{root}/")
        return place[len(root) + 1 :] if inside else None
    here, top = Path(place).resolve(), Path(root).resolve()  # a link on the way leads where it leads
    if not here.is_relative_to(top):
        return None
    below = here.relative_to(top).as_posix()
    return "" if below == "." else below


def known_records(connection: Connection, source: ModelSource) -> dict[str, FileRecord]:
    """Give what was recorded of the files behind a source, by path below it."""
    if source.model_id is not None:
        table, owners, owner = "logged_model_files", "logged_models", "model_id"
    elif source.run_id is not None:
        table, owners, owner = "artifacts", "runs", "run_id"
    else:
        return {}
    start = f"{source.path.text}/" if source.path else ""
    rows = connection.execute(
        f"SELECT f.path, f.size, f.digest FROM {table} f JOIN {owners} o ON o.id = f.{owner} WHERE o.uuid = ?"
        " AND substr(f.path, 1, length(?)) = ?",
        (source.model_id or source.run_id, start, start),
    )
    return {path[len(start) :]: FileRecord(size, digest) for path, size, digest in rows}


def place_of(connection: Connection, source: ModelSource, locate: Locator) -> str:
    """Give the path or URI where the files behind a source lie."""
    if source.place is not None:
        return source.place
    if source.model_id is not None:
        root = read_place(connection, source.model_id, locate)
    else:
        root = read_info(connection, str(source.run_id), locate).artifact_uri
    return f"{root}/{source.path.text}" if source.path else root


def as_model(connection: Connection, source: ModelSource) -> ModelSource:
    """Take a logged model for the files where a source names it by its run, ``runs:/RUN_ID/NAME``."""
    if source.run_id is None or source.path is None or source.place is not None:
        return source
    row = connection.execute(
        "SELECT m.uuid FROM logged_models m LEFT JOIN runs r ON r.uuid = m.source_run_id"
        " LEFT JOIN run_models l ON l.run_id = r.id AND l.model_id = m.id AND l.role = 'output'"
        " WHERE m.source_run_id = ? AND m.name = ? AND m.lifecycle_stage = 'active'"
        " ORDER BY coalesce(l.step, 0) DESC, m.id DESC LIMIT 1",  # the one of the largest step, as in MLflow
        (source.run_id, source.path.text),
    ).fetchone()
    return source if row is None else ModelSource(model_id=row[0])


def lasting_source(connection: Connection, source: ModelSource) -> str:
    """Give what names a place as long as possible: by its run where that is unambiguous, since stores can be moved."""
    if source.run_id is not None:
        by_run = ModelSource(source.run_id, None, source.path)
        if as_model(connection, by_run) is by_run:
            return f"{RUNS}{source.run_id}/{source.path.text}" if source.path else f"{RUNS}{source.run_id}"
    return str(source.place)


def _refused(source: object, reason: str) -> InvalidParameterError:
    return InvalidParameterError(
        f"{str(source)[:120]!r} cannot be the source of a model version: {reason}. Give {_FORMS}."
    )
