"""Files of a run: ``log_text``, ``log_figure``, ``log_artifact`` and their like, and getting them back.

Names and arguments are MLflow's: those of ``mlflow`` itself and of ``mlflow.artifacts``. Each file appears whole or not
at all; its size and SHA-256 go to the store, and are checked when it is read.
"""

from __future__ import annotations

from mltrack.artifacts.loading import download_artifacts, list_artifacts, load_dict, load_image, load_text
from mltrack.artifacts.verbs import (
    load_table,
    log_artifact,
    log_artifacts,
    log_dict,
    log_figure,
    log_image,
    log_stream,
    log_table,
    log_text,
)

__all__ = [
    "download_artifacts",
    "list_artifacts",
    "load_dict",
    "load_image",
    "load_table",
    "load_text",
    "log_artifact",
    "log_artifacts",
    "log_dict",
    "log_figure",
    "log_image",
    "log_stream",
    "log_table",
    "log_text",
]
