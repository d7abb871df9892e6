"""The logged models of an SQLite store, and their files."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from mltrack.exceptions import NotFoundError
from mltrack.model_names import check_logged_model_name
from mltrack.run_names import new_run_name
from mltrack.store import experiments, logged_models
from mltrack.store.artifact_folder import FileRecord, StoredFile
from mltrack.store.artifact_kinds import open_folder
from mltrack.store.artifacts import safe_path
from mltrack.store.base import SqlitePart, now_ms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.entities import LoggedModel
    from mltrack.store.artifact_folder import ArtifactFolder
    from mltrack.store.artifacts import SafePath
    from mltrack.store.model_protocol import NewLoggedModel


class SqliteModels(SqlitePart):
    """Logged models: made, read, finished, deleted, written to; where their files lie, and their sizes and digests."""

    def create_logged_model(self, new: NewLoggedModel) -> LoggedModel:
        """Make a logged model, PENDING, without files."""
        name = new_run_name() if new.name is None else check_logged_model_name(new.name)
        return self._database.write_durably(logged_models.insert_model, new, name, now_ms(), self._locate)

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """Give a logged model; NotFoundError when there is none or it is deleted."""
        return self._database.read(logged_models.read_model, model_id, self._locate)

    def finalize_logged_model(self, model_id: str, status: str) -> LoggedModel:
        """Say how the making of a logged model ended: READY or FAILED."""
        return self._database.write_durably(logged_models.set_status, model_id, status, now_ms(), self._locate)

    def delete_logged_model(self, model_id: str) -> None:
        """Mark a logged model deleted; ``collect_garbage`` removes it with its files."""
        self._database.write_durably(logged_models.delete_model, model_id, now_ms())

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of a logged model, all or none; earlier values are overwritten."""
        self._database.write(logged_models.set_tags, model_id, tags)

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Take a tag off a logged model; NotFoundError when it has none of that key."""
        self._database.write(logged_models.delete_tag, model_id, key)

    def note_model_version(self, model_id: str, name: str, version: str) -> None:
        """Note on a logged model that a version was made of it; one that is not there is no error."""
        with suppress(NotFoundError):
            self._database.write(logged_models.note_version, model_id, name, version)

    def log_logged_model_params(self, model_id: str, params: Mapping[str, str]) -> None:
        """Log params of a logged model, all or none; one that is there with another value is refused."""
        self._database.write(logged_models.write_params, model_id, params)

    def logged_model_folder(self, model_id: str) -> ArtifactFolder:
        """Give the folder of a logged model's files, also of a deleted one; it need not be there yet."""
        return open_folder(self._database.read(logged_models.read_place, model_id, self._locate))

    def record_logged_model_files(self, model_id: str, files: Mapping[SafePath, FileRecord]) -> None:
        """Keep the size and digest of files that are in place."""
        self._database.write(logged_models.write_files, model_id, files)

    def forget_logged_model_files(self, model_id: str, path: SafePath) -> None:
        """Forget what was recorded of a file of a logged model, or of those below a folder, that is gone."""
        query = (
            "DELETE FROM logged_model_files WHERE model_id = (SELECT id FROM logged_models WHERE uuid = :owner)"
            " AND (path = :path OR (path > :path || '/' AND path < :path || '0'))"  # 0 follows /
        )
        values = {"owner": model_id, "path": path.text}
        self._database.write(lambda connection: connection.execute(query, values))

    def logged_model_records(self, model_id: str, path: SafePath | None = None) -> dict[str, FileRecord]:
        """Give what was recorded of a logged model's files by path: all, one file, or those below a folder."""
        query = (
            "SELECT f.path, f.size, f.digest FROM logged_model_files f JOIN logged_models m ON m.id = f.model_id"
            " WHERE m.uuid = :model AND (CAST(:path AS TEXT) IS NULL OR f.path = :path"
            " OR (f.path > :path || '/' AND f.path < :path || '0'))"  # 0 follows /
        )
        values = {"model": model_id, "path": path.text if path else None}
        rows = self._database.read(lambda connection: connection.execute(query, values).fetchall())
        return {name: FileRecord(size, digest) for name, size, digest in rows}

    def find_stored_file(self, experiment_id: str, record: FileRecord) -> StoredFile | None:
        """Give an equal file of a logged model in that experiment, or None; see ``ArtifactFolder.put_linked``."""
        number = experiments.experiment_number(experiment_id)
        found = self._database.read(logged_models.read_equal_file, number, record)
        if found is None:
            return None
        place, path = found
        return StoredFile(open_folder(self._locate(place)), safe_path(path), record)
