"""The client's methods for logged models and their files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltrack.artifacts.model_files import ModelFiles
from mltrack.artifacts.places import optional_path
from mltrack.artifacts.run_files import file_to_log, files_to_log, tree_to_log
from mltrack.client.base import ClientPart
from mltrack.keys import check_key
from mltrack.store.model_protocol import NewLoggedModel
from mltrack.values import make_model_params, make_model_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.entities import FileInfo, LoggedModel


class LoggedModelMethods(ClientPart):
    """Make, read, write to, finish and delete logged models; a model that is not there is a NotFoundError."""

    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """Make a logged model without files, PENDING until ``finalize_logged_model``.

        Parameters
        ----------
        name
            Text without ``/ : . % " '``; default: an invented one.
        source_run_id
            The run that makes it.
        model_type
            Any word, to search by.
        """
        new = NewLoggedModel(
            str(experiment_id),
            name,
            model_type or "",
            source_run_id,
            make_model_params(params),
            make_model_tags(tags),
        )
        return self._store.create_logged_model(new)

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """Give a logged model with what was logged to it."""
        return self._store.get_logged_model(model_id)

    def finalize_logged_model(self, model_id: str, status: str) -> LoggedModel:
        """Say how the making of a logged model ended: READY or FAILED."""
        return self._store.finalize_logged_model(model_id, status)

    def delete_logged_model(self, model_id: str) -> None:
        """Mark a logged model deleted; ``gc`` removes it with its files, unless a version is made of it."""
        self._store.delete_logged_model(model_id)

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, Any]) -> None:
        """Set tags of a logged model, all or none; earlier values are overwritten."""
        self._store.set_logged_model_tags(model_id, make_model_tags(tags))

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Take a tag off a logged model; NotFoundError when it has none of that key."""
        self._store.delete_logged_model_tag(model_id, check_key(key, "tag"))

    def log_model_params(self, model_id: str, params: Mapping[str, Any]) -> None:
        """Log params of a logged model, all or none; one that is there with another value is refused."""
        self._store.log_logged_model_params(model_id, make_model_params(params))

    def log_model_artifact(self, model_id: str, local_path: str | Path, artifact_path: str | None = None) -> None:
        """Put a file of this machine, or a folder with all in it, among the files of a logged model."""
        if Path(local_path).is_dir():
            transfers = tree_to_log(local_path, artifact_path)
            self._model_files(model_id).write_files(Path(local_path), transfers)
            return
        source, path = file_to_log(local_path, artifact_path)
        self._model_files(model_id).write_file(path, source)

    def log_model_artifacts(self, model_id: str, local_dir: str | Path, artifact_path: str | None = None) -> None:
        """Put all regular files below a folder of this machine among the files of a logged model."""
        transfers = files_to_log(local_dir, artifact_path)
        self._model_files(model_id).write_files(Path(local_dir), transfers)

    def list_logged_model_artifacts(self, model_id: str, path: str | None = None) -> list[FileInfo]:
        """Give the files and folders directly in a folder of a logged model, with paths from its root.

        For a file, and for what is not there, the list is empty.
        """
        return self._model_files(model_id).entries(optional_path(path))

    def _model_files(self, model_id: str) -> ModelFiles:
        return ModelFiles(self._store, self._store.get_logged_model(model_id).model_id)
