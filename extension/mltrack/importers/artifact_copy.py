"""Copies artifact folders of another store below this one's, file by file, with digests; links are not followed."""

from __future__ import annotations

import io
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError, MltrackError
from mltrack.store.artifacts import safe_path
from mltrack.store.directories import tree
from mltrack.store.local_artifacts import LocalFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from mltrack.importers.summary import ImportSummary
    from mltrack.store.artifact_folder import ArtifactFolder, FileRecord
    from mltrack.store.artifacts import SafePath
    from mltrack.store.import_writer import ImportWriter


class ArtifactCopier:
    """Brings the files of runs and models, and notes what it left behind."""

    def __init__(self, writer: ImportWriter, summary: ImportSummary, tick: Callable[[], None]) -> None:
        self._writer = writer
        self._summary = summary
        self._tick = tick

    def copy_run(self, run_id: str, source: Path, target: ArtifactFolder) -> None:
        """Copy a run's files; one that is recorded with the same size, and was not changed since, stays."""
        known = self._writer.known_artifacts(run_id)
        done: dict[SafePath, FileRecord] = {}
        recorded = time.monotonic()
        try:
            for path, size, changed in self._files(source):
                if _is_news(size, changed, known.get(path.text)):
                    self._copy(LocalFolder(source), target, path, done)
                if time.monotonic() - recorded > 1:  # an import that is cut off keeps what is in place
                    self._writer.record_artifacts(run_id, done)
                    done, recorded = {}, time.monotonic()
        finally:
            self._writer.record_artifacts(run_id, done)

    def copy_model(self, model_id: str, source: Path, target: ArtifactFolder) -> None:
        """Copy a logged model's files; one that is there with the same size, and was not changed since, stays."""
        done: dict[SafePath, FileRecord] = {}
        try:
            for path, size, changed in self._files(source):
                place = target.local_path(path)
                there = place.stat() if place is not None and place.is_file() else None
                if there is None or _is_news(size, changed, (there.st_size, int(there.st_mtime * 1000))):
                    self._copy(LocalFolder(source), target, path, done)
        finally:
            self._writer.record_model_files(model_id, done)

    def write_texts(self, run_id: str, files: Mapping[str, bytes], target: ArtifactFolder) -> None:
        """Keep texts of the other store as files of a run."""
        known = self._writer.known_artifacts(run_id)
        done = {}
        for name, content in files.items():
            path = self._checked(name)
            if path is not None and known.get(name, (-1, 0))[0] != len(content):
                done[path] = self._counted(target.put(path, io.BytesIO(content)))
        self._writer.record_artifacts(run_id, done)

    def _files(self, source: Path) -> Iterator[tuple[SafePath, int, int]]:
        """Give (path, size, time of change in ms) of the regular files that can be kept."""
        for name, is_regular in tree(source):
            self._tick()
            path = self._checked(name) if is_regular else None
            if path is not None:
                status = (source / name).lstat()
                yield path, status.st_size, int(status.st_mtime * 1000)
            elif not is_regular:
                self._summary.skip("links, pipes and devices among the artifacts")

    def _checked(self, name: str) -> SafePath | None:
        try:
            return safe_path(name)
        except InvalidParameterError as error:
            self._left("files with a name that cannot be kept", error)
            return None

    def _copy(
        self, source: LocalFolder, target: ArtifactFolder, path: SafePath, done: dict[SafePath, FileRecord]
    ) -> None:
        with ExitStack() as opened:
            try:
                reader = opened.enter_context(source.open(path))
            except MltrackError as error:  # it is gone, or this user may not read it
                self._left("files that could not be read", error)
                return
            try:
                done[path] = self._counted(target.put(path, reader))
            except InvalidParameterError as error:  # a folder is in its place, or a link
                self._left("files whose place is taken", error)

    def _left(self, reason: str, error: MltrackError) -> None:
        self._summary.skip(reason)
        self._summary.note(error.message)

    def _counted(self, record: FileRecord) -> FileRecord:
        self._summary.artifacts += 1
        self._summary.size += record.size
        return record


def _is_news(size: int, changed: int, known: tuple[int, int] | None) -> bool:
    """Tell whether a file is another than the one known by (size, time in ms)."""
    return known is None or size != known[0] or changed > known[1]
