"""Folders of the local file system, walked one name at a time so that no link on the way is followed.

Where the system can open a name below an open folder (``openat``), a folder that is swapped for a link between a look
and a step fails the step. Elsewhere each step looks first, which a quick enough swap can still fool.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Protocol, Self

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # opening a pipe must not wait for its writer
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL


class LinkError(OSError):
    """A name on the way is a link."""


class Directory(Protocol):
    """An open folder; each method takes one name in it, never a path."""

    moves_open_files: ClassVar[bool]
    """Whether a file can be moved while it is open, and so stay held until it is in place."""

    @classmethod
    def at(cls, path: Path) -> Self:
        """Open the folder at a path; links on the way to it are followed."""

    def enter(self, name: str) -> Self:
        """Open a folder in it; LinkError, FileNotFoundError or NotADirectoryError when there is none."""

    def make(self, name: str) -> None:
        """Make a folder in it unless something of that name is there."""

    def open_file(self, name: str) -> BinaryIO:
        """Open a regular file for reading; LinkError, FileNotFoundError or IsADirectoryError when there is none."""

    def open_new(self, name: str) -> BinaryIO:
        """Make a file and open it for writing; FileExistsError when the name is taken."""

    def status(self, name: str) -> os.stat_result | None:
        """Look at a name without following it; None when it is not there."""

    def names(self) -> list[str]:
        """Give the names of what is in it, in order."""

    def move(self, name: str, target: Self, new_name: str) -> None:
        """Move a file into another folder of the same kind, over what is there."""

    def link(self, name: str, target: Self, new_name: str) -> None:
        """Give a file a second name in a folder of the same kind; OSError where that cannot be or is taken."""

    def remove(self, name: str) -> None:
        """Remove a file or link; what is not there is no error."""

    def remove_tree(self, name: str) -> None:
        """Remove a folder and all in it, following no link; what is not there is no error."""

    def close(self) -> None:
        """Let go of the folder."""

    def __enter__(self) -> Self:
        """Give the folder itself."""

    def __exit__(self, *_: object) -> None:
        """Let go of the folder."""


class OpenDirectory:
    """A folder held by its descriptor: what is done in it is done there, wherever its path leads by then."""

    moves_open_files: ClassVar[bool] = True

    def __init__(self, descriptor: int) -> None:
        self._fd = descriptor

    @classmethod
    def at(cls, path: Path) -> Self:
        """Open the folder at a path; links on the way to it are followed."""
        return cls(os.open(path, _FOLDER | os.O_CLOEXEC))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._fd)

    def enter(self, name: str) -> Self:
        """Open a folder in it."""
        try:
            return type(self)(os.open(name, _FOLDER | _NO_LINK, dir_fd=self._fd))
        except OSError as error:
            raise _link_or(error, self.status(name), name) from error

    def make(self, name: str) -> None:
        """Make a folder in it unless something of that name is there."""
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=self._fd)

    def open_file(self, name: str) -> BinaryIO:
        """Open a regular file for reading."""
        try:
            descriptor = os.open(name, os.O_RDONLY | _NO_LINK | _NO_WAIT, dir_fd=self._fd)
        except OSError as error:
            raise _link_or(error, self.status(name), name) from error
        return _regular(descriptor, name)

    def open_new(self, name: str) -> BinaryIO:
        """Make a file and open it for writing."""
        return os.fdopen(os.open(name, _NEW | _NO_LINK, 0o666, dir_fd=self._fd), "wb")

    def status(self, name: str) -> os.stat_result | None:
        """Look at a name without following it."""
        try:
            return os.stat(name, dir_fd=self._fd, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def names(self) -> list[str]:
        """Give the names of what is in it, in order."""
        return sorted(os.listdir(self._fd))

    def move(self, name: str, target: Self, new_name: str) -> None:
        """Move a file into another folder, over what is there; a link there is replaced, not followed."""
        os.replace(name, new_name, src_dir_fd=self._fd, dst_dir_fd=target._fd)

    def link(self, name: str, target: Self, new_name: str) -> None:
        """Give a file a second name in another folder; a link is not followed."""
        os.link(name, new_name, src_dir_fd=self._fd, dst_dir_fd=target._fd, follow_symlinks=False)

    def remove(self, name: str) -> None:
        """Remove a file or link."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._fd)

    def remove_tree(self, name: str) -> None:
        """Remove a folder and all in it."""
        with suppress(FileNotFoundError):
            shutil.rmtree(name, dir_fd=self._fd)


