"""Finds the folder of a run's artifacts from what another store says of it, and takes no other folder for one.

A store may come from anyone, and what it calls an artifact folder may be anything on this machine. So a folder is read
only when its last two parts are those that MLflow gives it (``RUN_ID/artifacts``, ``MODEL_ID/artifacts``) and neither
is a link; nothing in a URI is expanded, and no network place is touched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from mltrack.exceptions import InvalidParameterError
from mltrack.store.artifacts import safe_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

FOLDER = "artifacts"
ROOTS = ("mlartifacts", "mlruns")
_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Place:
    """Where artifacts are: a local ``folder``, or a ``remote`` URI; neither when nothing is there.

    A run that logged no files has no folder; it ``is_missing`` when those of its experiment are not there either, and
    ``expected`` says where they should be.
    """

    folder: Path | None = None
    remote: str | None = None
    is_missing: bool = False
    expected: Path | None = None


class ArtifactPlaces:
    """Finds artifact folders for one store.

    Parameters
    ----------
    base
        The folder that relative places are below: that of the database or the mlruns folder.
    given
        Where the user says that the artifacts are; looked at first. Those that a tracking server kept, or that were
        moved along with the store, are also looked for in ``mlartifacts`` and ``mlruns`` beside the store.
    """

    def __init__(self, base: Path, *, given: Path | None = None) -> None:
        self._base = base
        self._given = given
        self._roots = [base / each for each in ROOTS]
        self._known: dict[Path, bool] = {}

    def find(self, uri: str, owner: str) -> Place:
        """Give the place of the artifacts of a run or model (its id is the ``owner``)."""
        scheme, path = _split(uri)
        if scheme not in ("", "file", "mlflow-artifacts"):
            return Place(remote=uri)
        tried: list[Path] = []
        for folder in self._candidates(scheme, path):
            if is_artifact_folder(folder, owner):
                return Place(folder)
            tried.append(folder.parent.parent)
            if self._given is None and self._is_folder(tried[0]):
                return Place()  # where it should be are those of the experiment's other runs
        # A run without files has no folder: those are missing whose place as a whole is not there.
        served = scheme == "mlflow-artifacts"
        wholes = [self._given, *(self._roots[:1] if served else [*self._roots, *(f.parent for f in tried[:1])])]
        if not tried or any(whole is not None and self._is_folder(whole) for whole in wholes):
            return Place()
        return Place(is_missing=True, expected=tried[0])

    def _candidates(self, scheme: str, path: str) -> Iterator[Path]:
        parts = re.sub(r"^//[^/]*", "", path).strip("/").replace("\\", "/").split("/")
        if self._given is not None:
            yield from _below(self._given, parts)
        if scheme == "mlflow-artifacts":
            yield from _below(self._roots[0], parts)
        elif path and not path.startswith(("//", "\\\\")):
            yield self._base / path
        for root in self._roots:
            yield from _below(root, parts)

    def _is_folder(self, path: Path) -> bool:
        if path not in self._known:
            try:
                self._known[path] = path.is_dir()
            except OSError:
                self._known[path] = False
        return self._known[path]


def _split(uri: str) -> tuple[str, str]:
    """Give (scheme, path); a Windows drive is no scheme."""
    match = _URI.fullmatch(uri)
    if "\0" in uri or len(uri) > 4096:
        return "", ""
    if match is None:
        return "", uri
    scheme, path = match.group(1).lower(), match.group(2)
    if scheme == "file":
        path = unquote(re.sub(r"^//(localhost)?(?=/)", "", path))
        path = re.sub(r"^/(?=[A-Za-z]:)", "", path)
    return scheme, path


def _below(root: Path, parts: Sequence[str]) -> Iterator[Path]:
    """Give the places that may be meant below a root: the whole path, or of one from elsewhere its last parts."""
    for kept in (parts, parts[-4:], parts[-3:]):
        try:
            safe = safe_path("/".join(kept))
        except InvalidParameterError:
            continue
        yield root.joinpath(*safe.parts)


def is_artifact_folder(folder: Path, owner: str) -> bool:
    """Tell whether this is the artifact folder of that run or model: ``…/OWNER/artifacts``, both no links."""
    try:
        named = folder.name == FOLDER and folder.parent.name == owner
        return named and folder.is_dir() and not folder.is_symlink() and not folder.parent.is_symlink()
    except OSError:
        return False
