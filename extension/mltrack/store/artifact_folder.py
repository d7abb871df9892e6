"""What a folder of artifacts must do, wherever it lies: a run's, or one on this machine that files go to."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

from mltrack.exceptions import ArtifactChangedError
from mltrack.store.artifacts import safe_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from mltrack.entities import FileInfo
    from mltrack.store.artifacts import SafePath

    Watch = Callable[[int], object]

BLOCK = 1 << 20


class FileRecord(NamedTuple):
    """What the store keeps of a file: its size in bytes and its SHA-256 in hexadecimal."""

    size: int
    digest: str

    @classmethod
    def of(cls, content: bytes) -> FileRecord:
        """Give the record of a file of this content."""
        return cls(len(content), sha256(content).hexdigest())


class StoredFile(NamedTuple):
    """A file that a store has: in which folder, at which path, and what was recorded of it."""

    folder: ArtifactFolder
    path: SafePath
    record: FileRecord


class Incoming:
    """A file that comes piece by piece; ``record`` is what it was, once it is in place."""

    record: FileRecord

    def __init__(self, write: Callable[[bytes], object], watch: Watch | None = None) -> None:
        self._write = write
        self._meter = Meter(watch)

    def write(self, block: bytes) -> None:
        """Take the next bytes."""
        self._write(block)
        self._meter.add(block)

    def check(self, path: SafePath, expected: FileRecord | None = None) -> None:
        """Set the record of all bytes; ArtifactChangedError when another was expected."""
        self.record = self._meter.record(path, expected)


class ArtifactFolder(Protocol):
    """A folder that takes whole files by checked paths; no link in it is followed."""

    uri: str
    parallel: int
    """How many files are best moved at the same time."""

    def put(
        self, path: SafePath, source: BinaryIO, *, expected: FileRecord | None = None, watch: Watch | None = None
    ) -> FileRecord:
        """Keep all that can be read from ``source``, whole or not at all, over what was there; gives its record.

        ``watch`` is told of each number of bytes that went. With ``expected``, a file of another size or digest is an
        ArtifactChangedError and is not kept.
        """

    def put_linked(self, path: SafePath, stored: StoredFile) -> FileRecord:
        """Keep a file that is stored already, without a second copy of its bytes where the system can do that.

        ArtifactChangedError when it is no longer what was recorded, NotFoundError when it is gone; nothing is kept
        then.
        """

    def open(self, path: SafePath) -> AbstractContextManager[BinaryIO]:
        """Open a file for reading, unverified; NotFoundError when there is none."""

    def entries(self, path: SafePath | None = None) -> list[FileInfo]:
        """Give the files and folders of one level by path below the root; none for what is a file or not there.

        What has a name that no artifact may have is left out, as are links, pipes and unfinished files.
        """

    def delete(self) -> None:
        """Remove everything below the root, and the root; what is not there is no error."""

    def sweep(self) -> None:
        """Remove what uploads that were killed have left."""

    def local_path(self, path: SafePath | None = None) -> Path | None:
        """Give the place of a file or folder on this machine, or None when it is elsewhere."""


class ServedFolder(ArtifactFolder, Protocol):
    """A folder that a server writes to for others, piece by piece, and removes from."""

    def receive(self, path: SafePath) -> AbstractContextManager[Incoming]:
        """Keep what is written in the block, whole at its end or not at all, over what was there.

        The block may be begun, gone on with and ended in different threads, one at a time.
        """

    def remove(self, path: SafePath) -> None:
        """Remove a file, or a folder and all in it, following no link; NotFoundError when there is neither."""


class Meter:
    """Counts and digests bytes on their way."""

    def __init__(self, watch: Watch | None = None) -> None:
        self._sha256, self._size, self._watch = sha256(), 0, watch

    def add(self, block: bytes) -> None:
        """Take in the next bytes."""
        self._sha256.update(block)
        self._size += len(block)
        if self._watch is not None:
            self._watch(len(block))

    def record(self, path: SafePath, expected: FileRecord | None = None) -> FileRecord:
        """Give the record of all bytes so far; ArtifactChangedError when another was expected."""
        found = FileRecord(self._size, self._sha256.hexdigest())
        if expected is not None and found != expected:
            raise ArtifactChangedError(
                f"The artifact {path.text!r} has changed since it was logged: it has {found.size} bytes with the "
                f"SHA-256 {found.digest[:12]}…, and {expected.size} bytes with {expected.digest[:12]}… were kept. "
                "It was not used."
            )
        return found


def read_whole(folder: ArtifactFolder, path: SafePath, expected: FileRecord | None = None) -> bytes:
    """Read a file; ArtifactChangedError when it is not the one that was recorded."""
    meter = Meter()
    with folder.open(path) as reader:
        content = reader.read()
    meter.add(content)
    meter.record(path, expected)
    return content


def verify(folder: ArtifactFolder, path: SafePath, expected: FileRecord) -> None:
    """Read a file through without keeping it; ArtifactChangedError when it is not the one that was recorded."""
    read_record(folder, path, expected)


def read_record(folder: ArtifactFolder, path: SafePath, expected: FileRecord | None = None) -> FileRecord:
    """Read a file through and give its size and digest; ArtifactChangedError when another was expected."""
    meter = Meter()
    with folder.open(path) as reader:
        while block := reader.read(BLOCK):
            meter.add(block)
    return meter.record(path, expected)


def files_in(folder: ArtifactFolder, path: SafePath | None = None) -> Iterator[FileInfo]:
    """Give every file of a tree by path."""
    for each in folder.entries(path):
        if each.is_dir:
            yield from files_in(folder, safe_path(each.path))
        else:
            yield each
