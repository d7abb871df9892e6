"""Fetching a project: a local folder as it is, and what comes from Git or in a zip archive into a folder that goes."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.exceptions import ExecutionError
from mltrack.projects.addresses import GIT, LOCAL, ZIP, parse_address, without_credentials
from mltrack.projects.checkouts import read_checkout
from mltrack.projects.entities import Project
from mltrack.projects.ownership import is_own

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack.projects.addresses import Address
    from mltrack.projects.checkouts import Checkout

_ONLY_GIT = "Setting a version is only supported for Git project URIs"


@contextmanager
def fetch(uri: str, version: str | None = None) -> Iterator[Project]:
    """Give a project, on this machine until the block ends; nothing of it is run.

    Parameters
    ----------
    uri
        A folder's path or ``file:`` URI, an address of Git's, or a ``.zip`` by path, https or http; behind ``#`` the
        subdirectory that the project is in.
    version
        A commit, branch or tag, for Git only. Of a local checkout a clone is made; the files there stay as they are.

    Raises
    ------
    ExecutionError
        When there is no such folder, archive, version or subdirectory, when it is refused, and when it cannot be had.
    MissingLibraryError
        When Git is needed and not installed.
    """
    address = parse_address(uri)
    if version is not None and address.kind == ZIP:
        raise ExecutionError.invalid_parameter_value(f"{_ONLY_GIT}; {address.uri} is an archive.")
    if address.kind == LOCAL and version is None:
        yield _local(address)
        return
    scratch = Path(tempfile.mkdtemp(prefix="mltrack-project-"))  # which only this user can enter
    try:
        place = scratch / "project"
        if address.kind == ZIP:
            yield _zipped(address, place)
        elif address.kind == GIT:
            yield _cloned(address, version, place)
        else:
            yield _local_version(address, str(version), place)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _local(address: Address) -> Project:
    root = Path(address.place)
    folder = _inside(root, address)
    found = read_checkout(folder)
    commit, repository = (found.commit, found.repository) if found else (None, None)
    return Project(
        address.uri, folder, is_own=is_own(root) and is_own(folder), commit=commit, repository=repository, root=root
    )


def _zipped(address: Address, place: Path) -> Project:
    from mltrack.projects.archives import unpack  # of use for archives

    if address.place.startswith(("https://", "http://")):
        from mltrack.projects.downloads import download  # needs urllib's requests, which local projects do without

        archive = place.with_name("archive.zip")
        download(address.place, archive)
        unpack(archive, place)
        archive.unlink()
    else:
        unpack(Path(address.place), place)
    return Project(address.uri, _inside(place, address), is_own=False, is_temporary=True, root=place)


def _cloned(address: Address, version: str | None, place: Path) -> Project:
    from mltrack.projects.clones import clone  # of use where something is cloned

    place.mkdir()
    made = clone(address.place, version, place)
    return Project(
        address.uri,
        _inside(place, address),
        is_own=False,
        commit=made.commit,
        repository=without_credentials(address.place),
        branch=made.branch,
        is_temporary=True,
        root=place,
    )


def _local_version(address: Address, version: str, place: Path) -> Project:
    """Clone the checkout that a folder is in, at a version; it is as much the user's own as the checkout."""
    from mltrack.projects.clones import clone  # of use where something is cloned

    folder = Path(address.place).resolve()
    checkout = read_checkout(folder)
    if checkout is None or checkout.commit is None:
        raise ExecutionError.invalid_parameter_value(f"{_ONLY_GIT}; {address.uri} is in no checkout of Git.")
    place.mkdir()
    made = clone(str(checkout.root), version, place)
    return Project(
        address.uri,
        _inside(place / folder.relative_to(checkout.root), address),
        is_own=_is_own_checkout(checkout),
        commit=made.commit,
        repository=checkout.repository,
        branch=made.branch,
        is_temporary=True,
        root=place,
    )


def _is_own_checkout(checkout: Checkout) -> bool:
    inner = checkout.root / ".git"  # a file in a checkout beside another's
    return is_own(checkout.root) and (inner.is_file() or is_own(inner))


def _inside(root: Path, address: Address) -> Path:
    """Give the project's folder, which no link leads out of what was fetched."""
    folder = root / address.subdirectory
    if not folder.is_dir():
        raise ExecutionError.invalid_parameter_value(
            f"Could not find subdirectory {address.subdirectory} of {address.uri}."
        )
    if not folder.resolve().is_relative_to(root.resolve()):
        raise ExecutionError.invalid_parameter_value(
            f"The subdirectory {address.subdirectory} of {address.uri} leads out of it."
        )
    return folder
