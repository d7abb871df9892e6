"""The files of one run: what the fluent verbs and the client do with them, the same for every kind of place."""

from __future__ import annotations

import io
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from mltrack.artifacts.progress import Progress
from mltrack.artifacts.transfers import Transfer, copy_files
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.store.artifact_folder import files_in, read_whole, verify
from mltrack.store.artifacts import SafePath, below, safe_path
from mltrack.store.directories import tree
from mltrack.store.local_artifacts import LocalFolder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import FileInfo
    from mltrack.store.artifact_folder import ArtifactFolder, FileRecord
    from mltrack.store.protocol import Store

RECORD_SECONDS = 1.0


class ArtifactWarning(UserWarning):
    """Something in a folder was not logged."""


class RunFiles:
    """The artifacts of a run; NotFoundError when there is no such run."""

    def __init__(self, store: Store, run_id: str) -> None:
        self._store, self._run_id = store, run_id
        self.folder: ArtifactFolder = store.artifact_folder(run_id)

    def record(self, files: Mapping[SafePath, FileRecord]) -> None:
        """Have the store keep the size and digest of files that are in place."""
        self._store.record_artifacts(self._run_id, files)

    def records(self, path: SafePath | None = None) -> Mapping[str, FileRecord]:
        """Give what the store keeps of the files by path: all, one file, or those below a folder."""
        return self._store.artifact_records(self._run_id, path)

    def write(self, path: SafePath, content: bytes) -> None:
        """Keep a file of this content."""
        self.write_stream(path, io.BytesIO(content), what=path.text, size=len(content))

    def write_stream(self, path: SafePath, source: BinaryIO, *, what: str, size: int | None = None) -> None:
        """Keep all that can be read from a stream."""
        with _uploading(what, size) as progress:
            record = self.folder.put(path, source, watch=progress.add)
        self.record({path: record})

    def write_file(self, path: SafePath, source: Path) -> None:
        """Keep a copy of a file of this machine."""
        with source.open("rb") as reader:
            self.write_stream(path, reader, what=source.name, size=source.stat().st_size)

    def write_files(self, source: Path, transfers: Sequence[Transfer]) -> None:
        """Keep files of a folder of this machine; those that are in place when something fails are recorded."""
        done: dict[SafePath, FileRecord] = {}
        recorded = time.monotonic()
        try:
            with _uploading(_what([each.path for each in transfers]), None) as progress:
                for path, record in copy_files(LocalFolder(source), self.folder, transfers, watch=progress.add):
                    done[path] = record
                    if time.monotonic() - recorded > RECORD_SECONDS:  # what a kill leaves is known to the store
                        self.record(done)
                        done, recorded = {}, time.monotonic()
        finally:
            if done:
                self.record(done)

    def read(self, path: SafePath) -> bytes:
        """Read a file; ArtifactChangedError when it is not what was logged."""
        return read_whole(self.folder, path, self.records(path).get(path.text))

    def entries(self, path: SafePath | None) -> list[FileInfo]:
        """Give the files and folders of one level; none for what is a file or not there."""
        return self.folder.entries(path)

    def has(self, path: SafePath) -> bool:
        """Say whether there is a file or folder of this name."""
        parent = "/".join(path.parts[:-1])
        return any(each.path == path.text for each in self.entries(safe_path(parent) if parent else None))

    def download(self, path: SafePath | None, destination: str | Path | None = None) -> str:
        """Bring a file, a folder or (without a path) all files to this machine and give the place there.

        Without a destination, what is on this machine already is given as it lies, and other files go to a new
        temporary folder. Every file is checked against what was recorded of it.
        """
        found = self._find(path)
        known = self.records(path)
        here = self.folder.local_path(path)
        if destination is None and here is not None:
            for each in found:
                if (record := known.get(each.text)) is not None:
                    verify(self.folder, each, record)
            return str(here)
        target = Path(destination) if destination is not None else Path(tempfile.mkdtemp(prefix="mltrack-"))
        target.mkdir(parents=True, exist_ok=True)
        start = len(path.text) - len(path.parts[-1]) if path else 0
        transfers = [Transfer(each, safe_path(each.text[start:]), known.get(each.text)) for each in found]
        with Progress(("Downloading", "Downloaded"), _what(found), size=_size(known, found)) as progress:
            for _ in copy_files(self.folder, LocalFolder(target), transfers, watch=progress.add):
                pass
        return str(target.absolute() / path.parts[-1]) if path else str(target.absolute())

    def _find(self, path: SafePath | None) -> list[SafePath]:
        found = [safe_path(each.path) for each in files_in(self.folder, path)]
        if found or path is None:
            return found
        with self.folder.open(path):  # an error of its own when there is no such file
            return [path]


def file_to_log(local_path: str | Path, artifact_path: str | None) -> tuple[Path, SafePath]:
    """Check a file that is to be logged and give its place in the run; a link that the user names is followed.

    Raises
    ------
    NotFoundError
        When there is no such file.
    InvalidParameterError
        When it is a pipe or a device, or its place in the run would be none.
    """
    source = Path(local_path)
    if not source.exists():
        raise NotFoundError(f"There is no file {str(local_path)!r} to log.")
    if not source.is_file():
        raise InvalidParameterError(f"{source} is not a regular file, so it cannot be logged.")
    return source, below(safe_path(artifact_path) if artifact_path else None, source.name)


def tree_to_log(local_dir: str | Path, artifact_path: str | None) -> list[Transfer]:
    """List the regular files below a folder that is to be logged under its own name."""
    folder = Path(local_dir)
    name = folder.name if folder.name not in ("", "..") else folder.resolve().name
    return files_to_log(folder, f"{artifact_path}/{name}" if artifact_path else name)


def files_to_log(local_dir: str | Path, artifact_path: str | None) -> list[Transfer]:
    """List the regular files below a folder, with where each goes; what else is there is left out with a warning."""
    folder = Path(local_dir)
    if not folder.is_dir():
        raise NotFoundError(f"There is no folder {str(local_dir)!r} to log.")
    into = safe_path(artifact_path) if artifact_path else None
    transfers, skipped = [], []
    for name, is_regular in tree(folder):
        if is_regular:
            transfers.append(Transfer(safe_path(name), below(into, name)))
        else:
            skipped.append(name)
    if skipped:
        few = ", ".join(skipped[:3]) + ("…" if len(skipped) > 3 else "")
        warnings.warn(
            f"{len(skipped)} links, pipes or devices in {folder} were not logged: {few}", ArtifactWarning, stacklevel=3
        )
    return transfers


def _uploading(what: str, size: int | None) -> Progress:
    return Progress(("Uploading", "Uploaded"), what, size=size)


def _what(files: Sequence[SafePath]) -> str:
    return files[0].parts[-1] if len(files) == 1 else f"{len(files):,} files"


def _size(known: Any, files: Sequence[SafePath]) -> int | None:
    sizes = [known[each.text].size for each in files if each.text in known]
    return sum(sizes) if len(sizes) == len(files) else None
