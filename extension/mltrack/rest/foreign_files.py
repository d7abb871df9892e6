"""Sizes and digests of files on an MLflow server: in a file of their run, and in tags of their logged model."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

from mltrack.entities import FileInfo
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.rest.foreign_documents import FOLDER
from mltrack.store.artifact_folder import FileRecord, files_in
from mltrack.store.artifacts import safe_path
from mltrack.wire.codec import shape_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mltrack.rest.foreign_documents import Documents
    from mltrack.store.artifact_folder import StoredFile
    from mltrack.store.artifacts import SafePath
    from mltrack.store.protocol import Store

FILES = "files.json"
FILES_TAG = "mltrack.files"
_TAG_BYTES, _MOST_TAGS = 4000, 50
_MOST_LISTED = 10_000
_RECORDS = shape_of(dict[str, tuple[int, str]])


class ForeignFiles:
    """Keeps records of files. What other clients of the server log has none, and is read unverified."""

    def __init__(self, store: Store, documents: Documents) -> None:
        self._store = store
        self._documents = documents

    def record_artifacts(self, run_id: str, files: Mapping[SafePath, tuple[int, str]]) -> None:
        """Keep the size and digest of files that are in place."""
        new = {path.text: [size, digest] for path, (size, digest) in files.items()}
        self._documents.change(run_id, FILES, lambda was: {**_read(was), **new})

    def list_artifacts(self, run_id: str) -> list[FileInfo]:
        """Give the files of a run by path, without mltrack's own."""
        if self._documents.is_claimed(run_id):
            known = _read(self._documents.get(run_id, FILES))
            return [FileInfo(path, is_dir=False, file_size=size) for path, (size, _) in sorted(known.items())]
        folder = self._store.artifact_folder(run_id)
        found: list[FileInfo] = []
        for each in folder.entries():
            if each.path != FOLDER:
                found += _below(folder, each, _MOST_LISTED - len(found))
        return sorted(found, key=lambda each: each.path)

    def artifact_records(self, run_id: str, path: SafePath | None = None) -> dict[str, FileRecord]:
        """Give what was recorded of a run's files by path: all, one file, or those below a folder."""
        return _chosen(_read(self._documents.get(run_id, FILES)), path)

    def record_logged_model_files(self, model_id: str, files: Mapping[SafePath, FileRecord]) -> None:
        """Keep the size and digest of files that are in place, in tags of the model."""
        known = self._of_model(model_id) | {path.text: tuple(record) for path, record in files.items()}
        text = json.dumps(known, separators=(",", ":"))
        parts = [text[start : start + _TAG_BYTES] for start in range(0, len(text), _TAG_BYTES)]
        if len(parts) <= _MOST_TAGS:  # a model of thousands of files is kept without
            tags = {f"{FILES_TAG}.{number}": part for number, part in enumerate(parts)}
            self._store.set_logged_model_tags(model_id, {**tags, FILES_TAG: str(len(parts))})

    def logged_model_records(self, model_id: str, path: SafePath | None = None) -> dict[str, FileRecord]:
        """Give what was recorded of a logged model's files by path: all, one file, or those below a folder."""
        try:
            return _chosen(self._of_model(model_id), path)
        except NotFoundError:  # as of a model that is deleted
            return {}

    def find_stored_file(self, experiment_id: str, record: FileRecord) -> StoredFile | None:
        """Give None: a file goes to the server once more rather than that it is linked there."""
        del experiment_id, record
        return None

    def _of_model(self, model_id: str) -> dict[str, tuple[int, str]]:
        tags = self._store.get_logged_model(model_id).tags
        said = tags.get(FILES_TAG, "")
        count = int(said) if said.isascii() and said.isdigit() and len(said) < 3 else 0
        text = "".join(tags.get(f"{FILES_TAG}.{number}", "") for number in range(count))
        try:
            return _read(json.loads(text)) if text else {}
        except (ValueError, RecursionError):
            return {}


def _below(folder: Any, entry: FileInfo, most: int) -> Iterable[FileInfo]:
    return islice(files_in(folder, safe_path(entry.path)), most) if entry.is_dir else [entry][:most]


def _read(said: Any) -> dict[str, tuple[int, str]]:
    """Read records; what mltrack has not written counts for none."""
    try:
        found: dict[str, tuple[int, str]] = _RECORDS.read({} if said is None else said, FILES)
    except InvalidParameterError:
        return {}
    return found


def _chosen(records: Mapping[str, tuple[int, str]], path: SafePath | None) -> dict[str, FileRecord]:
    start = f"{path.text}/" if path else ""
    return {
        name: FileRecord(*record)
        for name, record in sorted(records.items())
        if path is None or name == path.text or name.startswith(start)
    }
