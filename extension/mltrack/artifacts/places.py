"""What an artifact URI names: a file or folder of one run of a store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack.artifacts.run_files import RunFiles
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.keys import check_run_id
from mltrack.settings import get_store, open_store
from mltrack.store.artifacts import SafePath, artifact_place, safe_path

if TYPE_CHECKING:
    from mltrack.store.protocol import Store

RUNS = "runs:/"


@dataclass(frozen=True, slots=True)
class ArtifactPlace:
    """The files of a run, and a path among them; None is the root."""

    files: RunFiles
    path: SafePath | None


def find_place(
    artifact_uri: str | None = None,
    *,
    run_id: str | None = None,
    artifact_path: str | None = None,
    tracking_uri: str | None = None,
) -> ArtifactPlace:
    """Find what is meant by a URI, or by a run and a path in it.

    Raises
    ------
    InvalidParameterError
        When both or neither are given, for a path that leads elsewhere, and for a place that is no run's of the store:
        only what runs have logged can be read through them.
    NotFoundError
        When there is no such run.
    """
    if (artifact_uri is None) == (run_id is None):
        raise InvalidParameterError("Give either an artifact_uri or a run_id, not both and not none.")
    if artifact_uri is not None and artifact_path is not None:
        raise InvalidParameterError("Give artifact_path together with run_id only; an artifact_uri holds its path.")
    store = get_store() if tracking_uri is None else open_store(tracking_uri)
    if artifact_uri is not None:
        run_id, artifact_path = _run_and_path(store, str(artifact_uri))
    return ArtifactPlace(RunFiles(store, check_run_id(str(run_id))), optional_path(artifact_path))


def optional_path(text: str | None) -> SafePath | None:
    """Check a path that may be left out: None and an empty text are the root, a slash at the end is dropped."""
    return safe_path(text.rstrip("/") or text) if text else None


def _run_and_path(store: Store, uri: str) -> tuple[str, str]:
    if uri.startswith(RUNS):
        run_id, _, path = uri.removeprefix(RUNS).lstrip("/").partition("/")
        return run_id, path
    place = artifact_place(uri)
    for candidate in place.replace("\\", "/").split("/")[::-1]:  # the id is a part of it where runs lie as usual
        try:
            root = store.get_run(check_run_id(candidate)).info.artifact_uri
        except (InvalidParameterError, NotFoundError):
            continue
        if place == root or place.startswith(f"{root}/"):
            return candidate, place[len(root) + 1 :]
    raise InvalidParameterError(
        f"{uri[:120]!r} is no place of a run in this store; give runs:/RUN_ID/PATH, or what lies below an artifact_uri."
    )
