"""Brings runs from other trackers: ``import_mlflow`` and ``import_tensorboard``."""

from __future__ import annotations

from mltrack.importers.mlflow import import_mlflow
from mltrack.importers.summary import ImportSummary
from mltrack.importers.tensorboard import import_tensorboard

__all__ = ["ImportSummary", "import_mlflow", "import_tensorboard"]
