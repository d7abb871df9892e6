"""Every environment variable mltrack reads, and how a tracking URI becomes a place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from mltrack.exceptions import InvalidParameterError
from mltrack.masking import mask_text

STORE_FILE = "mltrack.db"
ARTIFACT_FOLDER = "mlartifacts"


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable: its name, what it does, and MLflow's name for it, which is read where it is unset."""

    name: str
    meaning: str
    mlflow_name: str | None = None

    def get(self) -> str | None:
        """Give its value, or None when it is unset or empty."""
        return os.environ.get(self.name) or (os.environ.get(self.mlflow_name) if self.mlflow_name else None) or None

    def set(self, value: str | None) -> None:
        """Set it for this process and those that it starts, or with None unset it."""
        os.environ.pop(self.name, None)
        if value is not None:
            os.environ[self.name] = value


TRACKING_URI = Variable("MLTRACK_TRACKING_URI", "the store: sqlite:///path/to/mltrack.db, or a path")
EXPERIMENT_NAME = Variable("MLTRACK_EXPERIMENT_NAME", "the experiment of runs that name none")
TEST_MODE = Variable("MLTRACK_TEST_MODE", "1: a fault inside tracking is raised instead of warned about")
SYSTEM_METRICS = Variable(
    "MLTRACK_SYSTEM_METRICS",
    "true: sample the use of CPU, memory, disk, network and GPU during every run",
    "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING",
)
SYSTEM_METRICS_INTERVAL = Variable(
    "MLTRACK_SYSTEM_METRICS_SAMPLING_INTERVAL",
    "the seconds between two samples of system metrics; default: 10",
    "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL",
)
SYSTEM_METRICS_SAMPLES = Variable(
    "MLTRACK_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING",
    "how many samples make one point of a system metric; default: 1",
    "MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING",
)
SYSTEM_METRICS_NODE = Variable(
    "MLTRACK_SYSTEM_METRICS_NODE_ID",
    "this machine's name in its system metrics, among several of one run",
    "MLFLOW_SYSTEM_METRICS_NODE_ID",
)
WIDGETS = Variable(
    "MLTRACK_WIDGETS",
    "always or never: show panels as widgets; default: where a front end runs the cell, not nbclient or papermill",
)
VARIABLES = (
    *(TRACKING_URI, EXPERIMENT_NAME, TEST_MODE, WIDGETS),
    *(SYSTEM_METRICS, SYSTEM_METRICS_INTERVAL, SYSTEM_METRICS_SAMPLES, SYSTEM_METRICS_NODE),
)


def store_path(uri: str) -> Path:
    """Give the file that a tracking URI names.

    ``sqlite:///relative.db``, ``sqlite:////absolute.db``, ``file:///path``, ``file:path`` and plain paths are
    understood; a folder stands for the ``mltrack.db`` in it.

    Raises
    ------
    InvalidParameterError
        For any other scheme, and for a path with a NUL character.
    """
    path = Path(_path_text(uri)).expanduser()
    if path.is_dir():
        path = path / STORE_FILE
    return Path(os.path.abspath(path))


def store_uri(path: Path) -> str:
    """Give the tracking URI that names a file; ``store_path`` gives the file back."""
    return f"sqlite:///{quote(str(path))}"


def _path_text(uri: str) -> str:
    if not uri or "\0" in uri:
        raise InvalidParameterError(f"Tracking URI {uri!r} is empty or holds a NUL character; give sqlite:///PATH.")
    if uri.startswith("sqlite:///"):
        return unquote(uri.removeprefix("sqlite:///"))
    if uri.startswith("file://"):
        return unquote(uri.removeprefix("file://"))
    scheme, separator, _ = uri.partition("://")
    if separator:
        raise InvalidParameterError(
            f"Tracking URI {mask_text(uri)!r} has the scheme {scheme!r}, which this version cannot open; "
            "give sqlite:///PATH, or a path to a file or folder."
        )
    if uri == "databricks":  # MLflow's name for a server, not a file's
        raise InvalidParameterError("Tracking URI 'databricks' is a server, which this version cannot open.")
    return unquote(uri.removeprefix("file:")) if uri.startswith("file:") else uri


def default_store_path(start: Path | None = None) -> Path:
    """Find the store when none was named: the environment's, else the nearest ``mltrack.db``, else one here.

    The search goes from ``start`` (default: the working folder) through its parents, up to the repository or the
    user's home; where there is neither above, only ``start`` is looked at, so that a file that someone else left
    higher up is not taken.
    """
    if uri := TRACKING_URI.get():
        return store_path(uri)
    here = (start or Path.cwd()).absolute()
    for folder in _own_folders(here):
        if (folder / STORE_FILE).is_file():
            return folder / STORE_FILE
    return here / STORE_FILE


def _own_folders(here: Path) -> list[Path]:
    home = Path.home()
    folders = []
    for folder in (here, *here.parents):
        folders.append(folder)
        if folder == home or (folder / ".git").exists():
            return folders
    return [here]


def test_mode() -> bool:
    """Say whether faults inside tracking are raised, as this project's own tests want."""
    return TEST_MODE.get() == "1"
