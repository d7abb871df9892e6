"""Datasets that are files, folders or addresses, known by a digest and their size without being read as data."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltrack.data.filesystem_dataset_source import LocalArtifactDatasetSource
from mltrack.data.meta_dataset import MetaDataset
from mltrack.data.sources import resolve_dataset_source
from mltrack.exceptions import InvalidParameterError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WHOLE_BYTES = 64 * 2**20
"""A file up to this size is read whole for its digest; of a larger one, 64 blocks of 1 MiB spread over it."""

MOST_FILES = 10_000
_BLOCK, _BLOCKS, _START_OF_EACH = 2**20, 64, 2**16


class FileDataset(MetaDataset):
    """A file or folder of this machine as a dataset; see ``from_file``."""

    def __init__(self, path: Path, name: str | None = None, digest: str | None = None) -> None:
        self._path = path
        self._size = _size_of(path)
        super().__init__(LocalArtifactDatasetSource(str(path)), name, digest)

    def _compute_digest(self) -> str:
        return path_digest(self._path)

    @property
    def profile(self) -> Mapping[str, Any]:
        """``num_bytes``, and of a folder ``num_files``."""
        return self._size


def from_file(path_or_url: str | os.PathLike[str], name: str | None = None, digest: str | None = None) -> MetaDataset:
    """Make a dataset of a path or URL.

    Parameters
    ----------
    path_or_url
        A file or folder, or an address (``https://…``, ``s3://…``), which is not fetched.
    name
        Default: the last part of the path.
    digest
        Default: ``path_digest`` of a file or folder. That of an address is made of the address and the name, so it says
        nothing of what lies there: give your own where you have one.

    Raises
    ------
    NotFoundError
        When there is nothing at the path.
    InvalidParameterError
        When it is neither a file nor a folder, or nothing is known of such an address.
    """
    source = resolve_dataset_source(path_or_url)
    last = os.fspath(path_or_url).partition("?")[0].rstrip("/\\").replace("\\", "/").rpartition("/")[2]
    if isinstance(source, LocalArtifactDatasetSource):
        return FileDataset(Path(source.load()), name or last or None, digest)
    return MetaDataset(source, name or last or None, digest)


def path_digest(path: Path) -> str:
    """Give the fingerprint of a file or folder: 16 hex digits of BLAKE2b.

    Of a file: over its size and content; beyond 64 MiB over its size and 64 blocks of 1 MiB, the first, the last and
    those evenly between. Of a folder: over relative path, size and the first 64 KiB of each plain file, by path, the
    first 10,000 of them. What changes elsewhere is not seen.
    """
    found = hashlib.blake2b(digest_size=8)
    if path.is_dir():
        for file in _files(path):
            name = f"{file.relative_to(path).as_posix()}\0{file.stat().st_size}\0"
            found.update(name.encode("utf-8", "surrogateescape"))
            with file.open("rb") as content:
                found.update(content.read(_START_OF_EACH))
        return found.hexdigest()
    size = path.stat().st_size
    found.update(size.to_bytes(8, "little"))
    with path.open("rb") as content:
        for start in _starts(size):
            content.seek(start)
            found.update(content.read(_BLOCK))
    return found.hexdigest()


def _starts(size: int) -> Iterator[int]:
    if size <= WHOLE_BYTES:
        yield from range(0, size, _BLOCK)
    else:
        yield from ((size - _BLOCK) * number // (_BLOCKS - 1) for number in range(_BLOCKS))


def _size_of(path: Path) -> dict[str, int]:
    if path.is_dir():
        sizes = [file.stat().st_size for file in _files(path)]
        return {"num_bytes": sum(sizes), "num_files": len(sizes)}
    try:
        found = path.stat()
    except OSError as error:
        raise NotFoundError(f"The dataset's file {str(path)!r} cannot be read: {error.strerror}.") from error
    if not stat.S_ISREG(found.st_mode):  # opening a pipe could wait for ever
        raise InvalidParameterError(f"{str(path)!r} is neither a file nor a folder; it cannot be a dataset.")
    return {"num_bytes": found.st_size}


def _files(folder: Path) -> list[Path]:
    """Give the plain files below a folder, by path; links that lead elsewhere are left out."""
    found = [
        Path(place, name)
        for place, _, names in os.walk(folder)
        for name in names
        if stat.S_ISREG(os.lstat(os.path.join(place, name)).st_mode)
    ]
    return sorted(found)[:MOST_FILES]