class NamedDirectory:
    """A folder known by its path, for systems without ``openat``: it looks before each step."""

    moves_open_files: ClassVar[bool] = False

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def at(cls, path: Path) -> Self:
        """Take the folder at a path; links on the way to it are followed."""
        if not path.is_dir():
            raise (NotADirectoryError if path.exists() else FileNotFoundError)(str(path))
        return cls(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def close(self) -> None:
        """There is nothing to let go of."""

    def enter(self, name: str) -> Self:
        """Take a folder in it."""
        self._check(name, stat.S_ISDIR, NotADirectoryError)
        return type(self)(self._path / name)

    def make(self, name: str) -> None:
        """Make a folder in it unless something of that name is there."""
        with suppress(FileExistsError):
            (self._path / name).mkdir()

    def open_file(self, name: str) -> BinaryIO:
        """Open a regular file for reading."""
        self._check(name, stat.S_ISREG, IsADirectoryError)
        return _regular(os.open(self._path / name, os.O_RDONLY | _NO_LINK | _NO_WAIT), name)

    def open_new(self, name: str) -> BinaryIO:
        """Make a file and open it for writing."""
        return os.fdopen(os.open(self._path / name, _NEW | _NO_LINK, 0o666), "wb")

    def status(self, name: str) -> os.stat_result | None:
        """Look at a name without following it."""
        try:
            return (self._path / name).lstat()
        except FileNotFoundError:
            return None

    def names(self) -> list[str]:
        """Give the names of what is in it, in order."""
        return sorted(os.listdir(self._path))

    def move(self, name: str, target: Self, new_name: str) -> None:
        """Move a file into another folder, over what is there."""
        (self._path / name).replace(target._path / new_name)

    def link(self, name: str, target: Self, new_name: str) -> None:
        """Give a file a second name in another folder."""
        (target._path / new_name).hardlink_to(self._path / name)

    def remove(self, name: str) -> None:
        """Remove a file or link."""
        (self._path / name).unlink(missing_ok=True)

    def remove_tree(self, name: str) -> None:
        """Remove a folder and all in it."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self._path / name)

    def _check(self, name: str, wanted: object, otherwise: type[OSError]) -> None:
        status = self.status(name)
        if status is None:
            raise FileNotFoundError(name)
        if not wanted(status.st_mode):  # type: ignore[operator]
            raise _link_or(otherwise(name), status, name)


DIRECTORY: type[OpenDirectory | NamedDirectory] = (
    OpenDirectory if os.open in os.supports_dir_fd and os.rename in os.supports_dir_fd else NamedDirectory
)
"""The kind of folder that this system can do."""


def _link_or(error: OSError, status: os.stat_result | None, name: str) -> OSError:
    if status is not None and stat.S_ISLNK(status.st_mode):
        return LinkError(f"{name!r} is a link")
    return error


def _regular(descriptor: int, name: str) -> BinaryIO:
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise IsADirectoryError(f"{name!r} is no regular file")


def hold(handle: BinaryIO) -> bool:
    """Lock a new file for as long as this process has it open, so that no one takes it for a dead one's.

    False when someone has taken it already. Where files cannot be locked nothing happens.
    """
    if sys.platform == "win32":
        return True  # an open file cannot be removed there
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return os.fstat(handle.fileno()).st_nlink > 0


def is_abandoned(handle: BinaryIO) -> bool:
    """Say whether no process holds a file; False where that cannot be known."""
    if sys.platform == "win32":
        return True  # removing it fails when it is open
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def tree(folder: Path) -> Iterator[tuple[str, bool]]:
    """Give the path below a folder of everything in it but folders, in order, and whether it is a regular file."""
    for parent, folders, files in os.walk(folder, followlinks=False):
        folders.sort()
        place = Path(parent)
        links = [name for name in folders if (place / name).is_symlink()]
        for name in sorted([*files, *links]):
            path = place / name
            yield path.relative_to(folder).as_posix(), stat.S_ISREG(path.lstat().st_mode)
