"""The real mlflow for the benchmarks: the Python of an environment that has it, where there is one."""

from __future__ import annotations

import os
from pathlib import Path

BESIDE = Path(__file__).parents[2] / ".venv-mlflow" / "bin" / "python"


def mlflow_python() -> str | None:
    """Give the Python of an environment with mlflow (``MLTRACK_MLFLOW_PYTHON``, else ``.venv-mlflow``), or None."""
    path = os.environ.get("MLTRACK_MLFLOW_PYTHON") or str(BESIDE)
    return path if Path(path).exists() else None
