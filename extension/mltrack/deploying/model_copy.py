"""A model's folder, copied to where it will be loaded by others: its plain files, each checked, and with consent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.exceptions import ArtifactChangedError
from mltrack.models.contents import code_in
from mltrack.models.manifest import digest_of, manifest
from mltrack.store.artifacts import safe_path
from mltrack.store.local_artifacts import LocalFolder

if TYPE_CHECKING:
    from pathlib import Path

    from mltrack.models.folder import ModelFolder


def copy_model(folder: ModelFolder, target: Path) -> bool:
    """Copy a model's files and say whether loading it runs code, which the caller's project then has to allow.

    Raises
    ------
    UntrustedModelError
        When loading it runs code, and this user neither made nor trusted it.
    ArtifactChangedError
        When a file changed meanwhile.
    """
    digest = folder.digest()
    found = code_in(folder)
    if found:
        folder.require_trust(", ".join(each.path for each in found[:5]))
    source, place = LocalFolder(folder.path), LocalFolder(target)
    for name, record in manifest(folder.path).items():
        path = safe_path(name)
        with source.open(path) as reader:
            place.put(path, reader, expected=record)
    if digest_of(manifest(target)) != digest:
        raise ArtifactChangedError(f"The files of {folder.uri} changed while they were copied; try again.")
    return bool(found)
