"""The files of one logged model: the same things are done with them as with a run's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.artifacts.run_files import RunFiles
from mltrack.model_names import is_logged_model_name
from mltrack.store.pages import Search

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.entities import LoggedModel
    from mltrack.store.artifact_folder import ArtifactFolder, FileRecord
    from mltrack.store.artifacts import SafePath
    from mltrack.store.protocol import Store


class ModelFiles(RunFiles):
    """The files of a logged model; NotFoundError when there is no such model."""

    def __init__(self, store: Store, model_id: str) -> None:
        self._store, self._model_id = store, model_id
        self.folder: ArtifactFolder = store.logged_model_folder(model_id)

    def record(self, files: Mapping[SafePath, FileRecord]) -> None:
        """Have the store keep the size and digest of files that are in place."""
        self._store.record_logged_model_files(self._model_id, files)

    def records(self, path: SafePath | None = None) -> Mapping[str, FileRecord]:
        """Give what the store keeps of the files by path: all, one file, or those below a folder."""
        return self._store.logged_model_records(self._model_id, path)


def model_of_run(store: Store, run_id: str, name: str) -> LoggedModel | None:
    """Give the run's logged model of that name, the last if there are several; None when there is none."""
    if not is_logged_model_name(name):
        return None
    wanted = f"source_run_id = '{run_id}' AND name = '{name}'"
    experiment_id = store.get_run(run_id).info.experiment_id
    found = store.search_logged_models(Search((experiment_id,), wanted, max_results=1)).rows
    return found[0] if found else None
