"""Which kind of artifact folder a place needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.store.artifacts import is_remote
from mltrack.store.local_artifacts import LocalFolder

if TYPE_CHECKING:
    from mltrack.store.artifact_folder import ServedFolder


def open_folder(uri: str) -> ServedFolder:
    """Give the artifact folder at a path or URI; nothing is read or made yet.

    Raises
    ------
    MissingLibraryError
        When the library that opens such a URI is not installed; the message says how to get it.
    """
    if is_remote(uri):
        from mltrack.store.remote_artifacts import RemoteFolder  # fsspec, and the libraries of clouds: up to a second

        return RemoteFolder(uri)
    return LocalFolder(Path(uri))


def remove_unfinished(uri: str) -> None:
    """Remove what a process that died has left of its uploads, if the place is on this machine.

    Elsewhere that waits for ``gc``: a look at a list of runs must not wait for a cloud.
    """
    if not is_remote(uri):
        LocalFolder(Path(uri)).sweep()
