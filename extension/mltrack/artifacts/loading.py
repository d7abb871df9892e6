"""Getting artifacts back by run or by URI, with the names and arguments of ``mlflow.artifacts``."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from mltrack.artifacts.places import ArtifactPlace, find_place
from mltrack.exceptions import InvalidParameterError, MltrackError

if TYPE_CHECKING:
    from pathlib import Path

    from mltrack.entities import FileInfo


def download_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    dst_path: str | Path | None = None,
    tracking_uri: str | None = None,
    registry_uri: str | None = None,  # noqa: ARG001 - MLflow's signature; see set_registry_uri
) -> str:
    """Bring a file or folder of a run or model to this machine and give its place there.

    Every file is checked against the size and SHA-256 that were kept when it was logged.

    Parameters
    ----------
    artifact_uri
        ``runs:/RUN_ID/PATH``, a place below a run's ``artifact_uri``, or a model's URI and perhaps a path in it:
        ``models:/NAME/3``, ``models:/NAME@champion/MLmodel``, ``models:/MODEL_ID/MLmodel``.
    run_id, artifact_path
        The run and a path in it, instead of a URI; without a path all its files.
    dst_path
        The folder to put it into, made if need be. Default: files on this machine are given as they lie, others go
        to a new temporary folder.
    tracking_uri
        The store of the run; default: the one in use, in which models are always looked for.
    registry_uri
        Not used: the registry is that of ``set_registry_uri``.

    Raises
    ------
    NotFoundError
        When there is no such run, model or file.
    ArtifactChangedError
        When a file is not what was logged.
    """
    place = find_place(artifact_uri, run_id=run_id, artifact_path=artifact_path, tracking_uri=tracking_uri)
    return place.download(dst_path)


def list_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    tracking_uri: str | None = None,
) -> list[FileInfo]:
    """Give the files and folders directly in a folder of a run or model, with paths from its root.

    For a file, and for what is not there, the list is empty. The arguments are those of ``download_artifacts``.
    """
    place = find_place(artifact_uri, run_id=run_id, artifact_path=artifact_path, tracking_uri=tracking_uri)
    return place.entries()


def load_text(artifact_uri: str) -> str:
    """Read an artifact as UTF-8 text; ``artifact_uri`` is as in ``download_artifacts``."""
    try:
        return _read(artifact_uri).decode()
    except UnicodeDecodeError as error:
        raise _unreadable(artifact_uri, "UTF-8 text") from error


def load_dict(artifact_uri: str) -> Any:
    """Read an artifact as JSON; see ``load_text`` for the URI."""
    try:
        return json.loads(_read(artifact_uri))
    except (ValueError, RecursionError) as error:
        raise _unreadable(artifact_uri, "JSON") from error


def load_image(artifact_uri: str) -> Any:
    """Read an artifact as a PIL image; see ``load_text`` for the URI. It needs Pillow."""
    try:
        from PIL import Image  # an optional library
    except ImportError:
        raise InvalidParameterError("load_image needs Pillow: `pip install pillow`.") from None
    content = _read(artifact_uri)
    try:
        image = Image.open(io.BytesIO(content))
        image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # what Pillow's formats raise
        raise _unreadable(artifact_uri, "an image") from error
    return image


def _read(artifact_uri: str) -> bytes:
    place: ArtifactPlace = find_place(artifact_uri)
    if place.path is None:
        raise InvalidParameterError(f"{artifact_uri!r} names no file; give runs:/RUN_ID/PATH.")
    return place.files.read(place.path)


def _unreadable(artifact_uri: str, what: str) -> MltrackError:
    return MltrackError(
        f"The artifact {artifact_uri!r} is not {what}; download_artifacts gives it as it is.", "BAD_REQUEST"
    )
