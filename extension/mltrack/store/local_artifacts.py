"""Artifacts in a folder of this machine: each file is written whole under another name and moved into place."""

from __future__ import annotations

import stat
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, BinaryIO

from mltrack.entities import FileInfo
from mltrack.exceptions import InvalidParameterError, NotFoundError, StoreFullError, StoreReadOnlyError
from mltrack.store.artifact_folder import BLOCK, FileRecord, Incoming, Meter
from mltrack.store.artifacts import UNFINISHED, below
from mltrack.store.directories import DIRECTORY, LinkError, hold, is_abandoned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack.store.artifact_folder import StoredFile, Watch
    from mltrack.store.artifacts import SafePath
    from mltrack.store.directories import Directory


class LocalFolder:
    """A folder of this machine. Links on the way to it are its owner's; below it none is followed."""

    parallel = 1

    def __init__(self, root: Path, *, kind: type[Directory] = DIRECTORY) -> None:
        self.uri = str(root)
        self._root = root
        self._kind = kind

    def put(
        self, path: SafePath, source: BinaryIO, *, expected: FileRecord | None = None, watch: Watch | None = None
    ) -> FileRecord:
        """Keep all that can be read from ``source``, whole or not at all; see ``ArtifactFolder``."""
        with self.receive(path, expected=expected, watch=watch) as incoming:
            while block := source.read(BLOCK):
                incoming.write(block)
        return incoming.record

    @contextmanager
    def receive(
        self, path: SafePath, *, expected: FileRecord | None = None, watch: Watch | None = None
    ) -> Iterator[Incoming]:
        """Keep what is written in the block, whole at its end or not at all; see ``ArtifactFolder``."""
        with self._writing(path), ExitStack() as opened:
            root = self._open_root(make=True)
            opened.callback(root.close)
            parent = self._walk(root, path.parts[:-1], opened, make=True)
            self._check_target(parent, path)
            with _unfinished(root) as (name, handle):
                incoming = Incoming(handle.write, watch)
                yield incoming
                incoming.check(path, expected)
                handle.flush() if self._kind.moves_open_files else handle.close()
                root.move(name, parent, path.parts[-1])

    def put_linked(self, path: SafePath, stored: StoredFile) -> FileRecord:
        """Keep a file that is stored already, as a hard link where the system can; see ``ArtifactFolder``."""
        source = stored.folder
        if isinstance(source, LocalFolder) and source._kind is self._kind:
            with suppress(OSError, NotImplementedError):  # another file system, one without links, a sweep meanwhile
                return self._link(path, source, stored)
        with source.open(stored.path) as reader:
            return self.put(path, reader, expected=stored.record)

    def _link(self, path: SafePath, source: LocalFolder, stored: StoredFile) -> FileRecord:
        """Give a file a second name here: an unfinished one, of which it is read and then moved into place."""
        meter = Meter()
        with ExitStack() as opened:
            found = self._walk(source._open_root(opened), stored.path.parts[:-1], opened)
            root = self._open_root(opened, make=True)
            parent = self._walk(root, path.parts[:-1], opened, make=True)
            self._check_target(parent, path)
            name = f".mltrack-{token_hex(8)}"
            found.link(stored.path.parts[-1], root, name)
            try:
                with root.open_file(name) as reader:
                    while block := reader.read(BLOCK):
                        meter.add(block)
                record = meter.record(stored.path, stored.record)
                root.move(name, parent, path.parts[-1])
            finally:
                root.remove(name)  # it is there yet after an error, and when the file in place is the same one
        return record

    @contextmanager
    def open(self, path: SafePath) -> Iterator[BinaryIO]:
        """Open a file for reading; NotFoundError when there is none."""
        with ExitStack() as opened:
            try:
                parent = self._walk(self._open_root(opened), path.parts[:-1], opened)
                reader = opened.enter_context(parent.open_file(path.parts[-1]))
            except LinkError:
                raise _linked(path) from None
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                raise NotFoundError(f"There is no artifact {path.text!r} in {self._root}.") from None
            except OSError as error:
                raise StoreReadOnlyError(f"The artifact {path.text!r} cannot be read: {error.strerror}.") from error
            yield reader

    def entries(self, path: SafePath | None = None) -> list[FileInfo]:
        """Give the files and folders of one level; see ``ArtifactFolder``."""
        found = []
        with ExitStack() as opened:
            try:
                folder = self._walk(self._open_root(opened), path.parts if path else [], opened)
            except (FileNotFoundError, NotADirectoryError, LinkError):
                return []
            for name in folder.names():
                with suppress(InvalidParameterError):  # a name that no artifact may have
                    info = _info(below(path, name), folder.status(name))
                    found += [info] if info else []
        return found

    def remove(self, path: SafePath) -> None:
        """Remove a file, or a folder and all in it; see ``ArtifactFolder``."""
        name = path.parts[-1]
        with self._deleting(), ExitStack() as opened:
            try:
                parent = self._walk(self._open_root(opened), path.parts[:-1], opened)
                status = parent.status(name)
            except LinkError:
                raise _linked(path) from None
            except (FileNotFoundError, NotADirectoryError):
                status = None
            if status is None:
                raise NotFoundError(f"There is no artifact {path.text!r} in {self._root}.")
            if stat.S_ISDIR(status.st_mode):
                parent.remove_tree(name)
            else:
                parent.remove(name)  # a link: what it leads to is not ours

    def delete(self) -> None:
        """Remove the folder and all in it, following no link.

        Raises
        ------
        InvalidParameterError
            For the root of the file system, and a folder directly below it: no run's artifacts lie there.
        """
        root = self._root.absolute()
        if len(root.parts) < 3 or root == Path.home() or ".." in root.parts:
            raise InvalidParameterError(f"{root} is too much to delete; remove what is in it by hand.")
        with self._deleting():
            try:
                parent = self._kind.at(root.parent)
            except (FileNotFoundError, NotADirectoryError):
                return
            with parent:
                status = parent.status(root.name)
                if status is not None and stat.S_ISDIR(status.st_mode):
                    parent.remove_tree(root.name)
                else:
                    parent.remove(root.name)  # a link: what it leads to is not ours
        if root.name == "artifacts":
            with suppress(OSError):  # the run's own folder, unless it holds something else
                root.parent.rmdir()

    def sweep(self) -> None:
        """Remove unfinished files that no living process holds."""
        with suppress(OSError), self._kind.at(self._root) as root:
            for name in filter(UNFINISHED.fullmatch, root.names()):
                with suppress(OSError), root.open_file(name) as handle:
                    if is_abandoned(handle):
                        root.remove(name)

    def local_path(self, path: SafePath | None = None) -> Path | None:
        """Give the place of a file or folder."""
        return self._root.joinpath(*path.parts) if path else self._root

    def _open_root(self, opened: ExitStack | None = None, *, make: bool = False) -> Directory:
        if make:
            self._root.mkdir(parents=True, exist_ok=True)
        root = self._kind.at(self._root)
        if opened is not None:
            opened.callback(root.close)
        return root

    def _walk(self, root: Directory, names: list[str], opened: ExitStack, *, make: bool = False) -> Directory:
        folder = root
        for name in names:
            if make:
                folder.make(name)
            folder = folder.enter(name)
            opened.callback(folder.close)
        return folder

    def _check_target(self, parent: Directory, path: SafePath) -> None:
        status = parent.status(path.parts[-1])
        if status is not None and stat.S_ISLNK(status.st_mode):
            raise LinkError(path.text)
        if status is not None and stat.S_ISDIR(status.st_mode):
            raise InvalidParameterError(f"The artifact path {path.text!r} is a folder of this run already.")

    @contextmanager
    def _writing(self, path: SafePath) -> Iterator[None]:
        try:
            yield
        except LinkError:
            raise _linked(path) from None
        except (NotADirectoryError, FileExistsError):
            raise InvalidParameterError(
                f"A part of the artifact path {path.text!r} is a file of this run already."
            ) from None
        except PermissionError as error:
            raise StoreReadOnlyError(
                f"The artifact folder {self._root} cannot be written by this user: {error.strerror}."
            ) from error
        except OSError as error:
            raise StoreFullError(
                f"The artifact {path.text!r} could not be written to {self._root}: {error.strerror}."
            ) from error

    @contextmanager
    def _deleting(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreReadOnlyError(
                f"The artifacts in {self._root} could not be deleted: {error.strerror or error}."
            ) from error


@contextmanager
def _unfinished(root: Directory) -> Iterator[tuple[str, BinaryIO]]:
    """Open a file of another name in the root, to be moved into place; it is removed when that fails."""
    name, handle = _new_file(root)
    try:
        with handle:
            yield name, handle
    except BaseException:
        root.remove(name)
        raise


def _new_file(root: Directory) -> tuple[str, BinaryIO]:
    while True:
        name = f".mltrack-{token_hex(8)}"
        handle = root.open_new(name)
        if hold(handle):
            return name, handle
        handle.close()  # a sweep took it before it was held


def _info(path: SafePath, status: object) -> FileInfo | None:
    mode, size = getattr(status, "st_mode", 0), getattr(status, "st_size", 0)
    if stat.S_ISDIR(mode):
        return FileInfo(path.text, is_dir=True)
    return FileInfo(path.text, is_dir=False, file_size=size) if stat.S_ISREG(mode) else None


def _linked(path: SafePath) -> InvalidParameterError:
    return InvalidParameterError(f"The artifact path {path.text!r} goes through a link, which is not followed.")
