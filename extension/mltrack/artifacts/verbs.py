"""The fluent verbs that log files to the active run, with MLflow's names and arguments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from mltrack.artifacts.documents import dict_bytes, text_bytes
from mltrack.artifacts.figures import figure_bytes
from mltrack.artifacts.images import image_bytes, image_path
from mltrack.artifacts.run_files import RunFiles, file_to_log, files_to_log, tree_to_log
from mltrack.artifacts.tables import add_rows, read_tables, table_frame
from mltrack.keys import check_run_id
from mltrack.settings import current_experiment_id, get_store
from mltrack.store.artifacts import safe_path
from mltrack.tracking import target_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from mltrack.store.artifacts import SafePath
    from mltrack.store.protocol import Store


def _target(run_id: str | None) -> tuple[Store, str]:
    return target_run() if run_id is None else (get_store(), check_run_id(run_id))


def _put(path: SafePath, content: bytes, run_id: str | None = None) -> None:
    RunFiles(*_target(run_id)).write(path, content)


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Log text as a UTF-8 file at ``artifact_file`` (such as ``"notes/readme.txt"``) of the run."""
    _put(safe_path(artifact_file), text_bytes(text, artifact_file), run_id)


def log_dict(dictionary: Mapping[str, Any] | list[Any], artifact_file: str, run_id: str | None = None) -> None:
    """Log a dictionary or list as YAML where ``artifact_file`` ends in .yml or .yaml, else as JSON.

    What JSON does not know is written as its text.
    """
    _put(safe_path(artifact_file), dict_bytes(dictionary, artifact_file), run_id)


def log_stream(stream: BinaryIO, artifact_file: str, run_id: str | None = None) -> None:
    """Log all that can be read from a binary stream, such as an open file or a download, as one file."""
    path = safe_path(artifact_file)
    RunFiles(*_target(run_id)).write_stream(path, stream, what=path.text)


def log_figure(figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None) -> None:
    """Log a matplotlib, plotly or Altair figure; the ending of ``artifact_file`` (.png, .svg, .html…) is its format."""
    _put(safe_path(artifact_file), figure_bytes(figure, artifact_file, save_kwargs))


def log_image(
    image: Any,
    artifact_file: str | None = None,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
    synchronous: bool | None = None,  # noqa: ARG001, FBT001 - MLflow's signature; here every call is synchronous
) -> None:
    """Log an image: a PIL image, or a numpy array (H×W, H×W×1, ×3 or ×4; ints and bools 0 to 255, floats 0 to 1).

    Give ``artifact_file``, or a ``key`` with a ``step`` for one of a series (``images/KEY+step+STEP+….png``).
    """
    path = image_path(artifact_file, key, step=step, timestamp=timestamp)
    _put(path, image_bytes(image, path))


def log_table(data: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Log a pandas DataFrame, or a dictionary of columns, as JSON (``{"columns": […], "data": […]}``) or .parquet.

    Logging to a file that is there adds the rows.
    """
    path = safe_path(artifact_file)
    frame = table_frame(data, path)
    add_rows(*_target(run_id), path, frame)


def load_table(
    artifact_file: str, run_ids: Sequence[str] | None = None, extra_columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Read a table of the chosen experiment's runs, or of these, as one DataFrame, the newest run's rows first.

    ``extra_columns`` are columns of ``search_runs``, such as ``run_id``, that say which run a row is of.
    """
    store = get_store()
    return read_tables(store, current_experiment_id(), artifact_file, run_ids=run_ids, extra_columns=extra_columns)


def log_artifact(local_path: str | Path, artifact_path: str | None = None, run_id: str | None = None) -> None:
    """Log a file, or a folder with all in it, into the folder ``artifact_path`` (default: the root) of the run."""
    if Path(local_path).is_dir():
        transfers = tree_to_log(local_path, artifact_path)
        RunFiles(*_target(run_id)).write_files(Path(local_path), transfers)
        return
    source, path = file_to_log(local_path, artifact_path)
    RunFiles(*_target(run_id)).write_file(path, source)


def log_artifacts(local_dir: str | Path, artifact_path: str | None = None, run_id: str | None = None) -> None:
    """Log all regular files below a folder, keeping its shape; links, pipes and devices are left out."""
    transfers = files_to_log(local_dir, artifact_path)
    RunFiles(*_target(run_id)).write_files(Path(local_dir), transfers)
