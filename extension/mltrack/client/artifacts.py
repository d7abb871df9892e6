"""The client's verbs for the files of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from mltrack.artifacts.documents import dict_bytes, text_bytes
from mltrack.artifacts.figures import figure_bytes
from mltrack.artifacts.images import image_bytes, image_path
from mltrack.artifacts.places import place_of_run
from mltrack.artifacts.run_files import RunFiles, file_to_log, files_to_log, tree_to_log
from mltrack.artifacts.tables import add_rows, read_tables, table_frame
from mltrack.client.base import ClientPart
from mltrack.keys import check_run_id
from mltrack.store.artifacts import safe_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from mltrack.entities import FileInfo


class ArtifactMethods(ClientPart):
    """Files of runs: logged, listed, brought back."""

    def log_artifact(self, run_id: str, local_path: str | Path, artifact_path: str | None = None) -> None:
        """Log a file, or a folder with all in it; see ``mltrack.log_artifact``."""
        if Path(local_path).is_dir():
            transfers = tree_to_log(local_path, artifact_path)
            self._files(run_id).write_files(Path(local_path), transfers)
            return
        source, path = file_to_log(local_path, artifact_path)
        self._files(run_id).write_file(path, source)

    def log_artifacts(self, run_id: str, local_dir: str | Path, artifact_path: str | None = None) -> None:
        """Log all regular files below a folder; see ``mltrack.log_artifacts``."""
        transfers = files_to_log(local_dir, artifact_path)
        self._files(run_id).write_files(Path(local_dir), transfers)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """Log text as a UTF-8 file; see ``mltrack.log_text``."""
        self._files(run_id).write(safe_path(artifact_file), text_bytes(text, artifact_file))

    def log_dict(self, run_id: str, dictionary: Mapping[str, Any] | list[Any], artifact_file: str) -> None:
        """Log a dictionary or list as JSON or YAML; see ``mltrack.log_dict``."""
        self._files(run_id).write(safe_path(artifact_file), dict_bytes(dictionary, artifact_file))

    def log_stream(self, run_id: str, stream: BinaryIO, artifact_file: str) -> None:
        """Log all that can be read from a binary stream; see ``mltrack.log_stream``."""
        self._files(run_id).write_stream(safe_path(artifact_file), stream, what=artifact_file)

    def log_figure(
        self, run_id: str, figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None
    ) -> None:
        """Log a matplotlib, plotly or Altair figure; see ``mltrack.log_figure``."""
        content = figure_bytes(figure, artifact_file, save_kwargs)
        self._files(run_id).write(safe_path(artifact_file), content)

    def log_image(
        self,
        run_id: str,
        image: Any,
        artifact_file: str | None = None,
        key: str | None = None,
        step: int | None = None,
        timestamp: int | None = None,
        synchronous: bool | None = None,  # noqa: ARG002, FBT001 - MLflow's signature; here every call is synchronous
    ) -> None:
        """Log a PIL image or a numpy array; see ``mltrack.log_image``."""
        path = image_path(artifact_file, key, step=step, timestamp=timestamp)
        self._files(run_id).write(path, image_bytes(image, path))

    def log_table(self, run_id: str, data: Any, artifact_file: str) -> None:
        """Log a table, or add rows to one that is there; see ``mltrack.log_table``."""
        path = safe_path(artifact_file)
        add_rows(self._store, check_run_id(run_id), path, table_frame(data, path))

    def load_table(
        self,
        experiment_id: str,
        artifact_file: str,
        run_ids: Sequence[str] | None = None,
        extra_columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Read a table of an experiment's runs, or of these, as one DataFrame; see ``mltrack.load_table``."""
        return read_tables(self._store, experiment_id, artifact_file, run_ids=run_ids, extra_columns=extra_columns)

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[FileInfo]:
        """Give the files and folders directly in a folder of the run, with paths from its root.

        For a file, and for what is not there, the list is empty. Below the name of a logged model of the run are the
        model's files.
        """
        return place_of_run(self._store, run_id, path).entries()

    def download_artifacts(self, run_id: str, path: str, dst_path: str | Path | None = None) -> str:
        """Bring a file or folder (an empty path: all files) to this machine; see ``mltrack.artifacts``."""
        return place_of_run(self._store, run_id, path).download(dst_path)

    def _files(self, run_id: str) -> RunFiles:
        return RunFiles(self._store, check_run_id(run_id))
